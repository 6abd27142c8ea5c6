"""The average of a network's weights."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from toy_games import EverythingGame, everything

from ganforge.errors import InputError
from ganforge.training import Ema, fit


def test_a_half_life_halves_the_distance() -> None:
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0)
    average = Ema(network, half_life=100)
    network.weight.data.fill_(8)
    average.move(100)
    assert average.module.weight.item() == pytest.approx(4)
    average.move(200)  # two half-lives
    assert average.module.weight.item() == pytest.approx(7)


def test_smaller_batches_more_often_come_to_the_same() -> None:
    network = nn.Linear(3, 3)
    seldom, often = Ema(network, half_life=100), Ema(network, half_life=100)
    network.weight.data += 1
    seldom.move(60)
    for _ in range(6):
        often.move(10)
    assert torch.allclose(seldom.module.weight, often.module.weight)


def test_buffers_are_copied_not_averaged() -> None:
    network = nn.BatchNorm1d(2)
    average = Ema(network, half_life=1e9)
    network(torch.randn(16, 2) + 5)
    average.move(1)
    assert torch.equal(average.module.running_mean, network.running_mean)
    assert average.module.num_batches_tracked == 1


def test_it_is_an_ordinary_submodule_that_is_never_trained() -> None:
    game = EverythingGame()
    names = [name for name in game.state_dict() if name.startswith("averaged.")]
    assert names
    assert all(name.startswith("averaged.module.") for name in names)  # the followed network is not stored twice
    game.train()
    assert not any(each.training for each in game.averaged.module.modules())
    assert not any(each.requires_grad for each in game.averaged.parameters())


def test_a_copied_game_follows_its_own_network() -> None:
    game = copy.deepcopy(EverythingGame())
    assert game.averaged.network is game.generator


def test_it_moves_with_the_generator_and_not_with_the_critic() -> None:
    """Replayed by hand: the generator moves on steps 3, 6, 9 of 10, with 3 · 32 samples in between."""
    game, batches = everything()
    seen: list[dict] = []
    by_hand = copy.deepcopy(game.generator)
    played = game.generator_loss

    def loss(batch, turn):
        seen.append(copy.deepcopy(game.generator.state_dict()))
        return played(batch, turn)

    game.generator_loss = loss
    fit(game, batches, steps=16)  # 10 of them in the first phase
    weights = [*seen[1:], game.generator.state_dict()]
    assert len(weights) == 3
    for state in weights:
        for name, parameter in by_hand.named_parameters():
            parameter.data.lerp_(state[name], 1 - 0.5 ** (96 / 200))
    for name, parameter in by_hand.named_parameters():
        assert torch.allclose(parameter, game.averaged.module.get_parameter(name), atol=1e-6)


def test_a_half_life_must_be_positive() -> None:
    with pytest.raises(InputError, match="half_life=0"):
        Ema(nn.Linear(1, 1), half_life=0)
