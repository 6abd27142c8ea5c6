"""Journey 5: a folder of pictures, one folder a class, to a sentence, a grid by step and a registered classifier."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganforge.data.toy import toy_images
from ganforge.data.writers import write_images

GANFORGE = str(Path(sys.executable).with_name("ganforge"))
QUICK = ["--set", "train.steps=6", "--set", "judge.steps=3", "--set", "judge.folds=2", "--set", "classify.steps=6",
         "--set", "train.options={width: 16}"]  # fmt: skip


@pytest.mark.slow
def test_a_folder_of_defects(tmp_path):
    write_images(toy_images(80, classes=2, size=28), tmp_path / "defects")
    command = [GANFORGE, "run", "images", "--data", "defects", "--per-class", "8", *QUICK, "--json", "answer.json"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "COLUMNS": "200"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "no workspace here; made" in done.stdout
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["measure"] == "accuracy"
    assert {"none", "classical augmentation", "dcgan"} <= set(answer["arms"])
    workspace = tmp_path / "ganforge-workspace"
    assert (workspace / ".git").is_dir()
    (report,) = (workspace / "runs").glob("*/report.html")
    page = report.read_text()
    assert answer["sentence"].split(":")[0] in page
    assert "<img" in page or "data:image/png" in page, "the grid of samples by step is missing"
    assert page.count("http://") + page.count("https://") == page.count("http://www.w3.org"), "the page looks outside"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["answer.json", "defects", "ganforge-workspace"]
