"""What every synthesizer of the catalogue keeps to. A new kind is found here by itself: its line in `catalog.py` is
enough; `QUICK` may say how little training is enough to be any good."""

import hashlib
import inspect
import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from ganforge.catalog import CATALOG, load_class, load_model
from ganforge.data.images import MARK, Images
from ganforge.data.toy import toy_images
from ganforge.errors import (
    ArtifactError,
    GanforgeError,
    GanforgeWarning,
    InputError,
    InterruptedRunError,
    UnknownNameError,
    UnsuitableDataError,
)
from ganforge.training import Training

KINDS = [kind for kind, entry in CATALOG.items() if entry.role == "synthesizer"]
SHUFFLED = [kind for kind in KINDS if CATALOG[kind].family == "tables"]

NARROW = {"generator_widths": (64, 64), "critic_widths": (64, 64)}
QUICK = {
    "ctgan": {"steps": 500, "batch_size": 200, "learning_rate": 1e-3, **NARROW},
    "ctgan-tuned": {"steps": 400, "batch_size": 100, "learning_rate": 1e-3, **NARROW},
    "reference-ctgan": {"steps": 400, "batch_size": 100, "learning_rate": 2e-3, **NARROW},
    "reference-tvae": {"steps": 250, "batch_size": 100},
    "dcgan": {"steps": 300, "batch_size": 32, "width": 16, "learning_rate": 1e-3, "snapshots": 0},
}
BOUND = {"ctgan": 0.3, "ctgan-tuned": 0.11, "reference-ctgan": 0.43, "reference-tvae": 0.4, "dcgan": 0.16}
"""Largest distance of the samples of a quickly trained model, 1 being the farthest. A calibrated one begins lower: its
shares are right, and what two columns have together is asked for."""
KEEPS_NO_CHECKPOINTS = {"reference-ctgan", "reference-tvae"}  # the package has none; a run begins anew, and says so


def toy_table(n: int = 450, seed: int = 0) -> pd.DataFrame:
    """Five columns that nearly all follow from one another: margins alone do not make such rows."""
    rng = np.random.default_rng(seed)
    group = rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
    amount = np.round(np.array([20.0, 60.0, 110.0, 200.0])[group] + rng.normal(0, 6, n), 2)
    card = np.array(["debit", "debit", "credit", "credit"], dtype=object)[group]
    return pd.DataFrame(
        {
            "shop": np.array(["food", "fuel", "home", "gold"], dtype=object)[group],
            "card": np.where(rng.random(n) < 0.92, card, "cash").astype(object),
            "amount": amount,
            "points": np.round(amount * 2 + rng.normal(0, 8, n)).astype(np.int64),
            "member": np.where(rng.random(n) < 0.95, group >= 2, group < 2),
        }
    )


def pair_distance(real: pd.DataFrame, made: pd.DataFrame) -> float:
    """Mean total variation of the joint shares of two columns, over all pairs; numbers in eighths of the real ones."""
    coded = []
    for name in real:
        if real[name].dtype.kind in "if":
            edges = np.quantile(real[name], np.linspace(0, 1, 9)[1:-1])
            coded.append([np.searchsorted(edges, each[name]) for each in (real, made)])
        else:
            known = sorted(real[name].astype(str).unique())
            coded.append([pd.Categorical(each[name].astype(str), known).codes.astype(int) for each in (real, made)])
    distances = []
    for (a_real, a_made), (b_real, b_made) in combinations(coded, 2):
        one = np.bincount(a_real * 10 + b_real, minlength=100) / len(real)
        two = np.bincount(a_made * 10 + b_made, minlength=100) / len(made)
        distances.append(np.abs(one - two).sum() / 2)
    return float(np.mean(distances))


def picture_distance(real: Images, made: Images) -> float:
    """Mean absolute difference of the mean pictures of each class, as a share of the range."""
    means = [[each.pixels[each.labels == k].mean(0) / 255 for k in range(len(real.classes))] for each in (real, made)]
    return float(np.abs(np.array(means[0]) - np.array(means[1])).mean())


