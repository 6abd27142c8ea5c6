"""What every benchmark shares: where its results go, and what is said of the machine they come from."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganforge.errors import InputError
from ganforge.files import write_whole

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
_NAMED = ("torch", "pytorch-lightning", "numpy", "pandas", "scikit-learn", "ctgan", "pyod", "mlflow", "prefect", "dvc")


def data_folder() -> Path:
    """Where the real tables lie: GANFORGE_DATA, or a folder beside the repository."""
    folder = Path(os.environ.get("GANFORGE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        raise InputError(f"no folder {folder} of real tables; GANFORGE_DATA names it")
    return folder


def machine() -> dict[str, Any]:
    """The processor, the cores this process may use, and the threads torch uses."""
    import torch

    found = {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gb": _memory(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    if hasattr(os, "getloadavg"):
        found["load"] = round(os.getloadavg()[0], 1)
    return found


def versions() -> dict[str, str]:
    """Of ganforge and of the packages a figure may hang on, those that are installed."""
    import ganforge

    found = {"ganforge": ganforge.__version__}
    for name in _NAMED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def save(name: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    """Write `results/<name>.json` — figures, machine, versions, day — and give the figures back."""
    record = {
        "benchmark": name,
        "day": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "figures": figures,
    }
    with write_whole(RESULTS / f"{name}.json") as path:
        path.write_text(json.dumps(record, indent=2, default=_plain) + "\n", encoding="utf-8")
    return dict(figures)


def load(name: str) -> dict[str, Any] | None:
    """The saved record, or None when that benchmark has not been run."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def spread(values: Iterable[float]) -> dict[str, float | int]:
    """Median, quartiles and number of repetitions."""
    values = sorted(values)
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else (values[0],) * 3
    return {"median": middle, "low": low, "high": high, "n": len(values)}


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers to the right."""
    rows = [list(row) for row in rows]
    numeric = [all(_is_number(row[k]) for row in rows) for k in range(len(head))]
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join("--:" if each else "---" for each in numeric) + "|"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _is_number(cell: object) -> bool:
    """A number, with its sign, unit or range: "1,095", "× 1.02", "0.96 – 1.29", "3.5 %", "0.70 ± 0.01"."""
    text = str(cell).replace(",", "").replace("−", "-")
    for sign in "%×–±":
        text = text.replace(sign, " ")
    parts = text.split()
    try:
        [float(each) for each in parts]
    except ValueError:
        return False
    return True


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory() -> float:
    import psutil

    return round(psutil.virtual_memory().total / 2**30, 1)
