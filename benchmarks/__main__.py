"""`python -m benchmarks [NAME …]`: run them (all of them, without names), then write BENCHMARKS.md.

`python -m benchmarks --render` only writes BENCHMARKS.md from the results that are there.

A benchmark is a module of this package with `TITLE: str`, `main() -> dict` (which calls `_common.save`) and
`table(figures: dict) -> str`, its section in Markdown.
"""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from types import ModuleType

import benchmarks
from benchmarks._common import ROOT, load
from ganforge.files import write_whole

_HEAD = """# Benchmarks

Written by `make bench` from `benchmarks/results/*.json`; do not edit. Rival and own run in one process or side by
side, on the same machine, in turns. What was repeated is given as a median with its quartiles or as a mean with its
spread, never as the best of several; a figure without spread was measured once. What the figures hang on stands under
each section: processor, load, versions, day.
"""


def names() -> list[str]:
    """Every benchmark, in alphabetical order."""
    found = [each.name for each in pkgutil.iter_modules(benchmarks.__path__)]
    return sorted(each for each in found if not each.startswith("_"))


def main(arguments: list[str]) -> int:
    chosen = [] if arguments == ["--render"] else arguments or names()
    unknown = sorted(set(chosen) - set(names()))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    failed = []
    for name in chosen:
        print(f"— {name}", flush=True)
        # A process of its own: what one leaves in memory, threads or caches must not slow the next.
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, check=False).returncode:
            failed.append(name)
    render()
    if failed:
        print(f"failed: {', '.join(failed)}; their former figures stand", file=sys.stderr)
    return int(bool(failed))


def render() -> str:
    """BENCHMARKS.md from what has been measured; a benchmark without results is named as such."""
    sections, missing = [_HEAD], []
    for name in names():
        record = load(name)
        if record is None:
            missing.append(name)
            continue
        module: ModuleType = importlib.import_module(f"benchmarks.{name}")
        table = module.table(record["figures"]).strip()
        sections.append(f"## {module.TITLE}\n\n{table}\n\n{_footnote(name, record)}\n")
    if missing:
        sections.append(f"Not measured yet: {', '.join(f'`python -m benchmarks.{each}`' for each in missing)}.\n")
    text = "\n".join(sections)
    with write_whole(ROOT / "BENCHMARKS.md") as path:
        path.write_text(text, encoding="utf-8")
    return text


def _footnote(name: str, record: dict) -> str:
    at, with_ = record["machine"], record["versions"]
    gpu = f", {at['gpu']}" if "gpu" in at else ""
    packages = ", ".join(f"{package} {version}" for package, version in with_.items())
    return (
        f"<sub>`python -m benchmarks.{name}` on {record['day']}: {at['cpu']}, {at['cores']} cores, "
        f"{at['memory_gb']} GB{gpu}, load {at.get('load', '?')} when it ended; Python {at['python']}, {packages}</sub>"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
