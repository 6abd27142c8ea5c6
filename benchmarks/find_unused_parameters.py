"""What `find_unused_parameters` costs a two-player game on two processes.

Each move of a game uses a part of the networks only, which plain DDP takes for an error; so `fit` turns the search for
unused parameters on. Here the same CTGAN-sized game is played by two gloo processes three ways:

* `find`: as `fit` does it, DDP with `find_unused_parameters=True`;
* `static`: the same loop with each network in a DDP of its own, without the search: a plain PyTorch loop by hand, the
  least that training in two processes can cost (a general loop cannot do this: a loss may call any network);
* `alone`: one process, the same batch a process, through `fit`.

The rounds alternate in one run; times are per step, taken between the drawing of batches.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from benchmarks._common import ROOT, markdown, save, spread
from ganforge.training import Batch, Game, Phase, TensorBatches, TrainerOptions, Turn, Update, fit
from ganforge.training.objectives import wasserstein
from ganforge.training.penalties import gradient_penalty

TITLE = "Two processes: `fit`, which searches for unused parameters, beside a loop by hand"
STEPS, SKIPPED, ROUNDS = 40, 8, 9
BATCH, LATENT, WIDTH = 250, 128, 150


def adam(parameters) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.9), fused=True)


class Wgan(Game):
    """WGAN-GP of CTGAN's size without its conditions: z (B, 128) → x (B, 150); a gradient penalty a step."""

    def __init__(self) -> None:
        super().__init__()
        self.generator: nn.Module = nn.Sequential(
            nn.Linear(LATENT, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, WIDTH), nn.Tanh()
        )
        self.critic: nn.Module = nn.Sequential(
            nn.Linear(WIDTH, 256), nn.LeakyReLU(0.2), nn.Linear(256, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1)
        )

    def fakes(self, batch: Batch, turn: Turn) -> Tensor:
        return turn.shared("fakes", "generator", lambda: self.generator(torch.randn(len(batch), LATENT)))

    def critic_loss(self, batch: Batch, turn: Turn) -> dict[str, Tensor]:
        fakes = self.fakes(batch, turn)
        both = self.critic(torch.cat([batch.real, fakes])).view(2, -1)  # one forward: DDP allows one a backward
        return {
            "wasserstein": wasserstein.critic(both[0], both[1]),
            "penalty": 10 * gradient_penalty(self.critic, batch.real, fakes),
        }

    def generator_loss(self, batch: Batch, turn: Turn) -> dict[str, Tensor]:
        return {"wasserstein": wasserstein.generator(self.critic(self.fakes(batch, turn)))}

    def phases(self) -> list[Phase]:
        critic = Update(name="critic", trains=("critic",), loss=self.critic_loss, optimizer=adam)
        generator = Update(name="generator", trains=("generator",), loss=self.generator_loss, optimizer=adam)
        return [Phase(name="adversaries", updates=(critic, generator))]


class Timed(TensorBatches):
    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        super().__init__(torch.randn(20_000, WIDTH, generator=generator), batch_size=BATCH)
        self.asked: list[float] = []

    def draw(self, step: int, **where: int) -> Batch:
        self.asked.append(time.perf_counter())
        return super().draw(step, **where)

    def step_ms(self) -> float:
        asked, self.asked = self.asked[SKIPPED:], []
        return 1000 * (asked[-1] - asked[0]) / (len(asked) - 1)


def static_loop(game: Wgan, batches: Timed) -> None:
    """By hand: the gradients of each network are averaged by a DDP of its own. The penalty's inner derivative goes
    through the bare network, whose parameters are the same, so that a backward sees one forward of the wrapper."""
    rank, world_size = torch.distributed.get_rank(), torch.distributed.get_world_size()
    game.train().requires_grad_(True)
    bare = {"critic": game.critic, "generator": game.generator}
    wrapped = {name: DistributedDataParallel(each) for name, each in bare.items()}
    optimizers = {name: adam(each.parameters()) for name, each in bare.items()}
    for step in range(STEPS):
        real = batches.draw(step, seed=0, rank=rank, world_size=world_size).real
        fakes = wrapped["generator"](torch.randn(len(real), LATENT))
        both = wrapped["critic"](torch.cat([real, fakes.detach()])).view(2, -1)
        penalty = 10 * gradient_penalty(bare["critic"], real, fakes)
        (wasserstein.critic(both[0], both[1]) + penalty).backward()
        optimizers["critic"].step()
        optimizers["critic"].zero_grad(set_to_none=True)
        bare["critic"].requires_grad_(False)
        wasserstein.generator(bare["critic"](fakes)).backward()
        bare["critic"].requires_grad_(True)
        optimizers["generator"].step()
        optimizers["generator"].zero_grad(set_to_none=True)


def work(out: str) -> None:
    """What each of the processes does: first alone, then the two ways together, in turns."""
    torch.set_num_threads(1)
    batches = Timed()
    seconds: dict[str, list[float]] = {"find": [], "static": [], "alone": []}
    together = int(os.environ.get("WORLD_SIZE", "1")) > 1
    options = TrainerOptions(accelerator="cpu", devices=2 if together else 1)
    for turn in range(ROUNDS + 1):
        torch.manual_seed(0)
        fit(Wgan(), batches, steps=STEPS, trainer=options)
        taken = {"find" if together else "alone": batches.step_ms()}
        if together:
            torch.manual_seed(0)
            static_loop(Wgan(), batches)
            taken["static"] = batches.step_ms()
        for way, each in taken.items():
            if turn:
                seconds[way].append(each)
    if os.environ.get("RANK", "0") == "0":
        Path(out).write_text(json.dumps(seconds))


def _run(processes: int) -> dict[str, list[float]]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/seconds.json"
        start = ["-m", "torch.distributed.run", f"--nproc_per_node={processes}", f"--master_port={port}"]
        command = [sys.executable, *(start if processes > 1 else []), "-m", "benchmarks.find_unused_parameters", out]
        subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        return json.loads(Path(out).read_text())


def main() -> dict:
    alone, together = _run(1), _run(2)
    ratios = [find / static for find, static in zip(together["find"], together["static"], strict=True)]
    return save(
        "find_unused_parameters",
        {
            "rounds": ROUNDS,
            "steps_a_round": STEPS - SKIPPED,
            "batch_a_process": BATCH,
            "alone_ms": spread(alone["alone"]),
            "static_ms": spread(together["static"]),
            "find_ms": spread(together["find"]),
            "ratio": spread(ratios),
        },
    )


def table(figures: dict) -> str:
    def row(name: str, key: str) -> tuple[str, ...]:
        each = figures[key]
        return name, f"{each['median']:.2f}", f"{each['low']:.2f} – {each['high']:.2f}"

    rows = [
        row("one process, `fit`", "alone_ms"),
        row("two processes, a DDP a network, plain loop by hand", "static_ms"),
        row("two processes, `fit` (`find_unused_parameters=True`)", "find_ms"),
    ]
    ratio = figures["ratio"]
    return (
        markdown((f"WGAN-GP, 256 × 256, batch {figures['batch_a_process']} a process", "ms/step", "quartiles"), rows)
        + f"\n\n`fit` against the loop by hand: × {ratio['median']:.2f} (quartiles {ratio['low']:.2f} – "
        f"{ratio['high']:.2f}, {ratio['n']} alternating rounds of {figures['steps_a_round']} steps). It holds all that "
        "`fit` adds: the search, one reduction over all networks for each move, and the loop itself."
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(sys.argv[1])
    else:
        print(main())
