"""What a run was and what came of it, told to MLflow, with the registered model.

track_run(…) ─▶ one run (tags, parameters, curves, artefacts, dataset)  +  one version of the flow's model
take_up(…)   ─▶ the version that the same work has registered before, and what a kill left undone of it
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganforge import __version__
from ganforge.errors import InputError
from ganforge_pipelines.lineage.addresses import without_password
from ganforge_pipelines.lineage.registry import CHALLENGER, CHAMPION, KEY, Known, crown
from ganforge_pipelines.lineage.scoring import BUNDLE, GENERATOR, MODEL
from ganforge_pipelines.lineage.signatures import signature_of
from ganforge_pipelines.lineage.store import check_tracking_server, connected, is_own, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "DatasetInfo",
    "TrackedRun",
    "check_tracking_server",
    "take_up",
    "track_run",
    "tracking_uri",
]

_SCORES_WITH = ("mlflow", "numpy", "pandas", "safetensors", "scikit-learn", "skops", "torch")
MODEL_CARD = "model_card.md"
"""The card's name among the artefacts of a run."""
_BATCH = 1000  # metrics in one request: MLflow's limit
_WORK = "ganforge.work"
_FEW = 100  # parameters or tags in one request: MLflow's limit


Card = Callable[[int], tuple[str, str]]
"""version → (its description in a sentence, its model card in Markdown)."""


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """What MLflow is told about the data: never a row of it."""

    name: str
    source: str
    """Where it lies, below the workspace."""
    digest: str
    """SHA-256."""
    md5: str
    """As DVC records it."""
    rows: int | None = None


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    run_id: str
    experiment: str
    model_name: str
    version: int
    alias: str | None
    uri: str
    """`models:/name/version`, for `mlflow.pyfunc.load_model`."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def track_run(
    *,
    workspace_root: str | Path,
    flow: str,
    tags: Mapping[str, Any],
    params: Mapping[str, Any],
    curves: Iterable[Mapping[str, Any]],
    metrics: Mapping[str, float],
    artifacts: Mapping[str, str | Path],
    model_folder: str | Path,
    generator_folder: str | Path | None = None,
    dataset: DatasetInfo | None = None,
    registered_name: str,
    promote: bool,
    reason: str = "",
    bundle: Mapping[str, Any] | None = None,
    card: Card | None = None,
    input_example_schema: Any = None,
    key: str | None = None,
) -> TrackedRun:
    """Record one finished run of a flow and register its model.

    Args:
        flow: "fraud", "images" or "anomalies"; the experiment is called "ganforge-" and this.
        tags: text by name; values that are not text are written as such, passwords in addresses are left out.
        params: may be nested; "train": {"steps": 3} becomes `train.steps`.
        curves: one mapping a point with "step", "name" and "value".
        artifacts: folder in the run's artefacts → the local file or folder that is copied there.
        model_folder: what scores: a classifier, picture classifier or detector as `ganforge` saves it.
        generator_folder: the synthesizer whose samples it was trained with; it stands beside it in the artefact.
        promote: the version takes the alias "champion", else "challenger"; reason: why.
        bundle: what else belongs to the model (its threshold, its parts), as `bundle.json` in the artefact and as the
            metadata of the MLflow model.
        input_example_schema: the `Schema` of the columns scored (without the target), or a picture's (C, H, W).
        key: by what the version is found again when the same work is to be registered once more (`registry.known`).

    Raises `ServiceError` when the server is not there or refuses; the run is then marked as failed where
    that is still possible.
    """
    root = Path(workspace_root).resolve()
    uri = tracking_uri(root)
    with connected(uri, root=root) as client:
        own = (root / "mlflow" / "artifacts").as_uri() if is_own(uri, root) else None
        experiment = _experiment(client, f"ganforge-{flow}", own)
        work = _work_digest(tags)
        _end_killed(client, experiment, work)
        told = _texts({**tags, KEY: key})
        run_id = client.create_run(experiment, tags={**told, _WORK: work}, run_name=_run_name(flow)).info.run_id
        try:
            _log_numbers(client, run_id, params, metrics)
            if dataset is not None:
                _log_dataset(client, run_id, dataset)
            source, model_id = _log_model(
                client,
                run_id,
                experiment,
                model=Path(model_folder),
                generator=None if generator_folder is None else Path(generator_folder),
                signature=signature_of(input_example_schema, Path(model_folder)),
                bundle=dict(bundle or {}),
            )
            _log_curves(client, run_id, curves)
            for place, local in artifacts.items():
                log_artifact(client, run_id, Path(local), place)
            # Last, so that no version stands for a run that broke off.
            version = _register(client, run_id, name=registered_name, source=source, model_id=model_id, tags=told)
            alias = _place(client, run_id, registered_name, version, promote=promote, reason=reason, card=card)
        except BaseException:
            with contextlib.suppress(Exception):  # the first failure is the one to tell
                client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id, "FINISHED")
    return _tracked(flow, run_id, registered_name, version, alias)


def take_up(
    known: Known,
    *,
    workspace_root: str | Path,
    flow: str,
    registered_name: str,
    promote: bool = False,
    reason: str = "",
    tags: Mapping[str, Any] | None = None,
    card: Card | None = None,
) -> TrackedRun:
    """The version that the same work registered before, instead of a twin of it.

    One that was given its alias keeps the standing it has now. One whose process was gone before that is given it as
    `track_run` would have: promote, reason and card are as there, tags what was decided anew.
    """
    root = Path(workspace_root).resolve()
    with connected(tracking_uri(root), root=root) as client:
        alias, version = known.alias, known.version
        if not known.settled:
            for name, text in _texts(tags or {}).items():
                client.set_model_version_tag(registered_name, str(version), name, text)
            alias = _place(client, known.run_id, registered_name, version, promote=promote, reason=reason, card=card)
        if not known.finished:
            client.set_terminated(known.run_id, "FINISHED")
    return _tracked(flow, known.run_id, registered_name, version, alias)


def _tracked(flow: str, run_id: str, name: str, version: int, alias: str | None) -> TrackedRun:
    return TrackedRun(
        run_id=run_id,
        experiment=f"ganforge-{flow}",
        model_name=name,
        version=version,
        alias=alias,
        uri=f"models:/{name}/{version}",
    )


# -- one run
# -------------------------------------------------------------------------------------------------------


def _place(
    client: MlflowClient, run_id: str, name: str, version: int, *, promote: bool, reason: str, card: Card | None
) -> str:
    """Give a version its card, and then its alias: who has the alias has all that belongs to it."""
    if card is not None:
        sentence, text = card(version)
        client.log_text(run_id, text, MODEL_CARD)
        client.update_model_version(name, str(version), description=sentence)
    if promote:
        crown(client, name, version, reason=reason)
        return CHAMPION
    client.set_registered_model_alias(name, CHALLENGER, str(version))
    return CHALLENGER


def _experiment(client: MlflowClient, name: str, artifact_location: str | None) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return found.experiment_id
    from mlflow.exceptions import MlflowException

    try:
        return client.create_experiment(name, artifact_location=artifact_location)
    except MlflowException:
        found = client.get_experiment_by_name(name)  # another process may have been first
        if found is None:
            raise
        return found.experiment_id


def _work_digest(tags: Mapping[str, Any]) -> str:
    """A name for what a run records: equal data and equal stages, equal work."""
    told = {name: text for name, text in _texts(tags).items() if name.split(".")[0] in ("flow", "data", "stage")}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _end_killed(client: MlflowClient, experiment: str, work: str) -> None:
    """Mark runs of the same work that still count as running: the process that made them is gone.

    A workspace is locked, so two registrations of its work never run at once. Should another workspace be at the same
    work on a shared server, its run says "finished" in the end all the same.
    """
    for each in client.search_runs([experiment], f"tags.`{_WORK}` = '{work}' and attributes.status = 'RUNNING'"):
        client.set_terminated(each.info.run_id, "KILLED")


def _log_numbers(client: MlflowClient, run_id: str, params: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
    from mlflow.entities import Param

    told = [Param(_key(name), without_password(str(value))[:6000]) for name, value in _flat(params)]
    for start in range(0, len(told), _FEW):
        client.log_batch(run_id, params=told[start : start + _FEW])
    _log_curves(client, run_id, ({"name": name, "value": value, "step": 0} for name, value in metrics.items()))


def _log_curves(client: MlflowClient, run_id: str, curves: Iterable[Mapping[str, Any]]) -> None:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    points = [
        Metric(_key(each["name"]), float(each["value"]), now, int(each["step"]))
        for each in curves
        if each["value"] is not None
    ]
    for start in range(0, len(points), _BATCH):
        client.log_batch(run_id, metrics=points[start : start + _BATCH])


def _log_dataset(client: MlflowClient, run_id: str, dataset: DatasetInfo) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    described = Dataset(
        name=dataset.name,
        digest=dataset.md5[:36],  # MLflow's limit, and exactly the length of a folder's md5 with ".dir"
        source_type="dvc",
        source=json.dumps({"path": without_password(dataset.source), "md5": dataset.md5}),
        profile=json.dumps({"num_rows": dataset.rows, "sha256": dataset.digest}),
    )
    client.log_inputs(run_id, [DatasetInput(described, [InputTag("mlflow.data.context", "training")])])


def log_artifact(client: MlflowClient, run_id: str, local: Path, place: str) -> None:
    """Copy a file or folder into the folder `place` of a run's artefacts ("" is the top)."""
    if local.is_dir():
        client.log_artifacts(run_id, str(local), place or None)
    elif local.is_file():
        client.log_artifact(run_id, str(local), place or None)
    else:
        raise InputError(f"no such file or folder to keep with the run: {local}")


