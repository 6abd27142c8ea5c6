"""`lineage`: where the rows of a file came from, and what came of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganforge.errors import InputError
from ganforge_pipelines.cli.console import Json, Quiet, Speaker

if TYPE_CHECKING:
    from ganforge_pipelines.stages.tracing import Eater, Made, Trace
    from ganforge_pipelines.workspace import Workspace


def register(app: typer.Typer) -> None:
    app.command()(lineage)


def lineage(
    asked: Annotated[
        str, typer.Argument(metavar="FILE|HASH", help="Synthetic rows, data, a model folder; or a SHA-256 or md5.")
    ],
    row: Annotated[
        int | None, typer.Option(min=1, help="Of one row of the file: is it synthetic? The first is 1.")
    ] = None,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Say which data, generator, seed and condition made a file, and which models were trained on the data."""
    from ganforge_pipelines.stages.tracing import origin_of_row, trace

    speaker = Speaker(json_to=json_to, quiet=quiet)
    found = trace(asked, _workspace())
    answer: dict[str, Any] = found.to_json()
    _tell(speaker, found)
    if row is not None:
        if found.stamp is None:
            raise InputError(f"{asked} does not say which of its rows are synthetic; leave --row out")
        answer["row"] = {"number": row, "origin": origin_of_row(asked, row, found.stamp)}
        speaker.say(f"row {row} is {answer['row']['origin']}")
    speaker.answer(answer)


def _workspace() -> Workspace | None:
    """The one this folder is in, if any."""
    from ganforge_pipelines.workspace import Workspace, environment

    try:
        workspace = Workspace.find(Path.cwd())
    except InputError:
        return None
    environment(workspace)
    from ganforge_pipelines.lineage.store import check_tracking_server

    check_tracking_server()
    return workspace


def _tell(speaker: Speaker, found: Trace) -> None:
    lines: list[tuple[str, str]] = []
    if found.sha256 is not None:
        lines.append(("sha256", found.sha256))
    if found.stamp is not None:
        lines += _of_stamp(found.stamp)
    lines += [("made by", _of_stage(each)) for each in found.made_by]
    for each in found.data:
        md5 = f", md5 {each['md5']}" if each.get("md5") else ""
        lines.append(("data", f"{each['path']}  sha256 {each['sha256']}{md5}"))
    lines += [("began", _of_stage(each)) for each in found.used_by]
    made = found.stamp is not None or bool(found.made_by)
    label = "of those data" if made else "trained on it"  # what was made of data was not always trained on, too
    lines += [(label, _of_eater(each)) for each in found.eaten_by]
    speaker.say(found.what)
    for label, text in lines:
        speaker.say(f"  {label:<14}{text}")


def _of_stamp(stamp: dict[str, Any]) -> list[tuple[str, str]]:
    made = stamp["synthetic"]
    generator = made["generator"]
    which = "all of them" if made["which"] == "all" else f"those with {made['which']} true"
    lines = [("rows", f"{stamp['rows']:,}, {made['rows']:,} of them synthetic: {which}")]
    lines.append(("made by", f"{stamp['made_by']}, seed {made['seed']} (ganforge {stamp['ganforge']})"))
    known = [
        str(generator["kind"]),
        f"sha256 {generator['sha256']}" if generator.get("sha256") else "not kept",
        f"trained for {generator['steps']:,} steps" if generator.get("steps") else "",
        f"seed {generator['seed']}" if generator.get("seed") is not None else "",
    ]
    lines.append(("generator", ", ".join(each for each in known if each)))
    if made["condition"]:
        lines.append(("condition", ", ".join(f"{name}: {value}" for name, value in made["condition"].items())))
    asked = {
        name: made[name]
        for name in ("counts", "match", "prior", "arm", "ratio")
        if made.get(name) not in (None, "real")
    }
    if asked:
        lines.append(("asked for", ", ".join(f"{name} {value}" for name, value in asked.items())))
    return lines


def _of_stage(made: Made) -> str:
    return f"{made.stage} in {made.where}" + ("" if made.seed is None else f", seed {made.seed}") + f"  ({made.name})"


def _of_eater(eater: Eater) -> str:
    alias = f" ({', '.join(eater.aliases)})" if eater.aliases else ""
    told = [
        f"{eater.name} {eater.version}{alias}",
        eater.day[:16],
        "nothing added" if eater.arm == "none" else eater.arm,
        "this file belongs to it" if eater.made_of_it else "",
        "synthetic rows among its training rows" if eater.ate_synthetic else "",
    ]
    return ", ".join(each for each in told if each)
