"""`models`: what there is to train, and the versions of what was trained: list, promote, rollback."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganforge_pipelines.cli.console import Json, Quiet, Speaker

if TYPE_CHECKING:
    from ganforge_pipelines.workspace import Workspace

app = typer.Typer(
    help="What there is to train, with papers; and the registered models of this workspace.",
    invoke_without_command=True,
    no_args_is_help=False,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A registered model: ganforge-fraud.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait while a run holds the workspace, instead of leaving.")]


@app.callback()
def models(context: typer.Context, json_to: Json = None, quiet: Quiet = False) -> None:
    """List what the catalog holds, with papers; with a command, see to registered models."""
    if context.invoked_subcommand is not None:
        return
    from ganforge.catalog import CATALOG

    speaker = Speaker(json_to=json_to, quiet=quiet)
    speaker.table(
        None,
        ["kind", "for", "what", "paper"],
        [(each.kind, each.family, each.summary, f"{each.paper} {each.source}".strip()) for each in CATALOG.values()],
    )
    speaker.answer(
        [
            {
                "kind": each.kind,
                "family": each.family,
                "role": each.role,
                "paper": each.paper,
                "source": each.source,
                "summary": each.summary,
            }
            for each in CATALOG.values()
        ]
    )


@app.command("list")
def list_(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A registered model; none: all of them.")] = None,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """List the versions of a registered model: who is champion, since when, what each reached, and why."""
    from ganforge_pipelines.lineage.registry import models_of, versions_of

    speaker = Speaker(json_to=json_to, quiet=quiet)
    root = _workspace().root
    names = models_of(root) if name is None else [name]
    found = {each: versions_of(root, each) for each in names}
    if not found:
        speaker.say("no model is registered here yet; `ganforge run fraud` registers one")
    for model, versions in found.items():
        speaker.table(
            model,
            ["version", "alias", "day", "held out"],
            [(each.version, ", ".join(each.aliases), each.day[:16], each.figure) for each in versions],
        )
        for each in versions:
            speaker.say(f"{each.version}: {each.reason}")
    speaker.answer({model: [each.to_json() for each in versions] for model, versions in found.items()})


@app.command()
def promote(
    name: Name,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Which version; default: the challenger.")
    ] = None,
    reason: Reason = "promoted by hand",
    wait: Wait = False,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Make a version champion, with its threshold and its generator."""
    from ganforge_pipelines.lineage import registry

    workspace = _workspace()
    with workspace.lock(wait=wait):
        change = registry.promote(workspace.root, name, version, reason=reason)
    _tell(change, json_to=json_to, quiet=quiet)


@app.command()
def rollback(
    name: Name,
    reason: Reason = "rolled back by hand",
    wait: Wait = False,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Make the former champion champion again, with its threshold and its generator."""
    from ganforge_pipelines.lineage import registry

    workspace = _workspace()
    with workspace.lock(wait=wait):
        change = registry.rollback(workspace.root, name, reason=reason)
    _tell(change, json_to=json_to, quiet=quiet)


def _workspace() -> Workspace:
    from ganforge_pipelines.workspace import Workspace, environment

    workspace = Workspace.find(Path.cwd())
    environment(workspace)
    from ganforge_pipelines.lineage.store import check_tracking_server

    check_tracking_server()
    return workspace


def _tell(change: object, *, json_to: str | None, quiet: bool) -> None:
    from ganforge_pipelines.lineage.registry import Change

    assert isinstance(change, Change)
    speaker = Speaker(json_to=json_to, quiet=quiet)
    before = "" if change.former is None else f" (it was version {change.former})"
    speaker.say(f"{change.name}: version {change.champion} is champion{before}")
    speaker.answer(change.to_json())
