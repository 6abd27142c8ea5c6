"""A user's own data: looked at before anything runs, and made what a workspace's flows run on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ganforge.data.images import Images
from ganforge.data.readers import holds_images, read, read_verbatim_chunks
from ganforge.data.sources import refuse_missing
from ganforge.data.table import Table
from ganforge.data.targets import binary_target
from ganforge.errors import GanforgeWarning, InputError, UnknownNameError, UnsuitableDataError
from ganforge_pipelines.lineage import dvc
from ganforge_pipelines.lineage.stamps import refuse_stamped
from ganforge_pipelines.stages.roles import ROLES
from ganforge_pipelines.workspace import Workspace

FEWEST_POSITIVES = 10
"""With fewer rows of the rare class, five folds hold one or two each: too few to tell anything."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a flow would find in a file."""

    sentence: str
    family: str
    """"tables" or "pictures"."""
    rows: int
    n_positive: int | None
    fingerprint: str
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """Data that a workspace now calls its own."""

    path: Path
    """Below the workspace's root."""
    md5: str
    rows: int
    flows: tuple[str, ...]
    """The flows that run on it from now on."""


def check_columns(data: str | Path, names: Sequence[str]) -> None:
    """Raise `UnknownNameError`, with the nearest, for a column that the first rows of the file do not have, and
    `InputError` where the file says that its rows are synthetic."""
    path = Path(data)
    refuse_missing(path)
    refuse_stamped(path, str(data))  # a stamp beside the file stays behind when the file is copied into the workspace
    if names and not holds_images(path):
        with warnings.catch_warnings():  # `prepare` reads all of it, and tells what it repairs
            warnings.simplefilter("ignore", GanforgeWarning)
            head = next(iter(read_verbatim_chunks(path, rows=1)))
        for name in names:
            if name not in head.columns:
                raise UnknownNameError("column", name, head.columns, where=str(path))


def check_input(
    data: str | Path,
    *,
    target: str | None = None,
    time: str | None = None,
    labels: str | Path | None = None,
    schema: str | Path | None = None,
) -> Checked:
    """Read the file as a flow would, and say what it holds and what a flow would stumble over.

    Raises what the flow would raise: `InputError` for what cannot be read and for synthetic rows,
    `UnsuitableDataError` for one class or fewer than 10 rows of the rare one.
    """
    from ganforge.downstream.leaks import without_mark  # with scikit-learn, which a check of columns is not to wait for
    from ganforge.downstream.picture_leaks import refuse_marked

    refuse_stamped(data, str(data))
    source = read(data, labels=labels, schema=schema)
    if isinstance(source, Images):
        refuse_marked(source)
        return _check_images(source, Path(data))
    without_mark(source.frame, str(data))
    return _check_table(source, Path(data), target=target, time=time)


def _check_table(table: Table, data: Path, *, target: str | None, time: str | None) -> Checked:
    constant = [each.name for each in table.schema if each.kind == "constant"]
    left_out = [each.name for each in table.schema if each.kind in ("identifier", "text")]
    remarks = []
    if constant:
        remarks.append(f"constant, left out of training: {', '.join(constant)}")
    if left_out:
        remarks.append(f"identifiers and free text, never learned: {', '.join(left_out)}")
    if len(constant) == len(table.schema.columns):
        raise UnsuitableDataError(
            f"{data}: every column holds one value only, so there is nothing to learn; give at least one column that "
            "varies"
        )
    sentence = f"{data.name}: {len(table):,} rows, {len(table.schema.columns)} columns"
    n_positive = None
    if target is not None:
        sides = binary_target(table, target)
        n_positive = sides.n_positive
        share = n_positive / len(table)
        sentence += f", {n_positive:,} with {sides.positive_label} ({share:.2%})"
        if min(n_positive, len(table) - n_positive) < FEWEST_POSITIVES:
            raise UnsuitableDataError(
                f"{data}: column {target!r} has {min(n_positive, len(table) - n_positive)} rows of the rarer class; "
                f"at least {FEWEST_POSITIVES} are needed to judge anything"
            )
    if time is not None:
        seconds = table.time(time)
        sentence += f", over {(seconds.max() - seconds.min()) / 86_400:,.1f} days"
    return Checked(
        sentence=sentence + ("; " + "; ".join(remarks) if remarks else ""),
        family="tables",
        rows=len(table),
        n_positive=n_positive,
        fingerprint=table.fingerprint,
        remarks=tuple(remarks),
    )


def _check_images(images: Images, data: Path) -> Checked:
    shape = "×".join(str(each) for each in images.shape)
    sentence = f"{data.name}: {len(images):,} pictures of {shape}"
    remarks: tuple[str, ...] = ()
    if images.labels is None:
        remarks = ("no labels: no classifier can be judged; name them with --labels, or give one folder a class",)
    else:
        counts = images.class_counts()
        sentence += f" in {len(counts)} classes of {min(counts.values()):,} to {max(counts.values()):,}"
    return Checked(
        sentence=sentence + ("; " + "; ".join(remarks) if remarks else ""),
        family="pictures",
        rows=len(images),
        n_positive=None,
        fingerprint=images.fingerprint,
        remarks=remarks,
    )


def adopt(
    workspace: Workspace,
    data: str | Path,
    *,
    target: str | None = None,
    time: str | None = None,
    labels: str | Path | None = None,
) -> Adopted:
    """Check, copy into the workspace, version with DVC, and name it in `params.yaml`.

    A table becomes the data of the flows fraud (where there is a `target`) and anomalies, pictures that of the flow
    images. Nothing is written before the check has passed.
    """
    checked = check_input(data, target=target, time=time, labels=labels)
    if checked.family == "pictures" and (target or time):
        raise InputError(f"{data} holds pictures, which have no column; leave --target and --time out")
    with workspace.lock():
        path = dvc.add_outside(workspace.root, data)
        version = dvc.version(workspace.root, path, rows=checked.rows)
        place = workspace.relative(path)
        if checked.family == "pictures":
            beside = place
            if labels is not None:
                added = dvc.add_outside(workspace.root, labels)
                dvc.version(workspace.root, added)
                beside = workspace.relative(added)
            flows: tuple[str, ...] = ("images",)
            changes: dict[str, Any] = {"images.prepare.data": place, "images.prepare.labels": beside}
        else:
            flows = ("fraud", "anomalies") if target else ("anomalies",)
            changes = {
                f"{flow}.prepare.{name}": value
                for flow in flows
                for name, value in {"data": place, "time": time, "schema": None, "leave_out": []}.items()
            }
            changes["anomalies.prepare.label"] = target
            if target:
                changes["fraud.prepare.target"] = target
                changes |= {f"fraud.prepare.{role}": None for role in ROLES}
        workspace.write_params(changes)
    return Adopted(path=path.relative_to(workspace.root), md5=version.md5, rows=checked.rows, flows=flows)
