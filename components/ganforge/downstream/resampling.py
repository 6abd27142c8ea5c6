"""Which rows an arm is trained and which it is tested on: outside to judge, inside to choose.

    outer_folds    k folds, repeated with new draws; or forward in time with a gap; groups stay together
    inner_folds    the same kind of folds within one training part

Rows that are twins (the same to a model) and rows of one entity (customer, card) never stand on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ganforge.data.splits import Split, folds
from ganforge.errors import InputError, UnsuitableDataError


@dataclass(frozen=True, eq=False, kw_only=True)
class Protocol:
    """How rows may be told apart."""

    groups: np.ndarray
    """(N,) numbers; rows that share one stay together."""
    entities: np.ndarray | None = None
    """(N,) numbers of the customers or cards alone, without the twins; None where no column names them."""
    time: np.ndarray | None = None
    """(N,) seconds; then folds go forward in time."""
    gap: float = 0.0
    """Seconds between training and test rows."""

    def take(self, rows: np.ndarray) -> Protocol:
        time = None if self.time is None else self.time[rows]
        entities = None if self.entities is None else self.entities[rows]
        return Protocol(groups=self.groups[rows], entities=entities, time=time, gap=self.gap)


def outer_folds(
    positive: np.ndarray, protocol: Protocol, *, folds: int, repeats: int, random_state: int
) -> list[Split]:
    """`folds` · `repeats` pairs (train, test), repeat after repeat; each row is tested on once a repeat (without time).

    Raises `InputError` for repeats of folds that go forward in time: there is but one such order; and whatever
    `data.splits.folds` raises.
    """
    if repeats < 1:
        raise InputError(f"repeats={repeats}; give at least 1")
    if protocol.time is not None and repeats > 1:
        raise InputError(f"repeats={repeats}: folds that go forward in time can be cut in one way; ask for more folds")
    return [
        pair for repeat in range(repeats) for pair in _folds(positive, protocol, folds, random_state + 1_000 * repeat)
    ]


def inner_folds(
    positive: np.ndarray, protocol: Protocol, *, folds: int, random_state: int
) -> tuple[list[Split], str | None]:
    """Folds of a training part, and a notice where they could not be as the outer ones are.

    Fewer than `folds` where there are not enough positives, and none at all where there is but one group of them.
    Where folds forward in time leave a side without one of the classes they are drawn at random: what is chosen on
    them may then be chosen badly, but is still judged on rows that it never saw.
    """
    rarer = min((positive, ~positive), key=lambda side: int(side.sum()))
    possible = min(folds, len(np.unique(protocol.groups[rarer])))
    if possible < 2:
        return [], None
    at_random = Protocol(groups=protocol.groups)
    if protocol.time is None:
        return _with_both(_folds(positive, at_random, possible, random_state), positive), None
    try:
        pairs = _folds(positive, protocol, possible, random_state)
    except UnsuitableDataError:
        pairs = []
    if pairs and len(_with_both(pairs, positive)) == len(pairs):
        return pairs, None
    notice = "classifier and ratio were chosen on random inner folds: forward in time some would lack a class"
    return _with_both(_folds(positive, at_random, possible, random_state), positive), notice


def joined(*groupings: np.ndarray) -> np.ndarray:
    """(N,) numbers: rows that any of the groupings holds together, directly or through others, share one."""
    n = len(groupings[0])
    offsets = np.cumsum([n, *(int(each.max()) + 1 for each in groupings)])
    nodes = np.concatenate([each + offset for each, offset in zip(groupings, offsets, strict=False)])
    rows = np.tile(np.arange(n), len(groupings))
    graph = coo_array((np.ones(len(rows)), (rows, nodes)), shape=(offsets[-1], offsets[-1]))
    return connected_components(graph, directed=False)[1][:n].astype(np.int64)


def _folds(positive: np.ndarray, protocol: Protocol, k: int, random_state: int) -> list[Split]:
    return folds(positive, k=k, random_state=random_state, time=protocol.time, gap=protocol.gap, groups=protocol.groups)


def _with_both(pairs: list[Split], positive: np.ndarray) -> list[Split]:
    """Those pairs whose two sides both have both classes."""
    return [pair for pair in pairs if all(len(np.unique(positive[side])) == 2 for side in pair)]
