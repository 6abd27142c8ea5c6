"""Where and how training runs, as a user says it: in Lightning's words, and without loading Lightning.

A model that samples or scores carries its options along, and must not pay seconds of imports for a `Trainer` that it
never builds (`trainer.py` does).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ganforge.errors import InputError, UnknownNameError
from ganforge.training.matmul import SETTINGS, Setting


@dataclass(frozen=True, kw_only=True)
class TrainerOptions:
    """Passed on to `pytorch_lightning.Trainer`, whose words they are; `matmul` alone is ours.

    With more than one process, `strategy="auto"` and the plain `"ddp"` become DDP with `find_unused_parameters`: each
    move of a game uses a part of the networks only, which plain DDP takes for an error.
    """

    accelerator: str = "auto"
    devices: int | str | list[int] = 1
    """A number, "auto", or a list of device numbers."""
    num_nodes: int = 1
    strategy: str = "auto"
    precision: str | int = "32-true"
    """"32-true", "bf16-mixed", "16-mixed", "bf16-true", "64-true", …; prefer bf16 to fp16, whose loss scaler is
    shared by all players."""
    matmul: Setting = "auto"
    """How float32 matrices are multiplied: "highest", "high" or "medium" (torch's words; "medium" may round to bfloat16
    inside, which a processor with units for it does four times as fast), or "auto", the fastest that is float32. "auto"
    measures at the start: on a busy machine two runs of one seed may multiply differently, and so end in other weights.
    "highest" makes them alike."""

    def __post_init__(self) -> None:
        if self.matmul not in ("auto", *SETTINGS):
            raise InputError(f"matmul={self.matmul!r}; there are auto, {', '.join(SETTINGS)}")
        if isinstance(self.devices, (list, tuple)):
            object.__setattr__(self, "devices", [int(each) for each in self.devices])
        elif isinstance(self.devices, str) and self.devices.lstrip("-").isdigit():
            object.__setattr__(self, "devices", int(self.devices))

    @classmethod
    def from_mapping(cls, options: Mapping[str, Any] | None) -> TrainerOptions:
        """From `params.yaml` or `--set`; an unknown name is refused with the nearest known one."""
        known = [each.name for each in fields(cls)]
        for name in options or {}:
            if name not in known:
                raise UnknownNameError("trainer option", name, known)
        return cls(**dict(options or {}))
