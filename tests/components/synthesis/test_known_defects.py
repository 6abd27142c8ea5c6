"""Defects measured in the package that most people use (ctgan 0.12.1): none of them here, each by its name.

Where another file goes into one of them in depth, its test is named in the docstring.
"""

import sys

import pandas as pd
import pytest
import torch

from ganforge.data.codec import Codec
from ganforge.data.table import Table
from ganforge.data.toy import toy_payments
from ganforge.errors import InputError, InterruptedRunError
from ganforge.gans.conditional_batches import STRETCH
from ganforge.gans.ctgan import ConditionalBatches, Conditions, CTGANGame
from ganforge.synthesis.ctgan import CTGAN
from ganforge.synthesis.defaults import default_steps
from ganforge.training.randomness import seed_torch

SMALL = {"batch_size": 100, "generator_widths": (32, 32), "critic_widths": (32, 32), "latent": 16}


@pytest.fixture(scope="module")
def payments() -> pd.DataFrame:
    return toy_payments(400, seed=1)


@pytest.fixture(scope="module")
def model(payments) -> CTGAN:
    return CTGAN(steps=300, random_state=0, learning_rate=1e-3, **SMALL).fit(payments)


def batches(payments: pd.DataFrame, size: int) -> ConditionalBatches:
    table = Table.of(payments)
    codec = Codec.fit(table)
    encoded = codec.encode(table, random_state=0)
    scalars, codes = torch.from_numpy(encoded.scalars), torch.from_numpy(encoded.codes)
    return ConditionalBatches(scalars, codes, Conditions(codec.layout), batch_size=size)


def test_the_bit_of_any_discrete_column_is_set_not_the_firsts_alone(model):
    """And obeyed: `test_ctgan.test_a_rare_class_behind_another_column_is_obeyed_by_the_network_itself`."""
    for column, value in (("merchant", "fuel"), ("online", True), ("is_fraud", 1)):
        model.sample(300, condition={column: value}, random_state=0)
        assert model.obedience_ > 0.9, column


def test_sampling_is_in_evaluation_mode(model):
    """Batch norm in training mode would make a row hang on those beside it."""
    assert not model.game_.training
    first = model.sample(300, condition={"merchant": "fuel"}, random_state=0)
    assert not model.game_.generator.training
    pd.testing.assert_frame_equal(first, model.sample(300, condition={"merchant": "fuel"}, random_state=0))


def test_default_samples_follow_shares_not_log_frequencies(model, payments):
    """See `test_ctgan.test_without_a_condition_the_true_shares_are_asked_for_not_the_log_frequencies`."""
    made = model.sample(4_000, random_state=0)
    assert made["is_fraud"].mean() < payments["is_fraud"].mean() + 0.1


def test_the_prior_of_samples_is_not_the_balance_of_training(model):
    """The package has one switch for both; here each call says what rows are to be drawn under."""
    priors = ("real", "is_fraud")
    shares = {prior: model.sample(2_000, prior=prior, random_state=0)["is_fraud"].mean() for prior in priors}
    assert shares["real"] < 0.2
    assert shares["is_fraud"] == pytest.approx(0.5, abs=0.05)


def test_what_is_never_negative_stays_so(model, payments):
    made = model.sample(2_000, random_state=0)
    for column in ("amount", "items"):
        assert payments[column].min() >= 0
        assert made[column].between(payments[column].min(), payments[column].max()).all()


def test_the_critics_step_computes_no_gradient_of_the_generator(payments):
    """See `tests/contracts/test_games.py::test_no_move_leaves_a_gradient_on_others`, for every game."""
    layout = Codec.fit(Table.of(payments)).layout
    game = CTGANGame(layout, latent=16, generator_widths=(32,), critic_widths=(32,))
    drawn = batches(payments, 100).draw(0, seed=0)
    fake = torch.rand(100, layout.width, requires_grad=True)
    terms = game.critic.terms(layout.expand(drawn.real, drawn.codes), fake, drawn.condition.view(10, -1))
    sum(terms).backward()
    assert fake.grad is None


def test_missing_values_and_dates_are_learned(payments, model):
    assert payments["age"].isna().any()
    assert payments["booked_at"].dtype.kind == "M"
    made = model.sample(500, random_state=0)
    assert 0 < made["age"].isna().mean() < 0.5
    assert made["booked_at"].between(payments["booked_at"].min(), payments["booked_at"].max()).all()


def test_a_pac_that_does_not_divide_the_batch_is_named(payments):
    with pytest.raises(InputError, match=r"batch_size=100 is not a multiple of pac=7.*batch_size=98"):
        CTGAN(steps=1, pac=7, **SMALL).fit(payments)


def test_a_small_table_is_not_starved():
    """300 epochs of 394 rows are 300 steps; see also `test_monitoring.test_four_hundred_rows_are_neither_…`."""
    assert default_steps(394, 500) >= 4_000


def test_no_python_loop_draws_a_batch(payments):
    def calls(call) -> int:
        count = 0

        def counted(frame, event, argument):
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(counted)
        try:
            call()
        finally:
            sys.setprofile(None)
        return count

    def of_a_draw(size: int) -> int:
        drawn = batches(payments, size)
        drawn.draw(0, seed=0)  # what is looked up once, by whichever draw comes first
        kept, fresh = (calls(lambda step=step: drawn.draw(step, seed=0)) for step in (1, STRETCH))
        assert fresh > kept  # the first step of a stretch draws the rows of all
        return fresh

    assert of_a_draw(1_000) == of_a_draw(10)


def test_no_pickle_is_saved(model, tmp_path):
    """See `tests/contracts/test_synthesizers.py::test_a_folder_holds_no_pickle_and_any_change_to_it_is_found`."""
    model.save(tmp_path / "model")
    names = {each.suffix for each in (tmp_path / "model").rglob("*") if each.is_file()}
    assert names <= {".json", ".safetensors"}


def test_training_can_be_watched_stopped_and_resumed(payments, tmp_path):
    """Bit for bit: `tests/contracts/test_synthesizers.py::test_a_run_that_was_stopped_goes_on_bit_identically`."""

    def stop(progress):
        seen.append(progress.step)
        if progress.step >= 4:
            raise KeyboardInterrupt

    seen: list[int] = []
    options = {"steps": 8, "random_state": 0, "log_every": 2, "checkpoint_every": 2, **SMALL}
    with pytest.raises((KeyboardInterrupt, InterruptedRunError)):
        CTGAN(**options).fit(payments, checkpoints=tmp_path, on_progress=stop)
    assert seen == [2, 4]
    resumed: list[int] = []
    CTGAN(**options).fit(
        payments, checkpoints=tmp_path, resume=True, on_progress=lambda each: resumed.append(each.step)
    )
    assert min(resumed) >= 4
    assert resumed[-1] == 8


def test_the_generator_of_a_gpu_is_seeded_too(monkeypatch):
    told = []
    monkeypatch.setattr(torch.cuda, "manual_seed", told.append)
    before = torch.get_rng_state()
    seed_torch(7, torch.device("cuda"))
    seed_torch(8, torch.device("cpu"))
    torch.set_rng_state(before)
    assert told == [7]
