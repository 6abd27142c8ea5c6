"""What may be set, where it comes from, and what is refused.

    defaults (the template's params.yaml)  ◀─ the workspace's params.yaml  ◀─ a preset  ◀─ --set key=value

The values as `params.yaml` has them are the preset `quick`: what `dvc repro` runs, too.
"""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ganforge.errors import InputError, UnknownNameError
from ganforge.files import write_whole

FLOWS = ("fraud", "images", "anomalies")
PRESETS = ("quick", "full")
FREE = frozenset({"options"})
"""Mappings whose keys are not ours to know: they are checked by what receives them."""

NULLABLE = frozenset({"train.steps", "judge.steps", "prepare.per_class", "classify.classifier"})
"""What may be null: the model, the stage or the verdict then chooses."""
ONE_OR_MORE = frozenset({"judge.classifier", "judge.ratios"})
"""Lists that may be given as one value."""

GATES = ("copies", "near_copies", "nearer", "membership", "singling_out", "column_distance", "coverage")
Range = tuple[float | None, float | None]
RANGES: dict[str, Range] = {
    "seed": (0, 2**32 - 1),
    "trainer.num_nodes": (1, None),
    "prepare.test_share": (0.01, 0.9),
    "prepare.gap": (0, None),
    "prepare.label_delay_days": (0, None),
    "prepare.per_class": (2, None),
    "train.steps": (1, None),
    "train.batch_size": (2, None),
    "train.checkpoint_every": (1, None),
    "train.log_every": (1, None),
    "sample.ratio": (0.001, 100),
    "sample.rows": (1, None),
    "sample.per_class": (1, None),
    **{f"sample.gates.{gate}": (0, 1) for gate in GATES},
    "judge.folds": (2, 50),
    "judge.ratios": (0.001, 100),
    "judge.steps": (1, None),
    "judge.n_jobs": (-64, 1024),
    "judge.classical.rotation": (0, 180),
    "judge.classical.scale": (0, 1),
    "judge.classical.translation": (0, 0.5),
    "judge.classical.brightness": (0, 1),
    "judge.classical.contrast": (0, 1),
    "judge.alert_cost": (0, None),
    "sample.classifier_steps": (1, None),
    "classify.steps": (1, None),
}
_CLASSIFIERS = ("gradient-boosting", "random-forest", "logistic-regression")
CHOICES: dict[str, tuple[str, ...]] = {
    "trainer.matmul": ("auto", "highest", "high", "medium"),
    "anomalies.prepare.train_on": ("normal", "all"),
    "images.judge.classical.padding": ("border", "background"),
    "fraud.judge.classifier": _CLASSIFIERS,
    "fraud.classify.classifier": _CLASSIFIERS,
}


@cache
def _defaults() -> dict[str, Any]:
    from ganforge_pipelines.workspace.folder import TEMPLATES

    return yaml.safe_load((TEMPLATES / "params.yaml").read_text(encoding="utf-8"))


def defaults() -> dict[str, Any]:
    """A copy of what a new workspace starts with."""
    return copy.deepcopy(_defaults())


def read(path: Path) -> dict[str, Any]:
    """A `params.yaml` as a mapping. Raises `InputError` with the line where it cannot be read."""
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is not there; `ganforge init DIR` writes one") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{path}{line}: not readable as YAML ({getattr(error, 'problem', error)})") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: holds no parameters; it should begin with `seed: 0` and a section a flow")
    return value


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """`["train.steps=100"]` → `{"train.steps": 100}`; values are read as YAML, so 5 is a number and null is None."""
    parsed: dict[str, Any] = {}
    for each in assignments:
        key, equals, value = each.partition("=")
        if not equals or not key.strip():
            raise InputError(f"--set {each!r} sets nothing; write key=value, for example train.steps=500")
        try:
            parsed[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"--set {each!r}: the value is not readable as YAML; put it in quotes") from error
    return parsed


def assignments(wanted: Mapping[str, Any], *known: Mapping[str, Any]) -> list[str]:
    """`["fraud.train.steps=100"]`: what `--set` needs to be given to have the values `wanted` (by dotted names of
    values or sections), where each of `known`, whole sets of parameters, might stand below."""
    told = [dict(_settable(each)) for each in known]
    return [
        f"{name}={_as_yaml(value)}"
        for name, value in _settable(wanted)
        if any(name not in each or each[name] != value for each in told)
    ]


