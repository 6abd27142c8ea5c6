"""What a user has who only installed the wheel: every command works in an empty folder, isolated from this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """A fresh environment with the wheel in it; its dependencies are looked up where the tests have theirs.

    The tests' own site-packages come through a .pth line, which does not follow the .pth of the editable install
    in them: the only ganforge there is, is the wheel's.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    site = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", str(wheel)],
        check=True,
    )
    return python


@pytest.mark.slow
def test_the_wheel_holds_the_two_packages_alone(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"ganforge", "ganforge_pipelines"}


@pytest.mark.slow
def test_a_journey_with_only_the_wheel(python, tmp_path):
    def ganforge(*arguments: str, folder: Path = tmp_path) -> str:
        done = subprocess.run(
            [str(python), "-I", str(python.with_name("ganforge")), *arguments],
            cwd=folder,
            env={name: value for name, value in os.environ.items() if name != "PREFECT_HOME"} | {"COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = subprocess.run(
        [str(python), "-I", "-c", "import ganforge, ganforge_pipelines as p; print(ganforge.__file__, p.__file__)"],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert str(ROOT) not in where

    ganforge("init", "churn")
    workspace = tmp_path / "churn"
    assert (workspace / ".git").is_dir()
    ganforge("data", "make", folder=workspace)
    payments = str(workspace / "data" / "payments.csv")
    ganforge("fit", payments, "--out", "model", "--steps", "5")
    ganforge("sample", "model", "--rows", "20", "--where", "is_fraud=1", "--out", "more.csv")
    assert len((tmp_path / "more.csv").read_text().splitlines()) == 21
    ganforge("detect", payments, "--label", "is_fraud", "--kind", "knn", "--out", "detector")
    ganforge("score", "detector", payments, "--out", "scored.parquet", "--explain")
    out = ganforge(
        "run", "anomalies", "--set", "train.steps=5", "--set", "train.detectors=[knn]", "--json", "-", folder=workspace
    )
    assert '"sentence"' in out
    assert list((workspace / "runs").glob("*/report.html"))
