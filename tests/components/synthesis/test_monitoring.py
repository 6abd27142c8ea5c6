"""Held-out rows, judgements on them, and what they do to a training."""

import numpy as np
import pandas as pd
import pytest
import torch

from ganforge.data.codec import Codec
from ganforge.data.table import Table
from ganforge.data.toy import toy_payments
from ganforge.errors import GanforgeWarning, InputError
from ganforge.gans.ctgan import CTGANGame
from ganforge.quality.closest import closest_records
from ganforge.synthesis import calibration, monitoring
from ganforge.synthesis.bank import ConditionBank
from ganforge.synthesis.conditions import Request
from ganforge.synthesis.ctgan import CTGAN, TunedCTGAN
from ganforge.synthesis.drawing import Drawer
from ganforge.synthesis.monitoring import Judge, hold_out

SMALL = {"generator_widths": (32, 32), "critic_widths": (32, 32), "latent": 16, "batch_size": 100}


# --- which rows are held out


def codes_of(rows: int, rare: int = 0) -> np.ndarray:
    codes = np.zeros((rows, 2), dtype=np.int32)
    codes[:, 0] = np.arange(rows) % 4
    codes[:rare, 1] = 1
    return codes


def test_a_share_is_held_out_of_a_table_that_can_spare_it():
    for rows, held in ((5_000, 500), (8_000, 800), (20_000, 2_000), (100_000, 2_000)):
        training, held_out = hold_out(codes_of(rows), validation_fraction=0.1, seed=0)
        assert len(held_out) == held
        np.testing.assert_array_equal(np.sort(np.concatenate([training, held_out])), np.arange(rows))


def test_a_small_table_is_not_starved():
    training, held_out = hold_out(codes_of(4_990), validation_fraction=0.1, seed=0)
    assert (len(training), len(held_out)) == (4_990, 0)


def test_training_keeps_most_rows_of_a_rare_value_and_judging_gets_some():
    _, held_out = hold_out(codes_of(8_000, rare=49), validation_fraction=0.25, seed=0)
    assert 1 <= (held_out < 49).sum() <= 49 / 5  # a quarter by chance
    _, held_out = hold_out(codes_of(8_000, rare=4), validation_fraction=0.5, seed=0)
    assert held_out.min() >= 4
    _, held_out = hold_out(codes_of(8_000, rare=400), validation_fraction=0.25, seed=0)
    assert 60 < (held_out < 400).sum() < 140


def test_a_table_of_rare_values_can_be_held_out_of():
    """Two columns: 2,000 values of 25 rows each, and 5,000 of ten."""
    rng = np.random.default_rng(0)
    codes = np.stack([rng.permutation(50_000) % each for each in (2_000, 5_000)], 1)
    training, held_out = hold_out(codes, validation_fraction=0.1, seed=0)
    assert len(held_out) == 2_000
    np.testing.assert_array_equal(np.sort(np.concatenate([training, held_out])), np.arange(50_000))
    for block, rows in zip(codes.T, (25, 10), strict=True):
        assert np.bincount(block[training]).min() >= 0.8 * rows
        assert len(np.unique(block[held_out])) > 1_000


def test_codes_of_any_width_will_do():
    codes = np.arange(12_800).reshape(-1, 1) % 128
    for dtype in (np.int8, np.int16, np.int32):
        _, held_out = hold_out(codes.astype(dtype), validation_fraction=0.1, seed=0)
        assert len(held_out) == 1_280


def test_the_same_rows_for_the_same_seed():
    codes = codes_of(6_000)
    one, again, other = (hold_out(codes, validation_fraction=0.1, seed=seed)[1] for seed in (0, 0, 1))
    assert (one == again).all()
    assert (one != other).any()


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_a_share_is_a_share(share):
    with pytest.raises(InputError, match="validation_fraction"):
        hold_out(codes_of(100), validation_fraction=share, seed=0)


# --- judging


class Replay(CTGANGame):
    """Makes the rows it is given, encoded, in place of what a network would."""

    def __init__(self, codec: Codec, frame: pd.DataFrame) -> None:
        super().__init__(codec.layout, latent=2, generator_widths=(4,), critic_widths=(4,))
        encoded = codec.encode(frame, random_state=0)
        self.rows = torch.from_numpy(encoded.scalars), torch.from_numpy(encoded.codes).long()

    def generate(self, n, places, *, generator):
        chosen = torch.randint(len(self.rows[1]), (n,), generator=generator)
        return self.rows[0][chosen], self.rows[1][chosen]


@pytest.fixture(scope="module")
def table() -> Table:
    return Table.of(toy_payments(6_000, seed=0))


@pytest.fixture(scope="module")
def codec(table) -> Codec:
    return Codec.fit(table, random_state=0)


def judge_of(table: Table, codec: Codec, **options) -> Judge:
    codes = codec.encode(table, random_state=0).codes
    training, held_out = hold_out(codes, validation_fraction=0.2, seed=0)
    bank = ConditionBank.of(torch.from_numpy(codes), Replay(codec, table.frame.head(50)).conditions, seed=0)
    options = {"training": training, "held_out": held_out, "mend_margins": False, "seed": 0, **options}
    return Judge(table, codec, bank, **options)


