"""`quality`: are the rows in a file any good, and is anyone exposed; no workspace, no model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganforge.errors import InputError
from ganforge_pipelines.cli.console import Json, Quiet, SchemaFile, Seed, Speaker, Stopwatch, seconds_in_words

if TYPE_CHECKING:
    import pandas as pd

    from ganforge.data.schema import Schema
    from ganforge.quality import Fidelity, PaymentColumns, Privacy

RowsFile = Annotated[Path, typer.Argument(metavar="SYNTHETIC", help="CSV, CSV.gz or Parquet.")]
RealFile = Annotated[Path, typer.Option("--real", metavar="FILE", help="The rows that the generator was trained on.")]
HeldOut = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Real rows it has not seen: the noise floor, and what tells whether rows leak."),
]
Target = Annotated[
    str | None, typer.Option(metavar="COL", help="Train a model of this column on synthetic rows, test on real ones.")
]
LeaveOut = Annotated[list[str] | None, typer.Option(metavar="COL", help="Not compared; may be repeated.")]
Worst = Annotated[int, typer.Option(min=1, metavar="N", help="Columns and pairs of columns that are told.")]


def register(app: typer.Typer) -> None:
    app.command()(quality)


def quality(
    synthetic: RowsFile,
    real: RealFile,
    held_out: HeldOut = None,
    target: Target = None,
    customer: Annotated[str | None, typer.Option(metavar="COL", help="Payments: who pays.")] = None,
    terminal: Annotated[str | None, typer.Option(metavar="COL", help="Where.")] = None,
    time: Annotated[str | None, typer.Option(metavar="COL", help="When; dates or seconds.")] = None,
    amount: Annotated[str | None, typer.Option(metavar="COL", help="How much.")] = None,
    leave_out: LeaveOut = None,
    worst: Worst = 5,
    seed: Seed = None,
    schema: SchemaFile = None,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Hold synthetic rows against real ones, the worst first, and look for copies of them."""
    from ganforge.quality import fidelity, privacy

    payments = _payments(customer=customer, terminal=terminal, time=time, amount=amount)
    speaker, watch = Speaker(json_to=json_to, quiet=quiet), Stopwatch()
    with speaker.notices() as notices:
        true, kinds = _real(real, schema, leave_out or [])
        made, kept = _rows(synthetic), None if held_out is None else _rows(held_out)
        options: dict[str, Any] = {"schema": kinds, "random_state": seed or 0}
        alike = fidelity(true, made, kept, target=target, payments=payments, **options)
        exposed = privacy(true, made, kept, **options)
    _tell(speaker, alike, exposed, worst)
    speaker.say(f"\n{len(made):,} synthetic rows beside {len(true):,} real ones; {seconds_in_words(watch.seconds)}")
    speaker.answer(
        {
            "passed": alike.passed and exposed.passed,
            "fidelity": alike.to_json(),
            "privacy": exposed.to_json(),
            "seconds": watch.seconds,
            "notices": notices,
        }
    )


def _payments(**columns: str | None) -> PaymentColumns | None:
    from ganforge.quality import PaymentColumns

    lacking = [f"--{role}" for role, name in columns.items() if name is None]
    if len(lacking) == len(columns):
        return None
    if lacking:
        raise InputError(f"payments in time need four columns; name {' and '.join(lacking)}, too")
    return PaymentColumns(**{role: str(name) for role, name in columns.items()})


def _real(path: Path, schema: Path | None, leave_out: list[str]) -> tuple[pd.DataFrame, Schema]:
    from ganforge.data.readers import holds_images, read_table

    if path.exists() and holds_images(path):
        raise InputError(f"{path} holds pictures; `ganforge run images` looks for copies among these")
    table = read_table(path, schema=schema)
    return table.frame, table.drop(*leave_out).schema


def _rows(path: Path) -> pd.DataFrame:
    from ganforge.data.readers import read_table

    return read_table(path).frame


def _tell(speaker: Speaker, alike: Fidelity, exposed: Privacy, worst: int) -> None:
    speaker.say(alike.sentence)
    for title, sentences in (
        ("Columns, the worst first", [each.sentence for each in alike.columns[:worst]]),
        ("Pairs of columns", [each.sentence for each in alike.pairs[:worst]]),
        ("All columns at once", [each.sentence for each in alike.figures]),
        ("Payments in time", [] if alike.behaviour is None else [each.sentence for each in alike.behaviour.habits]),
        ("Is anyone exposed", [exposed.sentence]),
        (
            "Gates",
            [f"{'passed' if each.passed else 'FAILED'}  {each.sentence}" for each in (*alike.gates, *exposed.gates)],
        ),
        ("Not measured, or with care", [*alike.notes, *exposed.notes]),
    ):
        if sentences:
            speaker.say(f"\n{title}", style="bold")
            for sentence in sentences:
                speaker.say(f"  {sentence}")
