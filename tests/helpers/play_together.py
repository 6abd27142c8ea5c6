"""Trains `EverythingGame`, then a small `CTGANGame`, on two processes: `python play_together.py FOLDER [STOP_AT]`,
also under `torchrun`.

Each process writes what it saw to `FOLDER/rank-<k>.json`. With STOP_AT, process 1 asks for a stop at that step,
and the second game is not played.
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

from ganforge.data.layout import Block, Layout
from ganforge.errors import InterruptedRunError
from ganforge.gans.ctgan import ConditionalBatches, CTGANGame
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
        told = {"history": training.history, "resumed_at": training.resumed_at, "ctgan": play_ctgan(options)}
    except InterruptedRunError as error:
        told = {"interrupted": str(error)}
    rank = int(os.environ["LOCAL_RANK"])
    told |= {"weights": sealed(game), "main": is_main_process(), **seen}
    (folder / f"rank-{rank}.json").write_text(json.dumps(told))


def play_ctgan(options: TrainerOptions) -> dict:
    """A few steps of a game whose critic's gradients are worked out by hand (`gans/_critic.py`), not by autograd."""
    torch.manual_seed(0)
    layout = Layout((Block("amount", "mixture", 3), Block("shop", "categorical", 4)))
    game = CTGANGame(layout, latent=4, generator_widths=(16,), critic_widths=(16, 8), pac=2)
    codes = torch.stack([torch.randint(3, (200,)), torch.randint(4, (200,))], 1)
    batches = ConditionalBatches(torch.rand(200, 1), codes, game.conditions, batch_size=20)
    begun, made, make = sealed(game), [], game._make

    def watched(batch):
        rows, surprise = make(batch)
        made.append(float(rows.detach().sum()))
        return rows, surprise

    game._make = watched
    training = fit(game, batches, steps=4, seed=1, trainer=options, log_every=2)
    weights = {"begun": begun, "critic": sealed(game.critic), "generator": sealed(game.generator)}
    return {**weights, "noise": made, "history": training.history}


def sealed(network: torch.nn.Module) -> str:
    """A hash of its weights."""
    return hashlib.sha256(b"".join(each.numpy().tobytes() for each in network.state_dict().values())).hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else -1)
