"""The layout by hand, and the round trip of everything it can hold."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganforge.data.layout import Block, Layout
from ganforge.errors import InputError

LAYOUT = Layout((Block("amount", "mixture", 3), Block("kind", "categorical", 2), Block("age", "mixture", 1)))


def test_spans_of_a_small_layout():
    assert [tuple(span) for span in LAYOUT.spans] == [
        (0, "scalar", 0, 1),
        (0, "one_hot", 1, 4),
        (1, "one_hot", 4, 6),
        (2, "scalar", 6, 7),
        (2, "one_hot", 7, 8),
    ]
    assert (LAYOUT.width, LAYOUT.scalars) == (8, 2)


def test_expand_by_hand():
    matrix = LAYOUT.expand(torch.tensor([[0.5, -0.25], [0.0, 1.0]]), torch.tensor([[2, 0, 0], [1, -1, 0]]))
    assert matrix.tolist() == [
        [0.5, 0, 0, 1, 1, 0, -0.25, 1],
        [0.0, 0, 1, 0, 0, 0, 1.0, 1],
    ]
    assert matrix.dtype == torch.float32


def test_collapse_takes_the_largest_place():
    matrix = torch.tensor([[0.1, 0.2, 0.7, 0.1, 0.4, 0.6, -1.0, 0.9]])
    scalars, codes = LAYOUT.collapse(matrix)
    assert scalars.tolist() == [pytest.approx([0.1, -1.0])]
    assert codes.tolist() == [[1, 1, 0]]


@st.composite
def layouts(draw):
    count = draw(st.integers(1, 6))
    return Layout(
        tuple(
            Block(f"c{k}", draw(st.sampled_from(["mixture", "categorical"])), draw(st.integers(1, 7)))
            for k in range(count)
        )
    )


@settings(max_examples=40, deadline=None)
@given(layouts(), st.integers(0, 9), st.integers(0, 2**31))
def test_collapse_undoes_expand(layout, rows, seed):
    generator = torch.Generator().manual_seed(seed)
    scalars = torch.rand(rows, layout.scalars, generator=generator) * 2 - 1
    codes = torch.stack(
        [torch.randint(-1, block.width, (rows,), generator=generator) for block in layout.blocks], dim=1
    )
    matrix = layout.expand(scalars, codes)
    assert matrix.shape == (rows, layout.width)
    again, places = layout.collapse(matrix)
    assert torch.equal(again, scalars)
    assert torch.equal(places, codes)
    assert Layout.from_json(json.loads(json.dumps(layout.to_json()))) == layout


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r"give \(2, 2\) and \(2, 3\)"):
        LAYOUT.expand(torch.zeros(2, 1), torch.zeros(2, 3, dtype=torch.long))
    with pytest.raises(InputError, match="width 8"):
        LAYOUT.collapse(torch.zeros(2, 7))
    with pytest.raises(InputError, match="no column"):
        Layout(())
    with pytest.raises(InputError, match="width 0"):
        Block("a", "mixture", 0)
    with pytest.raises(InputError, match="mixture, categorical"):
        Block("a", "ordinal", 2)
