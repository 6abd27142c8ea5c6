import numpy as np
import pytest
import torch

from ganforge.gans._noise import dropout_mask, gumbel_noise


def test_gumbel_noise_has_gumbels_mean_and_variance_and_is_finite():
    torch.manual_seed(0)
    noise = gumbel_noise((1000, 400)).double()
    assert noise.isfinite().all()
    assert noise.mean().item() == pytest.approx(0.5772, abs=0.01)
    assert noise.var().item() == pytest.approx(np.pi**2 / 6, abs=0.02)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(700, 301), (3,)])
def test_dropout_leaves_out_its_share_and_keeps_the_mean(share, shape):
    torch.manual_seed(0)
    mask = dropout_mask(shape, share)
    assert mask.shape == shape
    assert mask.dtype == torch.float32
    assert set(mask.unique().tolist()) <= {0.0, torch.tensor(1 / (1 - share)).item()}
    if mask.numel() > 1000:
        assert (mask == 0).float().mean().item() == pytest.approx(share, abs=0.005)
        assert mask.mean().item() == pytest.approx(1, abs=0.02)
        beside = ((mask[:, 1:] == 0) & (mask[:, :-1] == 0)).float().mean().item()
        assert beside == pytest.approx(share**2, abs=0.01)  # places of one draw do not hang together


def test_dropout_is_a_function_of_torchs_seed():
    torch.manual_seed(3)
    one = dropout_mask((5, 7), 0.5)
    torch.manual_seed(3)
    assert torch.equal(one, dropout_mask((5, 7), 0.5))
    assert not torch.equal(one, dropout_mask((5, 7), 0.5))
