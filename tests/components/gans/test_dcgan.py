"""The networks of the paper, counted by hand; who learns in which move; the condition."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from ganforge.errors import InputError
from ganforge.gans.dcgan import SIZES, DCGANGame, to_pixels, to_range
from ganforge.training.batches import TensorBatches
from ganforge.training.fitting import fit
from ganforge.training.options import TrainerOptions


def parameters(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


def tiny(**changes) -> DCGANGame:
    torch.manual_seed(0)
    return DCGANGame(**{"size": 28, "channels": 1, "width": 8, "latent": 6, **changes})


def test_the_generator_of_figure_1_has_as_many_parameters_as_counted_by_hand():
    weights = [
        100 * 1024 * 4 * 4,  # 100 → 4×4×1024
        1024 * 512 * 4 * 4,  # → 8×8×512
        512 * 256 * 4 * 4,  # → 16×16×256
        256 * 128 * 4 * 4,  # → 32×32×128
        128 * 3 * 4 * 4,  # → 64×64×3
    ]
    norms = 2 * (1024 + 512 + 256 + 128)  # scale and shift; none on the output
    output_bias = 3
    expected = sum(weights) + norms + output_bias
    assert expected == 12_658_435
    assert parameters(DCGANGame().generator) == expected


def test_the_discriminator_is_its_mirror_image():
    weights = [3 * 128 * 16, 128 * 256 * 16, 256 * 512 * 16, 512 * 1024 * 16, 1024 * 1 * 16]
    norms = 2 * (256 + 512 + 1024)  # none on the input layer, none on the output
    biases = 128 + 1  # where no norm follows
    assert sum(weights) + norms + biases == 11_036_289
    assert parameters(DCGANGame().discriminator) == 11_036_289


@pytest.mark.parametrize(("size", "first_kernel"), [(28, 3), (32, 4)])
def test_the_small_variants_have_one_stage_less(size, first_kernel):
    game = DCGANGame(size=size, channels=1, width=128, classes=10)
    stages = [first_kernel**2, 16, 16]
    generator = 110 * 128 * 16 + 128 * 64 * stages[0] + 64 * 32 * 16 + 32 * 16 + 1 + 2 * (128 + 64 + 32)
    discriminator = (1 + 10) * 32 * 16 + 32 + 32 * 64 * 16 + 64 * 128 * stages[0] + 2 * (64 + 128) + 10 * (128 * 16 + 1)
    assert parameters(game.generator) == generator
    assert parameters(game.discriminator) == discriminator


@pytest.mark.parametrize(("size", "channels", "classes"), list(itertools.product(SIZES, (1, 3), (0, 3))))
def test_shapes_and_range(size, channels, classes):
    game = DCGANGame(size=size, channels=channels, width=16, classes=classes)
    label = torch.tensor([0, 1, 2, 0, 1]) if classes else None
    pictures = game.generator(game.latents(5), label)
    assert pictures.shape == (5, channels, size, size)
    assert pictures.min() >= -1
    assert pictures.max() <= 1
    assert game.discriminator(pictures, label).shape == (5,)


def test_no_fully_connected_layer_and_batch_norm_where_the_paper_puts_it():
    game = DCGANGame(width=16, classes=4)
    assert not any(isinstance(each, nn.Linear) for each in game.modules())
    kinds = [type(each).__name__ for each in game.generator.layers]
    assert kinds == ["ConvTranspose2d", "BatchNorm2d", "ReLU"] * 4 + ["ConvTranspose2d", "Tanh"]
    kinds = [type(each).__name__ for each in game.discriminator.layers]
    assert kinds == ["Conv2d", "LeakyReLU"] + ["Conv2d", "BatchNorm2d", "LeakyReLU"] * 3 + ["Conv2d"]
    assert {each.negative_slope for each in game.modules() if isinstance(each, nn.LeakyReLU)} == {0.2}


def test_weights_start_as_the_paper_says():
    torch.manual_seed(0)
    game = DCGANGame(width=64, size=32)
    for module in game.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)) and module.weight.numel() > 5_000:
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.05)
            assert module.weight.mean().item() == pytest.approx(0, abs=0.001)


def test_latents_are_uniform_and_the_same_for_the_same_seed():
    game = tiny(latent=100)
    z = game.latents(2_000, generator=torch.Generator().manual_seed(1))
    assert z.shape == (2_000, 100)
    assert z.min() >= -1
    assert z.max() <= 1
    assert z.var().item() == pytest.approx(1 / 3, rel=0.02)
    assert torch.equal(z, game.latents(2_000, generator=torch.Generator().manual_seed(1)))


def test_the_discriminator_judges_a_picture_as_one_of_its_class():
    game = tiny(classes=3).eval()
    x = torch.rand(1, 1, 28, 28).expand(3, -1, -1, -1)
    logits = game.discriminator(x, torch.arange(3))
    assert len(set(logits.tolist())) == 3
    maps = torch.eye(3)[:, :, None, None].expand(-1, -1, 28, 28)
    by_hand = game.discriminator.layers(torch.cat([x, maps], 1))[:, :, 0, 0].diagonal()
    assert torch.allclose(logits, by_hand, atol=1e-6)


def test_a_label_changes_the_generated_picture():
    game = tiny(classes=3).eval()
    z = game.latents(1).expand(3, -1)
    pictures = game.generator(z, torch.arange(3))
    assert not torch.allclose(pictures[0], pictures[1])
    assert not torch.allclose(pictures[1], pictures[2])


def test_the_condition_stands_beside_the_noise_and_does_not_drown_it():
    game = tiny(classes=3, latent=100)
    heard = []
    game.generator.layers[0].register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0][:, :, 0, 0]))
    z, label = game.latents(9), torch.arange(9) % 3
    game.generator(z, label)
    assert torch.equal(heard[0][:, :100], z)
    assert torch.equal(heard[0][:, 100:], torch.eye(3)[label])


def test_pixels_survive_the_way_there_and_back():
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    scaled = to_range(pixels)
    assert scaled.min() == -1
    assert scaled.max() == 1
    assert torch.equal(to_pixels(scaled), pixels)
    assert to_pixels(torch.tensor([-1.5, 1.5])).tolist() == [0, 255]


def test_what_is_float_already_is_not_scaled_again():
    x = torch.rand(2, 1, 28, 28)
    assert to_range(x) is x


def test_both_players_learn_from_8_bit_pictures_and_the_losses_are_named():
    game = tiny(classes=2)
    before = {name: each.clone() for name, each in game.named_parameters()}
    pixels = torch.randint(0, 256, (32, 1, 28, 28), dtype=torch.uint8)
    batches = TensorBatches(pixels, batch_size=8, label=torch.arange(32) % 2)
    training = fit(game, batches, steps=3, seed=1, log_every=1)
    assert set(training.history[-1]["losses"]) == {"discriminator/adversarial", "generator/adversarial"}
    assert not [name for name, each in game.named_parameters() if torch.equal(each, before[name])]


def test_pictures_are_not_flat_grey_after_a_few_steps():
    """Batch norm's running variance of 1, where activations are of .02, would make them so in evaluation mode."""
    game = tiny(classes=2)
    pixels = torch.randint(0, 256, (16, 1, 28, 28), dtype=torch.uint8)
    fit(game, TensorBatches(pixels, batch_size=8, label=torch.arange(16) % 2), steps=2)
    norms = [each for each in game.generator.modules() if isinstance(each, nn.BatchNorm2d)]
    assert {each.momentum for each in norms} == {0.1}
    z, label = game.latents(64), torch.arange(64) % 2
    with torch.no_grad():
        in_evaluation = game.generator(z, label).std(dim=0).mean()
        in_training = game.generator.train()(z, label).std(dim=0).mean()
    assert in_evaluation.item() == pytest.approx(in_training.item(), rel=0.3)


@pytest.mark.parametrize("precision", ["64-true", "bf16-true", "bf16-mixed"])
def test_it_is_played_in_any_precision(precision):
    game = tiny(classes=2)
    pixels = torch.randint(0, 256, (16, 1, 28, 28), dtype=torch.uint8)
    batches = TensorBatches(pixels, batch_size=8, label=torch.arange(16) % 2)
    fit(game, batches, steps=2, trainer=TrainerOptions(accelerator="cpu", precision=precision))
    assert {each.dtype for each in game.parameters()} == {torch.float32}
    assert torch.isfinite(game.generator(game.latents(2), torch.tensor([0, 1]))).all()


def test_without_a_label_a_conditional_game_says_so():
    with pytest.raises(InputError, match="conditional on 3 classes"):
        tiny(classes=3).generator(torch.zeros(1, 6))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": 48}, "28, 32, 64 pixels"),
        ({"width": 30}, "multiple of 4"),
        ({"width": 12, "size": 64}, "multiple of 8"),
        ({"classes": 1}, "at least 2 classes"),
    ],
)
def test_contradictions_are_refused_at_construction(changes, said):
    with pytest.raises(InputError, match=said):
        tiny(**changes)
