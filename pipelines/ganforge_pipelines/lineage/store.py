"""Where MLflow keeps things, and how it is spoken to: quietly, within seconds, never unpickling.

By default a sqlite file and a folder in the workspace; MLFLOW_TRACKING_URI leads to a server instead. MLflow is
imported inside functions: it takes seconds.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ganforge.errors import ServiceError
from ganforge_pipelines.lineage.addresses import without_password
from ganforge_pipelines.workspace.lock import hold

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SETTINGS: dict[str, str | None] = {
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    # MLflow writes these itself, for its own children; they are put back
    "MLFLOW_TRACKING_URI": None,
    "MLFLOW_REGISTRY_URI": None,
}
_PATIENCE: dict[str, str | None] = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
"""Where the user says nothing: MLflow's own would wait for minutes."""
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "postgres": 5432, "mysql": 3306, "mssql": 1433}


def tracking_uri(workspace_root: str | Path) -> str:
    """MLFLOW_TRACKING_URI where it is set, else the workspace's own sqlite file."""
    return os.environ.get("MLFLOW_TRACKING_URI") or _own_uri(Path(workspace_root).resolve())


def check_tracking_server(uri: str | None = None, *, seconds: float = 5.0) -> None:
    """Raise `ServiceError` within seconds when the server that is named does not answer or does not let us in.

    uri: default MLFLOW_TRACKING_URI; without one there is nothing to check.
    """
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return
    _refuse_unreachable(uri, seconds)
    limits: dict[str, str | None] = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(max(1, round(seconds))),
    }
    with _environment(limits), connected(uri) as client:
        client.search_experiments(max_results=1)


def _refuse_unreachable(uri: str, seconds: float) -> None:
    """What can be seen without MLflow, which would ask a database that is not there for minutes."""
    address = urlsplit(uri)
    kind = address.scheme.split("+")[0]
    if kind == "sqlite":
        folder = Path(address.path.removeprefix("/")).parent
        if not folder.is_dir():
            raise _unreachable(uri, f"no folder {folder}")
    elif kind in _PORTS and (address.hostname or kind.startswith("http")):
        try:
            socket.create_connection((address.hostname or "", address.port or _PORTS[kind]), timeout=seconds).close()
        except (OSError, ValueError) as error:  # ValueError: a port that is no number
            raise _unreachable(uri, str(error)) from error


@contextlib.contextmanager
def connected(uri: str, *, root: Path | None = None) -> Iterator[MlflowClient]:
    """A client of the store at `uri`, which is also the process's own inside the block; silent, never unpickling.

    Everything MLflow raises inside becomes a `ServiceError`.
    """
    patience = {name: value for name, value in _PATIENCE.items() if name not in os.environ}
    with _environment({**_SETTINGS, **patience}), _silent():
        import mlflow
        import requests
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import is_tracking_uri_set
        from sqlalchemy.exc import SQLAlchemyError

        logging.getLogger("mlflow").setLevel(logging.ERROR)  # again: importing it set its own level
        named = os.environ.get("MLFLOW_TRACKING_URI")
        former = mlflow.get_tracking_uri() if is_tracking_uri_set() else None
        try:
            mlflow.set_tracking_uri(uri)
            with _alone(uri, root):
                client = mlflow.MlflowClient()
                client.search_experiments(max_results=1)
            yield client
        except ModuleNotFoundError as error:  # a database's driver, which is the user's to choose
            raise _unreachable(uri, f"{error}, which a database of this kind needs; install it") from error
        except (MlflowException, requests.RequestException, SQLAlchemyError) as error:
            raise _unreachable(uri, str(error)) from error
        finally:
            mlflow.set_tracking_uri(None if former == named else former)  # type: ignore[arg-type]  # None: as at first


def _own_uri(root: Path) -> str:
    return f"sqlite:///{(root / 'mlflow' / 'mlflow.db').as_posix()}"


def is_own(uri: str, root: Path | None) -> bool:
    """Whether `uri` is the workspace's own sqlite file."""
    return root is not None and uri == _own_uri(root)


@contextlib.contextmanager
def _alone(uri: str, root: Path | None) -> Iterator[None]:
    """Keep a second process from making the tables of the workspace's new database at the same time."""
    if root is None or not is_own(uri, root):
        yield
        return
    (root / "mlflow").mkdir(parents=True, exist_ok=True)
    with hold(root / ".ganforge" / "mlflow.lock", wait=True):
        yield


@contextlib.contextmanager
def _environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """Set these variables inside the block (None: leave as it is), and put back what was there, whoever
    changed it."""
    former = {name: os.environ.get(name) for name in values}
    os.environ.update({name: value for name, value in values.items() if value is not None})
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """MLflow and Alembic tell of every table and version they make, and SQLAlchemy which of its calls they
    should not use any longer: nothing a user has to know."""
    former = {name: logging.getLogger(name).level for name in ("mlflow", "alembic")}
    for name in former:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
                warnings.simplefilter("ignore", category)
            warnings.filterwarnings("ignore", category=UserWarning, module="mlflow")
            yield
    finally:
        for name, level in former.items():
            logging.getLogger(name).setLevel(level)


def _unreachable(uri: str, why: str) -> ServiceError:
    refused = re.search(r"error code (401|403)\b", why)
    why = f"it does not let us in (HTTP {refused[1]})" if refused else without_password(" ".join(why.split()))
    why = why[:400].rstrip(".")
    return ServiceError(
        f"MLflow at {without_password(uri)}: {why}; see that the server runs and lets you in (MLFLOW_TRACKING_URI, "
        "MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD), or unset MLFLOW_TRACKING_URI to use the workspace's "
        "own store"
    )
