"""MLflow's own pages over the workspace's store."""

from __future__ import annotations

import sys
from pathlib import Path

from ganforge_pipelines.lineage.store import tracking_uri


def pages_command(workspace_root: str | Path, host: str, port: int) -> list[str]:
    """The command line of a server that shows the runs and models of this workspace."""
    root = Path(workspace_root).resolve()
    return [
        *(sys.executable, "-P", "-m", "mlflow", "server"),
        *("--backend-store-uri", tracking_uri(root)),
        *("--default-artifact-root", (root / "mlflow" / "artifacts").as_uri()),
        *("--host", host, "--port", str(port), "--workers", "1"),
    ]
