"""The order of the data is a function of (seed, step, rank)."""

from __future__ import annotations

import pytest
import torch

from ganforge.errors import InputError, UnsuitableDataError
from ganforge.training import Batch, TensorBatches


def rows(batches: TensorBatches, steps: range, **where: int) -> list[int]:
    return [int(row) for step in steps for row in batches.draw(step, seed=5, **where).real]


def test_every_row_comes_once_an_epoch() -> None:
    """Though 7 does not divide 100, and batches reach over the border between two epochs."""
    drawn = rows(TensorBatches(torch.arange(100), batch_size=7), range(100))
    for epoch in range(7):
        assert sorted(drawn[100 * epoch : 100 * (epoch + 1)]) == list(range(100))
    assert drawn[:100] != drawn[100:200]


def test_a_step_is_the_same_whoever_asks_and_when() -> None:
    one, other = (TensorBatches(torch.arange(50), batch_size=8) for _ in range(2))
    forwards = [rows(one, range(k, k + 1)) for k in range(40)]
    backwards = [rows(other, range(k, k + 1)) for k in reversed(range(40))]
    assert forwards == backwards[::-1]


def test_another_seed_is_another_order() -> None:
    batches = TensorBatches(torch.arange(50), batch_size=50)
    assert not torch.equal(batches.draw(0, seed=0).real, batches.draw(0, seed=1).real)


def test_devices_share_an_epoch_among_them() -> None:
    batches = TensorBatches(torch.arange(96), batch_size=8)
    drawn = [rows(batches, range(4), rank=rank, world_size=3) for rank in range(3)]
    assert sorted(drawn[0] + drawn[1] + drawn[2]) == list(range(96))


def test_drawing_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    TensorBatches(torch.arange(50), batch_size=8).draw(3, seed=0)
    assert torch.equal(before, torch.get_rng_state())


def test_a_batch_may_be_larger_than_the_data() -> None:
    batch = TensorBatches(torch.arange(3), batch_size=8).draw(0, seed=0)
    assert sorted(batch.real.tolist())[:2] == [0, 0]
    assert len(batch) == 8


def test_extras_keep_to_their_rows_and_only_the_real_are_transformed() -> None:
    x = torch.arange(40, dtype=torch.uint8)
    batches = TensorBatches(x, batch_size=16, transform=lambda x: x.float() / 2, label=torch.arange(40))
    batch = batches.draw(1, seed=0)
    assert torch.equal(batch.real * 2, batch.label.float())
    assert batch.real.dtype == torch.float32


def test_what_cannot_be_drawn_from_is_refused() -> None:
    with pytest.raises(UnsuitableDataError, match="no row"):
        TensorBatches(torch.empty(0, 2), batch_size=4)
    with pytest.raises(InputError, match="'label' has 3 rows, the real data 4"):
        TensorBatches(torch.zeros(4), batch_size=4, label=torch.zeros(3))
    with pytest.raises(InputError, match="batch_size=0"):
        TensorBatches(torch.zeros(4), batch_size=0)


def test_a_batch_answers_by_name() -> None:
    batch = Batch(torch.zeros(5, 2), label=torch.arange(5))
    assert "label" in batch
    assert "mask" not in batch
    assert [len(part) for part in batch.split(2)] == [3, 2]
    assert batch.split(2)[1].label.tolist() == [3, 4]
    with pytest.raises(AttributeError, match="real, label; not 'mask'"):
        batch.mask