def resolve(
    params: Mapping[str, Any],
    *,
    preset: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    flow: str | None = None,
    where: str = "params.yaml",
) -> dict[str, Any]:
    """All parameters, whole and checked.

    Args:
        params: what a workspace's `params.yaml` holds; what it leaves out is taken from the defaults.
        preset: a name under `presets`; None and "quick" change nothing.
        overrides: dotted name → value; a name counts from the top, or from the section of `flow`.
        flow: "fraud", "images" or "anomalies".
        where: how messages call the source of `params`.

    Raises:
        UnknownNameError: a name that does not exist; the message has the nearest.
        InputError: a value of the wrong type or out of its range.
    """
    if flow is not None and flow not in FLOWS:
        raise UnknownNameError("flow", flow, FLOWS)
    resolved = defaults()
    presets = {**resolved.pop("presets", {}), **(params.get("presets") or {})}
    _merge(resolved, {k: v for k, v in params.items() if k != "presets"}, where=where)
    if preset is not None:
        known = list(dict.fromkeys((*PRESETS, *presets)))
        if preset not in known:
            raise UnknownNameError("preset", preset, known, where=where)
        _merge(resolved, presets.get(preset) or {}, where=f"{where}: presets.{preset}")
    for name, value in (overrides or {}).items():
        _assign(resolved, name, value, flow=flow)
    return resolved


