import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from ganforge.data.layout import Block, Layout
from ganforge.errors import InputError
from ganforge.gans import _segments, ctgan
from ganforge.gans.conditional_batches import ConditionalBatches, Conditions
from ganforge.gans.ctgan import Critic, CTGANGame, Generator, check_pac
from ganforge.training import Batch, Clock, TrainerOptions, fit
from ganforge.training.penalties import gradient_penalty

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


# --- the networks


def test_the_critic_judges_the_rows_and_conditions_of_a_pac_together():
    critic = Critic(row=3, places=4, widths=(8, 6), pac=2, dropout=0.5).eval()
    row, places = torch.randn(6, 3), torch.tensor([0, 3, 1, 1, 2, 0])
    one_hot = functional.one_hot(places, 4).float()
    h = torch.cat([row.view(3, 6), one_hot.view(3, 8)], 1)  # r_1 ⊕ r_2 ⊕ cond_1 ⊕ cond_2
    first = torch.cat([critic.first.weights[0], critic.first.lookup.T], 1)
    h = functional.leaky_relu(functional.linear(h, first, critic.first.bias), 0.2)
    h = functional.leaky_relu(critic.layers[0](h), 0.2)
    expected = critic.layers[1](h)[:, 0]
    torch.testing.assert_close(critic(row.view(3, 6), places.view(3, 2)), expected)


def test_a_slope_is_leaky_relus_and_dropouts():
    critic = Critic(row=3, places=0, widths=(8,), pac=1, dropout=0.25)
    a = torch.randn(200, 500)
    slope = critic.slope(a)
    dropped = slope == 0
    assert dropped.float().mean().item() == pytest.approx(0.25, abs=0.01)
    torch.testing.assert_close((a * slope)[~dropped], functional.leaky_relu(a, 0.2)[~dropped] / 0.75)
    torch.testing.assert_close(a * critic.eval().slope(a), functional.leaky_relu(a, 0.2))


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


# --- the game


def test_the_condition_term_is_the_cross_entropy_of_the_noisy_one_hot(monkeypatch):
    monkeypatch.setattr(_segments, "gumbel_noise", lambda shape, **_: torch.zeros(*shape))
    game = CTGANGame(MIXED, tau=0.5)
    bias = torch.randn(MIXED.width)
    for parameter in game.generator.out.parameters():
        nn.init.zeros_(parameter)
    game.generator.out.bias.data.copy_(bias)  # every row has these logits
    drawn = batch(MIXED)
    shop, card = bias[4:8] / 0.5, bias[11:13] / 0.5
    expected = torch.tensor(
        [-(shop.log_softmax(0)[p] if p < 4 else card.log_softmax(0)[p - 4]) for p in drawn.condition]
    )
    terms = game.generator_loss(drawn, Alone())
    torch.testing.assert_close(terms["condition"], expected.mean())


@pytest.mark.parametrize("widths", [(8,), (9, 7), (6, 6, 6)])
@pytest.mark.parametrize("layout", [MIXED, NUMBERS])
def test_the_critics_terms_and_gradients_are_those_of_differentiating_twice(widths, layout):
    """In double precision, without dropout: Gulrajani's penalty at the very points that the closed form is taken at,
    one a pac, with respect to the rows at the conds given."""
    game = CTGANGame(layout, pac=5, critic_widths=widths, dropout=0).double()
    drawn = batch(layout)
    fake = torch.rand(20, layout.width).double()

    class Given(Alone):
        def shared(self, key, by, make):
            return fake, torch.zeros(20)

    torch.manual_seed(1)
    terms = game.critic_loss(drawn, Given())
    parameters = list(game.critic.parameters())
    gradients = torch.autograd.grad(sum(terms.values()), parameters)

    torch.manual_seed(1)
    rho = torch.rand(4, 1, dtype=torch.float64)
    real = game._pacs(layout.expand(drawn.real, drawn.codes)).double()
    fakes, places = game._pacs(fake), game._places(drawn)
    wasserstein = game.critic(fakes, places).mean() - game.critic(real, places).mean()
    # ours mixes towards the fakes by ρ, Gulrajani's ε towards the real rows
    penalty = 10 * gradient_penalty(lambda pacs: game.critic(pacs, places), real, fakes, alpha=1 - rho)
    torch.testing.assert_close(terms["wasserstein"], wasserstein)
    torch.testing.assert_close(terms["penalty"], penalty)
    for one, other in zip(gradients, torch.autograd.grad(wasserstein + penalty, parameters), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-12)


def test_real_rows_fakes_and_points_between_are_dropped_out_apart(monkeypatch):
    game = CTGANGame(MIXED, pac=5, critic_widths=(64,))
    slopes = []
    slope = game.critic.slope
    monkeypatch.setattr(game.critic, "slope", lambda a: slopes.append(slope(a)) or slopes[-1])
    game.critic_loss(batch(MIXED), Alone())
    dropped = slopes[0] == 0  # (3 × 4 pacs, 64 units)
    assert dropped.float().mean().item() == pytest.approx(0.5, abs=0.1)
    assert not torch.equal(dropped[:4], dropped[4:8])
    assert not torch.equal(dropped[4:8], dropped[8:])


