import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from ganforge.data.layout import Block, Layout
from ganforge.errors import InputError
from ganforge.gans import ctgan
from ganforge.gans.ctgan import (
    ConditionalBatches,
    ConditionedLinear,
    Conditions,
    Critic,
    CTGANGame,
    Generator,
    check_pac,
    climb,
    gumbel_noise,
    ladder,
    segment_softmax,
)
from ganforge.training import Batch, Clock, fit

MIXED = Layout(
    (
        Block("amount", "mixture", 3),
        Block("shop", "categorical", 4),
        Block("age", "mixture", 2),
        Block("card", "categorical", 2),
    )
)
NUMBERS = Layout((Block("x", "mixture", 2), Block("y", "mixture", 1)))
ONE = Layout((Block("shop", "categorical", 3),))


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


class Alone:
    """A turn of one move: what is shared is made at once."""

    clock = Clock()

    def shared(self, key, by, make):
        return make()


def rows(layout: Layout, n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    codes = np.stack([np.minimum(rng.geometric(0.6, n) - 1, b.width - 1) for b in layout.blocks], 1)
    scalars = rng.uniform(-1, 1, (n, layout.scalars))
    return torch.from_numpy(scalars.astype(np.float32)), torch.from_numpy(codes.astype(np.int32))


def batch(layout: Layout, size: int = 20) -> Batch:
    return ConditionalBatches(*rows(layout, 50), Conditions(layout), batch_size=size).draw(0, seed=0)


# --- the functions


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


def test_a_condition_that_is_looked_up_is_the_product_with_its_one_hot():
    layer = ConditionedLinear(5, 4, 3)
    x, places = torch.randn(6, 5), torch.tensor([0, 3, 1, 1, 2, 0])
    weight = torch.cat([layer.dense.weight, layer.lookup.T], 1)  # (3, 5 + 4): the paper's one matrix
    one_hot = functional.one_hot(places, 4).float()
    expected = functional.linear(torch.cat([x, one_hot], 1), weight, layer.dense.bias)
    torch.testing.assert_close(layer(x, places), expected)
    two_bits = functional.linear(
        torch.cat([x, functional.one_hot(places, 4) + functional.one_hot((places + 1) % 4, 4)], 1),
        weight,
        layer.dense.bias,
    )
    torch.testing.assert_close(layer(x, torch.stack([places, (places + 1) % 4], 1)), two_bits)


def test_the_critic_judges_the_rows_and_conditions_of_a_pac_together():
    critic = Critic(row=3, places=4, widths=(8, 6), pac=2, dropout=0.5).eval()
    row, places = torch.randn(6, 3), torch.tensor([0, 3, 1, 1, 2, 0])
    one_hot = functional.one_hot(places, 4).float()
    h = torch.cat([row.view(3, 6), one_hot.view(3, 8)], 1)  # r_1 ⊕ r_2 ⊕ cond_1 ⊕ cond_2
    first = torch.cat([critic.first.dense.weight, critic.first.lookup.T], 1)
    h = functional.leaky_relu(functional.linear(h, first, critic.first.dense.bias), 0.2)
    h = functional.leaky_relu(critic.layers[0](h), 0.2)
    expected = critic.layers[1](h)[:, 0]
    torch.testing.assert_close(critic(row.view(3, 6), places.view(3, 2)), expected)


def test_dropout_leaves_out_its_share_and_keeps_the_mean():
    critic = Critic(row=3, places=0, widths=(8,), pac=1, dropout=0.25)
    dropped = critic._drop(torch.ones(200, 500))
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)
    torch.testing.assert_close(dropped.unique(), torch.tensor([0, 1 / 0.75]))


def test_networks_have_the_papers_sizes():
    z, c, d = 128, 6, MIXED.width
    game = CTGANGame(MIXED)
    count = sum(each.numel() for each in game.generator.parameters())
    layers = (z + c) * 256 + 256 + (z + c + 256) * 256 + 256 + (z + c + 512) * d + d
    assert count == layers + 2 * 2 * 256  # two batch norms
    critic = sum(each.numel() for each in game.critic.parameters())
    assert critic == 10 * (d + c) * 256 + 256 + 256 * 256 + 256 + 256 + 1
    assert isinstance(game.generator, Generator)


@pytest.mark.parametrize(
    ("size", "pac", "near"), [(500, 10, None), (505, 10, 500), (7, 10, 10), (96, 10, 100), (5, 1, None)]
)
def test_pac_divides_the_batch_or_the_nearest_that_works_is_named(size, pac, near):
    if near is None:
        check_pac(size, pac)
        return
    with pytest.raises(InputError, match=rf"batch_size={size} .*pac={pac}.*batch_size={near}$"):
        check_pac(size, pac)


