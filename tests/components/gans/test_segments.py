import numpy as np
import pytest
import torch

from ganforge.gans._segments import gumbel_noise, segment_softmax


def test_segment_softmax_is_softmax_column_by_column():
    widths = [3, 1, 5, 2]
    segment = torch.repeat_interleave(torch.arange(4), torch.tensor(widths))
    y = (torch.randn(7, 11, dtype=torch.float64) * 200).requires_grad_()  # far beyond what exp can take
    soft, log_sums = segment_softmax(y, segment, 4)
    parts = y.split(widths, 1)
    torch.testing.assert_close(soft, torch.cat([part.softmax(1) for part in parts], 1))
    torch.testing.assert_close(log_sums, torch.stack([part.logsumexp(1) for part in parts], 1))


def test_segment_softmax_has_the_right_gradient():
    segment = torch.tensor([0, 0, 1, 2, 2, 2])
    y = torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda each: segment_softmax(each, segment, 3), (y,))


def test_gumbel_noise_has_gumbels_mean_and_variance_and_is_finite():
    noise = gumbel_noise((1000, 400), generator=torch.Generator().manual_seed(0)).double()
    assert noise.isfinite().all()
    assert noise.mean().item() == pytest.approx(0.5772, abs=0.01)
    assert noise.var().item() == pytest.approx(np.pi**2 / 6, abs=0.02)
