"""How a step is played: who moves, who has a gradient, what is shared."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import pytest
import torch
from torch import Tensor
from toy_games import EverythingGame, RingGame, mlp, ring_points, sgd

from ganforge.errors import InputError, UnknownNameError
from ganforge.training import Batch, Game, Phase, TensorBatches, Turn, Update, fit
from ganforge.training.randomness import mix


class Forgetful(Game):
    """Its critic judges fakes that nobody detached, and an encoder's output too."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.critic, self.encoder = mlp(2, 8, 2), mlp(2, 8, 1), mlp(2, 8, 2)
        self.moves: list[tuple[str, set[str]]] = []

    def critic_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        fakes = self.generator(self.encoder(batch.real))
        return {"all": self.critic(fakes).mean() - self.critic(batch.real).mean()}

    def generator_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        return {"all": -self.critic(self.generator(self.encoder(batch.real))).mean()}

    def updates(self) -> list[Update]:
        moves = {
            "critic": (("critic",), self.critic_loss),
            "generator": (("generator",), self.generator_loss),
            "both": (("generator", "encoder"), self.generator_loss),
        }
        return [
            Update(name=name, trains=trains, loss=loss, optimizer=self.watch(name))
            for name, (trains, loss) in moves.items()
        ]

    def watch(self, name: str):
        """An optimizer that notes, at each move, which networks have a gradient."""

        def make(parameters):
            optimizer = sgd(parameters)
            optimizer.register_step_pre_hook(lambda *_: self.moves.append((name, self.with_gradient())))
            return optimizer

        return make

    def with_gradient(self) -> set[str]:
        return {name.split(".")[0] for name, each in self.named_parameters() if each.grad is not None}

    def phases(self) -> Sequence[Phase]:
        return [Phase(name="all", updates=tuple(self.updates()))]


def batches(n: int = 64) -> TensorBatches:
    return TensorBatches(ring_points(200), batch_size=n)


@pytest.mark.parametrize("micro_batches", [1, 3])
def test_gradients_only_where_the_move_trains(micro_batches: int) -> None:
    """None, not 0, and even where the game forgot to detach."""
    game = Forgetful()
    fit(game, batches(), steps=2, micro_batches=micro_batches)
    assert game.moves == 2 * [("critic", {"critic"}), ("generator", {"generator"}), ("both", {"generator", "encoder"})]
    assert game.with_gradient() == set()


class Sharing(Forgetful):
    """All moves ask for the same fakes; it counts how often they are made and what each move gets."""

    def __init__(self, order: str = "critic generator both") -> None:
        super().__init__()
        self.order, self.made, self.got = order.split(), 0, []

    def make(self, batch: Batch) -> Tensor:
        self.made += 1
        return self.generator(torch.randn_like(batch.real))

    def fakes(self, batch: Batch, turn: Turn) -> Tensor:
        fakes = turn.shared("fakes", "generator", lambda: self.make(batch))
        self.got.append((fakes.requires_grad, fakes.detach().clone()))
        return fakes

    def critic_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        return {"all": self.critic(self.fakes(batch, turn)).mean() - self.critic(batch.real).mean()}

    def generator_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        return {"all": -self.critic(self.fakes(batch, turn)).mean()}

    def phases(self) -> Sequence[Phase]:
        found = {each.name: each for each in self.updates()}
        return [Phase(name="all", updates=tuple(found[name] for name in self.order))]


@pytest.mark.parametrize("order", ["critic generator", "generator critic"])
def test_fakes_are_made_once_for_both_moves(order: str) -> None:
    game = Sharing(order)
    fit(game, batches(), steps=1)
    assert game.made == 1
    by_name = dict(zip(order.split(), game.got, strict=True))
    assert by_name["generator"][0]  # with its graph
    assert not by_name["critic"][0]  # detached
    assert torch.equal(by_name["generator"][1], by_name["critic"][1])
    assert dict(game.moves) == {"critic": {"critic"}, "generator": {"generator"}}


def test_several_tensors_are_shared_as_one() -> None:
    """All of a tuple with its graph for the move that trains its maker, all of it detached for the others."""

    class Pairs(Sharing):
        def fakes(self, batch: Batch, turn: Turn) -> Tensor:
            def make() -> tuple[Tensor, Tensor]:
                fakes = self.make(batch)
                return fakes, fakes.square().mean(1)

            fakes, lengths = turn.shared("fakes", "generator", make)
            assert fakes.requires_grad == lengths.requires_grad
            self.got.append((fakes.requires_grad, lengths.detach().clone()))
            return fakes

    game = Pairs("critic generator")
    fit(game, batches(), steps=1)
    assert game.made == 1
    assert [graph for graph, _ in game.got] == [False, True]
    assert torch.equal(game.got[0][1], game.got[1][1])


