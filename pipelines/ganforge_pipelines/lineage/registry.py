"""The versions of a registered model: which one is champion, which ones were, and why.

    versions_of(root, "ganforge-fraud")              the newest first: aliases, day, figures, reason
    promote(root, "ganforge-fraud", 3, reason=…)     version 3 becomes champion
    rollback(root, "ganforge-fraud")                 the one before it is champion again

A version is a bundle: what scores, its threshold and the generator lie in one artefact, so that one alias moves them
all. Who was champion before stands in the tag `ganforge.champions` of the registered model, the present one last; each
of them has its day and its reason among the tags of its version. MLflow moves an alias without asking who else does:
the workspace's lock keeps two commands of one workspace apart, and only these.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganforge.errors import InputError, UnknownNameError, UnsuitableDataError
from ganforge_pipelines.lineage.addresses import without_password
from ganforge_pipelines.lineage.store import connected, is_own, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
FORMER = "ganforge.champions"
"""Tag of a registered model: the versions that have been champion, in order, as JSON; a rollback takes the last off."""
SINCE, UNTIL, WHY = "champion.since", "champion.until", "champion.reason"
"""Tags of a version that is or was champion: from when, until when, and why it became it."""
REASON, FIGURE = "alias_reason", "figure"
"""Tags of every version: why it was registered under the alias that it was, and what it reached on rows held out."""
KEY = "ganforge.key"
"""Tag of every version: the key of the stage that registered it. Equal key, equal work."""
_REMEMBERED = 100


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of a registered model."""

    version: int
    aliases: tuple[str, ...]
    day: str
    """When it was registered: local time, ISO 8601."""
    figure: str
    reason: str
    """Why it is (or was last) champion; of one that never was, why not."""
    run_id: str
    uri: str
    tags: dict[str, str] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Known:
    """A version that the same work has registered before."""

    version: int
    run_id: str
    alias: str | None
    """The one it has now."""
    holders: dict[str, int]
    """Who has which alias now."""
    finished: bool
    """Was its run brought to its end?"""
    reason: str
    """Why it has the alias that it has; of one that has none, why it was registered under the one it had."""
    tags: dict[str, str] = field(repr=False)

    @property
    def settled(self) -> bool:
        """Was it given an alias? Not where its process was gone before."""
        return self.finished or self.alias is not None


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a promotion or a rollback did."""

    name: str
    champion: int
    former: int | None
    """The champion before; None where there was none."""
    reason: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def models_of(workspace_root: str | Path) -> list[str]:
    """Names of all registered models, sorted; none where the workspace's own store was never written to."""
    root = Path(workspace_root).resolve()
    if is_own(tracking_uri(root), root) and not (root / "mlflow" / "mlflow.db").is_file():
        return []  # to look is no reason to make one
    with connected(tracking_uri(root), root=root) as client:
        return sorted(str(each.name) for each in client.search_registered_models(max_results=1000))


def versions_of(workspace_root: str | Path, name: str) -> list[Version]:
    """All versions, the newest first. Raises `UnknownNameError` where there is no model of that name."""
    root = Path(workspace_root).resolve()
    with connected(tracking_uri(root), root=root) as client:
        return _versions(client, name)


def known(workspace_root: str | Path, name: str, key: str) -> Known | None:
    """The newest version that was registered under this key; None where there is none, or it was deleted since."""
    root = Path(workspace_root).resolve()
    with connected(tracking_uri(root), root=root) as client:
        found = client.search_model_versions(f"name = '{name}' and tags.`{KEY}` = '{key}'")
        if not found:
            return None
        newest = max(found, key=lambda each: int(each.version))
        version, tags = int(newest.version), dict(newest.tags)
        holders = {str(each): int(holder) for each, holder in client.get_registered_model(name).aliases.items()}
        alias = next((each for each in (CHAMPION, CHALLENGER) if holders.get(each) == version), None)
        return Known(
            version=version,
            run_id=str(newest.run_id),
            alias=alias,
            holders=holders,
            finished=client.get_run(str(newest.run_id)).info.status == "FINISHED",
            reason=(tags.get(WHY) if alias == CHAMPION else None) or tags.get(REASON, ""),
            tags=tags,
        )


def promote(workspace_root: str | Path, name: str, version: int | None = None, *, reason: str) -> Change:
    """Make a version champion: `version`, or the challenger.

    Raises `UnknownNameError` for a model or version that is not there, `InputError` without a challenger,
    `UnsuitableDataError` where that version is champion already.
    """
    root = Path(workspace_root).resolve()
    with connected(tracking_uri(root), root=root) as client:
        found = {each.version: each for each in _versions(client, name)}
        challenger = next((each.version for each in found.values() if CHALLENGER in each.aliases), None)
        chosen = challenger if version is None else version
        if chosen is None:
            raise InputError(f"{name} has no {CHALLENGER}; say which version with --version ({_known(list(found))})")
        if chosen not in found:
            raise UnknownNameError("version", chosen, found, where=name)
        if CHAMPION in found[chosen].aliases:
            raise UnsuitableDataError(f"{name}: version {chosen} is champion already; nothing was changed")
        return crown(client, name, chosen, reason=reason)


