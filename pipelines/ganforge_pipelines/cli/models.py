"""`fit`, `detect`, `score`: one model, one file, no workspace. (`sample` has a file of its own.)"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from ganforge.errors import InputError
from ganforge_pipelines.cli.console import (
    Json,
    Quiet,
    SchemaFile,
    Seed,
    Settings,
    Speaker,
    Stopwatch,
    check_out,
    seconds_in_words,
)

DataFile = Annotated[
    Path, typer.Argument(metavar="DATA", help="CSV, CSV.gz, Parquet; idx(.gz), .npz or a folder of pictures.")
]
ModelFolder = Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder.")]
ModelOut = Annotated[Path, typer.Option("--out", "-o", metavar="MODEL", help="The model folder to write.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint an interrupted call has left.")]


def register(app: typer.Typer) -> None:
    app.command()(fit)
    app.command()(detect)
    app.command()(score)


def fit(
    data: DataFile,
    out: ModelOut,
    kind: Annotated[str | None, typer.Option(help="What to train; `ganforge models` lists them.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Real batches to train on.")] = None,
    seed: Seed = None,
    schema: SchemaFile = None,
    labels: Annotated[Path | None, typer.Option(help="The labels of idx pictures.")] = None,
    resume: Resume = False,
    set_: Settings = None,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Train a generator on a table or on pictures."""
    from ganforge.catalog import load_class
    from ganforge.data.constraints import read_constraints
    from ganforge.data.readers import holds_images, read
    from ganforge.data.sources import refuse_missing
    from ganforge.data.streams import open_table
    from ganforge_pipelines.lineage import stamps
    from ganforge_pipelines.workspace import parse_assignments

    check_out(out, model=True)
    refuse_missing(data)
    speaker = Speaker(json_to=json_to, quiet=quiet)
    with speaker.notices() as notices:
        family = "pictures" if holds_images(data) else "tables"
        kind = _kind_for(
            kind, role="synthesizer", family=family, default="dcgan" if family == "pictures" else "ctgan-tuned"
        )
        by_batches = labels is None and load_class(kind).by_batches
        source: Any = open_table(data, schema=schema) if by_batches else read(data, labels=labels, schema=schema)
        constraints = [str(each) for each in read_constraints(schema)] or None
        parameters = {
            "steps": steps,
            "random_state": seed or 0,
            **({"constraints": constraints} if constraints else {}),
        }
        model = _construct(load_class(kind), kind, {**parameters, **parse_assignments(set_ or [])})
        watch = Stopwatch()
        with speaker.training_bar(kind) as on_progress:
            model.fit(source, checkpoints=checkpoints_of(out), resume=resume, on_progress=on_progress)
        model.save(out)
        stamps.write_origin(out, data=stamps.data_of(data), seed=seed or 0, stage="ganforge fit")
        shutil.rmtree(checkpoints_of(out), ignore_errors=True)
    speaker.say(
        f"{kind} fitted on {len(source):,} {'pictures' if family == 'pictures' else 'rows'} in "
        f"{seconds_in_words(watch.seconds)} → {out}"
    )
    speaker.answer(
        {
            "model": str(out),
            "kind": kind,
            "rows": len(source),
            "seconds": watch.seconds,
            "seed": seed or 0,
            "notices": notices,
        }
    )