def test_fakes_are_rows_of_the_layout():
    game = CTGANGame(MIXED)
    row, surprise = game._make(batch(MIXED, 200))
    scalar = [0, 8]
    assert row[:, scalar].abs().max() <= 1
    for _, kind, start, stop in MIXED.spans:
        if kind == "one_hot":
            torch.testing.assert_close(row[:, start:stop].sum(1), torch.ones(200))
    sharp = torch.cat([row[:, 4:8], row[:, 11:13]], 1)
    assert (sharp.amax(1) > 0.9).float().mean() > 0.5  # a temperature of .2 is nearly a choice
    assert (surprise >= 0).all()


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


@pytest.mark.parametrize("precision", ["bf16-true", "bf16-mixed", "64-true"])
def test_it_plays_in_other_precisions(precision):
    game = CTGANGame(MIXED, generator_widths=(16,), critic_widths=(16,), pac=2)
    data = ConditionalBatches(*rows(MIXED, 40), game.conditions, batch_size=20)
    options = TrainerOptions(accelerator="cpu", precision=precision)
    losses = fit(game, data, steps=3, trainer=options).history[-1]["losses"]
    assert all(np.isfinite(each) for each in losses.values())
    assert {each.dtype for each in game.parameters()} == {torch.float32}


def trained_a_little() -> CTGANGame:
    """Batch norms with statistics and weights of their own."""
    game = CTGANGame(MIXED, generator_widths=(16, 12)).train()
    for _ in range(3):
        game._make(batch(MIXED, 40))
    for norm in game.generator.norms:
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.uniform_(norm.bias, -1, 1)
    return game


@pytest.mark.parametrize("places", [None, torch.arange(6), torch.tensor([[0, 4]]).expand(6, -1)])
def test_a_folded_generator_is_the_generator_in_evaluation_mode(places):
    generator, z = trained_a_little().generator, torch.randn(6, 128)
    folded = generator.folded()
    before = {name: each.clone() for name, each in generator.state_dict().items()}
    torch.testing.assert_close(folded(z, places), generator.eval()(z, places), rtol=1e-4, atol=1e-5)
    assert all(torch.equal(each, before[name]) for name, each in generator.state_dict().items())


def test_rows_do_not_hang_on_how_many_are_generated_or_how_alike_their_conditions_are(monkeypatch):
    game = trained_a_little()
    alike = torch.tensor([[0, 4]]).expand(50, -1)
    one = game.generate(50, alike, generator=torch.Generator().manual_seed(3))
    two = game.generate(50, alike.clone(), generator=torch.Generator().manual_seed(3))
    monkeypatch.setattr(ctgan, "_BLOCK", 7)
    three = game.generate(50, alike.clone(), generator=torch.Generator().manual_seed(3))
    for a, b, c in zip(one, two, three, strict=True):
        torch.testing.assert_close(a, b)
        torch.testing.assert_close(a, c)


def test_generate_draws_from_the_softmax_of_the_logits():
    game = CTGANGame(MIXED).eval()
    for parameter in game.generator.out.parameters():
        nn.init.zeros_(parameter)
    share = torch.tensor([0.5, 0.3, 0.15, 0.05])
    game.generator.out.bias.data[4:8] = share.log()
    game.generator.out.bias.data[8] = 0.3
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


def test_several_columns_can_be_asked_for_together():
    scalars, codes = rows(MIXED, 300)
    conditions = Conditions(MIXED, modes=True, columns=3)
    assert conditions.places == conditions.width + 1
    drawn = ConditionalBatches(scalars, codes, conditions, batch_size=600).draw(0, seed=0)
    places = drawn.condition.numpy()
    assert places.shape == (600, 3)
    asked = places < conditions.width  # the others ask for nothing
    assert np.bincount(asked.sum(1), minlength=4)[1:] == pytest.approx([200, 200, 200], abs=45)
    blocks = np.searchsorted(conditions.starts, places, side="right") - 1
    for row in range(600):
        mine = blocks[row][asked[row]]
        assert len(set(mine)) == len(mine)  # no column twice
        values = places[row][asked[row]] - conditions.starts[mine]
        assert (drawn.codes[row].numpy()[np.array(conditions.blocks)[mine]] == values).all()  # as the row has them
    game = CTGANGame(MIXED, condition_modes=True, condition_columns=3)
    game.critic_loss(drawn, Alone())["penalty"].backward()
    terms = game.generator_loss(drawn, Alone())
    sum(terms.values()).backward()
    assert all(each.grad is not None for each in game.generator.parameters())


def test_what_is_asked_of_fewer_columns_is_filled_up_with_nothing_more():
    conditions = Conditions(MIXED, columns=2)
    none = conditions.width
    assert conditions.padded(torch.tensor([3, 1])).tolist() == [[3, none], [1, none]]
    assert conditions.padded(torch.tensor([[3, 0]])).tolist() == [[3, 0]]
    assert Conditions(MIXED).padded(torch.tensor([3, 1])).tolist() == [3, 1]
    assert Conditions(MIXED, columns=9).columns == 2  # there are no more
    with pytest.raises(InputError, match="condition_columns=0"):
        Conditions(MIXED, columns=0)


def test_modes_of_numbers_can_be_asked_for_too():
    game = CTGANGame(MIXED, condition_modes=True)
    drawn = ConditionalBatches(*rows(MIXED, 50), game.conditions, batch_size=20).draw(0, seed=0)
    for terms in (game.critic_loss(drawn, Alone()), game.generator_loss(drawn, Alone())):
        assert all(each.isfinite() for each in terms.values())


def test_a_temperature_is_positive():
    with pytest.raises(InputError, match="tau=0"):
        CTGANGame(MIXED, tau=0)
