"""One training step of CTGAN beside the `ctgan` package's, and what it costs at least; rows generated a second.

    GANFORGE_DATA=FOLDER python -m benchmarks.ctgan_step         # holds tables/adult_train.csv.gz (UCI Adult)

Both train through their own `fit` on the same 5,000 rows of Adult, one thread, batches of 500, pac 10, one move of each
player a step, in alternating blocks. A step is the processor time from one draw of real rows to the next, so that
neither side's set-up counts; a block's figure is its mean without the first steps.

The bound is what a plain product of the largest of a step's matrices makes of the step's multiplications: 1.31 GFLOP
where nothing is computed in vain and the penalty is differentiated twice. Beside it: how long the very products of our
step take when nothing else is done.

What each idea brings is measured by games that do without it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ctgan.synthesizers.ctgan as package
import numpy as np
import torch
from torch import Tensor

from benchmarks._common import ROOT, markdown, save, spread
from ganforge.catalog import load_class
from ganforge.data.codec import Codec
from ganforge.data.readers import read_table
from ganforge.data.table import Table
from ganforge.gans import conditional_batches
from ganforge.gans.ctgan import ConditionalBatches, CTGANGame
from ganforge.training import Batch, Phase, TrainerOptions, Turn, Update, fit
from ganforge.training.matmul import EXACT, fastest, try_settings
from ganforge.training.penalties import gradient_penalty

TITLE = "A training step of CTGAN beside the `ctgan` package's"
ROWS, STEPS, SKIPPED, ROUNDS, IDEA_ROUNDS = 5_000, 60, 10, 5, 5
NEEDED = 1.31e9
"""Floating point operations a step at Adult's size, see above."""
GENERATED = 100_000
MEDIUM = "matmul=medium"
OURS: dict[str, dict[str, Any]] = {
    "float32": {},
    MEDIUM: {"matmul": "medium"},
    "bf16-mixed": {"precision": "bf16-mixed"},
}
SIZE = (500, 384, 256)
"""Of the plain product that the bound is set by: the generator's second layer's."""


@contextlib.contextmanager
def stamps(owner: type, name: str) -> Iterator[list[float]]:
    """The processor times at which the method `name` of `owner` is called."""
    taken: list[float] = []
    method = getattr(owner, name)

    @functools.wraps(method)
    def stamped(*args: Any, **kwargs: Any) -> Any:
        taken.append(time.process_time())
        return method(*args, **kwargs)

    setattr(owner, name, stamped)
    try:
        yield taken
    finally:
        setattr(owner, name, method)


def step_ms(taken: Sequence[float]) -> float:
    return 1000 * float(np.diff(taken)[SKIPPED:].mean())