# --- training-by-sampling


def test_modes_of_numbers_can_be_asked_for_too():
    scalars, codes = rows(MIXED, 300)
    conditions = Conditions(MIXED, modes=True)
    assert conditions.blocks == list(range(len(MIXED.blocks)))
    assert conditions.width == sum(block.width for block in MIXED.blocks)
    drawn = ConditionalBatches(scalars, codes, conditions, batch_size=400).draw(0, seed=0)
    block = np.searchsorted(conditions.starts, drawn.condition.numpy(), side="right") - 1
    value = drawn.condition.numpy() - conditions.starts[block]
    assert (drawn.codes.numpy()[np.arange(400), block] == value).all()  # the row has what is asked for
    assert set(block) == set(conditions.blocks)
    game = CTGANGame(MIXED, condition_modes=True)
    game.critic_loss(drawn, Alone())


def test_a_batch_is_a_function_of_seed_step_and_rank():
    batches = ConditionalBatches(*rows(MIXED, 300), Conditions(MIXED), batch_size=50)
    one, again = batches.draw(7, seed=1, rank=0), batches.draw(7, seed=1, rank=0)
    assert all(torch.equal(one.tensors[name], again.tensors[name]) for name in one.tensors)
    for other in (batches.draw(8, seed=1), batches.draw(7, seed=2), batches.draw(7, seed=1, rank=1)):
        assert not torch.equal(one.condition, other.condition)


def test_every_row_has_the_value_it_was_drawn_for():
    conditions = Conditions(MIXED)
    drawn = ConditionalBatches(*rows(MIXED, 300), Conditions(MIXED), batch_size=2000).draw(0, seed=0)
    for place, codes in zip(drawn.condition.tolist(), drawn.codes, strict=True):
        column = 0 if place < 4 else 1
        assert codes[conditions.blocks[column]] == place - int(conditions.starts[column])


def test_columns_are_drawn_evenly_and_values_by_log_frequency():
    scalars, codes = rows(MIXED, 300)
    counts = Conditions(MIXED).counts(codes)
    assert counts.sum() == 600
    drawn = ConditionalBatches(scalars, codes, Conditions(MIXED), batch_size=40_000).draw(0, seed=0)
    seen = np.bincount(drawn.condition, minlength=6) / 40_000
    for column in (slice(0, 4), slice(4, 6)):
        expected = np.log1p(counts[column]) / np.log1p(counts[column]).sum() / 2
        np.testing.assert_allclose(seen[column], expected, atol=4 * 0.5 / np.sqrt(40_000))


def test_rows_with_a_value_are_equally_likely():
    codes = torch.tensor([[0]] * 3 + [[1]] * 5)
    scalars = torch.zeros(8, 0)
    batches = ConditionalBatches(scalars, codes, Conditions(Layout((Block("c", "categorical", 2),))), batch_size=30_000)
    batches.codes = torch.arange(8)[:, None]  # so that a drawn row tells its number
    drawn = np.bincount(batches.draw(0, seed=0).codes[:, 0], minlength=8) / 30_000
    shares = np.log1p([3, 5]) / np.log1p([3, 5]).sum()
    np.testing.assert_allclose(drawn, np.repeat(shares / [3, 5], [3, 5]), atol=0.01)


def test_a_value_never_seen_is_never_drawn_and_an_unseen_code_belongs_nowhere():
    layout = Layout((Block("c", "categorical", 3), Block("d", "categorical", 2)))
    codes = torch.tensor([[1, 0], [-1, 1], [1, -1], [1, 0]])
    drawn = ConditionalBatches(torch.zeros(4, 0), codes, Conditions(layout), batch_size=5000).draw(0, seed=0)
    assert set(drawn.condition.tolist()) == {1, 3, 4}


def test_a_column_without_any_value_is_refused():
    with pytest.raises(InputError, match="number 1"):
        ConditionalBatches(torch.zeros(3, 0), torch.full((3, 1), -1), Conditions(ONE), batch_size=10)


@pytest.mark.parametrize("layout", [NUMBERS, ONE])
def test_no_discrete_column_or_only_one(layout):
    drawn = batch(layout, 500)  # more than the 50 rows there are
    assert len(drawn) == 500
    assert ("condition" in drawn) == (layout is ONE)


def test_climbing_stays_in_its_column_even_where_a_uniform_rounds_up():
    class Top:
        def random(self, n):
            return np.full(n, 1 - 2.0**-53)

    conditions = Conditions(Layout((Block("a", "categorical", 3), Block("b", "categorical", 2))))
    steps = ladder(np.array([1, 1, 0, 2, 3]), conditions)
    assert climb(steps, np.array([0, 1, 1]), Top()).tolist() == [1, 4, 4]  # never the value of no weight


