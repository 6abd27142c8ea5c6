"""What is asked of MLflow about runs that are recorded: more artefacts for one, and what the champion is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ganforge.errors import ServiceError
from ganforge_pipelines.lineage.registry import CHAMPION
from ganforge_pipelines.lineage.store import connected, tracking_uri
from ganforge_pipelines.lineage.tracking import log_artifact


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The version of a registered model that others have to beat."""

    version: int
    run_id: str
    metrics: dict[str, float]
    tags: dict[str, str]


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
        return Champion(
            version=int(version.version),
            run_id=str(version.run_id or ""),
            metrics=dict(metrics),
            tags=dict(version.tags),
        )


def fetch_version(workspace_root: str | Path, name: str, version: int, folder: Path) -> Path:
    """Copy the bundle of a version into `folder`; returns where its `model/` lies.

    Raises `ServiceError` where the server does not hand it out, or it is no bundle of ganforge's.
    """
    import mlflow.artifacts

    root = Path(workspace_root).resolve()
    with connected(tracking_uri(root), root=root):
        place = mlflow.artifacts.download_artifacts(f"models:/{name}/{version}", dst_path=str(folder))
    bundle = Path(place) / "data" / "bundle"
    if not (bundle / "model").is_dir():
        raise ServiceError(f"models:/{name}/{version} holds no model of ganforge's flows")
    return bundle


def fetch_artifact(workspace_root: str | Path, run_id: str, name: str, folder: Path) -> Path | None:
    """Copy one artefact of a run into `folder`; None where the run has none of that name."""
    import mlflow.artifacts

    root = Path(workspace_root).resolve()
    with connected(tracking_uri(root), root=root) as client:
        place, _, _ = name.rpartition("/")
        if name not in {each.path for each in client.list_artifacts(run_id, place or None)}:
            return None
        return Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=name, dst_path=str(folder)))
