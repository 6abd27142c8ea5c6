"""`init`, `stage`, `clean`: the workspace a flow runs in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge_pipelines.cli.console import Json, Quiet, Speaker, Stopwatch, seconds_in_words


def register(app: typer.Typer) -> None:
    app.command()(init)
    app.command()(stage)
    app.command()(clean)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Make a workspace for your own data: git, DVC, params.yaml, dvc.yaml, mlflow/."""
    from ganforge_pipelines.workspace import Workspace, environment

    workspace = Workspace.create(folder)
    environment(workspace)
    from ganforge_pipelines.lineage import dvc, git

    git.init(workspace.root)
    dvc.init(workspace.root)
    speaker = Speaker(json_to=json_to, quiet=quiet)
    speaker.say(f"a workspace stands in {folder}; next:")
    speaker.say(f"  cd {folder}")
    speaker.say("  ganforge data add FILE --target COLUMN    # your own data, versioned")
    speaker.say("  ganforge run fraud                        # or run images, run anomalies")
    speaker.answer({"workspace": str(workspace.root)})


def stage(
    name: Annotated[str, typer.Argument(metavar="NAME", help="For example fraud-train; dvc.yaml lists them.")],
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Run one stage in this workspace, on what the stages before it left: what dvc.yaml calls."""
    from ganforge_pipelines.workspace import Workspace, environment

    workspace = Workspace.find(Path.cwd())
    environment(workspace)
    from ganforge_pipelines.flows.requests import checked
    from ganforge_pipelines.stages import graph
    from ganforge_pipelines.stages.running import run_stage

    params = checked(graph.stage(name).flow, workspace.params())
    speaker, watch = Speaker(json_to=json_to, quiet=quiet), Stopwatch()
    with speaker.notices() as notices, speaker.training_bar(name) as on_progress:
        manifest = run_stage(name, workspace, params, on_progress=on_progress)
    speaker.say(f"{name} ✓ {seconds_in_words(watch.seconds)}")
    speaker.answer({"stage": name, "seconds": watch.seconds, "manifest": manifest.to_json(), "notices": notices})


def clean(
    keep: Annotated[int, typer.Option(min=0, help="Finished runs to keep, the newest first.")] = 10,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Trim old runs and caches of this workspace; nothing else does."""
    from ganforge_pipelines.workspace import Workspace, environment

    workspace = Workspace.find(Path.cwd())
    environment(workspace)
    from ganforge_pipelines.flows.cleaning import clean as trim

    speaker = Speaker(json_to=json_to, quiet=quiet)
    trimmed = trim(workspace, keep=keep)
    speaker.say(f"{trimmed.runs} {'run' if trimmed.runs == 1 else 'runs'} removed, {trimmed.bytes / 1e6:,.1f} MB freed")
    if trimmed.inputs:
        speaker.say(
            f"copies of data that no kept run uses: {', '.join(trimmed.inputs)}; `dvc checkout` brings them back"
        )
    speaker.answer({"runs": trimmed.runs, "bytes": trimmed.bytes, "inputs": list(trimmed.inputs)})
