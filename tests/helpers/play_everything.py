"""Trains `EverythingGame` in a process of its own: `python play_everything.py FOLDER STEPS HOLD_AT`.

Before step HOLD_AT it waits for ever, so that whoever started it can kill it there.
"""

from __future__ import annotations

import sys
import threading

import torch
from toy_games import TensorBatches, everything

from ganforge.training import Batch, fit


class Holding(TensorBatches):
    hold_at = -1

    def draw(self, step: int, **where) -> Batch:
        if step == self.hold_at:
            print("holding", flush=True)
            threading.Event().wait()
        return super().draw(step, **where)


if __name__ == "__main__":
    folder, steps, hold_at = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    game, batches = everything()
    batches.__class__, batches.hold_at = Holding, hold_at  # type: ignore[attr-defined]
    fit(game, batches, steps=steps, seed=11, log_every=7, checkpoints=folder, checkpoint_every=5, resume=True)
