"""A model as a folder: what comes back, and what is refused."""

from __future__ import annotations

import errno
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from ganforge import artifacts
from ganforge.artifacts import read_artifact, read_kind, write_artifact
from ganforge.errors import ArtifactError, InputError, ServiceError, UnknownNameError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_artifact(
        tmp_path / "model",
        kind="toy",
        parameters={"steps": 3, "widths": (4, 5), "rate": np.float32(0.5)},
        tensors={"w": torch.arange(6.0).reshape(2, 3).T, "half": torch.ones(2).bfloat16(), "n": torch.tensor(7)},
        documents={"codec": {"modes": np.arange(3), "name": "é"}, "schema": [1, None]},
        estimators={"scaler": StandardScaler().fit(np.arange(8.0).reshape(4, 2))},
        data_fingerprint="abc",
        extra={"rows": np.int64(4)},
    )


def change(folder: Path, seal: bool = True, **changes) -> None:
    """Alter `model.json`, and seal it again as one who means harm would."""
    path = folder / "model.json"
    record = {**json.loads(path.read_text()), **changes}
    if seal:
        record["seal"] = artifacts._seal(record)
    path.write_text(json.dumps(record))


def test_what_was_written_comes_back(model: Path) -> None:
    found = read_artifact(model)
    assert found.kind == read_kind(model) == "toy"
    assert found.parameters == {"steps": 3, "widths": [4, 5], "rate": 0.5}
    assert found.documents == {"codec": {"modes": [0, 1, 2], "name": "é"}, "schema": [1, None]}
    assert found.document("codec")["name"] == "é"
    assert (found.data_fingerprint, found.extra) == ("abc", {"rows": 4})
    assert {"ganforge", "python", "torch", "scikit-learn", "numpy"} <= set(found.versions)
    tensors = found.tensors()
    assert torch.equal(tensors["w"], torch.arange(6.0).reshape(2, 3).T)
    assert tensors["half"].dtype == torch.bfloat16
    assert tensors["n"].item() == 7
    assert found.estimator("scaler").mean_.tolist() == [3, 4]
    assert sorted(each.name for each in model.iterdir()) == [
        "codec.json",
        "model.json",
        "scaler.skops",
        "schema.json",
        "tensors.safetensors",
    ]


def test_a_model_without_tensors(tmp_path: Path) -> None:
    write_artifact(tmp_path / "m", kind="k", parameters={})
    assert read_artifact(tmp_path / "m").tensors() == {}


def test_what_is_not_there_is_answered_with_the_nearest(model: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'scaler'"):
        read_artifact(model).estimator("scalar")
    with pytest.raises(UnknownNameError, match="did you mean 'codec'"):
        read_artifact(model).document("codecs")


def test_tied_weights_are_kept_under_both_names(tmp_path: Path) -> None:
    weight = torch.randn(3)
    write_artifact(tmp_path / "m", kind="k", parameters={}, tensors={"a": weight, "b": weight})
    found = read_artifact(tmp_path / "m").tensors()
    assert torch.equal(found["a"], found["b"])


# --------------------------------------------------------------------------------------------------- refused

FILES = ["codec.json", "scaler.skops", "tensors.safetensors"]


@pytest.mark.parametrize("name", FILES)
def test_altered(model: Path, name: str) -> None:
    content = bytearray((model / name).read_bytes())
    content[len(content) // 2] ^= 1
    (model / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=rf"{name} was altered"):
        read_artifact(model)


@pytest.mark.parametrize("name", FILES)
def test_cut_short(model: Path, name: str) -> None:
    content = (model / name).read_bytes()
    (model / name).write_bytes(content[:-1])
    with pytest.raises(ArtifactError, match=rf"{name} was cut short: {len(content) - 1:,} of {len(content):,} bytes"):
        read_artifact(model)
    (model / name).unlink()
    with pytest.raises(ArtifactError, match=f"was cut short: {name} is missing"):
        read_artifact(model)


def test_the_description_itself(model: Path) -> None:
    text = (model / "model.json").read_text()
    (model / "model.json").write_text(text.replace('"steps": 3', '"steps": 4'))
    with pytest.raises(ArtifactError, match=r"model\.json was altered"):
        read_artifact(model)
    (model / "model.json").write_text(text[:200])
    with pytest.raises(ArtifactError, match=r"model\.json was cut short"):
        read_artifact(model)
    (model / "model.json").write_text("[]")
    with pytest.raises(ArtifactError, match="does not describe a ganforge model"):
        read_artifact(model)


def test_of_a_newer_format(model: Path) -> None:
    change(model, seal=False, format=2, versions={"ganforge": "9.1"}, files={})
    with pytest.raises(ArtifactError, match=r"is of format 2, written by ganforge 9\.1; .* upgrade it"):
        read_artifact(model)


def test_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="does not exist"):
        read_artifact(tmp_path / "nowhere")
    with pytest.raises(ArtifactError, match="is not a model folder"):
        read_artifact(tmp_path)


@pytest.mark.parametrize("name", ["../secret.json", "/etc/hostname"])
def test_names_that_lead_out_of_the_folder(model: Path, name: str) -> None:
    (model.parent / "secret.json").write_text("{}")
    change(model, files={name: "0" * 64})
    with pytest.raises(ArtifactError, match="leads out of"):
        read_artifact(model)


# --------------------------------------------------------------------------------------------------- no pickle


def estimators() -> dict[str, object]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 2))
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(c=rng.choice(["u", "v"], 80), d=rng.random(80) > 0.5)
    y = (x[:, 0] > 0).astype(int)

    def columns() -> ColumnTransformer:
        return ColumnTransformer(
            [
                ("numbers", StandardScaler(), ["a", "b"]),
                ("one hot", OneHotEncoder(handle_unknown="ignore"), ["c"]),
                ("ordinal", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["d"]),
            ],
            sparse_threshold=0,
        )

    made = {
        "gradient-boosting": make_pipeline(columns(), HistGradientBoostingClassifier(max_iter=5)),
        "categorical-boosting": HistGradientBoostingClassifier(max_iter=5, categorical_features=[2]),
        "random-forest": make_pipeline(columns(), RandomForestClassifier(5)),
        "logistic-regression": make_pipeline(columns(), LogisticRegression()),
        "isolation-forest": make_pipeline(columns(), IsolationForest(n_estimators=5)),
        "neighbours": make_pipeline(columns(), NearestNeighbors(algorithm="kd_tree")),
    }
    for name, each in made.items():
        each.fit(frame.assign(c=(frame.c == "u").astype(int)) if name == "categorical-boosting" else frame, y)
    return made