@dataclass(frozen=True)
class Family:
    data: object
    condition: dict
    obeys: object  # made → share of what obeys `condition`
    distance: object
    bad: tuple  # (what is given to fit, part of the message)
    unknown: tuple  # (condition, the nearest name)


FAMILIES = {
    "tables": lambda: Family(
        data=toy_table(),
        condition={"shop": "food"},
        obeys=lambda made: (made["shop"] == "food").mean(),
        distance=pair_distance,
        bad=((toy_table(5), "5 rows"), (toy_table()[[]], "no columns"), ([[1, 2]], "not a pandas DataFrame")),
        unknown=({"shop": "fodo"}, "food"),
    ),
    "pictures": lambda: Family(
        data=toy_images(120, classes=2, size=28),
        condition={"label": 1},
        obeys=lambda made: (made.labels == 1).mean(),
        distance=picture_distance,
        bad=((toy_images(4), "4 pictures"), ([[1, 2]], "Images")),
        unknown=({"lable": 1}, "label"),
    ),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> str:
    if request.param.startswith("reference"):
        pytest.importorskip("ctgan", reason="the extra `reference` is not installed")
    return request.param


@pytest.fixture(scope="module")
def family(kind) -> Family:
    return FAMILIES[CATALOG[kind].family]()


def new(kind: str, **more):
    return load_class(kind)(**{"steps": 300, **QUICK.get(kind, {}), "random_state": 0, **more})


@pytest.fixture(scope="module")
def model(kind, family):
    return new(kind).fit(family.data)


def digest(made) -> str:
    if isinstance(made, Images):
        return hashlib.sha256(made.pixels.tobytes() + made.labels.tobytes()).hexdigest()
    return hashlib.sha256(made.to_json(date_format="iso", double_precision=15).encode()).hexdigest()


def test_it_trains_and_says_what_it_did(model, kind, family):
    assert isinstance(model.training_, Training)
    assert model.training_.history
    assert {"step", "phase", "losses"} <= set(model.training_.history[-1])
    assert all(np.isfinite(list(entry["losses"].values())).all() for entry in model.training_.history)
    assert len(model.data_fingerprint_) == 64
    assert model.notices_ == []
    assert model.kind == kind


def test_parameters_are_keywords_and_go_into_json(kind):
    signature = inspect.signature(load_class(kind))
    assert {each.kind for each in signature.parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert {"steps", "batch_size", "random_state"} <= set(signature.parameters)
    json.dumps(load_class(kind)().get_params())


def test_it_is_any_good(model, kind, family):
    """The bound that the untrained model and the shuffled table, below, both miss."""
    made = model.sample(1_000, random_state=0)
    assert family.distance(family.data, made) < BOUND.get(kind, 0.3)


def test_the_untrained_model_misses_the_bound(kind, family):
    made = new(kind, steps=1).fit(family.data).sample(1_000, random_state=0)
    # What is made says so, of what `judge` and `judge_images` take no row or picture for real.
    assert made.synthetic.all() if isinstance(made, Images) else made.attrs[MARK]
    assert family.distance(family.data, made) > BOUND.get(kind, 0.3)


@pytest.mark.parametrize("kind", SHUFFLED)
def test_right_margins_with_wrong_dependence_miss_the_bound(kind):
    data, rng = toy_table(), np.random.default_rng(0)
    shuffled = pd.DataFrame({name: rng.permutation(data[name]) for name in data})
    assert pair_distance(data, shuffled) > BOUND.get(kind, 0.3)


def test_it_obeys_its_condition(model, family):
    made = model.sample(60, condition=family.condition, random_state=0)
    assert len(made) == 60
    assert family.obeys(made) == 1


def test_the_same_random_state_gives_the_same_samples(model):
    assert digest(model.sample(20, random_state=5)) == digest(model.sample(20, random_state=5))
    assert digest(model.sample(20, random_state=5)) != digest(model.sample(20, random_state=6))


def test_the_same_seed_gives_the_same_model_and_another_another(kind, family):
    short = {"steps": 12, "batch_size": 100}
    one, two = (new(kind, **short).fit(family.data).sample(20, random_state=0) for _ in range(2))
    assert digest(one) == digest(two)
    other = new(kind, **short, random_state=1).fit(family.data).sample(20, random_state=0)
    assert digest(one) != digest(other)


def test_a_run_that_was_stopped_goes_on_bit_identically(kind, family, tmp_path):
    short = {"steps": 12, "batch_size": 100}
    if "log_every" in new(kind).get_params():
        short["log_every"] = 3
    whole = new(kind, **short).fit(family.data)
    if kind in KEEPS_NO_CHECKPOINTS:
        with pytest.warns(GanforgeWarning, match="begins anew"):
            again = new(kind, **short).fit(family.data, checkpoints=tmp_path, resume=True)
    else:

        def stop(progress):
            if progress.step < progress.steps:
                signal.raise_signal(signal.SIGINT)

        with pytest.raises(InterruptedRunError):
            new(kind, **short).fit(family.data, checkpoints=tmp_path, on_progress=stop)
        again = new(kind, **short).fit(family.data, checkpoints=tmp_path, resume=True)
        assert 0 < again.training_.resumed_at < 12
    assert digest(whole.sample(30, random_state=0)) == digest(again.sample(30, random_state=0))


@pytest.fixture(scope="module")
def in_a_fresh_process(kind, model, tmp_path_factory) -> str:
    """The digest of what the saved model samples where nothing but the package is known."""
    folder = tmp_path_factory.mktemp(kind) / "model"
    model.save(folder)
    code = (
        "import sys, hashlib\n"
        "from ganforge.catalog import load_model\n"
        "made = load_model(sys.argv[1]).sample(40, random_state=3)\n"
        "data = made.pixels.tobytes() + made.labels.tobytes() if hasattr(made, 'pixels') else "
        "made.to_json(date_format='iso', double_precision=15).encode()\n"
        "assert 'pytorch_lightning' not in sys.modules, 'sampling trains nothing'\n"
        "print(hashlib.sha256(data).hexdigest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.split()[-1]


def test_a_fresh_process_samples_the_same(model, in_a_fresh_process):
    assert in_a_fresh_process == digest(model.sample(40, random_state=3))


def test_a_folder_holds_no_pickle_and_any_change_to_it_is_found(model, kind, tmp_path):
    model.save(tmp_path / "model")
    files = sorted(path for path in (tmp_path / "model").rglob("*") if path.is_file())
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".skops"}
    assert digest(load_model(tmp_path / "model").sample(5, random_state=0)) == digest(model.sample(5, random_state=0))
    weights = next(path for path in files if path.suffix == ".safetensors")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ArtifactError):
        load_class(kind).load(tmp_path / "model")


def test_a_folder_of_another_kind_is_refused(model, kind, tmp_path):
    model.save(tmp_path / "model")
    other = next(each for each in KINDS if each != kind)
    with pytest.raises(ArtifactError, match=kind):
        load_class(other).load(tmp_path / "model")


def test_bad_input_is_refused_with_a_message(kind, family):
    for data, message in family.bad:
        with pytest.raises((InputError, UnsuitableDataError), match=message):
            new(kind).fit(data)
    for parameters in ({"steps": 0}, {"batch_size": 0}, {"random_state": -1}):
        with pytest.raises(InputError, match=f"{next(iter(parameters))}="):
            new(kind, **parameters).fit(family.data)


def test_a_condition_that_does_not_exist_names_the_nearest(model, family):
    condition, nearest = family.unknown
    with pytest.raises(UnknownNameError, match=nearest):
        model.sample(3, condition=condition)
    with pytest.raises(InputError, match="n="):
        model.sample(0)


def test_what_is_not_fitted_says_so(kind):
    with pytest.raises(GanforgeError, match="fit"):
        new(kind).sample(3)
