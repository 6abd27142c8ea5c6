"""The environment variables that must stand before Prefect, MLflow and DVC are imported.

What the user set stands: every line is a default, except that models are never unpickled.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganforge_pipelines.workspace.folder import Workspace

QUIET = {
    # nothing leaves the machine by our doing
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DVC_NO_ANALYTICS": "true",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    # an ephemeral server makes its database on the first start: that takes longer than its own limit of 20 s
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # Prefect's log goes to its API and to our log file; the user's answer is not written over
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",  # its own choice is pickle
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # its server would start eight more processes, for jobs (evaluation by language models) that nobody here asks for
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


def environment(workspace: Workspace | None = None) -> None:
    """Set what is not set yet, for this process and its children.

    With a workspace Prefect keeps its database and profiles in the workspace (the user's home is left alone)
    and, when `ganforge ui` left a server running there, runs are told to it. A Prefect profile that the user has
    goes on to be read.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    if workspace is None:
        return
    root = workspace.root
    if "PREFECT_HOME" not in os.environ:
        profiles = Path.home() / ".prefect" / "profiles.toml"
        if profiles.is_file():
            os.environ.setdefault("PREFECT_PROFILES_PATH", str(profiles))
        os.environ["PREFECT_HOME"] = str(root / ".ganforge" / "prefect")
    if "PREFECT_API_URL" not in os.environ:
        left = running_server(root, "prefect")
        if left:
            os.environ["PREFECT_API_URL"] = f"{left['url']}/api"


def servers_file(root: str | Path) -> Path:
    """Where `ganforge ui` writes down what it left running."""
    return Path(root) / ".ganforge" / "servers.json"


def running_server(root: str | Path, name: str) -> dict | None:
    """`{"pid", "started", "url"}` of a server that `ganforge ui` left and that still lives, else None."""
    file = servers_file(root)
    if not file.is_file():
        return None
    import psutil  # here: `ganforge --help` pays for nothing it does not use

    try:
        record = json.loads(file.read_text(encoding="utf-8")).get(name)
        alive = record is not None and abs(psutil.Process(record["pid"]).create_time() - record["started"]) < 2
    except (ValueError, psutil.NoSuchProcess):
        return None
    return record if alive else None
