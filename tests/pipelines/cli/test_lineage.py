"""What `ganforge lineage` says of models: none was trained on rows that were only registered with it."""

from __future__ import annotations

from typing import Any

import pytest

from ganforge_pipelines.stages import tracing
from ganforge_pipelines.stages.tracing import Eater, Made, Trace

MADE = Made(stage="fraud-sample", where="runs/1", name="synthetic.parquet", seed=0, parameters={}, data=[])


@pytest.fixture
def told(cli, monkeypatch, tmp_path):
    """Lines that are printed for what is known of a file."""
    monkeypatch.chdir(tmp_path)

    def told(*, made: bool, **of_eater: Any) -> str:
        eater = Eater(name="ganforge-fraud", version=1, aliases=("champion",), day="2026-11-28T20:42:00", **of_eater)
        found = Trace(
            what="a file",
            sha256="ab" * 32,
            stamp=None,
            data=[],
            made_by=(MADE,) if made else (),
            used_by=(),
            eaten_by=(eater,),
        )
        monkeypatch.setattr(tracing, "trace", lambda *_: found)
        done = cli("lineage", "a file")
        assert done.code == 0, done.err
        return " ".join(done.out.split())

    return told


def test_synthetic_rows_that_were_left_out_are_not_said_to_be_trained_on(told):
    text = told(made=True, arm="none", ate_synthetic=False, made_of_it=True)
    assert "trained on it" not in text
    assert "of those data ganforge-fraud 1 (champion), 2026-11-28T20:42, nothing added, this file belongs to it" in text
    assert "synthetic rows among" not in text


def test_synthetic_rows_that_were_trained_on_are_said_to_be(told):
    text = told(made=True, arm="ctgan-tuned", ate_synthetic=True, made_of_it=True)
    assert text.endswith("this file belongs to it, synthetic rows among its training rows")


def test_of_data_it_says_what_was_trained_on_them(told):
    text = told(made=False, arm="none", ate_synthetic=False, made_of_it=False)
    assert "trained on it ganforge-fraud 1 (champion), 2026-11-28T20:42, nothing added" in text
    assert "belongs" not in text
