"""`ganforge run fraud | images | anomalies`: a whole flow, from a file to a report and a registered model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ganforge_pipelines.cli.console import (
    Bars,
    Json,
    Quiet,
    Seed,
    Settings,
    Speaker,
    Stopwatch,
    seconds_in_words,
)

COLUMNS = ("target", "time", "label", "customer", "terminal", "amount")
"""Options that name a column."""

app = typer.Typer(help="Run a whole flow: version, train, judge or score, register, report.", no_args_is_help=True)

DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="FILE", help="Your data; without it, the workspace's own.")
]
TimeOption = Annotated[
    str | None, typer.Option("--time", metavar="COL", help="When each row happened: dates, or seconds.")
]
Preset = Annotated[Literal["quick", "full"] | None, typer.Option(help="How long to train and judge.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the resolved plan; do nothing.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait while another run holds the workspace.")]
ShowRows = Annotated[bool, typer.Option("--show-rows", help="Allow raw real rows and pictures into the report.")]


@app.command()
def fraud(
    data: DataOption = None,
    target: Annotated[str | None, typer.Option(metavar="COL", help="The column that marks the rare class.")] = None,
    time: TimeOption = None,
    customer: Annotated[
        str | None,
        typer.Option(metavar="COL", help="Payments: who pays. With the next two, features of each payment's past."),
    ] = None,
    terminal: Annotated[str | None, typer.Option(metavar="COL", help="Payments: where.")] = None,
    amount: Annotated[str | None, typer.Option(metavar="COL", help="Payments: how much.")] = None,
    preset: Preset = None,
    seed: Seed = None,
    set_: Settings = None,
    show_rows: ShowRows = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Does augmenting the rare class of a table help its classifier?"""
    _run(
        "fraud",
        data=data,
        options={"target": target, "time": time, "customer": customer, "terminal": terminal, "amount": amount},
        preset=preset,
        seed=seed,
        settings=set_,
        show_rows=show_rows,
        dry_run=dry_run,
        wait=wait,
        json_to=json_to,
        quiet=quiet,
    )


@app.command()
def images(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE|DIR", help="idx(.gz), .npz, or one folder a class.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(metavar="FILE", help="The labels of idx pictures.")] = None,
    per_class: Annotated[int | None, typer.Option(min=2, help="Keep this many pictures a class to train on.")] = None,
    preset: Preset = None,
    seed: Seed = None,
    set_: Settings = None,
    show_rows: ShowRows = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Does augmenting a small set of labelled pictures help its classifier?"""
    _run(
        "images",
        data=data,
        options={"labels": labels, "per_class": per_class},
        preset=preset,
        seed=seed,
        settings=set_,
        show_rows=show_rows,
        dry_run=dry_run,
        wait=wait,
        json_to=json_to,
        quiet=quiet,
    )


@app.command()
def anomalies(
    data: DataOption = None,
    label: Annotated[
        str | None,
        typer.Option(metavar="COL", help="The column that marks the anomalies, where there is one."),
    ] = None,
    time: TimeOption = None,
    budget: Annotated[
        str | None, typer.Option(metavar="200|2%|200/day", help="How many cases can be looked at.")
    ] = None,
    train_on: Annotated[
        Literal["normal", "all"] | None, typer.Option(help="Rows labelled normal, or all of them.")
    ] = None,
    preset: Preset = None,
    seed: Seed = None,
    set_: Settings = None,
    show_rows: ShowRows = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Which detector finds most of the anomalies within the number of cases you can look at?"""
    _run(
        "anomalies",
        data=data,
        options={"label": label, "time": time, "budget": budget, "train_on": train_on},
        preset=preset,
        seed=seed,
        settings=set_,
        show_rows=show_rows,
        dry_run=dry_run,
        wait=wait,
        json_to=json_to,
        quiet=quiet,
    )


def _run(
    flow: str,
    *,
    data: Path | None,
    options: dict[str, Any],
    preset: str | None,
    seed: int | None,
    settings: list[str] | None,
    show_rows: bool,
    dry_run: bool,
    wait: bool,
    json_to: str | None,
    quiet: bool,
) -> None:
    from ganforge_pipelines.workspace import Workspace, environment, parse_assignments

    speaker = Speaker(json_to=json_to, quiet=quiet)
    overrides = parse_assignments(settings or [])
    given = {name: value for name, value in options.items() if value is not None}
    environment()
    from ganforge_pipelines.flows.running import plan

    request = {
        "data": data,
        "options": given,
        "preset": preset,
        "seed": seed,
        "overrides": overrides,
        "show_rows": show_rows,
    }
    if data is not None:
        from ganforge_pipelines.stages.inputs import check_columns

        check_columns(data, [given[name] for name in COLUMNS if name in given])
    with Workspace.found_or_imagined(Path.cwd()) as imagined:  # a wrong call must not make a workspace
        resolved = plan(flow, imagined, **request)
    if dry_run:
        import yaml

        speaker.say(yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True).rstrip())
        speaker.answer(resolved)
        return
    workspace, made = Workspace.find_or_create(Path.cwd())
    if made:
        speaker.say(f"no workspace here; made {workspace.root}")
    environment(workspace)
    from ganforge_pipelines.flows.running import run_flow
    from ganforge_pipelines.lineage import git

    if made:
        git.init(workspace.root)
    watch = Stopwatch()
    with FlowScreen(speaker) as screen:
        result = run_flow(flow, workspace, wait=wait, on_event=screen.show, **request)
    speaker.say()
    speaker.say(result.sentence, style="bold")
    speaker.say()
    speaker.say(
        f"report   {_near(result.report)}        model  {_near(result.model)}        "
        f"({seconds_in_words(watch.seconds)})"
    )
    speaker.say("ganforge ui  opens MLflow and Prefect")
    speaker.answer(result.answer)


def _near(path: Path) -> str:
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return str(path)


class FlowScreen:
    """Draws the events of a flow: one line a finished stage, a bar for the one that is at work."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker, self._bars = speaker, None if speaker.quiet else Bars()

    def __enter__(self) -> FlowScreen:
        if self._bars:
            self._bars.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        if self._bars:
            self._bars.__exit__(*details)

    def show(self, event: Any) -> None:
        if self._bars is None:
            return
        if event.kind == "progress":
            self._bars.show(event.stage, event.done, event.total, event.detail)
        elif event.kind == "finished":
            self._bars.finish(event.stage)
            self._bars.print(f"{event.stage:<9} ✓ {seconds_in_words(event.seconds):<8} {event.detail}".rstrip())
        elif event.kind == "kept":
            self._bars.print(f"{event.stage:<9} · nothing changed since it was made  {event.detail}".rstrip())
        elif event.kind == "notice":
            self._bars.print(f"note      {event.detail}", style="yellow")
        elif event.kind == "headline":
            self._bars.print(event.detail)