def test_a_spent_graph_is_not_used_again() -> None:
    """The second move that trains the generator needs fakes of its own: the first one's graph is gone."""
    game = Sharing("generator critic both")
    fit(game, batches(), steps=1)
    assert game.made == 2
    assert [needs for needs, _ in game.got] == [True, False, True]


def test_nothing_is_kept_from_one_step_to_the_next() -> None:
    game = Sharing("critic generator")
    fit(game, batches(), steps=3)
    assert game.made == 3


def test_without_a_heir_no_graph_is_built() -> None:
    game = Sharing("critic")
    fit(game, batches(), steps=1)
    assert [needs for needs, _ in game.got] == [False]


def test_micro_batches_share_nothing_and_each_part_has_its_own() -> None:
    game = Sharing("critic generator")
    fit(game, batches(64), steps=1, micro_batches=2)
    assert game.made == 4
    assert [len(fakes) for _, fakes in game.got] == [32] * 4


def test_sharing_changes_nothing_but_the_time() -> None:
    """The same weights as a loop written by hand that makes the fakes once."""
    torch.manual_seed(1)
    game = Sharing("critic generator")
    hand = Sharing("critic generator")
    hand.load_state_dict(game.state_dict())
    data = batches()
    fit(game, data, steps=5, seed=3)
    critic, generator = sgd(hand.critic.parameters()), sgd(hand.generator.parameters())
    for step in range(5):
        real = data.draw(step, seed=3).real
        torch.manual_seed(mix(3, 1, 0, step))
        fakes = hand.generator(torch.randn_like(real))
        critic.zero_grad()
        (hand.critic(fakes.detach()).mean() - hand.critic(real).mean()).backward()
        critic.step()
        generator.zero_grad()
        (-hand.critic(fakes).mean()).backward()
        generator.step()
    for name, weight in game.state_dict().items():
        assert torch.equal(weight, hand.state_dict()[name]), name


def test_micro_batches_give_the_gradient_of_the_whole_batch() -> None:
    """Also where the parts are of unequal length: 64 in 3."""
    whole, parts = Forgetful(), Forgetful()
    parts.load_state_dict(whole.state_dict())
    fit(whole, batches(), steps=3)
    fit(parts, batches(), steps=3, micro_batches=3)
    for name, weight in whole.state_dict().items():
        assert torch.allclose(weight, parts.state_dict()[name], atol=1e-6), name


