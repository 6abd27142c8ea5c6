import inspect
import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from ganforge.data.table import Table
from ganforge.data.toy import toy_payments
from ganforge.errors import (
    ArtifactError,
    GanforgeError,
    GanforgeWarning,
    InputError,
    UnknownNameError,
    UnsuitableDataError,
)
from ganforge.synthesis.ctgan import CTGAN
from ganforge.synthesis.defaults import default_steps

SMALL = {"generator_widths": (32, 32), "critic_widths": (32, 32), "latent": 16, "batch_size": 100}


@pytest.fixture(scope="module")
def payments() -> pd.DataFrame:
    return toy_payments(400, seed=1)


@pytest.fixture(scope="module")
def model(payments) -> CTGAN:
    return CTGAN(steps=30, random_state=0, **SMALL).fit(payments)


@pytest.fixture(scope="module")
def obedient() -> CTGAN:
    """Trained far enough to obey; two discrete columns that hang together, a boolean and whole-number codes."""
    rng = np.random.default_rng(0)
    rare = (rng.random(500) < 0.06).astype(int)
    frame = pd.DataFrame(
        {
            "first": rng.choice(["a", "b", "c"], 500),  # stands before the rare one
            "x": rng.normal(0, 1, 500) + 5 * rare,
            "late": rng.random(500) < np.where(rare == 1, 0.9, 0.2),
            "rare": rare,
        }
    )
    return CTGAN(
        steps=600,
        random_state=0,
        batch_size=200,
        generator_widths=(64, 64),
        critic_widths=(64, 64),
        learning_rate=1e-3,
    ).fit(frame)


# --- rows


def test_rows_have_the_make_of_the_data(model, payments):
    made = model.sample(200, random_state=0)
    assert list(made.columns) == list(payments.columns)
    assert made.dtypes.to_dict() == payments.dtypes.to_dict()
    assert len(made) == 200
    assert set(made["merchant"]) <= set(payments["merchant"])
    assert made["amount"].between(payments["amount"].min(), payments["amount"].max()).all()  # never negative
    assert made["booked_at"].between(payments["booked_at"].min(), payments["booked_at"].max()).all()
    assert (made["currency"] == "EUR").all()
    assert made["age"].isna().any()
    assert (made["amount"] == made["amount"].round(2)).all()


def test_the_same_rows_for_the_same_random_state(model):
    one = model.sample(50, random_state=7)
    pd.testing.assert_frame_equal(one, model.sample(50, random_state=7))
    assert not one.equals(model.sample(50, random_state=8))
    assert not model.sample(50).equals(model.sample(50))


def test_sampling_does_not_depend_on_the_rows_beside_it(model):
    """Evaluation mode: batch norm's running statistics, not those of what is drawn together."""
    game = model.game_
    z = torch.randn(5, model.latent, generator=torch.Generator().manual_seed(0))
    places = torch.zeros(5, dtype=torch.int64)
    with torch.no_grad():
        together = game.generator(z, places)
        alone = torch.cat([game.generator(z[k : k + 1], places[:1]) for k in range(5)])
    torch.testing.assert_close(together, alone)
    before = {name: each.clone() for name, each in game.state_dict().items()}
    model.sample(300, random_state=0)
    assert all(torch.equal(each, before[name]) for name, each in game.state_dict().items())


def test_large_samples_come_in_chunks_of_bounded_size(model, monkeypatch):
    monkeypatch.setattr("ganforge.synthesis.drawing.CHUNK", 100)
    sizes = []
    generate = model.game_.generate

    def counted(n, places, *, generator):
        sizes.append(n)
        return generate(n, places, generator=generator)

    monkeypatch.setattr(model.game_, "generate", counted)
    assert len(model.sample(250, random_state=0)) == 250
    assert sizes == [100, 100, 50]


def test_the_global_random_state_is_left_alone(payments):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    CTGAN(steps=1, random_state=0, **SMALL).fit(payments).sample(5, random_state=0)
    assert torch.equal(torch_state, torch.get_rng_state())
    assert (numpy_state == np.random.get_state()[1]).all()  # noqa: NPY002


def test_without_a_condition_the_true_shares_are_asked_for_not_the_log_frequencies(model, monkeypatch):
    asked = []
    generate = model.game_.generate

    def recorded(n, places, *, generator):
        asked.append(places)
        return generate(n, places, generator=generator)

    monkeypatch.setattr(model.game_, "generate", recorded)
    model.sample(8_000, random_state=0)
    places = np.bincount(torch.cat(asked).numpy(), minlength=len(model.frequencies_))
    conditions = model.game_.conditions
    for start, width in zip(conditions.starts, conditions.widths, strict=True):
        real = model.frequencies_[start : start + width] / 400
        drawn = places[start : start + width] / places[start : start + width].sum()
        np.testing.assert_allclose(drawn, real, atol=0.05)