def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return frame.apply(lambda column: column.iloc[rng.permutation(len(column))].array).astype(frame.dtypes)


@pytest.mark.parametrize("mend_margins", [False, True])
def test_real_rows_are_at_the_floor_and_rows_without_dependence_above(table, codec, mend_margins):
    judge = judge_of(table, codec, mend_margins=mend_margins)
    assert judge(Replay(codec, table.frame)) == pytest.approx(judge.floor, abs=0.02)
    assert judge(Replay(codec, shuffled(table.frame))) > judge.floor + 0.02


def test_margins_that_will_be_mended_do_not_count(table, codec):
    weights = np.where(table.frame["merchant"] == "fuel", 4.0, 1.0)
    chosen = table.frame.sample(4_000, replace=True, weights=weights, random_state=0)
    plain, mended = (judge_of(table, codec, mend_margins=each) for each in (False, True))
    assert plain(Replay(codec, chosen)) > plain.floor + 0.05
    assert mended(Replay(codec, chosen)) < mended.floor + 0.03


def test_two_judgements_of_one_network_are_one_number(table, codec):
    judge = judge_of(table, codec)
    game = CTGANGame(codec.layout, latent=8, generator_widths=(16,), critic_widths=(16,)).eval()
    before = torch.get_rng_state()
    assert judge(game) == judge(game)
    assert torch.equal(torch.get_rng_state(), before)


def test_rows_learned_by_heart_are_no_gain():
    whole = Table.of(toy_payments(800, seed=0).sample(frac=1, random_state=0))
    small = whole.take(np.arange(400))
    codec = Codec.fit(small, random_state=0)
    judge = judge_of(small, codec)
    by_heart, new = judge(Replay(codec, small.frame)), judge(Replay(codec, whole.take(np.arange(400, 800)).frame))
    assert by_heart > 0.4  # their pairs are perfect, and they are the training rows themselves
    assert new < 0.3
    assert new < by_heart


# --- training


def test_training_stops_when_it_gets_no_better_and_keeps_the_best(monkeypatch):
    monkeypatch.setattr(monitoring, "EVERY", 7)
    values = iter([0.5, 0.4, 0.3, 0.35, 0.3, 0.36, 0.2])
    monkeypatch.setattr(monitoring.Judge, "__call__", lambda self, game: next(values))
    model = CTGAN(steps=70, early_stopping=True, n_iter_no_change=3, random_state=0, **SMALL)
    told = model.fit(toy_payments(300, seed=0)).training_
    assert (told.steps, told.stopped, told.best_step, told.best_metric) == (42, "patience", 21, 0.3)
    assert [each["metric"] for each in told.history if each["metric"]] == [0.5, 0.4, 0.3, 0.35, 0.3, 0.36]
    assert told.metric_name == "distance of pairs"
    assert 0 < told.metric_floor < 0.3


def test_steps_are_exact_unless_early_stopping_is_asked_for():
    frame = toy_payments(300, seed=0)
    exact = CTGAN(steps=12, random_state=0, **SMALL).fit(frame).training_
    assert (exact.steps, exact.best_step, exact.metric_name) == (12, None, None)
    asked = CTGAN(steps=12, early_stopping=True, random_state=0, **SMALL).fit(frame).training_
    assert asked.best_step is not None
    without = CTGAN(steps=12, early_stopping=False, random_state=0, **SMALL).fit(frame).training_
    assert without.history == exact.history


def test_without_steps_the_judgements_decide(monkeypatch):
    monkeypatch.setattr(monitoring, "EVERY", 2)
    monkeypatch.setattr("ganforge.synthesis.ctgan.default_steps", lambda rows, batch_size: 20)
    told = CTGAN(random_state=0, **SMALL).fit(toy_payments(300, seed=0)).training_
    assert told.best_step is not None
    assert sum(each["metric"] is not None for each in told.history) == 10
    monkeypatch.setattr("ganforge.synthesis.ctgan.default_steps", lambda rows, batch_size: 3)
    assert CTGAN(early_stopping=False, random_state=0, **SMALL).fit(toy_payments(300)).training_.best_step is None


def test_a_model_judged_on_its_own_rows_says_so_where_the_table_is_large_enough(monkeypatch):
    monkeypatch.setattr(monitoring, "LEAST_HELD_OUT", 20)
    frame = toy_payments(300, seed=0)
    frame["clerk"] = [f"c{k // 3}" for k in range(300)]
    with pytest.warns(GanforgeWarning, match=r"no rows are held out to judge.*'clerk' 300 of 300 .* fewer than 50"):
        model = CTGAN(steps=2, early_stopping=True, random_state=0, **SMALL).fit(frame)
    assert any("no rows are held out" in each for each in model.notices_)
    monkeypatch.undo()
    model = CTGAN(steps=2, early_stopping=True, random_state=0, **SMALL).fit(frame)
    assert not any("held out" in each for each in model.notices_)  # a small table: as everyone expects