def detect(
    data: DataFile,
    out: ModelOut,
    kind: Annotated[str, typer.Option(help="f-anogan, isolation-forest or knn.")] = "f-anogan",
    label: Annotated[
        str | None, typer.Option(metavar="COL", help="Train on the rows this column calls normal.")
    ] = None,
    leave_out: Annotated[list[str] | None, typer.Option(metavar="COL", help="No feature; may be repeated.")] = None,
    schema: SchemaFile = None,
    labels: Annotated[Path | None, typer.Option(help="The labels of idx pictures (not trained on).")] = None,
    seed: Seed = None,
    resume: Resume = False,
    set_: Settings = None,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Train an anomaly detector."""
    import numpy as np

    from ganforge.catalog import load_class
    from ganforge.data.readers import read
    from ganforge.data.table import Table
    from ganforge.data.targets import binary_target
    from ganforge_pipelines.workspace import parse_assignments

    check_out(out, model=True)
    speaker = Speaker(json_to=json_to, quiet=quiet)
    with speaker.notices() as notices:
        source: Any = read(data, labels=labels, schema=schema)
        if not isinstance(source, Table) and (label or leave_out):
            raise InputError(f"--label and --leave-out name columns, but {data} holds pictures; leave them out")
        if label is not None:
            normal = np.flatnonzero(~binary_target(source, label).positive)
            source = source.take(normal).drop(label)
        source = source.drop(*leave_out) if leave_out else source
        kind = _kind_for(kind, role="detector", family=None, default=kind)
        model = _construct(load_class(kind), kind, {"random_state": seed or 0, **parse_assignments(set_ or [])})
        watch = Stopwatch()
        with speaker.training_bar(kind) as on_progress:
            model.fit(source, checkpoints=checkpoints_of(out), resume=resume, on_progress=on_progress)
        model.save(out)
        shutil.rmtree(checkpoints_of(out), ignore_errors=True)
    which = f"{len(source):,} rows that {label} calls normal" if label else f"all {len(source):,} rows"
    speaker.say(f"{kind} fitted on {which} in {seconds_in_words(watch.seconds)} → {out}")
    speaker.answer(
        {
            "model": str(out),
            "kind": kind,
            "rows": len(source),
            "trained_on": "normal" if label else "all",
            "seconds": watch.seconds,
            "notices": notices,
        }
    )


def score(
    model: ModelFolder,
    data: DataFile,
    out: Annotated[Path, typer.Option("--out", "-o", help=".csv, .csv.gz or .parquet.")],
    explain: Annotated[bool, typer.Option("--explain", help="Add the three columns that made each row odd.")] = False,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Score every row, in order: columns `score` (higher = more anomalous) and `rank` (1 = the oddest)."""
    from ganforge.catalog import load_model
    from ganforge_pipelines.stages.scoring import score_file

    speaker = Speaker(json_to=json_to, quiet=quiet)
    with speaker.notices() as notices:
        detector = load_model(model)
        if not hasattr(detector, "decision_function"):
            raise InputError(
                f"{model} holds {detector.kind!r}, which scores no rows; `ganforge detect` makes a model that does"
            )
        watch = Stopwatch()
        summary = score_file(detector, data, out, explain=explain)
    speaker.say(f"{summary.rows:,} rows scored in {seconds_in_words(watch.seconds)} → {out}")
    for column, count in summary.unseen.items():
        speaker.say(f"note  {column}: {count:,} rows hold a category never seen in training; they are scored")
    for column, count in summary.newly_missing.items():
        speaker.say(f"note  {column}: {count:,} rows lack a value, never missing in training; they are scored")
    speaker.answer(
        {
            "out": str(out),
            "rows": summary.rows,
            "threshold": summary.threshold,
            "unseen": summary.unseen,
            "newly_missing": summary.newly_missing,
            "seconds": watch.seconds,
            "notices": notices,
        }
    )


def checkpoints_of(out: Path) -> Path:
    """Where `fit` and `detect` keep their checkpoints until the model stands: beside it, hidden."""
    return out.parent / f".{out.name}.checkpoints"


def _kind_for(kind: str | None, *, role: str, family: str | None, default: str) -> str:
    """The kind asked for, or the default; refused where it is unknown or made for something else."""
    from ganforge.catalog import CATALOG
    from ganforge.errors import UnknownNameError

    if kind is None:
        return default
    fitting = {each.kind for each in CATALOG.values() if each.role == role and family in (None, each.family)}
    if kind not in CATALOG:
        raise UnknownNameError("kind", kind, sorted(fitting), where="the catalog")
    if kind not in fitting:
        what = {"synthesizer": f"makes {family}", "detector": "scores anomalies"}[role]
        raise InputError(f"kind {kind!r} is not one that {what}; there are: {', '.join(sorted(fitting))}")
    return kind


def _construct(model_class: Any, kind: str, parameters: dict[str, Any]) -> Any:
    """The model with these parameters; None leaves a default, an unknown name is answered by the nearest."""
    from ganforge.errors import UnknownNameError

    known = model_class().get_params()
    for name in parameters:
        if name not in known:
            raise UnknownNameError("parameter", name, known, where=f"kind {kind!r}")
    return model_class(**{name: value for name, value in parameters.items() if value is not None})
