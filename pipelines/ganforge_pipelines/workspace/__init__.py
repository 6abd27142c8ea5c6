"""A workspace: a folder with `params.yaml` and `dvc.yaml` in which runs happen.

data/                   what runs read, versioned by DVC (`data.dvc`)
inputs/                 what `--data` brought from outside, versioned beside it
work/<flow>/<verb>/     what each stage wrote last, with its manifest
runs/<time>-<flow>/     a snapshot of every finished run
mlflow/                 the embedded tracking store (`mlflow.db`, `artifacts/`) and the server's own files
.ganforge/              checkpoints, logs, lock, Prefect's home: nothing anyone has to look at
"""

from __future__ import annotations

from ganforge_pipelines.workspace.environment import environment
from ganforge_pipelines.workspace.folder import Workspace
from ganforge_pipelines.workspace.lock import Holder
from ganforge_pipelines.workspace.parameters import parse_assignments, resolve

__all__ = ["Holder", "Workspace", "environment", "parse_assignments", "resolve"]