def rewrite(path: Path, changes: Mapping[str, Any]) -> None:
    """Set dotted names in a `params.yaml`; comments, order and every other value stay."""
    from ruamel.yaml import YAML

    round_trip = YAML()
    round_trip.representer.add_representer(
        type(None), lambda representer, none: representer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    round_trip.preserve_quotes = True
    round_trip.width = 120
    round_trip.indent(mapping=2, sequence=4, offset=2)
    document = round_trip.load(path.read_text(encoding="utf-8"))
    resolve(document, overrides=changes, where=path.name)  # refuses what is unknown or wrong before anything is written
    for name, value in changes.items():
        *above, last = name.split(".")
        section = document
        for part in above:
            if section.get(part) is None:
                section[part] = {}
            section = section[part]
        section[last] = value
    out = io.StringIO()
    round_trip.dump(document, out)
    with write_whole(path) as temporary:
        temporary.write_text(out.getvalue(), encoding="utf-8")


def flat(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every leaf."""
    for name, value in params.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def lookup(params: Mapping[str, Any], dotted: str) -> Any:
    """`lookup(params, "fraud.train.steps")`."""
    value: Any = params
    for part in dotted.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise UnknownNameError("parameter", dotted, [name for name, _ in flat(params)])
        value = value[part]
    return value


def _merge(base: dict[str, Any], changes: Mapping[str, Any], *, where: str, prefix: str = "") -> None:
    for name, value in changes.items():
        dotted = f"{prefix}{name}"
        if name not in base:
            raise UnknownNameError("parameter", dotted, [f"{prefix}{each}" for each in base], where=where)
        if isinstance(base[name], dict) and name not in FREE:
            if not isinstance(value, Mapping):
                raise InputError(f"{where}: {dotted} is a section, not a value; indent its parameters below it")
            _merge(base[name], value, where=where, prefix=f"{dotted}.")
        else:
            base[name] = _checked(dotted, value, base[name], where=where)


def _assign(params: dict[str, Any], name: str, value: Any, *, flow: str | None) -> None:
    parts = name.split(".")
    if parts[0] not in params and flow is not None:
        parts = [flow, *parts]
    section: Any = params
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        free = depth > 0 and parts[depth - 1] in FREE
        if not isinstance(section, dict) or (part not in section and not free):
            known = [each for each, _ in flat(params)]
            short = [each.removeprefix(f"{flow}.") for each in known]
            raise UnknownNameError("parameter", name, [*short, *known] if flow else known)
        if not last:
            section = section[part]
        elif free:
            section[part] = value
        else:
            if isinstance(section[part], dict) and part not in FREE and not isinstance(value, Mapping):
                inside = ", ".join(f"{name}.{each}" for each in list(section[part])[:4])
                raise InputError(f"{name} is a section; set what is in it: {inside}, …")
            if isinstance(section[part], dict) and part not in FREE:
                _merge(section[part], value, where=name, prefix=f"{'.'.join(parts)}.")
            else:
                section[part] = _checked(".".join(parts), value, _default_of(parts, section[part]), where="--set")


def _settable(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """As `flat`, but a mapping whose keys are not ours is one value: set key by key, others would stay beside them."""
    for name, value in params.items():
        if isinstance(value, Mapping) and value and name.split(".")[-1] not in FREE:
            yield from _settable(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _as_yaml(value: Any) -> str:
    """A value on one line that `yaml.safe_load` reads as the same: the text 5 in quotes, .00001 with its point."""
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _default_of(parts: Sequence[str], otherwise: Any) -> Any:
    value: Any = _defaults()
    for part in parts:
        if not isinstance(value, dict) or part not in value:
            return otherwise
        value = value[part]
    return value


def _checked(name: str, value: Any, default: Any, *, where: str) -> Any:
    short = name.split(".", 1)[-1] if name.split(".")[0] in FLOWS else name
    kind = _kind(default)
    if isinstance(default, bool):
        good = isinstance(value, bool)
    elif isinstance(default, int):
        good = isinstance(value, int) and not isinstance(value, bool)
        if short == "trainer.devices":
            good = good or value == "auto" or isinstance(value, list)
            kind = "a number of devices, a list of them, or auto"
        good = good or (value is None and short in NULLABLE)
    elif isinstance(default, float):
        good = isinstance(value, int | float) and not isinstance(value, bool)
        value = float(value) if good else value
    elif isinstance(default, str):
        good = isinstance(value, str) or (value is None and (short.startswith("prepare.") or short in NULLABLE))
        if short == "trainer.precision":
            good = good or (type(value) is int and value in (16, 32, 64))  # bits, as Lightning takes them, too
            kind = "16, 32, 64 or one of Lightning's words, for example bf16-mixed"
        if not good and short in ("prepare.target", "prepare.label", "score.budget"):
            good, value = isinstance(value, int | float), str(value)
    elif isinstance(default, list):
        if short in ONE_OR_MORE and isinstance(value, str | int | float) and not isinstance(value, bool):
            value = [value]
        good = isinstance(value, list)
    elif isinstance(default, dict):
        good = isinstance(value, Mapping)
    else:
        good = value is None or isinstance(value, str | int | float | bool | list)
    if not good:
        raise InputError(f"{where}: {name}={value!r}; give {kind}")
    _check_range(name, short, value, where=where)
    return dict(value) if isinstance(value, Mapping) else value


def _check_range(name: str, short: str, value: Any, *, where: str) -> None:
    if value is None and short in NULLABLE:
        return
    every = value if isinstance(value, list) and short in ONE_OR_MORE else [value]
    if name in CHOICES and not every:
        raise InputError(f"{where}: {name}={value!r}; give one at least: {', '.join(CHOICES[name])}")
    for each in every:
        if short in RANGES and each is not None:
            _check_number(name, each, RANGES[short], listed=every is value, where=where)
        if name in CHOICES and each not in CHOICES[name]:
            raise UnknownNameError(name, each, CHOICES[name], where=where)


def _check_number(name: str, value: Any, bounds: Range, *, listed: bool, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        if listed:
            raise InputError(f"{where}: {name} holds {value!r}; give numbers")
        return  # of which kind a single value is has been looked at before
    low, high = bounds
    if (low is not None and value < low) or (high is not None and value > high):
        told = f"of at least {low:g}" if high is None else f"between {low:g} and {high:g}"
        raise InputError(f"{where}: {name}={value!r}; give a number {told}")


def _kind(default: Any) -> str:
    for kind, words in (
        (bool, "true or false"),
        (int, "a whole number"),
        (float, "a number"),
        (str, "text"),
        (list, "a list"),
        (dict, "a mapping"),
    ):
        if isinstance(default, kind):
            return words
    return "a single value"
