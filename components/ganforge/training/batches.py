"""Real data in memory, in an order that is a function of (seed, step, rank)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ganforge.errors import InputError, UnsuitableDataError
from ganforge.training.game import Batch
from ganforge.training.randomness import mix


class TensorBatches:
    """Batches of rows of `real` (N, …), with the same rows of every tensor in `extras`: labels, conditions, masks.

    Each epoch is a fresh permutation, a function of (seed, epoch); the epochs follow each other without a gap, so every
    batch is full and every row comes once an epoch. Several devices cut their batches from the same sequence, so that
    no row comes to two of them in one epoch.

    `batch_size`: samples a step on one device; `transform`: applied to the drawn rows of `real`, such as
    `lambda x: x.float() / 127.5 - 1` for 8-bit pictures that are kept as they are.
    """

    def __init__(
        self,
        real: Tensor,
        *,
        batch_size: int,
        transform: Callable[[Tensor], Tensor] | None = None,
        **extras: Tensor,
    ) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size={batch_size}; give at least 1")
        if len(real) == 0:
            raise UnsuitableDataError("there is no row to train on")
        for name, each in extras.items():
            if len(each) != len(real):
                raise InputError(f"{name!r} has {len(each)} rows, the real data {len(real)}; they must be as many")
        self.tensors = {"real": real, **extras}
        self.transform = transform
        self._batch_size = batch_size
        self._orders: dict[tuple[int, int], Tensor] = {}

    @property
    def batch_size(self) -> int:
        return self._batch_size

    def __len__(self) -> int:
        """Rows in all."""
        return len(self.tensors["real"])

    def draw(self, step: int, *, seed: int, rank: int = 0, world_size: int = 1) -> Batch:
        """The batch of a step (from 0), on one of `world_size` devices."""
        rows = self.rows(step, seed=seed, rank=rank, world_size=world_size)
        drawn = {name: each[rows.to(each.device)] for name, each in self.tensors.items()}
        if self.transform is not None:
            drawn["real"] = self.transform(drawn["real"])
        return Batch(**drawn)

    def rows(self, step: int, *, seed: int, rank: int = 0, world_size: int = 1) -> Tensor:
        """Which rows `draw` takes: (batch_size,) int64."""
        n, begin = len(self), (step * world_size + rank) * self._batch_size
        end, pieces = begin + self._batch_size, []
        while begin < end:
            epoch, offset = divmod(begin, n)
            piece = self._order(seed, epoch)[offset : offset + end - begin]
            pieces.append(piece)
            begin += len(piece)
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def _order(self, seed: int, epoch: int) -> Tensor:
        order = self._orders.get((seed, epoch))
        if order is None:
            generator = torch.Generator().manual_seed(mix(seed, epoch, len(self)))
            order = torch.randperm(len(self), generator=generator)
            while len(self._orders) > 1:  # the epoch before may still be asked for by this batch
                del self._orders[next(iter(self._orders))]
            self._orders[seed, epoch] = order
        return order