# --- conditions


def test_a_rare_class_behind_another_column_is_obeyed_by_the_network_itself(obedient):
    made = obedient.sample(400, condition={"rare": 1}, random_state=0)
    assert (made["rare"] == 1).all()
    assert obedient.obedience_ > 0.9  # .06 by chance
    common = obedient.sample(400, condition={"rare": 0}, random_state=0)
    assert obedient.obedience_ > 0.9
    assert made["x"].mean() - common["x"].mean() > 2.5  # 5 in truth: it makes what goes with it
    assert made["late"].mean() - common["late"].mean() > 0.4  # .7 in truth
    obedient.sample(10, random_state=0)
    assert obedient.obedience_ is None


def test_every_value_of_every_discrete_column_is_obeyed(obedient):
    for column, values in {"first": ["a", "b", "c"], "late": [True, False], "rare": [0, 1]}.items():
        for value in values:
            made = obedient.sample(200, condition={column: value}, random_state=0)
            assert (made[column] == value).all()
            assert obedient.obedience_ > 0.85, (column, value)


def test_several_conditions_at_once(obedient):
    made = obedient.sample(100, condition={"rare": 1, "first": "b", "late": True}, random_state=0)
    assert (made[["rare", "first", "late"]] == [1, "b", True]).all(axis=None)
    assert len(made) == 100


@pytest.mark.parametrize(
    ("condition", "same"),
    [
        ({"rare": "1"}, {"rare": 1}),
        ({"rare": True}, {"rare": 1}),
        ({"rare": "1.0"}, {"rare": 1}),
        ({"late": "True"}, {"late": True}),
        ({"late": "false"}, {"late": False}),
    ],
)
def test_values_may_be_spelt_as_a_command_line_does(obedient, condition, same):
    pd.testing.assert_frame_equal(
        obedient.sample(5, condition=condition, random_state=0),
        obedient.sample(5, condition=same, random_state=0),
    )


@pytest.mark.parametrize(
    ("condition", "error", "message"),
    [
        ({"merchand": "fuel"}, UnknownNameError, "'merchant'"),
        ({"merchant": "fule"}, UnknownNameError, "'fuel'"),
        ({"amount": 3}, InputError, "amount.*no value lies.*run from"),
        ({"amount": "fuel"}, InputError, "amount.*continuous.*no number"),
        ({"currency": "USD"}, InputError, "currency.*EUR.*no row can have 'USD'"),
    ],
)
def test_a_condition_that_cannot_be_is_refused(model, condition, error, message):
    with pytest.raises(error, match=message):
        model.sample(5, condition=condition)


def test_a_condition_that_the_network_hardly_obeys_says_at_what_rate(model, monkeypatch):
    generate = model.game_.generate

    def stubborn(n, places, *, generator):
        scalars, codes = generate(n, places, generator=generator)
        block, _ = model.codec_.code_of("merchant", "fuel")
        codes[:, block] = (model.codec_.code_of("merchant", "fuel")[1] + 1) % 4
        codes[0, block] = model.codec_.code_of("merchant", "fuel")[1]
        return scalars, codes

    monkeypatch.setattr(model.game_, "generate", stubborn)
    with pytest.raises(UnsuitableDataError, match=r"merchant='fuel': of [\d,]+ rows .*\(0\.\d\d%\).*5,000"):
        model.sample(5_000, condition={"merchant": "fuel"}, random_state=0)
    assert 0 < model.obedience_ < 0.001


@pytest.mark.parametrize("n", [0, -3, 2.5, True, "9"])
def test_n_is_a_number_of_rows(model, n):
    with pytest.raises(InputError, match="n="):
        model.sample(n)


# --- any table


@pytest.mark.parametrize(
    "columns",
    [["amount", "items"], ["merchant"], ["online"], ["booked_at"], ["age", "country"]],
    ids=lambda columns: "+".join(columns),
)
def test_tables_of_one_kind_of_column(payments, columns):
    frame = payments[columns]
    made = CTGAN(steps=2, random_state=0, **SMALL).fit(frame).sample(40, random_state=0)
    assert list(made.columns) == columns
    assert made.dtypes.to_dict() == frame.dtypes.to_dict()


def test_a_batch_may_be_larger_than_the_table(payments):
    made = CTGAN(steps=2, batch_size=500, random_state=0).fit(payments[:30]).sample(3)
    assert len(made) == 3


