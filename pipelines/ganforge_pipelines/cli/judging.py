"""`judge` and `augment`: does synthetic data help this table, and the rows if it does; no workspace."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganforge.errors import InputError, InterruptedRunError, UnknownNameError, UnsuitableDataError
from ganforge_pipelines.cli.console import (
    Bars,
    Json,
    Quiet,
    SchemaFile,
    Seed,
    Speaker,
    Stopwatch,
    check_out,
    seconds_in_words,
)

if TYPE_CHECKING:
    from ganforge.data.table import Table
    from ganforge.downstream.arms import Verdict

DAY = 86_400.0
"""Seconds."""

TableFile = Annotated[Path, typer.Argument(metavar="DATA", help="CSV, CSV.gz or Parquet.")]
Target = Annotated[str, typer.Option(metavar="COL", help="The column that marks the class looked for.")]
Time = Annotated[
    str | None, typer.Option(metavar="COL", help="Dates or seconds: learn from earlier rows, test on later ones.")
]
Gap = Annotated[float, typer.Option(min=0, metavar="DAYS", help="Days between them, where labels come late.")]
Group = Annotated[
    str | None, typer.Option(metavar="COL", help="Customer, card: its rows stay together, and it is not learned.")
]
Amount = Annotated[str | None, typer.Option(metavar="COL", help="What a row is worth, to weigh what is missed.")]
LeaveOut = Annotated[list[str] | None, typer.Option(metavar="COL", help="No feature; may be repeated.")]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        help="A generator to judge, see `ganforge models`; may be repeated, the simplest first. Default: ctgan-tuned, "
        "called ctgan.",
    ),
]
Steps = Annotated[int | None, typer.Option(min=1, help="Real batches each generator trains on.")]
PresetName = Annotated[
    str, typer.Option("--preset", metavar="quick|full", help="quick: 5 folds; full: 10 times 5, and longer fits.")
]
Folds = Annotated[
    int | None, typer.Option(min=2, metavar="N", help="Test parts; of fewer than 5 nothing is concluded.")
]
Jobs = Annotated[int, typer.Option(help="Fits at once; -1: one a core.")]


def register(app: typer.Typer) -> None:
    app.command()(judge)
    app.command()(augment)


def judge(
    data: TableFile,
    target: Target,
    time: Time = None,
    gap: Gap = 0.0,
    group: Group = None,
    amount: Amount = None,
    leave_out: LeaveOut = None,
    kind: Kinds = None,
    steps: Steps = None,
    preset: PresetName = "quick",
    folds: Folds = None,
    jobs: Jobs = -1,
    seed: Seed = None,
    schema: SchemaFile = None,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Say whether synthetic rows help this table's classifier, or what is simpler and as good."""
    asked = _Asked(data, target, time, gap, group, amount, leave_out, kind, steps, preset, folds, jobs, seed, schema)
    speaker, watch = Speaker(json_to=json_to, quiet=quiet), Stopwatch()
    with speaker.notices() as notices:
        table = asked.read()
        with asked.alone():
            verdict = asked.judge(table, speaker)
    _tell(speaker, verdict)
    speaker.answer({**verdict.to_json(), "seconds": watch.seconds, "notices": notices})