def test_the_shares_to_sample_by_are_those_of_all_rows(monkeypatch):
    monkeypatch.setattr(monitoring, "LEAST_HELD_OUT", 20)
    frame = toy_payments(600, seed=0)
    model = CTGAN(steps=2, early_stopping=True, random_state=0, **SMALL).fit(frame)
    block, code = model.codec_.code_of("merchant", "fuel")
    assert model.frequencies_[model.game_.conditions.place(block, code)] == (frame["merchant"] == "fuel").sum()


def test_a_killed_run_goes_on_to_the_same_best(tmp_path, monkeypatch):
    monkeypatch.setattr(monitoring, "EVERY", 4)
    frame = toy_payments(300, seed=0)
    options = {"steps": 40, "early_stopping": True, "random_state": 0, "checkpoint_every": 10, **SMALL}
    whole = CTGAN(**options).fit(frame, checkpoints=tmp_path / "whole")

    def stop(progress) -> None:
        if progress.step >= 22:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        CTGAN(**options, log_every=2).fit(frame, checkpoints=tmp_path / "killed", on_progress=stop)
    again = CTGAN(**options).fit(frame, checkpoints=tmp_path / "killed", resume=True)
    assert again.training_.resumed_at > 0
    assert (again.training_.best_step, again.training_.best_metric) == (
        whole.training_.best_step,
        whole.training_.best_metric,
    )
    for name, each in whole.game_.state_dict().items():
        assert torch.equal(each, again.game_.state_dict()[name]), name


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"early_stopping": "always"}, "early_stopping='always'"),
        ({"n_iter_no_change": 0}, "n_iter_no_change=0"),
        ({"validation_fraction": 2}, "validation_fraction=2"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(InputError, match=message):
        CTGAN(steps=1, **parameters).fit(toy_payments(50))


@pytest.mark.slow
def test_four_hundred_rows_are_neither_starved_nor_learned_by_heart():
    rows = toy_payments(1_400, seed=0).sample(frac=1, random_state=0).drop(columns=["booked_at", "currency"])
    table, held_out = Table.of(rows.iloc[:400]), rows.iloc[400:]
    quick = {"generator_widths": (64, 64), "critic_widths": (64, 64), "learning_rate": 1e-3, "batch_size": 200}
    model = CTGAN(steps=1_600, early_stopping=True, random_state=0, **quick).fit(table)
    told = model.training_
    judged = [each["metric"] for each in told.history if each["metric"] is not None]
    assert told.best_metric < 0.6 * judged[0]
    found = closest_records(model.sample(1_000, random_state=1), table.frame, held_out, schema=table.schema)
    assert not found.leaks, found


def test_the_judge_draws_what_sample_draws(table, codec):
    """The rows it judges are those of the drawer that `sample` uses, unconditional."""
    judge = judge_of(table, codec)
    game = CTGANGame(codec.layout, latent=8, generator_widths=(16,), critic_widths=(16,)).eval()
    drawn = Drawer(game, codec, judge.bank, None).draw(Request(n=4_000), seed=0)
    frame = codec.decode((drawn.scalars, drawn.codes))
    both = [judge.shares.distance(frame, mend_margins=mend) for mend in (False, True)]
    assert judge(game) == pytest.approx(np.mean(both))


@pytest.mark.slow
def test_thousands_of_values_are_trained_on_judged_and_calibrated(monkeypatch):
    """A column of 2,000 values, three quarters of them in ten rows or fewer."""
    monkeypatch.setattr(monitoring, "EVERY", 10)
    monkeypatch.setattr(calibration, "ROWS", 2_000)  # shares settle less, in seconds
    rng = np.random.default_rng(0)
    shares = 1 / (10 + np.arange(2_000))
    merchant = np.concatenate([np.arange(2_000), rng.choice(2_000, 18_000, p=shares / shares.sum())])
    amount = np.exp(rng.normal(3, 0.6, 20_000) + 0.5 * (merchant % 3)).round(2)
    frame = pd.DataFrame({"merchant": [f"m{each:04}" for each in merchant], "amount": amount, "kind": merchant % 3})
    model = TunedCTGAN(steps=20, early_stopping=True, random_state=0, **SMALL).fit(frame)
    assert not any("held out" in each for each in model.notices_)
    assert model.training_.best_step is not None
    made, counts = model.sample(4_000, random_state=0), frame["merchant"].value_counts()
    rare = set(counts.index[counts <= 10])
    assert len(rare) > 1_200
    assert made["merchant"].isin(rare).mean() == pytest.approx(frame["merchant"].isin(rare).mean(), abs=0.1)
    assert made["merchant"][made["merchant"].isin(rare)].nunique() > 300
    rarest = counts.index[-1]
    assert (model.sample(20, condition={"merchant": rarest}, random_state=0)["merchant"] == rarest).all()
