"""f-AnoGAN's game: players, phases, losses against hand-computed values."""

import math

import pytest
import torch
from torch import nn

from ganforge.errors import InputError
from ganforge.gans.f_anogan import Critic, Encoder, FAnoGANGame, Generator
from ganforge.training import Batch, Clock, TensorBatches, fit, steps_by_phase


class Turn:
    """As the core gives it to a move that trains the generator: everything fresh and with its graph."""

    clock = Clock()

    def shared(self, key, by, make):
        return make()


def linear(inputs: int, outputs: int, weight: float) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.constant_(layer.weight, weight)
    return layer


def hand_made() -> FAnoGANGame:
    """One-dimensional and linear: G(z) = 2z, f(x) = 3x, D(x) = 5·f(x), E(x) drawn in from x/4."""
    critic = Critic(linear(1, 1, 3.0), 1)
    nn.init.constant_(critic.last.weight, 5.0)
    nn.init.zeros_(critic.last.bias)
    return FAnoGANGame(
        generator=Generator(linear(1, 1, 2.0)),
        critic=critic,
        encoder=Encoder(linear(1, 1, 0.25), latent=1),
        latent=1,
        kappa=0.5,
    )


def test_izi_f_is_image_residual_plus_kappa_times_feature_residual():
    game, x = hand_made(), torch.tensor([[1.0], [-2.0]])
    z = torch.tensor([2 * math.tanh(0.25 / 2), -2 * math.tanh(0.5 / 2)])  # the ball's radius is √1 + 1
    residual = x[:, 0] - 2 * z
    terms = game.encoder_loss(Batch(x), Turn())
    torch.testing.assert_close(terms["image_residual"], residual.square().mean())
    torch.testing.assert_close(terms["feature_residual"], 0.5 * (3 * residual).square().mean())


def test_critic_and_generator_play_wgan_gp():
    game, x = hand_made(), torch.tensor([[1.0], [-2.0]])
    torch.manual_seed(3)
    terms = game.critic_loss(Batch(x), Turn())
    torch.manual_seed(3)
    fake = 2 * torch.randn(2, 1)
    torch.testing.assert_close(terms["wasserstein"], 15 * fake.mean() - 15 * x.mean())
    torch.testing.assert_close(terms["penalty"], torch.tensor(10 * (15.0 - 1) ** 2))  # a linear critic: (‖w‖ − 1)²
    torch.manual_seed(3)
    torch.testing.assert_close(game.generator_loss(Batch(x), Turn())["wasserstein"], -15 * fake.mean())


def test_two_phases_and_five_critic_moves():
    adversaries, encoder = hand_made().phases()
    assert [(each.name, each.every, each.trains) for each in adversaries.updates] == [
        ("critic", 1, ("critic",)),
        ("generator", 5, ("generator",)),
    ]
    assert [each.trains for each in encoder.updates] == [("encoder",)]
    spans = [played for _, played in steps_by_phase([adversaries, encoder], 4_500)]
    assert [len(each) for each in spans] == [3_000, 1_500]


def test_the_second_phase_leaves_generator_and_critic_as_they_are():
    torch.manual_seed(0)
    game = FAnoGANGame.rows(3, latent=3, hidden=8, encoder_share=0.5)
    batches = TensorBatches(torch.randn(64, 3), batch_size=8)
    seen = {}

    def look(progress):
        if progress.phase == "adversaries":
            seen.update({name: value.clone() for name, value in game.state_dict().items()})

    fit(game, batches, steps=20, log_every=10, on_progress=look)
    after = game.state_dict()
    for name, value in after.items():
        assert torch.equal(value, seen[name]) is not name.startswith("encoder"), name


@pytest.mark.parametrize("latent", [1, 5, 64])
def test_the_encoder_stays_in_the_ball_and_keeps_directions(latent):
    encoder = Encoder(nn.Identity(), latent)
    h = torch.randn(100, latent) * torch.logspace(-6, 3, 100)[:, None]
    z = encoder(h)
    assert (z.norm(dim=1) <= math.sqrt(latent) + 1 + 1e-5).all()
    torch.testing.assert_close(nn.functional.cosine_similarity(z[30:], h[30:]), torch.ones(70))
    torch.testing.assert_close(z[:30], h[:30], rtol=1e-2, atol=1e-6)  # small codes are left as they are
    zero = torch.zeros(2, latent, requires_grad=True)
    encoder(zero).sum().backward()
    assert torch.isfinite(zero.grad).all()


def test_one_hot_segments_are_shares_and_numbers_are_free():
    generator = Generator(nn.Identity(), one_hots=[(1, 3), (4, 6)])
    x = generator(torch.tensor([[9.0, 0.0, 0.0, -7.0, 100.0, 0.0, 2.0]]))
    torch.testing.assert_close(x, torch.tensor([[9.0, 0.5, 0.5, -7.0, 1.0, 0.0, 2.0]]))


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3)])
def test_pictures_pass_all_three_networks(size, channels):
    game = FAnoGANGame.pictures(size, channels=channels, latent=7, maps=8)
    z = torch.randn(4, 7)
    x = game.generator(z)
    assert x.shape == (4, channels, size, size)
    assert x.abs().max() <= 1
    assert game.critic(x).shape == (4, 1)
    assert game.encoder(x).shape == (4, 7)
    image, feature = game.residuals(x)
    assert image.shape == x.shape
    assert feature.shape == (4, 2 * 8 * (size // 4) ** 2)


def test_no_network_mixes_the_samples_of_a_batch():
    for game, x in (
        (FAnoGANGame.rows(4, latent=2, hidden=8), torch.randn(6, 4)),
        (FAnoGANGame.pictures(28, channels=1, latent=3, maps=8), torch.rand(6, 1, 28, 28)),
    ):
        game.train()
        for whole, alone in zip(game.residuals(x), game.residuals(x[2:3]), strict=True):
            torch.testing.assert_close(whole[2:3], alone, rtol=1e-4, atol=1e-5)


def test_what_cannot_be_played_is_refused():
    with pytest.raises(InputError, match="64×64"):
        FAnoGANGame.pictures(64, channels=1, latent=8)
    with pytest.raises(InputError, match="encoder_share=1"):
        FAnoGANGame.rows(2, latent=2, encoder_share=1)
    with pytest.raises(InputError, match="kappa=-1"):
        FAnoGANGame.rows(2, latent=2, kappa=-1)
    with pytest.raises(InputError, match="latent=0"):
        FAnoGANGame.rows(2, latent=0)
