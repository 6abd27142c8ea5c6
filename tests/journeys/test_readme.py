"""What the documents show is run as it stands: the README's blocks, CONTRIBUTING's walk, the examples.

A fenced block of code is preceded by a comment that the reader of the page does not see: `run: WHO` (blocks of one
WHO run one after another in one folder, `, in FOLDER` below it), or `not run: why`. A block without either fails.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ganforge.data.toy import toy_payments

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(?:<!-- (?P<marker>.*?) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)\n```", re.S)


@dataclass(frozen=True)
class Block:
    marker: str
    language: str
    code: str

    @property
    def who(self) -> str:
        return self.marker.removeprefix("run: ").partition(",")[0]

    @property
    def folder(self) -> str:
        return self.marker.partition(", in ")[2] or "."


def blocks(name: str) -> list[Block]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return [Block(found["marker"] or "", found["language"], found["code"]) for found in BLOCK.finditer(text)]


def run(block: Block, folder: Path, **environment: str) -> str:
    """The block in a shell or an interpreter of its own, as a reader would; fails with all it printed."""
    command = ["bash", "-euo", "pipefail", "-c"] if block.language == "sh" else [sys.executable, "-c"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [*command, block.code],
        cwd=folder / block.folder,
        env={**os.environ, "PATH": path, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{block.code}\n\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_block_says_whether_it_is_run(name):
    assert blocks(name)
    for block in blocks(name):
        assert re.match(r"run: \w|not run: \w", block.marker), f"{name}: no marker before\n{block.code}"
        assert block.language in ("sh", "python")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"])
def test_links_and_pictures_lead_somewhere(name):
    """BENCHMARKS.md is written by `make bench`, and may not be there in a fresh clone."""
    targets = re.findall(r"\]\(([^)#]+)\)", (ROOT / name).read_text(encoding="utf-8"))
    for target in targets:
        if not target.startswith("https://") and target != "BENCHMARKS.md":
            assert (ROOT / target).exists(), target


def test_the_picture_is_small():
    assert (ROOT / "docs" / "report.png").stat().st_size < 300_000


@pytest.mark.slow
@pytest.mark.parametrize("who", ["data scientist", "fraud team", "ML engineer"])
def test_readme(who, tmp_path):
    frame = toy_payments(900, fraud_share=0.08, seed=0)
    frame.iloc[:700].to_csv(tmp_path / "payments.csv", index=False)
    frame.iloc[700:].drop(columns="is_fraud").to_csv(tmp_path / "tonight.csv", index=False)
    mine = [block for block in blocks("README.md") if block.who == who]
    assert {block.language for block in mine} == {"sh", "python"}
    printed = "\n".join(run(block, tmp_path) for block in mine)
    if who == "data scientist":
        assert "average precision" in printed
        assert len((tmp_path / "frauds.csv").read_text().splitlines()) == 501
        assert "arXiv:1907.00503" in printed
    if who == "fraud team":
        assert "reason_1" in printed
        assert len((tmp_path / "scored.csv").read_text().splitlines()) == 201
        assert list(tmp_path.glob("ganforge-workspace/runs/*/report.html"))
    if who == "ML engineer":
        assert list(tmp_path.glob("nightly/runs/*/report.html"))
        assert (tmp_path / "nightly" / "answer.json").exists()


@pytest.mark.slow
def test_contributing_walks(tmp_path):
    """A new model in a copy of the tree: its contracts find it, and it keeps them."""
    for part in ("components", "pipelines", "tests", "pyproject.toml"):
        source = ROOT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / part)
    paths = os.pathsep.join(str(tmp_path / each) for each in ("components", "pipelines"))
    walk = [block for block in blocks("CONTRIBUTING.md") if block.who == "walk"]
    *steps, last = walk
    for block in steps:
        if block.language == "python":
            catalog = tmp_path / "components" / "ganforge" / "catalog.py"
            text = catalog.read_text(encoding="utf-8")
            assert "    # --- detectors\n" in text
            catalog.write_text(text.replace("    # --- detectors\n", f"{block.code}\n    # --- detectors\n"))
        else:
            run(block, tmp_path)
    # The longest contracts are left to the reader: killed processes and the bound have their own tests for each kind.
    narrowed = f"{last.code} and not kill and not resum' -p no:cacheprovider -q".replace("-k lsgan", "-k 'lsgan")
    printed = run(Block(last.marker, last.language, narrowed), tmp_path, PYTHONPATH=paths, OMP_NUM_THREADS="1")
    assert re.search(r"\b[1-9]\d* passed", printed)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(each.name for each in (ROOT / "examples").glob("*.py")))
def test_examples(name, tmp_path):
    printed = run(Block("", "sh", f"python {ROOT / 'examples' / name}"), tmp_path)
    assert {"data_scientist.py": "average precision", "fraud_team.py": "frauds"}[name] in printed


@pytest.mark.slow
def test_example_of_the_engineer(tmp_path):
    printed = run(Block("", "sh", f"bash {ROOT / 'examples' / 'ml_engineer.sh'} {tmp_path}"), tmp_path)
    assert "the night's answer:" in printed
    assert (tmp_path / "churn" / "scored.parquet").exists()
