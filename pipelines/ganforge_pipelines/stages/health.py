"""What is installed, what this machine has, and what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from ganforge_pipelines.lineage.addresses import without_password

PACKAGES = (
    "ganforge",
    "torch",
    "pytorch-lightning",
    "scikit-learn",
    "pandas",
    "pyarrow",
    "skops",
    "mlflow",
    "dvc",
    "prefect",
)


@dataclass(frozen=True, kw_only=True)
class Health:
    """`problems` stop something from working; `optional` says what could be had besides."""

    versions: dict[str, str]
    machine: dict[str, str]
    problems: list[str]
    optional: list[str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def examine() -> Health:
    """Look at versions, devices, commands and services, without starting any of them."""
    versions = {name: _version(name) for name in PACKAGES}
    problems = [
        f"{name} is not installed; `pip install ganforge` brings it"
        for name, version in versions.items()
        if not version
    ]
    problems += [
        f"the command {name!r} is not on the path; {remedy}"
        for name, remedy in (("git", "install git: workspaces and DVC use it"),)
        if shutil.which(name) is None
    ]
    optional = []
    if importlib.util.find_spec("ctgan") is None:
        optional.append(
            "the reference models are not installed; `pip install 'ganforge[reference]'` brings them (BUSL-1.1)"
        )
    machine = _machine()
    if machine["accelerator"] == "none":
        optional.append("no GPU is seen; everything runs on the processor")
    for variable, what in (("PREFECT_API_URL", "Prefect"), ("MLFLOW_TRACKING_URI", "MLflow")):
        address = without_password(os.environ.get(variable, ""))
        optional.append(f"{what} is at {address}" if address else f"{variable} is not set: {what} runs embedded")
    return Health(
        versions={name: version or "missing" for name, version in versions.items()},
        machine=machine,
        problems=problems,
        optional=optional,
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _machine() -> dict[str, str]:
    import psutil
    import torch

    if torch.cuda.is_available():
        accelerator = ", ".join(torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count()))
    elif torch.backends.mps.is_available():
        accelerator = "Apple GPU (mps)"
    else:
        accelerator = "none"
    disk, memory = shutil.disk_usage("."), psutil.virtual_memory()
    return {
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": platform.platform(terse=True),
        "processor": f"{os.cpu_count()} cores, {torch.get_num_threads()} used by torch",
        "memory": f"{memory.total / 2**30:.0f} GiB, {memory.available / 2**30:.0f} free",
        "disk here": f"{disk.free / 2**30:.0f} GiB free",
        "accelerator": accelerator,
        "git": _first_line(["git", "--version"]),
    }


def _first_line(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        return "missing"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().split("\n")[0]
