import pytest
import torch

from ganforge.gans._segments import drawn_codes, gumbel_rows, gumbel_rows_at

WIDTHS = [3, 1, 5, 2]  # the second is a scalar
SEGMENT = torch.repeat_interleave(torch.arange(4), torch.tensor(WIDTHS))
SCALARS = torch.tensor([3])


def by_column(logits, noise, asked, tau):
    """Column by column, as the paper writes it."""
    parts = []
    for k, (part, noisy) in enumerate(zip(logits.split(WIDTHS, 1), noise.T.split(WIDTHS, 1), strict=True)):
        parts.append(part.tanh() if k == 1 else ((part + noisy) / tau).softmax(1))
    rows = torch.cat(parts, 1)
    return rows, -rows.gather(1, asked[:, None])[:, 0].log()


@pytest.mark.parametrize("batch", [1, 7])
def test_rows_are_a_softmax_column_by_column_and_numbers_a_tanh(batch):
    logits, noise = torch.randn(batch, 11).double() * 3, torch.randn(11, batch).double()
    asked = torch.tensor([0, 2, 4, 8, 9, 10, 5])[:batch]
    kept = logits.clone(), noise.clone()
    rows, surprise = gumbel_rows_at(logits, noise, SEGMENT, 4, SCALARS, asked, 0.5)
    expected = by_column(logits, noise, asked, 0.5)
    torch.testing.assert_close(rows, expected[0])
    torch.testing.assert_close(surprise, expected[1])
    assert torch.equal(logits, kept[0])
    assert torch.equal(noise, kept[1])


def test_what_is_far_beyond_exp_is_finite():
    logits = torch.randn(7, 11) * 2000
    rows, surprise = gumbel_rows(logits, SEGMENT, 4, SCALARS, torch.full((7,), 4), 0.2)
    assert rows.isfinite().all()
    assert surprise.isfinite().all()
    assert surprise.max() > 1000


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("asks", [False, True])
def test_the_gradient_is_that_of_finite_differences(batch, asks):
    logits, noise = torch.randn(batch, 11).double().requires_grad_(), torch.randn(11, batch).double()
    asked = torch.tensor([0, 5, 10])[:batch] if asks else None

    def made(each):
        rows, surprise = gumbel_rows_at(each, noise, SEGMENT, 4, SCALARS, asked, 0.7)
        return (rows, surprise) if asks else rows

    assert torch.autograd.gradcheck(made, (logits,))


def test_noise_is_drawn_and_nothing_surprises_who_asks_for_nothing():
    torch.manual_seed(0)
    logits = torch.zeros(20_000, 11)
    rows, surprise = gumbel_rows(logits, SEGMENT, 4, SCALARS, None, 0.2)
    assert not surprise.any()
    chosen = torch.bincount(rows[:, 4:9].argmax(1), minlength=5) / 20_000
    torch.testing.assert_close(chosen, torch.full((5,), 0.2), atol=0.015, rtol=0)


def test_surprises_of_several_that_are_asked_for_add_up_and_nothing_asked_adds_none():
    torch.manual_seed(0)
    logits = torch.randn(3, len(SEGMENT), dtype=torch.float64, requires_grad=True)
    noise = torch.randn(len(SEGMENT), 3, dtype=torch.float64)
    places = [k for k in range(len(SEGMENT)) if k not in SCALARS.tolist()]
    asked = torch.tensor([[places[0], places[-1]], [places[1], -1], [-1, -1]])

    def surprise(each: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        return gumbel_rows_at(each, noise, SEGMENT, 4, SCALARS, at, 0.7)[1]

    one, other = (surprise(logits, asked[:, k].clamp(min=0)) for k in (0, 1))
    expected = torch.stack([one[0] + other[0], one[1], torch.zeros(())])
    torch.testing.assert_close(surprise(logits, asked), expected)
    assert torch.autograd.gradcheck(lambda each: surprise(each, asked), (logits,))


def test_codes_are_drawn_from_the_softmax_of_each_segment():
    shares = [torch.tensor([0.5, 0.3, 0.15, 0.05]), torch.tensor([1.0]), torch.tensor([0.1, 0.9])]
    logits = torch.cat([shares[0].log() + 40, torch.zeros(1), shares[1], shares[2].log() - 40])[:, None]
    uniform = torch.rand(3, 40_000, generator=torch.Generator().manual_seed(0))
    codes = drawn_codes(logits.expand(-1, 40_000), [(0, 4), (5, 6), (6, 8)], uniform)
    assert codes.dtype == torch.int64
    assert codes.shape == (40_000, 3)
    for column, share in enumerate(shares):
        drawn = torch.bincount(codes[:, column], minlength=len(share)) / 40_000
        torch.testing.assert_close(drawn, share, atol=0.01, rtol=0)


def test_a_code_is_where_the_distribution_function_passes_the_uniform():
    logits = torch.tensor([0.5, 0.25, 0.25]).log()[:, None].expand(-1, 5)
    uniform = torch.tensor([[0.0, 0.49, 0.51, 0.76, 1 - 2**-24]])
    assert drawn_codes(logits, [(0, 3)], uniform)[:, 0].tolist() == [0, 0, 1, 2, 2]
    far = torch.tensor([-2000.0, 500.0, -2000.0])[:, None].expand(-1, 5)
    assert drawn_codes(far, [(0, 3)], uniform)[1:, 0].tolist() == [1, 1, 1, 1]
