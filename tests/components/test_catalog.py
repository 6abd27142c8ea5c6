"""The list of kinds, and what it costs to read it."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator

from ganforge.artifacts import write_artifact
from ganforge.catalog import CATALOG, load_class, load_model
from ganforge.errors import ArtifactError, InputError, UnknownNameError


@pytest.mark.parametrize("kind", CATALOG)
def test_every_entry_leads_to_its_class(kind):
    entry, found = CATALOG[kind], load_class(kind)
    assert entry.kind == kind == found.kind
    assert issubclass(found, BaseEstimator)
    wanted = {"fit", "save", "load"} | ({"sample"} if entry.role == "synthesizer" else {"decision_function", "explain"})
    assert all(callable(getattr(found, name, None)) for name in wanted)
    assert re.fullmatch(r"arXiv:\d{4}\.\d{4,5}|doi:10\.\S+", entry.source), entry.source
    assert entry.family in ("tables", "pictures", "anomalies")
    assert re.search(r"\d{4}", entry.paper)
    assert entry.summary == entry.summary.strip()
    assert not entry.summary.endswith(".")


@pytest.mark.parametrize("kind", CATALOG)
def test_the_source_names_the_paper_that_its_module_cites(kind):
    module = importlib.import_module(CATALOG[kind].target.partition(":")[0])
    source = CATALOG[kind].source
    assert source in (inspect.getdoc(module) or "") + (inspect.getdoc(load_class(kind)) or "")


def test_an_unknown_kind_is_told_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'f-anogan'") as caught:
        load_class("fanogan")
    assert caught.value.nearest == "f-anogan"
    assert caught.value.exit_code == 2


def test_reading_the_list_loads_no_heavy_package():
    code = (
        "import sys; from ganforge.catalog import CATALOG; assert 'knn' in CATALOG; "
        "print([name for name in ('torch', 'pandas', 'numpy', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_load_model_refuses_what_is_neither_synthesizer_nor_detector(tmp_path: Path):
    write_artifact(tmp_path / "model", kind="classifier", parameters={})
    with pytest.raises(
        InputError, match=r"'classifier' is neither a synthesizer nor a detector.*`mlflow\.pyfunc\.load_model`"
    ):
        load_model(tmp_path / "model")
    with pytest.raises(ArtifactError):
        load_model(tmp_path)
