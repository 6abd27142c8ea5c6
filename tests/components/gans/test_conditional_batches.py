import numpy as np
import pytest
import torch

from ganforge.data.layout import Block, Layout
from ganforge.errors import InputError
from ganforge.gans.conditional_batches import STRETCH, ConditionalBatches, Conditions, climb, ladder

MIXED = Layout(
    (
        Block("amount", "mixture", 3),
        Block("shop", "categorical", 4),
        Block("age", "mixture", 2),
        Block("card", "categorical", 2),
    )
)
NUMBERS = Layout((Block("x", "mixture", 2), Block("y", "mixture", 1)))
ONE = Layout((Block("shop", "categorical", 3),))


def rows(layout: Layout, n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    codes = np.stack([np.minimum(rng.geometric(0.6, n) - 1, b.width - 1) for b in layout.blocks], 1)
    scalars = rng.uniform(-1, 1, (n, layout.scalars))
    return torch.from_numpy(scalars.astype(np.float32)), torch.from_numpy(codes.astype(np.int32))


def test_modes_of_numbers_can_be_asked_for_too():
    scalars, codes = rows(MIXED, 300)
    conditions = Conditions(MIXED, modes=True)
    assert conditions.blocks == list(range(len(MIXED.blocks)))
    assert conditions.width == sum(block.width for block in MIXED.blocks)
    drawn = ConditionalBatches(scalars, codes, conditions, batch_size=400).draw(0, seed=0)
    block = np.searchsorted(conditions.starts, drawn.condition.numpy(), side="right") - 1
    value = drawn.condition.numpy() - conditions.starts[block]
    assert (drawn.codes.numpy()[np.arange(400), block] == value).all()  # the row has what is asked for
    assert set(block) == set(conditions.blocks)


def test_a_batch_is_a_function_of_seed_step_and_rank():
    batches = ConditionalBatches(*rows(MIXED, 300), Conditions(MIXED), batch_size=50)
    one, again = batches.draw(7, seed=1, rank=0), batches.draw(7, seed=1, rank=0)
    assert all(torch.equal(one.tensors[name], again.tensors[name]) for name in one.tensors)
    for other in (batches.draw(8, seed=1), batches.draw(7, seed=2), batches.draw(7, seed=1, rank=1)):
        assert not torch.equal(one.condition, other.condition)


def test_the_order_in_which_steps_are_drawn_does_not_matter():
    batches, again = (ConditionalBatches(*rows(MIXED, 300), Conditions(MIXED), batch_size=20) for _ in range(2))
    steps = [0, 1, STRETCH - 1, STRETCH, 3 * STRETCH + 2]
    first = [batches.draw(step, seed=1) for step in steps]
    for one, step in reversed(list(zip(first, steps, strict=True))):
        other = again.draw(step, seed=1)
        assert all(torch.equal(one.tensors[name], other.tensors[name]) for name in one.tensors)
    assert len({tuple(each.condition.tolist()) for each in first}) == len(steps)


def test_rows_that_lie_on_a_device_are_drawn_there():
    batches = ConditionalBatches(*rows(MIXED, 300), Conditions(MIXED), batch_size=20)
    moved = batches.to(torch.device("meta"))
    drawn, here = moved.draw(3, seed=1), batches.draw(3, seed=1)
    for name, each in drawn.tensors.items():
        assert each.device.type == "meta"
        assert each.shape == here.tensors[name].shape
        assert each.dtype == here.tensors[name].dtype
    assert batches.scalars.device.type == "cpu"


def test_every_row_has_the_value_it_was_drawn_for():
    conditions = Conditions(MIXED)
    drawn = ConditionalBatches(*rows(MIXED, 300), Conditions(MIXED), batch_size=2000).draw(0, seed=0)
    for place, codes in zip(drawn.condition.tolist(), drawn.codes, strict=True):
        column = 0 if place < 4 else 1
        assert codes[conditions.blocks[column]] == place - int(conditions.starts[column])


def test_columns_are_drawn_evenly_and_values_by_log_frequency():
    scalars, codes = rows(MIXED, 300)
    counts = Conditions(MIXED).counts(codes)
    assert counts.sum() == 600
    drawn = ConditionalBatches(scalars, codes, Conditions(MIXED), batch_size=40_000).draw(0, seed=0)
    seen = np.bincount(drawn.condition, minlength=6) / 40_000
    for column in (slice(0, 4), slice(4, 6)):
        expected = np.log1p(counts[column]) / np.log1p(counts[column]).sum() / 2
        np.testing.assert_allclose(seen[column], expected, atol=4 * 0.5 / np.sqrt(40_000))


def test_rows_with_a_value_are_equally_likely():
    codes = torch.tensor([[0]] * 3 + [[1]] * 5)
    scalars = torch.zeros(8, 0)
    batches = ConditionalBatches(scalars, codes, Conditions(Layout((Block("c", "categorical", 2),))), batch_size=30_000)
    batches.codes = torch.arange(8)[:, None]  # so that a drawn row tells its number
    drawn = np.bincount(batches.draw(0, seed=0).codes[:, 0], minlength=8) / 30_000
    shares = np.log1p([3, 5]) / np.log1p([3, 5]).sum()
    np.testing.assert_allclose(drawn, np.repeat(shares / [3, 5], [3, 5]), atol=0.01)


def test_a_value_never_seen_is_never_drawn_and_an_unseen_code_belongs_nowhere():
    layout = Layout((Block("c", "categorical", 3), Block("d", "categorical", 2)))
    codes = torch.tensor([[1, 0], [-1, 1], [1, -1], [1, 0]])
    drawn = ConditionalBatches(torch.zeros(4, 0), codes, Conditions(layout), batch_size=5000).draw(0, seed=0)
    assert set(drawn.condition.tolist()) == {1, 3, 4}


def test_a_column_without_any_value_is_refused():
    with pytest.raises(InputError, match="number 1"):
        ConditionalBatches(torch.zeros(3, 0), torch.full((3, 1), -1), Conditions(ONE), batch_size=10)


@pytest.mark.parametrize("layout", [NUMBERS, ONE])
def test_no_discrete_column_or_only_one(layout):
    drawn = ConditionalBatches(*rows(layout, 50), Conditions(layout), batch_size=500).draw(0, seed=0)  # more than 50
    assert len(drawn) == 500
    assert ("condition" in drawn) == (layout is ONE)


def test_climbing_stays_in_its_column_even_where_a_uniform_rounds_up():
    class Top:
        def random(self, n):
            return np.full(n, 1 - 2.0**-53)

    conditions = Conditions(Layout((Block("a", "categorical", 3), Block("b", "categorical", 2))))
    steps = ladder(np.array([1, 1, 0, 2, 3]), conditions)
    assert climb(steps, np.array([0, 1, 1]), Top()).tolist() == [1, 4, 4]  # never the value of no weight
