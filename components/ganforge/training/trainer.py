"""Where and how training runs: accelerators, devices, strategies and precisions, in Lightning's words."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.utilities.exceptions import MisconfigurationException
from lightning_fabric.utilities.rank_zero import rank_zero_only
from pytorch_lightning.strategies import DDPStrategy

from ganforge.errors import InputError, UnknownNameError
from ganforge.training.matmul import SETTINGS, Setting

_PLAIN_DDP = {"ddp", "ddp_spawn", "ddp_fork", "ddp_notebook"}
_LOGGERS = ("pytorch_lightning", "lightning_fabric", "lightning", "lightning.pytorch", "lightning.fabric")


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


def build(options: TrainerOptions, callbacks: Sequence[pl.Callback]) -> pl.Trainer:
    """The only Trainer of ganforge: one pass over as many batches as there are steps, and nothing that writes, logs or
    prints on its own."""

    def make(strategy: Any) -> pl.Trainer:
        return pl.Trainer(
            accelerator=options.accelerator,
            devices=options.devices,
            num_nodes=options.num_nodes,
            strategy=strategy,
            precision=options.precision,  # type: ignore[arg-type]
            callbacks=list(callbacks),
            max_epochs=1,
            use_distributed_sampler=False,
            barebones=True,
        )

    strategy: Any = options.strategy
    if strategy in _PLAIN_DDP:
        strategy = f"{strategy}_find_unused_parameters_true"
    try:
        trainer = make(strategy)
        if strategy == "auto" and trainer.num_devices * trainer.num_nodes > 1:
            trainer = make(DDPStrategy(find_unused_parameters=True))
    except (MisconfigurationException, ValueError, TypeError, ImportError, RuntimeError) as error:
        told = ", ".join(f"{each.name}={getattr(options, each.name)!r}" for each in fields(options))
        raise InputError(f"no trainer can be made of {told}: {error}") from error
    return trainer


def is_main_process() -> bool:
    """Whether this is the process that writes: rank 0, or the only one."""
    return getattr(rank_zero_only, "rank", 0) == 0


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Lightning's notes and the warnings it cannot help, silenced here and nowhere else."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        for message in _HARMLESS:
            warnings.filterwarnings("ignore", message=message)
        try:
            yield
        finally:
            for each, level in zip(loggers, levels, strict=True):
                each.setLevel(level)


_HARMLESS = (
    r".*does not have many workers which may be a bottleneck.*",  # batches are drawn from memory
    r"Found \d+ module\(s\) in eval mode at the start of training.*",  # an average is meant to be
    r".*GPU available but not used.*",  # the user chose
    r".*MPS available but not used.*",
    r".*find_unused_parameters=True was specified in DDP constructor, but did not find any unused.*",
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",  # Lightning's own use of torch
)