def rollback(workspace_root: str | Path, name: str, *, reason: str) -> Change:
    """Make the former champion champion again.

    Raises `UnknownNameError` for a model that is not there, `UnsuitableDataError` where no other version that still is
    there was champion before.
    """
    root = Path(workspace_root).resolve()
    with connected(tracking_uri(root), root=root) as client:
        found = [each.version for each in _versions(client, name)]
        present = _present(client, name)
        before = _before(_former(client, name), present, there=found)
        if not before:
            now = "there is no champion" if present is None else f"version {present} is the first champion"
            raise UnsuitableDataError(
                f"{name}: {now}, and no other version was champion before; `ganforge models promote {name} --version "
                "N` makes one"
            )
        return _move(client, name, before[-1], before=before[:-1], present=present, reason=reason, forward=False)


def crown(client: MlflowClient, name: str, version: int, *, reason: str) -> Change:
    """Move the alias to a version, and write down who had it."""
    present = _present(client, name)
    before = [*_before(_former(client, name), present), *([] if present is None else [present])]
    return _move(client, name, version, before=before, present=present, reason=reason, forward=True)


def _move(
    client: MlflowClient,
    name: str,
    version: int,
    *,
    before: Sequence[int],
    present: int | None,
    reason: str,
    forward: bool,
) -> Change:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    champions = [*before, version][-_REMEMBERED:]
    client.set_model_version_tag(name, str(version), SINCE, now)
    client.set_model_version_tag(name, str(version), WHY, without_password(reason)[:5000])
    if UNTIL in client.get_model_version(name, str(version)).tags:
        client.delete_model_version_tag(name, str(version), UNTIL)
    steps = [
        lambda: client.set_registered_model_alias(name, CHAMPION, str(version)),
        lambda: client.set_registered_model_tag(name, FORMER, json.dumps(champions)),
    ]
    # Killed between the two, the list must name nobody who never was champion, nor who was just rolled back.
    for step in steps if forward else reversed(steps):
        step()
    if present is not None:
        client.set_model_version_tag(name, str(present), UNTIL, now)
    aliases = client.get_registered_model(name).aliases
    if aliases.get(CHALLENGER) is not None and int(aliases[CHALLENGER]) == version:
        client.delete_registered_model_alias(name, CHALLENGER)
    return Change(name=name, champion=version, former=present, reason=reason)


def _present(client: MlflowClient, name: str) -> int | None:
    number = client.get_registered_model(name).aliases.get(CHAMPION)
    return None if number is None else int(number)


def _former(client: MlflowClient, name: str) -> list[int]:
    """The champions so far, in order; none where whoever wrote the tag was not ganforge."""
    try:
        return [int(each) for each in json.loads(client.get_registered_model(name).tags.get(FORMER, "[]"))]
    except (ValueError, TypeError):
        return []


def _before(champions: Sequence[int], present: int | None, *, there: Sequence[int] | None = None) -> list[int]:
    """Those that were champion before the present one, without those that were deleted since."""
    kept = [each for each in champions if there is None or each in there]
    while kept and kept[-1] == present:
        kept.pop()
    return kept


def _versions(client: MlflowClient, name: str) -> list[Version]:
    known = {str(each.name): each for each in client.search_registered_models(max_results=1000)}
    if name not in known:
        raise UnknownNameError("registered model", name, known, where="MLflow's registry")
    aliases: dict[int, list[str]] = {}
    for alias, number in client.get_registered_model(name).aliases.items():
        aliases.setdefault(int(number), []).append(str(alias))
    found = client.search_model_versions(f"name = '{name}'", max_results=10_000)
    return sorted(
        (_version(each, tuple(sorted(aliases.get(int(each.version), ())))) for each in found),
        key=lambda each: -each.version,
    )


def _version(entry: Any, aliases: tuple[str, ...]) -> Version:
    made = datetime.fromtimestamp(entry.creation_timestamp / 1000).astimezone()
    tags = dict(entry.tags)
    return Version(
        version=int(entry.version),
        aliases=aliases,
        day=made.isoformat(timespec="seconds"),
        figure=tags.get(FIGURE, ""),
        reason=tags.get(WHY) or tags.get(REASON, ""),
        run_id=str(entry.run_id or ""),
        uri=f"models:/{entry.name}/{entry.version}",
        tags=tags,
    )


def _known(versions: Sequence[int]) -> str:
    return f"there are: {', '.join(map(str, sorted(versions)))}" if versions else "there is none yet"
