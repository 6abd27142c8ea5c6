import sys

import numpy as np
import pandas as pd
import pytest
import torch

from ganforge.data.table import Table
from ganforge.data.toy import toy_payments
from ganforge.errors import GanforgeWarning, InputError, UnsuitableDataError
from ganforge.synthesis.bridge import Bridge
from ganforge.synthesis.reference import ReferenceCTGAN, ReferenceTVAE

BOTH = (ReferenceCTGAN, ReferenceTVAE)


@pytest.fixture(scope="module")
def payments() -> pd.DataFrame:
    return toy_payments(300, seed=2)


@pytest.fixture(scope="module")
def package():
    return pytest.importorskip("ctgan", reason="the extra `reference` is not installed")


@pytest.fixture(scope="module", params=BOTH, ids=lambda each: each.kind)
def model(request, payments, package):
    return request.param(steps=6, batch_size=100, random_state=0).fit(payments)


# --- the bridge


def test_crossing_the_bridge_and_back_changes_nothing(payments):
    table = Table.of(payments)
    bridge = Bridge(table.schema)
    plain = bridge.cross(table)
    assert not plain.isna().any(axis=None)
    assert set(plain.dtypes.astype(str)) == {"float64", "object"}
    assert "currency" not in plain  # a constant teaches nothing
    back = bridge.back(plain, bridge.codes(plain))
    pd.testing.assert_frame_equal(back, table.frame)


def test_missing_numbers_cross_as_the_median_and_a_column_that_says_so(payments):
    table = Table.of(payments[["age", "merchant"]])
    bridge = Bridge(table.schema)
    plain = bridge.cross(table)
    missing = payments["age"].isna().to_numpy()
    assert bridge.discrete == ["age is missing", "merchant"]
    assert ((plain["age is missing"] == "1").to_numpy() == missing).all()
    assert plain["age"][missing].nunique() == 1
    low = payments["age"].min()
    assert plain["age"][missing].iloc[0] + low == payments["age"].median()


def test_nothing_to_learn_from_is_refused(payments):
    with pytest.raises(UnsuitableDataError, match=r"constant.* give at least one column that varies"):
        Bridge(Table.of(payments[["currency"]]).schema)


# --- the models


def test_rows_have_the_make_of_the_data(model, payments):
    made = model.sample(120, random_state=0)
    assert made.dtypes.to_dict() == payments.dtypes.to_dict()
    assert list(made.columns) == list(payments.columns)
    assert made["amount"].min() >= payments["amount"].min()


def test_steps_become_whole_epochs(payments, package):
    # 300 rows in batches of 100: 3 steps an epoch in both
    for kind in BOTH:
        for steps, played in [(1, 3), (5, 6)]:
            training = kind(steps=steps, batch_size=100, random_state=0).fit(payments[["amount", "online"]]).training_
            assert training.steps == played
            assert [entry["step"] for entry in training.history] == list(range(3, played + 1, 3))


def test_progress_is_told_once_at_the_end(payments, package):
    told = []
    ReferenceTVAE(steps=3, batch_size=100, random_state=0).fit(payments, on_progress=told.append)
    assert [(each.step, each.steps) for each in told] == [(3, 3)]


def test_what_the_package_shares_is_passed_on(package):
    inner = ReferenceCTGAN(
        latent=17, generator_widths=[8], critic_widths=[9], pac=5, batch_size=50, learning_rate=0.5, weight_decay=0.25
    )._new_model(3)
    state = vars(inner)
    assert (state["_embedding_dim"], state["_generator_dim"], state["_discriminator_dim"]) == (17, (8,), (9,))
    assert (state["pac"], state["_batch_size"], state["_epochs"]) == (5, 50, 3)
    assert (state["_generator_lr"], state["_discriminator_lr"], state["_generator_decay"]) == (0.5, 0.5, 0.25)


def test_the_callers_random_state_is_left_alone(payments, package):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    ReferenceTVAE(steps=1, batch_size=100, random_state=0).fit(payments).sample(5, random_state=0)
    assert torch.equal(torch_state, torch.get_rng_state())
    assert (numpy_state == np.random.get_state()[1]).all()  # noqa: NPY002


def test_a_folder_gives_the_same_rows_again(model, tmp_path):
    model.save(tmp_path / "model")
    again = type(model).load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.sample(80, random_state=1), model.sample(80, random_state=1))
    made = again.sample(20, condition={"merchant": "fuel"}, random_state=1)
    assert (made["merchant"] == "fuel").all()
    again.save(tmp_path / "copy")  # what was loaded can be saved again
    pd.testing.assert_frame_equal(
        type(model).load(tmp_path / "copy").sample(30, random_state=1), model.sample(30, random_state=1)
    )


def test_every_row_obeys_and_the_raw_share_is_kept(model):
    made = model.sample(40, condition={"online": "false", "merchant": "grocery"}, random_state=0)
    assert not made["online"].any()
    assert (made["merchant"] == "grocery").all()
    assert 0 < model.obedience_ <= 1


def test_a_condition_hardly_ever_met_says_at_what_rate(model, monkeypatch):
    monkeypatch.setattr(type(model), "_raw", lambda self, n, wanted: model.model_.sample(n).assign(merchant="0"))
    monkeypatch.setattr("ganforge.synthesis.reference_base._CHUNK", 300)
    _, code = model.bridge_.codec.code_of("merchant", "travel")
    assert code != 0
    with pytest.raises(UnsuitableDataError, match=r"0 \(0\.00%\)"):
        model.sample(5, condition={"merchant": "travel"}, random_state=0)


def test_a_table_without_discrete_columns(payments, package):
    for kind in BOTH:
        made = kind(steps=1, batch_size=100, random_state=0).fit(payments[["amount", "items"]]).sample(7)
        assert made.shape == (7, 2)


def test_checkpoints_are_refused_with_a_notice_not_an_error(payments, package, tmp_path):
    with pytest.warns(GanforgeWarning, match="keeps no checkpoints"):
        made = ReferenceTVAE(steps=1, batch_size=100, random_state=0).fit(payments, checkpoints=tmp_path)
    assert "keeps no checkpoints" in made.notices_[0]


@pytest.mark.parametrize(("size", "pac", "near"), [(505, 10, 500), (55, 5, 60), (7, 3, 6), (1, 1, 2)])
def test_a_batch_that_the_package_would_fail_on_is_named(payments, package, size, pac, near):
    with pytest.raises(InputError, match=rf"batch_size={size} with pac={pac}.*batch_size={near}$"):
        ReferenceCTGAN(steps=1, batch_size=size, pac=pac).fit(payments)


def test_without_the_package_the_extra_is_named(payments, monkeypatch):
    monkeypatch.setitem(sys.modules, "ctgan", None)  # as if it were not installed
    with pytest.raises(InputError, match=r"pip install 'ganforge\[reference\]'"):
        ReferenceTVAE(steps=1).fit(payments)