def answers(name: str, estimator, frame: pd.DataFrame) -> np.ndarray:
    if name == "neighbours":
        return estimator[-1].kneighbors(estimator[0].transform(frame))[0]
    if name == "isolation-forest":
        return estimator.score_samples(frame)
    return estimator.predict_proba(frame)


def test_every_trusted_estimator_answers_as_before(tmp_path: Path) -> None:
    made = estimators()
    found = read_artifact(write_artifact(tmp_path / "m", kind="k", parameters={}, estimators=made))
    frame = pd.DataFrame({"a": [0.1, -2], "b": [1.0, 0], "c": ["u", "w"], "d": [True, False]})
    for name, each in made.items():
        asked = frame.assign(c=[0, 1]) if name == "categorical-boosting" else frame
        assert np.array_equal(answers(name, each, asked), answers(name, found.estimator(name), asked)), name


class Bomb:
    def __reduce__(self):
        return (print, ("loaded",))


def test_a_type_that_is_not_trusted_is_refused_on_both_sides(tmp_path: Path, model: Path) -> None:
    mine = FunctionTransformer(Bomb.__reduce__)
    with pytest.raises(InputError, match=r"'odd' holds .*__reduce__.*scikit-learn's own parts"):
        write_artifact(tmp_path / "m", kind="k", parameters={}, estimators={"odd": mine})
    assert not (tmp_path / "m").exists()
    path = model / "scaler.skops"
    skops.io.dump(mine, path)
    record = json.loads((model / "model.json").read_text())
    digest, size = artifacts.sha256_file(path), path.stat().st_size
    change(
        model,
        files={**record["files"], path.name: digest},
        sizes={**record["sizes"], path.name: size},
    )
    with pytest.raises(ArtifactError, match=r"holds types that are not loaded: .*__reduce__"):
        read_artifact(model).estimator("scaler")


def test_no_pickle_is_ever_opened(model: Path, monkeypatch) -> None:
    def refuse(*_, **__):
        raise AssertionError("a pickle was opened")

    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(pickle, "Unpickler", refuse)
    monkeypatch.setattr(torch, "load", refuse)
    found = read_artifact(model)
    found.tensors()
    found.estimator("scaler")


def test_a_file_that_is_no_estimator(model: Path) -> None:
    path = model / "scaler.skops"
    path.write_bytes(pickle.dumps(Bomb()))
    record = json.loads((model / "model.json").read_text())
    change(
        model,
        files={**record["files"], path.name: artifacts.sha256_file(path)},
        sizes={**record["sizes"], path.name: path.stat().st_size},
    )
    with pytest.raises(ArtifactError, match="cannot be loaded with scikit-learn"):
        read_artifact(model).estimator("scaler")


# --------------------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"parameters": {"a": object()}}, "k's parameters cannot be kept as JSON: object"),
        ({"documents": {"d": {"x": float("nan")}}}, "the document 'd' cannot be kept as JSON: .*not JSON compliant"),
        ({"documents": {"../d": {}}}, "'../d' cannot name a part"),
        ({"documents": {"model": {}}}, "'model' cannot name a part"),
        ({"documents": {"same": {}}, "estimators": {"same": StandardScaler()}}, "'same' cannot name a part"),
        ({"tensors": {"w": [1, 2]}}, "'w' is a list, not a tensor"),
    ],
)
def test_what_cannot_be_kept_is_refused(tmp_path: Path, parts: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_artifact(tmp_path / "m", **{"kind": "k", "parameters": {}, **parts})
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_replaced_and_anything_else_is_not(tmp_path: Path, model: Path) -> None:
    write_artifact(model, kind="other", parameters={})
    assert read_artifact(model).kind == "other"
    assert [each.name for each in model.iterdir()] == ["model.json"]
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    with pytest.raises(InputError, match="exists and is not a model folder"):
        write_artifact(tmp_path / "thesis", kind="k", parameters={})
    assert (tmp_path / "thesis" / "chapter.tex").exists()


def test_a_full_disk_leaves_the_former_model(model: Path, monkeypatch) -> None:
    write = Path.write_text

    def full(self: Path, *arguments, **options):
        if self.name == "codec.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ServiceError, match="the disk is full"):
        write_artifact(model, kind="other", parameters={}, documents={"codec": {}})
    assert read_artifact(model).kind == "toy"


def test_reading_a_kind_loads_no_torch(model: Path) -> None:
    code = (
        "import sys; from ganforge.artifacts import read_kind; print(read_kind(sys.argv[1]), "
        "*({'torch', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(model)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["toy"]
