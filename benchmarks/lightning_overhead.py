"""What playing CTGAN through `fit` adds to a step, against the same updates in a plain PyTorch loop.

Both play the same game on the same batches: batch 500, hidden layers of 256 and 256, one move of the critic with its
gradient penalty and one of the generator a step, fakes made once for both. The plain loop does what a careful author
would write by hand (the other network frozen, gradients set to None), logs nothing and saves nothing; `fit` logs every
50 steps. Both multiply as torch does by default (`matmul="highest"`): what `fit` gains by a faster product is no saving
of Lightning's. Short blocks of steps alternate, who begins changes from round to round, each from the same weights and
with new optimizers (a game that has learned more takes another time: its one-hots become denormal numbers); a step's
processor time is taken between the drawing of batches, one thread, so that neither side's start-up counts. A round
gives one ratio; their median stands with a bootstrapped interval.

What is to be seen is a few hundredths of a step whose own time varies by more. So the same is done with a game of the
same moves whose networks have four units a layer: there nearly nothing but the loop is left, and what `fit` adds to
such a step, in ms, it adds to any.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from scipy import stats

from benchmarks._common import markdown, save, spread
from ganforge.data.layout import Block, Layout
from ganforge.gans.ctgan import ConditionalBatches, Conditions, CTGANGame
from ganforge.training import Batch, Clock, TrainerOptions, Update, fit

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
        self.asked: list[float] = []

    def draw(self, step: int, *, seed: int, rank: int = 0, world_size: int = 1) -> Batch:
        self.asked.append(time.process_time())
        return self.batches.draw(step, seed=seed, rank=rank, world_size=world_size)

    def step_ms(self) -> float:
        """Mean processor time from one draw to the next, without the first few."""
        asked, self.asked = self.asked[SKIPPED:], []
        return 1000 * (asked[-1] - asked[0]) / (len(asked) - 1)


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


def blocks_of(layout: Layout, *, width: int, batch_size: int) -> dict[str, list[float]]:
    """Time a step of each side, a round at a time."""
    torch.manual_seed(0)
    scalars = torch.rand(ROWS, layout.scalars) * 2 - 1
    codes = torch.stack([torch.randint(block.width, (ROWS,)) for block in layout.blocks], 1)
    batches = Timed(ConditionalBatches(scalars, codes, Conditions(layout), batch_size=batch_size))
    game = CTGANGame(layout, latent=min(128, width), generator_widths=(width, width), critic_widths=(width, width))
    start = {name: each.clone() for name, each in game.state_dict().items()}
    taken: dict[str, list[float]] = {"plain": [], "fit": []}
    trainer = TrainerOptions(accelerator="cpu", matmul="highest")
    for turn in range(ROUNDS + 1):
        for side in ("plain", "fit") if turn % 2 else ("fit", "plain"):
            game.load_state_dict(start)
            if side == "plain":
                torch.manual_seed(turn)
                plain_loop(game, batches, STEPS)
            else:
                fit(game, batches, steps=STEPS, log_every=50, seed=turn, trainer=trainer)
            each = batches.step_ms()
            if turn:  # the first round warms up
                taken[side].append(each)
    return taken


def median_of(values: Sequence[float]) -> dict[str, float]:
    """With a bootstrapped interval of 95 %."""
    found = stats.bootstrap((np.array(values),), np.median, method="percentile", rng=np.random.default_rng(0))
    interval = found.confidence_interval
    return {"median": float(np.median(values)), "low": float(interval.low), "high": float(interval.high)}


def main() -> dict:
    torch.set_num_threads(1)
    tiny = blocks_of(Layout((Block("c", "categorical", 2),)), width=4, batch_size=10)
    added = median_of([b - a for a, b in zip(tiny["plain"], tiny["fit"], strict=True)])
    print("added to a step of next to nothing", added)
    figures = {}
    for name, (mixtures, categories) in LAYOUTS.items():
        blocks = [Block(f"m{k}", "mixture", width - 1) for k, width in enumerate(mixtures)]
        blocks += [Block(f"c{k}", "categorical", width) for k, width in enumerate(categories)]
        layout = Layout(tuple(blocks))
        taken = blocks_of(layout, width=256, batch_size=500)
        figures[name] = {
            "width": layout.width,
            "plain_ms": spread(taken["plain"]),
            "fit_ms": spread(taken["fit"]),
            "ratio": median_of([b / a for a, b in zip(taken["plain"], taken["fit"], strict=True)]),
            "ratio_by_added": {which: 1 + value / spread(taken["plain"])["median"] for which, value in added.items()},
        }
        print(name, figures[name])
    tiny_step = {side: spread(each) for side, each in tiny.items()}
    return save(
        "lightning_overhead",
        {
            "steps_a_block": STEPS - SKIPPED,
            "rounds": ROUNDS,
            "tiny_ms": tiny_step,
            "added_ms": added,
            "layouts": figures,
        },
    )


def table(figures: dict) -> str:
    def interval(each: dict) -> str:
        return f"{each['low']:.3f} – {each['high']:.3f}"

    rows = [
        (
            f"{each['width']} columns (dense)",
            f"{each['plain_ms']['median']:.2f}",
            f"{each['fit_ms']['median']:.2f}",
            f"{each['ratio']['median']:.3f}",
            interval(each["ratio"]),
            f"{each['ratio_by_added']['median']:.3f}",
            interval(each["ratio_by_added"]),
        )
        for each in figures["layouts"].values()
    ]
    head = ("CTGAN, batch 500, 256 × 256", "plain loop, ms/step", "`fit`, ms/step", "ratio of rounds", "95 %")
    added, tiny = figures["added_ms"], figures["tiny_ms"]
    return (
        f"{markdown((*head, 'ratio by what is added', '95 %'), rows)}\n\n"
        f"Processor time, one thread, {figures['rounds']} rounds of alternating blocks of {figures['steps_a_block']} "
        f"steps; medians, with bootstrapped intervals. What is added was measured on the same moves of networks of "
        f"four units a layer: {tiny['fit']['median']:.2f} ms a step against {tiny['plain']['median']:.2f}, "
        f"{added['median']:.3f} ms more ({interval(added)}). The aim: below 1.05."
    )


if __name__ == "__main__":
    main()