def augment(
    data: TableFile,
    target: Target,
    out: Annotated[Path, typer.Option("--out", "-o", help=".csv, .csv.gz or .parquet.")],
    force: Annotated[
        str | None, typer.Option(metavar="ARM", help="Write this arm's rows, whatever the judgement says.")
    ] = None,
    time: Time = None,
    gap: Gap = 0.0,
    group: Group = None,
    amount: Amount = None,
    leave_out: LeaveOut = None,
    kind: Kinds = None,
    steps: Steps = None,
    preset: PresetName = "quick",
    folds: Folds = None,
    jobs: Jobs = -1,
    seed: Seed = None,
    schema: SchemaFile = None,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Judge, then write real and added rows where adding rows helps; a column marks the added ones."""
    from ganforge.data.writers import check_writable
    from ganforge.downstream.leaks import MARK
    from ganforge_pipelines.lineage import stamps

    check_out(out)
    check_writable(out)
    if out.exists() and data.exists() and out.samefile(data):
        raise InputError(f"--out {out} is the data itself; give another name")
    asked = _Asked(data, target, time, gap, group, amount, leave_out, kind, steps, preset, folds, jobs, seed, schema)
    asked.check_forced(force)
    speaker, watch = Speaker(json_to=json_to, quiet=quiet), Stopwatch()
    with speaker.notices() as notices:
        table = asked.read()
        with asked.alone():  # who judges all night is not to be locked out of its own rows in the morning
            verdict = asked.judge(table, speaker)
            arm = force or verdict.recommended
            reason = None if verdict.arms[arm].adds_rows else _reason(verdict)
            made = None if reason else asked.augmented(table, verdict, arm, speaker)
        if made is not None:
            stamps.write_stamped(made.frame, out, asked.origin(made, verdict, arm))
    _tell(speaker, verdict)
    answer = {"out": None if made is None else str(out), "arm": None if made is None else arm, "reason": reason}
    added = {"rows_added": 0 if made is None else made.rows_added, "mark": MARK}
    speaker.answer({**verdict.to_json(), **answer, **added, "seconds": watch.seconds, "notices": notices})
    if made is None:
        raise UnsuitableDataError(reason)
    speaker.say(
        f"{len(made.frame) - made.rows_added:,} real rows and {made.rows_added:,} of {arm} → {out}  (column {MARK} "
        f"marks them; {seconds_in_words(watch.seconds)})"
    )


@dataclass(frozen=True)
class _Asked:
    """What both commands take."""

    data: Path
    target: str
    time: str | None
    gap: float
    group: str | None
    amount: str | None
    leave_out: list[str] | None
    kind: list[str] | None
    steps: int | None
    preset: str
    folds: int | None
    jobs: int
    seed: int | None
    schema: Path | None

    def read(self) -> Table:
        from ganforge.data.readers import holds_images, read_table
        from ganforge.downstream.leaks import MARK, without_mark

        if self.gap and self.time is None:
            raise InputError(f"--gap {self.gap:g} needs the column that says when each row happened; give --time")
        if self.data.exists() and holds_images(self.data):
            raise InputError(f"{self.data} holds pictures; `ganforge run images` judges these")
        table = read_table(self.data, schema=self.schema)
        _refuse_stamped(self.data, marked=MARK in table.schema)  # it says what they were made from, too
        without_mark(table.frame, str(self.data))  # refused before anything is dropped
        roles = (self.target, self.time, self.group, self.amount)
        for name in self.leave_out or ():
            if name in roles:
                raise InputError(f"--leave-out {name} names a column that has a part to play; take one of them back")
        dropped = [*(self.leave_out or ()), *([MARK] if MARK in table.schema else [])]
        return table.drop(*dropped) if dropped else table

    def judge(self, table: Table, speaker: Speaker) -> Verdict:
        """The verdict; what is done is kept in `kept`, so that the same command goes on."""
        from ganforge.downstream.verdict import judge as judge_table

        done = total = 0
        with _bars(speaker) as bars:

            def show(now: int, of: int, label: str) -> None:
                nonlocal done, total
                done, total = now, of
                if bars is not None:
                    bars.show("fits", now, of, label)

            try:
                return judge_table(
                    table,
                    self.target,
                    synthesizer=self.synthesizers(),
                    time=self.time,
                    gap=self.gap * DAY,
                    group=self.group,
                    amount=self.amount,
                    preset=self.preset,
                    folds=self.folds,
                    random_state=self.seed or 0,
                    n_jobs=self.jobs,
                    checkpoints=self.kept,
                    on_progress=show,
                )
            except (KeyboardInterrupt, InterruptedRunError) as error:
                raise InterruptedRunError(
                    f"stopped; {done:,} of {total:,} fits are kept in {self.kept}, and the same command goes on"
                ) from error

    def augmented(self, table: Table, verdict: Verdict, arm: str, speaker: Speaker) -> Any:
        from ganforge.downstream.applying import augmented

        chosen = verdict.arms[arm]
        assert chosen.ratio is not None, "an arm that adds rows has a ratio"
        checkpoints = self.kept / f"{arm}-{table.fingerprint[:12]}-{self.seed or 0}-{self.steps}"
        with speaker.training_bar(arm) as on_progress:
            made = augmented(
                table,
                self.target,
                arm=arm,
                ratio=chosen.ratio,
                synthesizer=self.synthesizers().get(arm),
                left_out=() if self.group is None else (self.group,),
                time=self.time,
                random_state=self.seed or 0,
                checkpoints=checkpoints if chosen.synthetic else None,
                on_progress=on_progress,
            )
        shutil.rmtree(checkpoints, ignore_errors=True)
        return made

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep another process out of `kept`, where it would clear away what this one is at."""
        from ganforge_pipelines.workspace.lock import hold

        lock = self.kept / "lock"
        what, remedy = str(self.kept), "wait for it, or judge in another folder"
        with hold(lock, wait=False, what=what, remedy=remedy):
            try:
                yield
            finally:
                if [*self.kept.iterdir()] == [lock]:  # nothing was kept
                    shutil.rmtree(self.kept)

    def origin(self, made: Any, verdict: Verdict, arm: str) -> dict[str, Any]:
        """Where the rows of the file come from: the real ones from the data, the marked ones from the arm."""
        from ganforge.downstream.leaks import MARK
        from ganforge_pipelines.lineage import stamps

        synthesizer = self.synthesizers().get(arm)
        parameters = {} if synthesizer is None else synthesizer.get_params(deep=False)
        return stamps.stamp(
            made_by="ganforge augment",
            rows=len(made.frame),
            synthetic_rows=made.rows_added,
            which=MARK,
            generator={
                "kind": arm if synthesizer is None else synthesizer.kind,
                "seed": self.seed or 0,
                "steps": parameters.get("steps"),
            },
            data=stamps.data_of(self.data),
            seed=self.seed or 0,
            condition={self.target: "the rarer class"},
            asked={"arm": arm, "ratio": verdict.arms[arm].ratio},
        )

    def synthesizers(self) -> dict[str, Any]:
        """Unfitted, by kind. Without --steps, as many as the preset gives the generator."""
        from ganforge.catalog import CATALOG, load_class
        from ganforge.downstream.design import PRESETS

        if self.preset not in PRESETS:
            raise UnknownNameError("preset", self.preset, PRESETS)
        made = {}
        for kind in self.kind or ["ctgan-tuned"]:
            fitting = [each.kind for each in CATALOG.values() if (each.role, each.family) == ("synthesizer", "tables")]
            if kind not in fitting:
                raise UnknownNameError("kind of generator", kind, fitting, where="the catalog")
            model = load_class(kind)()
            steps = self.steps if self.steps is not None else PRESETS[self.preset].steps
            if steps is not None and "steps" in model.get_params():
                model.set_params(steps=steps)
            made[kind if self.kind else "ctgan"] = model  # the default's arm is called what everybody calls it
        return made

    def check_forced(self, arm: str | None) -> None:
        """Refuse, before anything is judged, an arm that adds no rows."""
        from ganforge.downstream.arms import OVERSAMPLING, SMOTE

        if arm is not None and arm not in (adding := [OVERSAMPLING, SMOTE, *self.synthesizers()]):
            raise UnknownNameError("arm that adds rows", arm, adding)

    @property
    def kept(self) -> Path:
        """Where results are kept: hidden, in the current folder; `augment` goes on from what `judge` has done."""
        safe = "".join(each if each.isalnum() or each in "-_." else "-" for each in f"{self.data.name}.{self.target}")
        return Path(f".{safe}.judge")


def _refuse_stamped(path: Path, *, marked: bool) -> None:
    """Refuse a file whose stamp says that rows of it are synthetic; with `marked`, a column says of which, and says
    none."""
    from ganforge.downstream.leaks import MARK
    from ganforge_pipelines.lineage import stamps

    told = stamps.read_stamp(path)
    made = (told or {}).get("synthetic")
    if told is None or not made or (marked and made["which"] == MARK):
        return
    origin = ", ".join(str(each["path"]) for each in told["data"])
    raise InputError(
        f"{path}: {made['rows']:,} of {told['rows']:,} rows are synthetic, as its stamp says ({told['made_by']}); what "
        "helps on real rows can be told on real rows alone: "
        + (f"judge what they were made from, {origin}" if origin else "judge the data they were made from")
    )


def _bars(speaker: Speaker) -> Any:
    return contextlib.nullcontext() if speaker.quiet else Bars(time_left=False)  # the judge counts it arm by arm


def _tell(speaker: Speaker, verdict: Verdict) -> None:
    from ganforge.downstream.arms import NONE
    from ganforge.downstream.sentence import display_name

    against = {"better than none": {name: arm.p_better_than_none for name, arm in verdict.arms.items()}}
    if verdict.seat != NONE:  # a generator is held against this arm, however much better than none it may be
        against[f"than {display_name(verdict.seat)}"] = {
            name: arm.p_better_than_seat if arm.synthetic else None for name, arm in verdict.arms.items()
        }
    speaker.table(
        None,
        ["arm", verdict.measure, *against, "classifier", "ratio"],
        [
            (
                f"{display_name(name)}{'  ←' if name == verdict.recommended else ''}",
                f"{arm.mean:.3f}",
                *(_probable(each[name]) for each in against.values()),
                arm.classifier,
                "" if arm.ratio is None else f"{arm.ratio:g}",
            )
            for name, arm in verdict.arms.items()
        ],
    )
    speaker.say()
    speaker.say(verdict.sentence)


def _probable(p: float | None) -> str:
    if p is None:
        return ""
    return "P < 0.01" if p < 0.01 else "P > 0.99" if p > 0.99 else f"P = {p:.2f}"


def _reason(verdict: Verdict) -> str:
    """Why no file is written, and how to have one anyway."""
    from ganforge.downstream.intervals import LEAST_FOLDS
    from ganforge.downstream.sentence import display_name

    adding = {name: arm for name, arm in verdict.arms.items() if arm.adds_rows}
    best = max(adding, key=lambda name: adding[name].mean)
    force = f"use --force {shlex.quote(best)} to have its rows anyway"
    if verdict.outcome == "unlearned":
        return f"no file written: nothing was learned, which added rows do not mend; {force}"
    folds = len(verdict.arms[best].folds)
    if folds < LEAST_FOLDS:  # nothing was recommended, however much better an arm may be
        return f"no file written: {folds} folds are too few to tell; judge in {LEAST_FOLDS} at least, or {force}"
    held = (
        "training on the real rows as they are" if verdict.recommended == "none" else display_name(verdict.recommended)
    )
    probability = _probable(verdict.posterior(best, verdict.recommended).better)
    return f"no file written: no arm that adds rows beats {held} ({probability} for {display_name(best)}); {force}"