def package_block(table: Table) -> float:
    each = max(1, ROWS // 500)
    with stamps(package.DataSampler, "sample_data") as taken:
        load_class("reference-ctgan")(steps=STEPS // each * each, batch_size=500, pac=10, random_state=0).fit(table)
    return step_ms(taken)


def own_block(table: Table, trainer: Mapping[str, Any]) -> float:
    with stamps(ConditionalBatches, "draw") as taken:
        load_class("ctgan")(
            steps=STEPS, batch_size=500, pac=10, random_state=0, early_stopping=False, trainer=trainer
        ).fit(table)
    return step_ms(taken)


def products(game: CTGANGame, batch_size: int) -> list[tuple[int, int, int]]:
    """Every product of a step as (rows, inner, columns): forward, for the weights, and for what lies below."""
    found = []
    generator, critic, pairs = game.generator, game.critic, batch_size // game.pac
    for layer in (*generator.layers, generator.out):
        for k, weight in enumerate(layer.weights):
            out, features = weight.shape
            found += [(batch_size, features, out), (out, batch_size, features)]
            found += [(batch_size, out, features)] if k else []  # the noise needs no gradient
    sizes = [critic.first.weights[0].shape, *(each.weight.shape for each in critic.layers)]
    for k, (out, features) in enumerate(sizes):
        found += [(2 * pairs if k == 0 else 3 * pairs, features, out), (pairs, features, out)]  # its move, generator's
        found += [(pairs if k == 0 else 3 * pairs, out, features), (pairs, out, features)]  # up
        found += [(pairs, features, out)] if k < len(sizes) - 1 else []  # down again
        found += [(out, 3 * pairs, features)]
    return found


def products_ms(shapes: Sequence[tuple[int, int, int]], dtype: torch.dtype) -> float:
    """Processor time of all of them and nothing else."""
    factors = [(torch.randn(m, k, dtype=dtype), torch.randn(k, n, dtype=dtype)) for m, k, n in shapes]
    taken = []
    for _ in range(10):
        began = time.process_time()
        for a, b in factors:
            a @ b
        taken.append(time.process_time() - began)
    return 1000 * float(np.median(taken))


def rate(dtype: torch.dtype) -> float:
    """Floating point operations a second of a plain product."""
    rows, inner, columns = SIZE
    a, b = torch.randn(rows, inner, dtype=dtype), torch.randn(inner, columns, dtype=dtype)
    taken = []
    for _ in range(40):
        began = time.process_time()
        for _ in range(5):
            a @ b
        taken.append((time.process_time() - began) / 5)
    return 2 * rows * inner * columns / float(np.median(taken))


@contextlib.contextmanager
def multiplied(setting: str) -> Iterator[None]:
    """Products by one of torch's settings."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(setting)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


class DifferentiatedTwice(CTGANGame):
    """Real rows and fakes one after the other, and the penalty by autograd, through the gradient of a gradient."""

    def critic_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        real, (fake, _) = self.layout.expand(batch.real, batch.codes), self._fake(batch, turn)
        pacs, places = [self._pacs(real), self._pacs(fake)], self._places(batch)
        scores = [self.critic(each, places).mean() for each in pacs]
        slope = gradient_penalty(lambda each: self.critic(each, places), *pacs)
        return {"wasserstein": scores[1] - scores[0], "penalty": self.penalty * slope}


class FakesOfItsOwn(CTGANGame):
    """A second batch of fakes for the generator's move, as the paper's algorithm draws."""

    def generator_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        fake, surprise = self._make(batch)
        scores = self.critic(self._pacs(fake), self._places(batch))
        return {"wasserstein": -scores.mean(), "condition": surprise.mean()}

    def critic_loss(self, batch: Batch, turn: Turn) -> Mapping[str, Tensor]:
        with torch.no_grad():
            fake, _ = self._make(batch)
        real = self.layout.expand(batch.real, batch.codes)
        wasserstein, penalty = self.critic.terms(real, fake, self._places(batch))
        return {"wasserstein": wasserstein, "penalty": self.penalty * penalty}


def _options(update: Update) -> dict[str, Any]:
    assert isinstance(update.optimizer, functools.partial)
    return update.optimizer.keywords


class AdamByTensor(CTGANGame):
    """Adam as a sequence of operations on lists of tensors."""

    def phases(self) -> Sequence[Phase]:
        phase = super().phases()[0]
        moved = [
            dataclasses.replace(
                each,
                optimizer=functools.partial(torch.optim.Adam, **{**_options(each), "fused": False, "foreach": True}),
            )
            for each in phase.updates
        ]
        return (dataclasses.replace(phase, updates=tuple(moved)),)


IDEAS: dict[str, Callable[..., CTGANGame]] = {
    "as it is": CTGANGame,
    "the critic's loss by autograd, the penalty differentiated twice": DifferentiatedTwice,
    "a second batch of fakes for the generator": FakesOfItsOwn,
    "Adam not fused": AdamByTensor,
}


def ideas(codec: Codec, scalars: Tensor, codes: Tensor) -> dict[str, dict[str, float | int]]:
    taken: dict[str, list[float]] = {name: [] for name in (*IDEAS, "rows drawn step by step")}
    for turn in range(IDEA_ROUNDS + 1):
        for name in taken:
            torch.manual_seed(0)
            game = IDEAS.get(name, CTGANGame)(codec.layout)
            batches = ConditionalBatches(scalars, codes, game.conditions, batch_size=500)
            stretch, conditional_batches.STRETCH = conditional_batches.STRETCH, 1 if name not in IDEAS else 32
            try:
                with stamps(ConditionalBatches, "draw") as stamped:
                    fit(game, batches, steps=STEPS, seed=turn, trainer=TrainerOptions(accelerator="cpu"))
            finally:
                conditional_batches.STRETCH = stretch
            if turn:  # the first round warms up
                taken[name].append(step_ms(stamped))
    return {name: spread(each) for name, each in taken.items()}


def generated(game: CTGANGame) -> float:
    """Raw rows (scalars and codes) a second of processor time."""
    game.eval()
    noise, taken = torch.Generator().manual_seed(0), []
    places = torch.randint(game.conditions.width, (8_192,))
    for _ in range(max(2, GENERATED // 8_192)):
        began = time.process_time()
        game.generate(8_192, places, generator=noise)
        taken.append(time.process_time() - began)
    return 8_192 / float(np.median(taken))


def main() -> dict:
    torch.set_num_threads(1)
    folder = Path(os.environ.get("GANFORGE_DATA", ROOT.parent / "shared" / "data"))
    whole = read_table(folder / "tables" / "adult_train.csv.gz")
    table = whole.take(np.random.default_rng(0).permutation(len(whole))[:ROWS])
    blocks: dict[str, list[float]] = {name: [] for name in ("ctgan package", *OURS)}
    plain: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    alone: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    codec = Codec.fit(table, random_state=0)
    encoded = codec.encode(table, random_state=0)
    game = CTGANGame(codec.layout)
    shapes = products(game, 500)
    rows, inner, columns = SIZE
    settings = try_settings(rows, inner, columns, clock=time.process_time)
    chosen = fastest(settings)  # the bound is the fastest product that is float32, as training looks for it
    medium = "float32" if settings["medium"].error <= EXACT * settings["highest"].error else "bfloat16"
    for turn in range(ROUNDS + 1):
        each = {"ctgan package": package_block(table)}
        for name, trainer in OURS.items():
            with multiplied(chosen):
                for kind, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
                    plain[kind].append(rate(dtype))
                    alone[kind].append(products_ms(shapes, dtype))
            each[name] = own_block(table, trainer)
        print(each)
        for name, value in each.items():
            if turn:  # the first round warms up
                blocks[name].append(value)
    bound = {kind: 1000 * NEEDED / float(np.median(rates)) for kind, rates in plain.items()}
    figures: dict[str, Any] = {
        "data": {"rows": ROWS, "fingerprint": table.fingerprint, "width": codec.layout.width},
        "steps_a_block": STEPS - SKIPPED,
        "rounds": ROUNDS,
        "step_ms": {name: spread(each) for name, each in blocks.items()},
        "ratio": {
            name: spread(a / b for a, b in zip(blocks["ctgan package"], blocks[name], strict=True)) for name in OURS
        },
        "gflop_a_step": {"needed": NEEDED / 1e9, "ours": 2e-9 * sum(m * k * n for m, k, n in shapes)},
        "plain_gflops": {kind: float(np.median(rates)) / 1e9 for kind, rates in plain.items()},
        "bound_ms": bound,
        "products_alone_ms": {kind: float(np.median(each)) for kind, each in alone.items()},
        "multiplied_by": {"float32": chosen, "medium_is": medium},
        "share_of_bound": {
            name: bound[kind] / float(np.median(blocks[name]))
            for name, kind in zip(OURS, ("float32", medium, "bfloat16"), strict=True)
        },
        "without": ideas(codec, torch.from_numpy(encoded.scalars), torch.from_numpy(encoded.codes)),
        "generated_rows_a_second": spread(generated(game) for _ in range(3)),
    }
    return save("ctgan_step", figures)


def table(figures: dict) -> str:
    step, ratio, share = figures["step_ms"], figures["ratio"], figures["share_of_bound"]
    rows = [("`ctgan` package", f"{step['ctgan package']['median']:.1f}", "", "", "")]
    rows += [
        (
            name,
            f"{step[name]['median']:.1f}",
            f"× {ratio[name]['median']:.1f}",
            f"{ratio[name]['low']:.1f} – {ratio[name]['high']:.1f}",
            f"{share[name]:.2f}" if name != "bf16-mixed" or not _imitated(figures["plain_gflops"]) else "–",
        )
        for name in OURS
    ]
    whole = figures["without"]["as it is"]["median"]
    brought = [
        (name, f"{each['median']:.1f}", "" if name == "as it is" else f"{100 * (each['median'] / whole - 1):+.0f} %")
        for name, each in figures["without"].items()
    ]
    head = ("one step", "processor ms (median)", "faster", "quartiles", "share of the bound")
    alone, flop, plain = figures["products_alone_ms"], figures["gflop_a_step"], figures["plain_gflops"]
    return (
        f"{markdown(head, rows)}\n\n"
        f"UCI Adult, {figures['data']['rows']:,} rows, one thread, {figures['rounds']} alternating blocks of "
        f"{figures['steps_a_block']} steps. The bound: {flop['needed']:.2f} GFLOP at the rate of a plain product, "
        f"{plain['float32']:,.0f} GFLOP/s in float32 (by the fastest setting that is float32, "
        f"{figures['multiplied_by']['float32']!r} here, which training finds by itself) and {plain['bfloat16']:,.0f} "
        f"in bfloat16. On this processor `{MEDIUM}` multiplies in {figures['multiplied_by']['medium_is']}. Our step "
        f"multiplies {flop['ours']:.2f} GFLOP; its very products, and nothing else, take {alone['float32']:.1f} ms in "
        f"float32 and "
        f"{alone['bfloat16']:.1f} ms in bfloat16.{_without_units(plain)} Raw rows generated a second: "
        f"{figures['generated_rows_a_second']['median']:,.0f}.\n\n"
        f"{markdown(('float32, through `training.fit`', 'processor ms a step', 'against as it is'), brought)}"
    )


def _imitated(plain: dict[str, float]) -> bool:
    """Whether this processor has no units for bfloat16 and only imitates it."""
    return plain["bfloat16"] < plain["float32"]


def _without_units(plain: dict[str, float]) -> str:
    """Where a processor only imitates bfloat16, what that means for the rows above."""
    if not _imitated(plain):
        return ""
    return " It has no units for bfloat16: `bf16-mixed` imitates them, and cannot be held against a bound."


if __name__ == "__main__":
    print(table(main()))