def test_a_table_brings_its_schema(payments):
    table = Table.of(payments, schema={"items": "categorical"})
    small = CTGAN(steps=1, random_state=0, **SMALL).fit(table)
    assert small.data_fingerprint_ == table.fingerprint
    assert small.codec_.code_of("items", 7)[0] == 5
    with pytest.raises(InputError, match="brings its own schema"):
        CTGAN(steps=1).fit(table, schema={"items": "integer"})


# --- bad calls


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"batch_size": 505}, "batch_size=505 .*pac=10.*batch_size=500"),
        ({"steps": 0}, "steps=0"),
        ({"steps": 1.5}, "steps=1.5"),
        ({"pac": 0}, "pac=0"),
        ({"few_values": -1}, "few_values=-1"),
        ({"random_state": -1}, "random_state=-1"),
        ({"tau": 0.0}, "tau=0"),
        ({"trainer": {"acelerator": "cpu"}}, "accelerator"),
    ],
)
def test_bad_parameters_are_named(payments, parameters, message):
    with pytest.raises(InputError, match=message):
        CTGAN(**{"steps": 1, **parameters}).fit(payments)


def test_what_is_not_learned_is_told(payments):
    with pytest.warns(GanforgeWarning, match="constant, left out of training and put back into samples: currency"):
        model = CTGAN(steps=1, random_state=0, **SMALL).fit(payments)
    assert any("currency" in each for each in model.notices_)
    assert (model.sample(5, random_state=0)["currency"] == "EUR").all()


def test_too_few_rows(payments):
    with pytest.raises(UnsuitableDataError, match="9 rows are too few"):
        CTGAN(steps=1).fit(payments[:9])


def test_nothing_to_learn_from(payments):
    with pytest.raises(UnsuitableDataError, match="constant"):
        CTGAN(steps=1).fit(payments[["currency"]])


def test_what_is_not_fitted_says_so():
    for call in (lambda: CTGAN().sample(3), lambda: CTGAN().save("nowhere")):
        with pytest.raises(NotFittedError, match=r"fit\(data\) first") as caught:
            call()
        assert isinstance(caught.value, GanforgeError)


# --- the estimator


def test_it_is_a_scikit_learn_estimator():
    model = CTGAN(steps=7, pac=5)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(steps=9).steps == 9
    kinds = {each.kind for each in inspect.signature(CTGAN).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}
    json.dumps(model.get_params())


@pytest.mark.parametrize(("rows", "steps"), [(400, 4_000), (32_561, 9_769), (10**6, 10_000), (20_000, 6_000)])
def test_steps_for_a_table_of_a_size(rows, steps):
    assert default_steps(rows, 500) == steps


# --- folders and resuming


def test_a_folder_gives_the_same_model_again(model, tmp_path):
    model.save(tmp_path / "model")
    again = CTGAN.load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.sample(60, random_state=1), model.sample(60, random_state=1))
    assert again.training_.to_json() == model.training_.to_json()
    assert again.data_fingerprint_ == model.data_fingerprint_
    assert {k: list(v) if isinstance(v, tuple) else v for k, v in model.get_params().items()} == {
        k: list(v) if isinstance(v, tuple) else v for k, v in again.get_params().items()
    }
    names = sorted(path.name for path in (tmp_path / "model").iterdir())
    assert not [name for name in names if not name.endswith((".json", ".safetensors"))]


def test_weights_of_another_model_are_refused(model, payments, tmp_path):
    other = CTGAN(steps=1, random_state=0, **{**SMALL, "latent": 8}).fit(payments)
    other.set_params(latent=16).save(tmp_path / "model")
    with pytest.raises(ArtifactError, match="do not fit"):
        CTGAN.load(tmp_path / "model")


def test_checkpoints_of_other_data_or_parameters_are_not_taken_up(payments, tmp_path):
    made = CTGAN(steps=4, random_state=0, **SMALL).fit(payments, checkpoints=tmp_path)
    assert made.training_.resumed_at == 0
    finished = CTGAN(steps=4, random_state=0, **SMALL).fit(payments, checkpoints=tmp_path, resume=True)
    assert finished.training_.resumed_at == 4
    for frame, parameters in [(payments[:-1], {}), (payments, {"tau": 0.3})]:
        with pytest.warns(GanforgeWarning, match="anew"):
            anew = CTGAN(steps=4, random_state=0, **SMALL, **parameters).fit(frame, checkpoints=tmp_path, resume=True)
        assert anew.training_.resumed_at == 0
        assert any("anew" in notice for notice in anew.notices_)


def test_resuming_needs_a_random_state(payments, tmp_path):
    with pytest.raises(InputError, match="random_state"):
        CTGAN(steps=1).fit(payments, checkpoints=tmp_path, resume=True)
