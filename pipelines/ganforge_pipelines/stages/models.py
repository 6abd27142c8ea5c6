"""Building, training and keeping the models of a stage: what all flows share."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ganforge.catalog import load_class
from ganforge.errors import GanforgeWarning, InputError, UnknownNameError
from ganforge_pipelines.stages.context import StageContext, StageProgress

if TYPE_CHECKING:
    from ganforge.training import Training

SHARED = ("steps", "batch_size", "log_every", "checkpoint_every")
"""Parameters of a `train` section that go to a model under the same name, where it has one."""


def build_model(
    kind: str,
    section: Mapping[str, Any],
    *,
    seed: int,
    trainer: Mapping[str, Any],
    options: Mapping[str, Any],
    family: Sequence[str],
    changes: Mapping[str, Any] | None = None,
) -> Any:
    """An unfitted model of the catalog.

    Args:
        section: the stage's `train` parameters.
        options: further parameters of the kind, by name.
        family: the kinds that fit here.
        changes: what takes the place of the section's values (the judge trains for fewer steps).

    Raises:
        UnknownNameError: a kind or parameter that does not exist, with the nearest.
    """
    if kind not in family:
        raise UnknownNameError("kind", kind, family)
    cls = load_class(kind)
    known = cls().get_params(deep=False)
    shared = {name: section[name] for name in SHARED if name in section and name in known}
    shared |= {name: value for name, value in (changes or {}).items() if name in known}
    shared |= {name: value for name, value in (("random_state", seed), ("trainer", dict(trainer))) if name in known}
    for name in options:
        if name not in known:
            raise UnknownNameError("parameter", name, known, where=f"kind {kind!r} (train.options)")
    return cls(**{**shared, **options})


def judged_steps(judged: Any, section: Mapping[str, Any]) -> dict[str, int | None]:
    """Steps of the generator in each fold and of the registered one; told as a notice where the former are fewer.

    section: the stage's `train` parameters; without steps there the model's own default counts.
    """
    own, whole = getattr(judged, "steps", None), section.get("steps")
    if whole is None:
        whole = load_class(section["kind"])().get_params(deep=False).get("steps")
    if own is not None and whole is not None and own < whole:
        warnings.warn(
            f"judged with a generator trained for {own:,} of {whole:,} steps; judge.steps=null judges the one that is "
            "registered, and takes longer",
            GanforgeWarning,
            stacklevel=2,
        )
    return {"judged": own, "registered": whole}


def train(context: StageContext, model: Any, data: Any, *, name: str = "") -> Training | None:
    """Fit with checkpoints, going on from one that a killed run has left; progress goes to the context.

    `name` keeps several trainings of one stage apart. Returns None for a model that is not trained by steps.
    """
    checkpoints = context.checkpoints / name if name else context.checkpoints
    resume = checkpoints.is_dir() and any(checkpoints.iterdir())

    def report(progress: Any) -> None:
        phase = f"{name} {progress.phase}".strip() if name else progress.phase
        context.on_progress(
            StageProgress(step=progress.step, steps=progress.steps, phase=phase, losses=dict(progress.losses))
        )

    model.fit(data, checkpoints=checkpoints, resume=resume, on_progress=report)
    return getattr(model, "training_", None)


def write_training(context: StageContext, trainings: Mapping[str, Training]) -> None:
    """`training.json` (by model: steps, history, …) and `losses.csv` (step, name, value) for DVC's plots."""
    context.write_json("training.json", {name: each.to_json() for name, each in trainings.items()})
    several = len(trainings) > 1
    context.write_csv(
        "losses.csv",
        ["step", "name", "value"],
        (
            [point["step"], f"{name}/{point['name']}" if several else point["name"], point["value"]]
            for name, each in trainings.items()
            for point in each.curves()
        ),
    )


def checked_options(options: Mapping[str, Any], kinds: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Options by kind: `{"f-anogan": {"latent": 8}}`; refused where a key is no kind in use."""
    for kind, inner in options.items():
        if kind not in kinds:
            raise UnknownNameError("detector", kind, kinds, where="train.options")
        if not isinstance(inner, Mapping):
            raise InputError(f"train.options.{kind}={inner!r}; give a mapping of parameters")
    return {kind: dict(options.get(kind, {})) for kind in kinds}
