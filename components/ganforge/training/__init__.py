"""The training core: a GAN is a game between networks, and this room plays it.

    from ganforge.training import Game, Phase, Update, TensorBatches, fit

Names are loaded on first use, so that describing a game does not load Lightning.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "AdversarialModule": "module",
    "Batch": "game",
    "Batches": "game",
    "Clock": "game",
    "Ema": "ema",
    "Game": "game",
    "Monitor": "game",
    "Phase": "game",
    "Progress": "outcome",
    "TensorBatches": "batches",
    "TrainerOptions": "options",
    "Training": "outcome",
    "Turn": "game",
    "Update": "game",
    "fit": "fitting",
    "is_main_process": "trainer",
    "steps_by_phase": "game",
}

__all__ = [
    "AdversarialModule",
    "Batch",
    "Batches",
    "Clock",
    "Ema",
    "Game",
    "Monitor",
    "Phase",
    "Progress",
    "TensorBatches",
    "TrainerOptions",
    "Training",
    "Turn",
    "Update",
    "fit",
    "is_main_process",
    "steps_by_phase",
]

if TYPE_CHECKING:
    from ganforge.training.batches import TensorBatches
    from ganforge.training.ema import Ema
    from ganforge.training.fitting import fit
    from ganforge.training.game import (
        Batch,
        Batches,
        Clock,
        Game,
        Monitor,
        Phase,
        Turn,
        Update,
        steps_by_phase,
    )
    from ganforge.training.module import AdversarialModule
    from ganforge.training.options import TrainerOptions
    from ganforge.training.outcome import Progress, Training
    from ganforge.training.trainer import is_main_process


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
