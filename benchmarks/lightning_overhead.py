"""What playing CTGAN through `fit` adds to a step, against the same updates in a plain PyTorch loop.

Both play the same game on the same batches: batch 500, hidden layers of 256 and 256, one move of the critic with its
gradient penalty and one of the generator a step, fakes made once for both. The plain loop does what a careful author
would write by hand (the other network frozen, gradients set to None), logs nothing and saves nothing; `fit` logs every
50 steps. Blocks of steps alternate, each from the same weights and with new optimizers (a game that has learned more
takes another time: its one-hots become denormal numbers); a step's time is taken between the drawing of batches, so
that neither side's start-up counts.
"""

from __future__ import annotations

import time

import torch

from benchmarks._common import markdown, save, spread
from ganforge.data.layout import Block, Layout
from ganforge.gans.ctgan import ConditionalBatches, Conditions, CTGANGame
from ganforge.training import Batch, Clock, Update, fit

TITLE = "What Lightning adds to a CTGAN step"
STEPS, SKIPPED, ROUNDS, ROWS = 60, 9, 16, 20_000
LAYOUTS = {
    "150 columns wide": ([11] * 8, [2, 3, 5, 8, 12, 20]),
    "300 columns wide": ([11] * 18, [2, 3, 4, 6, 10, 15, 20, 24]),
}


class Timed:
    """Batches that note when each is asked for."""

    def __init__(self, batches: ConditionalBatches) -> None:
        self.batches, self.batch_size = batches, batches.batch_size
        self.asked: list[tuple[float, float]] = []

    def draw(self, step: int, *, seed: int, rank: int = 0, world_size: int = 1) -> Batch:
        self.asked.append((time.perf_counter(), time.process_time()))
        return self.batches.draw(step, seed=seed, rank=rank, world_size=world_size)

    def step_ms(self) -> dict[str, float]:
        """Mean time from one draw to the next, without the first few: on the wall clock, and of the processor."""
        asked, self.asked = self.asked[SKIPPED:], []
        return {
            clock: 1000 * (asked[-1][k] - asked[0][k]) / (len(asked) - 1) for k, clock in enumerate(("wall", "cpu"))
        }


class PlainTurn:
    """What the losses need of a turn, and no more."""

    def __init__(self) -> None:
        self.clock, self.fakes, self.training = Clock(), None, ""

    def shared(self, key: str, by: str, make) -> tuple[torch.Tensor, ...]:
        if self.fakes is None:
            self.fakes = make()
        return self.fakes if self.training == by else tuple(each.detach() for each in self.fakes)


def plain_loop(game: CTGANGame, batches: Timed, steps: int) -> None:
    updates: tuple[Update, ...] = tuple(game.phases()[0].updates)
    optimizers = {each.name: each.optimizer(getattr(game, each.name).parameters()) for each in updates}
    networks = {name: list(getattr(game, name).parameters()) for name in ("critic", "generator")}
    game.train()
    for step in range(steps):
        batch, turn = batches.draw(step, seed=0), PlainTurn()
        for parameter in networks["generator"]:
            parameter.requires_grad = True
        game._fake(batch, turn)  # with the generator's graph, as its own move will want it
        for update in updates:
            turn.training = update.name
            for name, parameters in networks.items():
                for parameter in parameters:
                    parameter.requires_grad = name == update.name
            total = sum(update.loss(batch, turn).values())
            total.backward()
            optimizers[update.name].step()
            optimizers[update.name].zero_grad(set_to_none=True)
    game.requires_grad_(True)


def measure(layout: Layout) -> dict:
    torch.manual_seed(0)
    scalars = torch.rand(ROWS, layout.scalars) * 2 - 1
    codes = torch.stack([torch.randint(block.width, (ROWS,)) for block in layout.blocks], 1)
    batches = Timed(ConditionalBatches(scalars, codes, Conditions(layout), batch_size=500))
    game = CTGANGame(layout)
    start = {name: each.clone() for name, each in game.state_dict().items()}
    taken: dict[str, list[dict[str, float]]] = {"plain": [], "fit": []}
    for turn in range(ROUNDS + 1):
        for side in ("plain", "fit") if turn % 2 else ("fit", "plain"):
            game.load_state_dict(start)
            if side == "plain":
                torch.manual_seed(turn)
                plain_loop(game, batches, STEPS)
            else:
                fit(game, batches, steps=STEPS, log_every=50, seed=turn)
            each = batches.step_ms()
            if turn:  # the first round warms up
                taken[side].append(each)
    figures: dict = {"width": layout.width}
    for clock in ("wall", "cpu"):
        plain, own = ([each[clock] for each in taken[side]] for side in ("plain", "fit"))
        figures[clock] = {
            "plain_ms": spread(plain),
            "fit_ms": spread(own),
            "ratio": spread(b / a for a, b in zip(plain, own, strict=True)),
        }
    return figures


def main() -> dict:
    figures = {}
    for name, (mixtures, categories) in LAYOUTS.items():
        blocks = [Block(f"m{k}", "mixture", width - 1) for k, width in enumerate(mixtures)]
        blocks += [Block(f"c{k}", "categorical", width) for k, width in enumerate(categories)]
        figures[name] = measure(Layout(tuple(blocks)))
        print(name, figures[name])
    return save("lightning_overhead", {"steps_a_block": STEPS - SKIPPED, "rounds": ROUNDS, "layouts": figures})


def table(figures: dict) -> str:
    rows = [
        (
            f"{each['width']} columns (dense), {name}",
            f"{each[clock]['plain_ms']['median']:.2f}",
            f"{each[clock]['fit_ms']['median']:.2f}",
            f"{each[clock]['ratio']['median']:.3f}",
            f"{each[clock]['ratio']['low']:.3f} – {each[clock]['ratio']['high']:.3f}",
        )
        for each in figures["layouts"].values()
        for clock, name in (("wall", "wall clock"), ("cpu", "processor time"))
    ]
    head = ("CTGAN, batch 500, 256 × 256", "plain loop, ms/step", "`fit`, ms/step", "ratio (median)", "quartiles")
    blocks = f"{figures['rounds']} alternating blocks of {figures['steps_a_block']} steps"
    return f"{markdown(head, rows)}\n\nMedian over {blocks}. The aim: below 1.05."


if __name__ == "__main__":
    main()
