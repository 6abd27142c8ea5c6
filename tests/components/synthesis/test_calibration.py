"""After training, shares and numbers are brought to those of the data, and what columns say about each other stays."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ganforge.catalog import load_model
from ganforge.data.layout import Block, Layout
from ganforge.gans.ctgan import Conditions, CTGANGame
from ganforge.quality.marginals import marginal_distances
from ganforge.synthesis import calibration
from ganforge.synthesis.bank import ConditionBank
from ganforge.synthesis.calibration import calibrate_shares, joint_counts
from ganforge.synthesis.ctgan import CTGAN, TunedCTGAN
from ganforge.synthesis.quantiles import QuantileMaps

SMALL = {
    "steps": 200,
    "batch_size": 200,
    "generator_widths": (64, 64),
    "critic_widths": (64, 64),
    "learning_rate": 1e-3,
}


def skewed(n: int = 2_000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    common = rng.random(n) < 0.9
    colour = np.where(common, "red", rng.choice(["blue", "green"], n))
    size = np.where(common, rng.exponential(1, n), 5 + rng.exponential(3, n)).round(2)
    heavy = rng.random(n) < np.where(common, 0.05, 0.7)
    return pd.DataFrame({"colour": colour, "size": size, "heavy": heavy})


@pytest.fixture(scope="module")
def models() -> dict[str, CTGAN]:
    frame = skewed()
    return {
        "plain": CTGAN(random_state=0, **SMALL).fit(frame),
        "tuned": TunedCTGAN(random_state=0, **SMALL).fit(frame),
    }


def far(model: CTGAN) -> pd.Series:
    frame = skewed()
    made = model.sample(4_000, random_state=0)
    return marginal_distances(made, frame).set_index("column")["distance"]


def test_shares_and_numbers_come_to_those_of_the_data(models):
    plain, tuned = far(models["plain"]), far(models["tuned"])
    assert tuned.max() < 0.04
    assert tuned.mean() < 0.4 * plain.mean()


def test_what_columns_say_about_each_other_stays(models):
    made = models["tuned"].sample(4_000, random_state=0)
    heavy = made.groupby("colour")["heavy"].mean()
    assert heavy["red"] < 0.15 < 0.5 < heavy[["blue", "green"]].min()
    size = made.groupby("colour")["size"].median()
    assert size["red"] < 2 < size[["blue", "green"]].min()


def test_conditional_shares_are_those_of_the_rows_with_the_condition(models):
    for colour, expected in skewed().groupby("colour")["heavy"].mean().items():
        made = models["tuned"].sample(2_000, condition={"colour": colour}, random_state=1)
        assert made["heavy"].mean() == pytest.approx(expected, abs=0.12), colour  # of 100 rows, believed for 5/6


def test_what_is_asked_for_is_made_by_the_network_itself(models):
    for column in ("colour", "heavy"):
        for value in skewed()[column].unique():
            models["tuned"].sample(500, condition={column: value}, random_state=0)
            assert models["tuned"].obedience_ > 0.96, (column, value)


def test_a_calibrated_model_is_kept_whole_in_its_folder(models, tmp_path):
    models["tuned"].save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert isinstance(again, TunedCTGAN)
    pd.testing.assert_frame_equal(again.sample(100, random_state=0), models["tuned"].sample(100, random_state=0))


def test_a_table_of_numbers_alone_is_calibrated_too():
    rng = np.random.default_rng(0)
    x = rng.exponential(2, 800)
    frame = pd.DataFrame({"x": x, "y": x + rng.normal(0, 0.3, 800)})
    for modes in (True, False):  # without modes nothing can be asked for: the bias takes the place of the offsets
        made = {
            on: CTGAN(random_state=0, calibrate=on, condition_modes=modes, **SMALL)
            .fit(frame)
            .sample(2_000, random_state=0)
            for on in (True, False)
        }
        assert marginal_distances(made[True], frame)["distance"].max() < 0.06
        rank = {on: each.corr("spearman").loc["x", "y"] for on, each in made.items()}
        assert rank[True] > rank[False] - 0.1


def test_joint_counts_are_a_cross_table():
    layout = Layout((Block("a", "categorical", 2), Block("x", "mixture", 3)))
    codes = torch.tensor([[0, 2], [1, 0], [1, 0], [-1, 1], [1, -1]])
    table = joint_counts(codes, Conditions(layout), layout)
    assert table.tolist() == [[1, 0, 0, 0, 1], [0, 3, 2, 0, 0]]
    assert joint_counts(codes, Conditions(layout), layout, start=1).tolist() == [[0, 3, 2, 0, 0]]
    modes = Conditions(layout, modes=True)
    parts = [joint_counts(codes, modes, layout, start=k, stop=k + 1) for k in range(5)]
    np.testing.assert_array_equal(np.concatenate(parts), joint_counts(codes, modes, layout))
    alone = Layout((Block("x", "mixture", 3),))
    assert joint_counts(codes[:, 1:], Conditions(alone), alone).tolist() == [[2, 1, 1]]


def untrained(values: int, rows: int) -> tuple[CTGANGame, torch.Tensor, ConditionBank]:
    """A generator of three columns, one of them of so many values, and rows to calibrate it to."""
    layout = Layout((Block("many", "categorical", values), Block("two", "categorical", 2), Block("x", "mixture", 3)))
    rng = np.random.default_rng(0)
    many = rng.integers(0, values, rows)
    codes = torch.from_numpy(np.stack([many, rng.random(rows) < many / values, rng.integers(0, 3, rows)], 1))
    torch.manual_seed(0)
    networks = {"latent": 4, "generator_widths": (8,), "critic_widths": (8,)}
    game = CTGANGame(layout, **networks, condition_modes=True, condition_columns=2).eval()
    return game, codes, ConditionBank.of(codes, game.conditions, seed=0)


class Largest(TorchDispatchMode):
    """Notes how many numbers the largest tensor has that torch makes; `tracemalloc` sees those of NumPy alone."""

    def __init__(self, *, beside: torch.nn.Module) -> None:
        """beside: whose own weights do not count, nor what is a view of them."""
        super().__init__()
        self.numbers = 0
        self._own = {each.untyped_storage().data_ptr() for each in beside.state_dict().values()}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for each in tree_leaves(made):
            if isinstance(each, torch.Tensor) and each.untyped_storage().data_ptr() not in self._own:
                self.numbers = max(self.numbers, each.numel())
        return made


def test_columns_that_are_asked_for_together_come_to_the_shares_of_each_alone():
    """Fourteen columns that say much of each other, seven of them asked for at a time, and nothing learned before."""
    rng = np.random.default_rng(0)
    kind, columns = rng.integers(0, 3, 6_000), range(14)
    noise = [(rng.random(6_000) < 0.02 + 0.03 * k) * rng.integers(1, 3, 6_000) for k in columns]
    codes = torch.from_numpy(np.stack([(kind + each) % 3 for each in noise], 1))
    torch.manual_seed(0)
    layout = Layout(tuple(Block(f"c{k}", "categorical", 3) for k in columns))
    networks = {"latent": 8, "generator_widths": (16,), "critic_widths": (8,)}
    game = CTGANGame(layout, **networks, condition_modes=True, condition_columns=7).eval()
    bank = ConditionBank.of(codes, game.conditions, seed=0)
    calibrate_shares(game, codes, bank, seed=0)
    asked = np.repeat(np.arange(game.conditions.width), 8_000)
    draws = torch.Generator().manual_seed(1)
    _, made = game.generate(len(asked), torch.from_numpy(bank.draw(asked, rng)), generator=draws)
    real = joint_counts(codes, game.conditions, layout) / game.conditions.counts(codes)[:, None]
    found = np.stack([np.eye(3)[made[asked == k]].mean(0).ravel() for k in range(game.conditions.width)])
    off = np.abs(found - real)
    assert off.mean() < 0.0065  # .004 of it are the 8,000 rows
    assert off.max() < 0.04


def test_many_values_are_calibrated_without_a_table_of_all_pairs(monkeypatch):
    """1,500 values under as many conditions are 18 MB in float64, and some of such tables were kept at once."""
    game, codes, bank = untrained(1_500, rows=6_000)
    monkeypatch.setattr(calibration, "ROWS", 2_000)
    monkeypatch.setattr(calibration, "CELLS", 1 << 16)
    before = game.generator.out.lookup.detach().clone()
    tracemalloc.start()
    calibrate_shares(game, codes, bank, seed=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 9e6
    moved = (game.generator.out.lookup.detach() - before)[: game.conditions.width] != 0
    others = [c for span in game.layout.one_hots[1:] for c in range(span.start, span.stop)]
    assert moved[:1_500, others].float().mean() > 0.95
    own = moved[:1_500, :1_500]  # of the column that is asked for, only the value itself
    assert own.sum() == own.diagonal().sum() > 1_400


def test_torch_makes_no_table_of_all_pairs_either(monkeypatch):
    game, codes, bank = untrained(1_500, rows=6_000)
    monkeypatch.setattr(calibration, "ROWS", 2_000)
    monkeypatch.setattr(calibration, "CELLS", 1 << 16)
    with Largest(beside=game) as largest:
        calibrate_shares(game, codes, bank, seed=0)
    assert 0.9 * calibration.CELLS < largest.numbers <= calibration.CELLS


def test_so_many_at_a_time_changes_nothing_but_the_noise(monkeypatch):
    found = []
    for cells in (1 << 20, 100):
        monkeypatch.setattr(calibration, "CELLS", cells)
        monkeypatch.setattr(calibration, "ROWS", 1_000)
        game, codes, bank = untrained(12, rows=3_000)
        calibrate_shares(game, codes, bank, seed=0)
        found.append(game.generator.out.lookup.detach().numpy())
    np.testing.assert_allclose(*found, atol=0.1)  # they move by up to 3 a round


def test_quantile_maps_keep_the_order_and_give_the_real_distribution():
    layout = Layout((Block("a", "categorical", 2), Block("x", "mixture", 2)))
    rng = np.random.default_rng(0)
    codes = np.stack([rng.integers(0, 2, 4_000), rng.integers(0, 2, 4_000)], 1)
    made = rng.normal(0.3, 0.1, (4_000, 1)).astype(np.float32)
    real = np.where(codes[:, 1:] == 1, rng.uniform(-1, 0, (4_000, 1)), rng.uniform(0.5, 0.6, (4_000, 1)))
    maps = QuantileMaps.fit(layout, (made, codes), (real, codes))
    mapped = maps.apply(made, codes)
    for mode in (0, 1):
        rows = codes[:, 1] == mode
        assert (np.argsort(made[rows, 0], kind="stable") == np.argsort(mapped[rows, 0], kind="stable")).mean() > 0.99
        np.testing.assert_allclose(
            np.quantile(mapped[rows], [0.1, 0.5, 0.9]), np.quantile(real[rows], [0.1, 0.5, 0.9]), atol=0.03
        )
    few = QuantileMaps.fit(layout, (made[:4], codes[:4]), (real[:4], codes[:4]))
    np.testing.assert_allclose(few.apply(made, codes), made, atol=1e-6)  # too few to say: as it came
