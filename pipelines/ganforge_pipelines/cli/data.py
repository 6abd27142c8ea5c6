"""`ganforge data make | fetch | add | show | check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganforge_pipelines.cli.console import Json, Quiet, SchemaFile, Speaker

app = typer.Typer(help="Make, fetch, version and look at data.", no_args_is_help=True)

DataFile = Annotated[
    Path, typer.Argument(metavar="DATA", help="CSV, CSV.gz, Parquet; idx(.gz), .npz or a folder of pictures.")
]
Labels = Annotated[Path | None, typer.Option(metavar="FILE", help="The labels of idx pictures.")]


@app.command()
def make(json_to: Json = None, quiet: Quiet = False) -> None:
    """Make the embedded data (simulated payments, handwritten digits) in this workspace, versioned.

    Nothing is put over a file of yours: where one has such a name already, it says so and writes nothing.
    """
    from ganforge.data.embedded import make_embedded
    from ganforge_pipelines.workspace import Workspace, environment

    workspace = Workspace.find(Path.cwd())
    environment(workspace)
    from ganforge_pipelines.lineage import dvc

    with workspace.lock():
        make_embedded(workspace.data)
        version = dvc.version(workspace.root, workspace.data)
    speaker = Speaker(json_to=json_to, quiet=quiet)
    speaker.say(f"data · {version.md5[:6]}… (data.dvc)")
    speaker.answer({"path": workspace.relative(version.path), "md5": version.md5, "sha256": version.sha256})


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="creditcard, adult, fashion-mnist, …")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where to write it.")],
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Get a public data set from OpenML, where there is an internet."""
    from ganforge.data.fetch import fetch as fetch_public
    from ganforge.files import sha256_file

    written = fetch_public(name, out)
    speaker = Speaker(json_to=json_to, quiet=quiet)
    speaker.say(f"{name} → {written}")
    speaker.answer({"name": name, "path": str(written), "sha256": sha256_file(written)})


@app.command()
def add(
    data: DataFile,
    target: Annotated[str | None, typer.Option(metavar="COL", help="The column that marks the rare class.")] = None,
    time: Annotated[str | None, typer.Option(metavar="COL", help="When each row happened.")] = None,
    labels: Labels = None,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Version your data in this workspace and make it what its flows run on."""
    from ganforge_pipelines.workspace import Workspace, environment

    workspace = Workspace.find(Path.cwd())
    environment(workspace)
    from ganforge_pipelines.stages.inputs import adopt

    speaker = Speaker(json_to=json_to, quiet=quiet)
    with speaker.notices() as notices:
        adopted = adopt(workspace, data, target=target, time=time, labels=labels)
    speaker.say(
        f"{data.name} · {adopted.rows:,} rows · {adopted.md5[:6]}… → {adopted.path} "
        f"(params.yaml: {', '.join(adopted.flows)})"
    )
    speaker.answer(
        {
            "path": str(adopted.path),
            "md5": adopted.md5,
            "rows": adopted.rows,
            "flows": list(adopted.flows),
            "notices": notices,
        }
    )


@app.command()
def show(
    data: DataFile,
    labels: Labels = None,
    schema: SchemaFile = None,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """What is in a file: rows, columns and their kinds, or pictures and their classes; never a row itself."""
    from ganforge.data.images import Images
    from ganforge.data.readers import read

    speaker = Speaker(json_to=json_to, quiet=quiet)
    with speaker.notices() as notices:
        source = read(data, labels=labels, schema=schema)
    if isinstance(source, Images):
        shape = "×".join(str(each) for each in source.pixels.shape[1:])
        speaker.say(f"{data.name} · {len(source):,} pictures of {shape} · {source.fingerprint[:6]}…")
        counts = source.class_counts()
        speaker.table(None, ["class", "pictures"], list(counts.items()))
        speaker.answer(
            {
                "pictures": len(source),
                "shape": list(source.pixels.shape[1:]),
                "classes": counts,
                "fingerprint": source.fingerprint,
                "notices": notices,
            }
        )
        return
    speaker.say(
        f"{data.name} · {len(source):,} rows · {len(source.schema.columns)} columns · {source.fingerprint[:6]}…"
    )
    rows = [
        (
            each.name,
            each.kind,
            f"{source.frame[each.name].isna().mean():.1%}",
            source.frame[each.name].nunique(),
        )
        for each in source.schema.columns
    ]
    speaker.table(None, ["column", "kind", "missing", "distinct"], rows)
    speaker.answer(
        {
            "rows": len(source),
            "columns": source.schema.to_json(),
            "fingerprint": source.fingerprint,
            "notices": notices,
        }
    )


@app.command()
def check(
    data: DataFile,
    target: Annotated[str | None, typer.Option(metavar="COL")] = None,
    time: Annotated[str | None, typer.Option(metavar="COL")] = None,
    labels: Labels = None,
    schema: SchemaFile = None,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Would a flow run on this file? Says what it would stumble over, without training anything."""
    from ganforge_pipelines.stages.inputs import check_input

    speaker = Speaker(json_to=json_to, quiet=quiet)
    with speaker.notices() as notices:
        summary = check_input(data, target=target, time=time, labels=labels, schema=schema)
    speaker.say(summary.sentence)
    speaker.answer({**summary.to_json(), "notices": notices})