# --- the game


def test_the_condition_term_is_the_cross_entropy_of_the_noisy_one_hot(monkeypatch):
    monkeypatch.setattr(ctgan, "gumbel_noise", lambda shape, **_: torch.zeros(*shape))
    game = CTGANGame(MIXED, tau=0.5)
    bias = torch.randn(MIXED.width)
    for parameter in game.generator.out.parameters():
        nn.init.zeros_(parameter)
    game.generator.out.dense.bias.data.copy_(bias)  # every row has these logits
    drawn = batch(MIXED)
    shop, card = bias[4:8] / 0.5, bias[11:13] / 0.5
    expected = torch.tensor(
        [-(shop.log_softmax(0)[p] if p < 4 else card.log_softmax(0)[p - 4]) for p in drawn.condition]
    )
    terms = game.generator_loss(drawn, Alone())
    torch.testing.assert_close(terms["condition"], expected.mean())


def test_the_penalty_is_taken_once_a_pac():
    game = CTGANGame(MIXED, pac=5)
    weight = torch.randn(5 * MIXED.width)

    class Linear(nn.Module):
        first = game.critic.first

        def forward(self, pacs, places):
            return pacs @ weight

    game.critic = Linear()
    penalty = game.critic_loss(batch(MIXED), Alone())["penalty"]
    torch.testing.assert_close(penalty, 10 * (weight.norm() - 1) ** 2)


def test_fakes_are_rows_of_the_layout():
    game = CTGANGame(MIXED)
    fake = game._make(batch(MIXED, 200))
    row = fake[:, :-1]
    scalar = [0, 8]
    assert row[:, scalar].abs().max() <= 1
    for _, kind, start, stop in MIXED.spans:
        if kind == "one_hot":
            torch.testing.assert_close(row[:, start:stop].sum(1), torch.ones(200))
    sharp = torch.cat([row[:, 4:8], row[:, 11:13]], 1)
    assert (sharp.amax(1) > 0.9).float().mean() > 0.5  # a temperature of .2 is nearly a choice
    assert (fake[:, -1] >= 0).all()


@pytest.mark.parametrize("layout", [MIXED, NUMBERS, ONE])
def test_it_plays_and_the_generator_passes_forward_once_a_step(layout):
    torch.manual_seed(0)
    game = CTGANGame(layout, generator_widths=(16,), critic_widths=(16,), pac=2)
    before = {name: each.clone() for name, each in game.named_parameters()}
    calls = []
    game.generator.register_forward_hook(lambda *_: calls.append(1))
    data = ConditionalBatches(*rows(layout, 40), Conditions(layout), batch_size=20)
    training = fit(game, data, steps=3, seed=0, log_every=1)
    assert len(calls) == 3
    terms = {"critic/wasserstein", "critic/penalty", "generator/wasserstein"}
    terms |= {"generator/condition"} if layout is not NUMBERS else set()
    assert set(training.history[-1]["losses"]) == terms
    moved = {name for name, each in game.named_parameters() if not torch.equal(each, before[name])}
    # the critic's last bias cancels between real and fake
    assert moved >= {name for name in before if "critic.layers" not in name}


def test_generate_draws_from_the_softmax_of_the_logits():
    game = CTGANGame(MIXED).eval()
    for parameter in game.generator.out.parameters():
        nn.init.zeros_(parameter)
    share = torch.tensor([0.5, 0.3, 0.15, 0.05])
    game.generator.out.dense.bias.data[4:8] = share.log()
    game.generator.out.dense.bias.data[8] = 0.3
    noise = torch.Generator().manual_seed(0)
    scalars, codes = game.generate(20_000, None, generator=noise)
    drawn = torch.bincount(codes[:, 1], minlength=4) / 20_000
    torch.testing.assert_close(drawn, share, atol=0.015, rtol=0)
    torch.testing.assert_close(scalars[:, 1], torch.full((20_000,), 0.3).tanh())
    assert codes.min() >= 0


def test_generate_is_a_function_of_its_generator_and_leaves_the_global_one_alone():
    game = CTGANGame(MIXED).eval()
    state = torch.get_rng_state()
    places = torch.tensor([[0, 4]]).expand(30, -1)
    one = game.generate(30, places, generator=torch.Generator().manual_seed(3))
    two = game.generate(30, places, generator=torch.Generator().manual_seed(3))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert torch.equal(state, torch.get_rng_state())


def test_a_temperature_is_positive():
    with pytest.raises(InputError, match="tau=0"):
        CTGANGame(MIXED, tau=0)
