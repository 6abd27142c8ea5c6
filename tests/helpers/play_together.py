"""Trains `EverythingGame` on two processes: `python play_together.py FOLDER [STOP_AT]`, also under `torchrun`.

Each process writes what it saw to `FOLDER/rank-<k>.json`. With STOP_AT, process 1 asks for a stop at that step.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from pathlib import Path

import torch
from toy_games import everything

from ganforge.errors import InterruptedRunError
from ganforge.training import TrainerOptions, fit, is_main_process


def main(folder: Path, stop_at: int) -> None:
    torch.set_num_threads(1)
    game, batches = everything()
    rank = int(os.environ.get("LOCAL_RANK", 0))
    seen: dict[str, list] = {"noise": [], "rows": []}
    fakes, draw = game.fakes, batches.draw

    def watched(batch, turn):
        made = fakes(batch, turn)
        seen["noise"].append(float(made.detach().sum()))
        return made

    def drawn(step: int, **where):
        seen["rows"] += batches.rows(step, **where).tolist()
        if step == stop_at and where["rank"] == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return draw(step, **where)

    game.fakes, batches.draw = watched, drawn
    options = TrainerOptions(accelerator="cpu", devices=2)
    told: dict = {}
    try:
        training = fit(
            game,
            batches,
            steps=30,
            seed=1,
            trainer=options,
            log_every=10,
            checkpoints=folder / "checkpoints",
            resume=True,
        )
        told = {"history": training.history, "resumed_at": training.resumed_at}
    except InterruptedRunError as error:
        told = {"interrupted": str(error)}
    rank = int(os.environ["LOCAL_RANK"])
    weights = b"".join(each.numpy().tobytes() for each in game.state_dict().values())
    told |= {"weights": hashlib.sha256(weights).hexdigest(), "main": is_main_process(), **seen}
    (folder / f"rank-{rank}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else -1)
