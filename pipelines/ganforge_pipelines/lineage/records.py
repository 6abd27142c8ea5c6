"""What is asked of MLflow after a run is recorded: more artefacts for it, and who the champion is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ganforge_pipelines.lineage.store import connected, tracking_uri
from ganforge_pipelines.lineage.tracking import CHAMPION, log_artifact


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The version of a registered model that others have to beat."""

    version: int
    run_id: str
    metrics: dict[str, float]


def add_artifacts(workspace_root: str | Path, run_id: str, artifacts: Mapping[str, str | Path]) -> None:
    """Add files or folders to a finished run: folder in its artefacts ("" is the top) → local path.

    Raises `ServiceError` when the server is not there or refuses.
    """
    root = Path(workspace_root).resolve()
    with connected(tracking_uri(root), root=root) as client:
        for place, local in artifacts.items():
            log_artifact(client, run_id, Path(local), place)


def champion_of(workspace_root: str | Path, name: str) -> Champion | None:
    """The champion among the versions of the registered model `name`; None where there is none yet."""
    root = Path(workspace_root).resolve()
    with connected(tracking_uri(root), root=root) as client:
        if not client.search_registered_models(filter_string=f"name = '{name}'"):
            return None
        aliases = client.get_registered_model(name).aliases
        if CHAMPION not in aliases:
            return None
        version = client.get_model_version_by_alias(name, CHAMPION)
        metrics = client.get_run(version.run_id).data.metrics if version.run_id else {}
        return Champion(version=int(version.version), run_id=str(version.run_id), metrics=dict(metrics))