class Lazy(Forgetful):
    def __init__(self) -> None:
        super().__init__()
        self.at: list[tuple[str, int, int]] = []

    def loss(self, name: str):
        def play(batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
            self.at.append((name, turn.clock.step, turn.clock.samples))
            return {"all": self.critic(batch.real).mean()}

        return play

    def phases(self) -> Sequence[Phase]:
        def update(name: str, every: int) -> Update:
            return Update(name=name, trains=("critic",), loss=self.loss(name), optimizer=sgd, every=every)

        return [
            Phase(name="first", updates=(update("a", 1), update("b", 3)), share=4),
            Phase(name="second", updates=(update("c", 2),), share=5),
        ]


def test_moves_are_counted_from_one_within_the_phase() -> None:
    game = Lazy()
    fit(game, batches(10), steps=9)
    assert [step for name, step, _ in game.at if name == "a"] == [0, 1, 2, 3]
    assert [step for name, step, _ in game.at if name == "b"] == [2]
    assert [step for name, step, _ in game.at if name == "c"] == [5, 7]  # the phase begins with step 4
    assert all(samples == 10 * step for _, step, samples in game.at)


def test_each_critic_move_sees_a_fresh_real_batch() -> None:
    seen = []

    class Watching(Lazy):
        def loss(self, name: str):
            def play(batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
                if name == "a":
                    seen.append(batch.real.clone())
                return {"all": self.critic(batch.real).mean()}

            return play

    fit(Watching(), batches(10), steps=10)
    assert len(seen) > 3
    assert not any(torch.equal(a, b) for a, b in itertools.pairwise(seen))


def test_a_schedule_is_a_factor_on_the_optimizers_own_rate() -> None:
    rates = []

    class Scheduled(Forgetful):
        def phases(self) -> Sequence[Phase]:
            def make(parameters):
                optimizer = sgd(parameters)
                optimizer.register_step_pre_hook(lambda each, *_: rates.append(each.param_groups[0]["lr"]))
                return optimizer

            schedule = {0: 1.0, 10: 0.5, 20: 0.25}
            update = Update(
                name="critic",
                trains=("critic",),
                loss=self.critic_loss,
                optimizer=make,
                learning_rate=lambda clock: schedule[clock.samples],
            )
            return [Phase(name="all", updates=(update,))]

    fit(Scheduled(), batches(10), steps=3)
    assert rates == pytest.approx([0.1, 0.05, 0.025])


def test_the_norm_is_clipped_and_after_is_called() -> None:
    norms, after = [], []

    class Clipped(Forgetful):
        def phases(self) -> Sequence[Phase]:
            def make(parameters):
                optimizer = sgd(parameters)
                kept = optimizer.param_groups[0]["params"]
                norm = lambda *_: norms.append(torch.stack([p.grad.norm() for p in kept]).norm().item())  # noqa: E731
                optimizer.register_step_pre_hook(norm)
                return optimizer

            steep = lambda batch, turn: {"all": 1000 * self.critic(batch.real).mean()}  # noqa: E731
            update = Update(
                name="critic",
                trains=("critic",),
                loss=steep,
                optimizer=make,
                clip_norm=0.5,
                after=lambda: after.append(torch.is_grad_enabled()),
            )
            return [Phase(name="all", updates=(update,))]

    fit(Clipped(), batches(10), steps=2)
    assert norms == pytest.approx([0.5, 0.5], rel=1e-4)
    assert after == [False, False]


def test_a_phase_makes_no_parameters() -> None:
    class Adding(EverythingGame):
        def settle(self) -> None:
            self.encoder.append(torch.nn.Linear(3, 3))

    with pytest.raises(
        InputError, match=r"phase 'encoder': its on_enter made encoder\.4\.weight.*in the game's __init__"
    ):
        fit(Adding(), TensorBatches(ring_points(64), batch_size=32), steps=10)


def test_entering_a_phase() -> None:
    """All in training mode, then what the phase does; a layer frozen by it stays frozen though its network moves."""
    modes = []

    class Entering(EverythingGame):
        def settle(self) -> None:
            modes.append((self.generator.training, self.encoder.training))
            self.generator.eval()
            self.encoder[0].requires_grad_(False)

        def encoder_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
            modes.append((self.generator.training, self.encoder.training))
            return super().encoder_loss(batch, turn)

    game = Entering()
    before = {name: each.clone() for name, each in game.encoder.state_dict().items()}
    fit(game, batches(10), steps=5)
    assert modes == [(True, True), (False, True), (False, True)]
    assert torch.equal(before["0.weight"], game.encoder[0].weight)
    assert not torch.equal(before["3.weight"], game.encoder[3].weight)
    assert all(each.requires_grad for each in game.encoder.parameters())  # as it came


def one_update(**changes) -> Game:
    class Odd(Forgetful):
        def phases(self) -> Sequence[Phase]:
            update = {"name": "odd", "trains": ("critic",), "loss": self.critic_loss, "optimizer": sgd, **changes}
            return [Phase(name="all", updates=(Update(**update),))]

    return Odd()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"trains": ("critik",)}, UnknownNameError, "no network 'critik' in Odd; did you mean 'critic'"),
        ({"loss": lambda b, t: {}}, InputError, "'odd' gave no loss term"),
        ({"loss": lambda b, t: {"far": b.real.mean()}}, InputError, "no term depends on critic"),
        ({"loss": lambda b, t: {"wide": b.real}}, InputError, r"term 'wide' is \(64, 2\); a term is a scalar"),
    ],
)
def test_a_game_that_cannot_be_played(changes: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        fit(one_update(**changes), batches(), steps=2)


def test_contradictions_are_refused_at_construction() -> None:
    for wrong in ({"every": 0}, {"trains": ()}, {"clip_norm": -1.0}):
        with pytest.raises(InputError, match="odd"):
            one_update(**wrong).phases()

    class Twice(RingGame):
        def phases(self) -> Sequence[Phase]:
            (phase,) = super().phases()
            return [Phase(name="twice", updates=(phase.updates[0], phase.updates[0]))]

    with pytest.raises(InputError, match="two updates of one name"):
        fit(Twice(), batches(), steps=2)
