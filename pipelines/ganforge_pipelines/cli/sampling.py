"""`sample`: rows or pictures out of a model, as they are asked for."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ganforge.errors import InputError, UnknownNameError
from ganforge_pipelines.cli.console import Json, Quiet, Seed, Speaker
from ganforge_pipelines.cli.models import ModelFolder

_OPERATOR = re.compile(r"\s*(>=|<=|>|<|=)\s*(.*)", re.DOTALL)


def register(app: typer.Typer) -> None:
    app.command()(sample)


def sample(
    model: ModelFolder,
    out: Annotated[Path, typer.Option("--out", "-o", help=".csv, .csv.gz or .parquet; for pictures a folder.")],
    rows: Annotated[
        int | None, typer.Option("--rows", "-n", min=1, help="Rows (or pictures) to make; --count may say it instead.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'COL=VALUE'",
            help="A condition: 'merchant=fuel', 'amount>500', 'amount=500:900', 'amount=500:', or 'amount=' for a "
            "missing value. May be repeated.",
        ),
    ] = None,
    count: Annotated[
        list[str] | None,
        typer.Option(metavar="'COL=VALUE:ROWS'", help="Exactly so many rows with a value; may be repeated."),
    ] = None,
    prior: Annotated[
        str,
        typer.Option(
            metavar="real|balanced|COL",
            help="Values as often as in the data, the rare ones of all columns more often, or all of COL alike.",
        ),
    ] = "real",
    match: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE:COL", help="Values of COL as often as in FILE; may be repeated."),
    ] = None,
    seed: Seed = None,
    json_to: Json = None,
    quiet: Quiet = False,
) -> None:
    """Draw synthetic rows or pictures from a model."""
    from ganforge.catalog import CATALOG, load_model
    from ganforge.data.images import Images
    from ganforge.data.writers import check_writable, write_images
    from ganforge.parameters import seed_of
    from ganforge_pipelines.lineage import stamps

    speaker = Speaker(json_to=json_to, quiet=quiet)
    seed = seed_of(seed)  # a fresh one is told, so that the rows can be made again
    with speaker.notices() as notices:
        generator = load_model(model)
        if not hasattr(generator, "sample"):
            raise InputError(
                f"{model} holds {generator.kind!r}, which makes no rows; `ganforge fit` makes a model that does"
            )
        if rows is None and not count:
            raise InputError("how many? Give --rows, or --count 'COL=VALUE:ROWS'")
        pictures = CATALOG[generator.kind].family == "pictures"
        if not pictures:
            check_writable(out)
        asked = _asked(generator, where, count, prior, match)
        made = generator.sample(rows, random_state=seed, **asked)
        origin = stamps.generator_of(model)
        told = stamps.stamp(
            made_by="ganforge sample",
            rows=len(made),
            synthetic_rows=len(made),
            which=stamps.ALL,
            generator=origin,
            data=origin["data"],
            seed=seed,
            condition=asked["condition"],
            asked={
                k: each for k, each in {"counts": asked.get("counts"), "prior": prior, "match": match}.items() if each
            },
        )
        if pictures:
            write_images(made, out)
            stamps.write_beside(out, told)
        else:
            stamps.write_stamped(made, out, told)
    noun = "pictures" if isinstance(made, Images) else "rows"
    obedience = getattr(generator, "obedience_", None)
    obeyed = "" if obedience is None else f" ({obedience:.1%} were as asked when first drawn, the others drawn again)"
    speaker.say(f"{len(made):,} {noun} → {out}{obeyed}")
    speaker.answer(
        {
            "out": str(out),
            "rows": len(made),
            "condition": {name: str(each) for name, each in asked["condition"].items()} or None,
            "counts": asked.get("counts"),
            "prior": asked.get("prior", "real"),
            "obedience": obedience,
            "seed": seed,
            "notices": notices,
        }
    )


def _asked(
    generator: Any, where: list[str] | None, count: list[str] | None, prior: str, match: list[str] | None
) -> dict[str, Any]:
    """Keyword arguments of `generator.sample`; refused where this kind of model does not take them."""
    codec = getattr(generator, "codec_", None)
    pairs = parse_conditions(where, () if codec is None else codec.schema.names)
    options: dict[str, Any] = {}
    if count:
        options["counts"] = _counts(count, codec)
    if match:
        if prior != "real":
            raise InputError(f"--match gives the shares, and so does --prior {prior}; leave one of them out")
        options["prior"] = _shares_of_files(match, codec)
    elif prior != "real":
        options["prior"] = prior
    known = inspect.signature(generator.sample).parameters
    for name in options:
        if name not in known:
            told = {"counts": "--count", "prior": "--prior and --match"}[name]
            raise InputError(f"a model of kind {generator.kind!r} does not take {told}; ctgan and ctgan-tuned do")
    if codec is None or "counts" not in known:  # ranges are CTGAN's as well
        return {"condition": _one_each(pairs), **options}
    from ganforge.synthesis.conditions import joined
    from ganforge.synthesis.constraining import refuse_derived

    refuse_derived(generator.constrained_, dict(pairs))  # before the codec says that it knows no such column
    return {"condition": joined(pairs, codec.schema), **options}


def parse_conditions(where: Iterable[str] | None, columns: Iterable[str]) -> list[tuple[str, str]]:
    """`["Class=1", "amount>500"]` → `[("Class", "1"), ("amount", ">500")]`: the model reads the text in the column's
    own terms. `columns` are those the model knows: a name may hold = or > itself."""
    names = sorted(columns, key=len, reverse=True)
    pairs = []
    for each in where or ():
        text = each.strip()
        name = next((name for name in names if text.startswith(name) and _OPERATOR.match(text[len(name) :])), None)
        found = re.match(r"([^<>=]*[^<>=\s])", text) if name is None else None
        name = found[1] if found else name
        operation = None if name is None else _OPERATOR.match(text[len(name) :])
        if name is None or operation is None:
            raise InputError(
                f"--where {each!r} is not of the form 'column=value', as in --where 'is_fraud=1' or 'amount>500'"
            )
        sign, value = operation.groups()
        pairs.append((name, value.strip() if sign == "=" else f"{sign}{value.strip()}"))
    return pairs


def _one_each(pairs: list[tuple[str, str]]) -> dict[str, str]:
    condition = dict(pairs)
    if len(condition) < len(pairs):
        name = next(name for name, _ in pairs if [each for each, _ in pairs].count(name) > 1)
        raise InputError(f"--where names column {name!r} twice; give each column one value")
    return condition


def _counts(count: list[str], codec: Any) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for each in count:
        wanted, colon, number = each.rpartition(":")
        if not colon or not number.strip().isdigit():
            raise InputError(f"--count {each!r} is not of the form 'column=value:rows', as in --count 'is_fraud=1:500'")
        ((name, value),) = parse_conditions([wanted], () if codec is None else codec.schema.names)
        counts.setdefault(name, {})[value] = int(number)
    return counts


def _shares_of_files(match: list[str], codec: Any) -> dict[str, Mapping[Any, float]]:
    """Column → value → share, as in the column of that name in each file, read as the model knows it: 01 stays 01."""
    from ganforge.data.readers import read_table
    from ganforge.data.schema import Schema

    shares: dict[str, Mapping[Any, float]] = {}
    for each in match:
        path, colon, column = each.rpartition(":")
        if not colon or not path or not column:
            raise InputError(f"--match {each!r} is not of the form FILE:COLUMN, as in --match last_year.csv:merchant")
        known = None if codec is None or column not in codec.schema else Schema((codec.schema[column],))
        frame = read_table(Path(path), schema=known).frame
        if column not in frame.columns:
            raise UnknownNameError("column", column, frame.columns, where=path)
        shares[column] = frame[column].value_counts(normalize=True, dropna=False).to_dict()
    return shares