def _log_model(
    client: MlflowClient,
    run_id: str,
    experiment_id: str,
    *,
    model: Path,
    generator: Path | None,
    signature: Any,
    bundle: Mapping[str, Any],
) -> tuple[str, str]:
    """The model as an artefact of the run: (its address, its id)."""
    import mlflow.pyfunc
    from mlflow.models import Model

    made = client.create_logged_model(experiment_id, name="model", source_run_id=run_id)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "bundle"
        shutil.copytree(model, folder / MODEL)
        if generator is not None:
            shutil.copytree(generator, folder / GENERATOR)
        (folder / BUNDLE).write_text(json.dumps(bundle, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        Model.log(
            artifact_path=None,
            name="model",
            model_id=made.model_id,
            flavor=mlflow.pyfunc,
            run_id=run_id,
            loader_module="ganforge_pipelines.lineage.scoring",
            data_path=str(folder),
            metadata=dict(bundle) or None,
            signature=signature,
            pip_requirements=_requirements(),
        )
    return made.model_uri, made.model_id


def _register(client: MlflowClient, run_id: str, *, name: str, source: str, model_id: str, tags: dict[str, str]) -> int:
    """Make the logged model the next version of `name`."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return int(client.create_model_version(name, source=source, run_id=run_id, tags=tags, model_id=model_id).version)


def _requirements() -> list[str]:
    """What scoring needs, at the versions of this process, without local parts ("+cpu"), which no index
    has."""
    pins = {name: metadata.version(name).split("+")[0] for name in _SCORES_WITH}
    return [f"ganforge=={__version__}", *(f"{name}=={pin}" for name, pin in pins.items())]


def _run_name(flow: str) -> str:
    return f"{flow} {time.strftime('%Y-%m-%d %H:%M:%S')}"


def _texts(tags: Mapping[str, Any]) -> dict[str, str]:
    return {_key(name): without_password(str(value))[:5000] for name, value in tags.items() if value is not None}


def _flat(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in params.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _key(name: object) -> str:
    """A name as MLflow allows it."""
    return re.sub(r"[^\w\-. :/]", "_", str(name))[:250]
