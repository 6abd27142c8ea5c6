"""Pictures a second through `fit`, against the same DCGAN networks in a plain PyTorch loop.

Same weights to start from, same batches, same device, in alternating blocks of steps within one run. The plain loop is
what a careful author writes: fakes made once and shared by both moves, the discriminator frozen while the generator
moves, gradients set to None; it logs nothing and saves nothing. `fit` logs as it does by default. Both read 8-bit
pictures. A block's time is taken between the drawing of batches, so that neither side's start-up counts. On a CPU it is
the processor time of one thread, which other work on the machine does not stretch.

Where there is a GPU both sides run on it (the plain loop's pictures lie there already), the blocks are longer and the
time is the clock's.
"""

from __future__ import annotations

import time

import torch
from torch.nn.functional import softplus

from benchmarks._common import load, markdown, save, spread
from ganforge.gans.dcgan import DCGANGame
from ganforge.training import Batch, TensorBatches, fit

TITLE = "DCGAN pictures a second"
SKIPPED = 2  # steps of a block that only warm up
SETTINGS = {
    "32 px, grey, 128 wide": {
        "game": {"size": 32, "channels": 1, "width": 128},
        "batch_size": 64,
        "cpu": (22, 12),  # steps a block, rounds
        "cuda": (302, 12),
    },
    "64 px, RGB, 1024 wide (the paper's)": {
        "game": {"size": 64, "channels": 3, "width": 1024},
        "batch_size": 16,
        "cpu": (6, 5),
        "cuda": (62, 6),
    },
}


class Timed:
    """Batches that note when the first step that counts and the last one are asked for."""

    def __init__(self, batches: TensorBatches, steps: int) -> None:
        self.batches, self.batch_size, self.steps = batches, batches.batch_size, steps
        self.began = self.ended = 0.0

    def draw(self, step: int, *, seed: int, rank: int = 0, world_size: int = 1) -> Batch:
        if step in (SKIPPED, self.steps - 1):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            now = time.perf_counter() if torch.cuda.is_available() else time.process_time()
            if step == SKIPPED:
                self.began = now
            else:
                self.ended = now
        return self.batches.draw(step, seed=seed, rank=rank, world_size=world_size)

    def pictures_per_second(self) -> float:
        return (self.steps - 1 - SKIPPED) * self.batch_size / (self.ended - self.began)


def plain_loop(game: DCGANGame, batches: Timed, device: torch.device) -> None:
    """The two players in thirty lines, without the core."""
    generator, discriminator = game.generator.to(device).train(), game.discriminator.to(device).train()
    optimizers = [
        torch.optim.Adam(each.parameters(), lr=2e-4, betas=(0.5, 0.999)) for each in (discriminator, generator)
    ]
    for step in range(batches.steps):
        real = batches.draw(step, seed=0).real.to(device).float().div_(127.5).sub_(1)
        fake = generator(torch.rand(len(real), game.latent, device=device) * 2 - 1)

        discriminator.requires_grad_(True)
        loss = softplus(-discriminator(real)).mean() + softplus(discriminator(fake.detach())).mean()
        loss.backward()
        optimizers[0].step()
        optimizers[0].zero_grad(set_to_none=True)

        discriminator.requires_grad_(False)
        softplus(-discriminator(fake)).mean().backward()
        optimizers[1].step()
        optimizers[1].zero_grad(set_to_none=True)
    discriminator.requires_grad_(True)


def measure(game: dict, batch_size: int, steps: int, rounds: int, device: torch.device) -> dict:
    torch.manual_seed(0)
    networks = DCGANGame(**game)
    pixels = torch.randint(0, 256, (1_024, game["channels"], game["size"], game["size"]), dtype=torch.uint8)
    sides = {
        "plain": Timed(TensorBatches(pixels.to(device), batch_size=batch_size), steps),
        "fit": Timed(TensorBatches(pixels, batch_size=batch_size), steps),
    }
    start = {name: each.clone() for name, each in networks.state_dict().items()}
    speeds: dict[str, list[float]] = {"plain": [], "fit": []}
    for turn in range(rounds):
        for side in ("plain", "fit") if turn % 2 else ("fit", "plain"):
            networks.cpu().load_state_dict(start)
            if side == "plain":
                plain_loop(networks, sides[side], device)
            else:
                fit(networks, sides[side], steps=steps)
            speeds[side].append(sides[side].pictures_per_second())
    return {
        "batch_size": batch_size,
        "steps_a_block": steps - 1 - SKIPPED,
        "rounds": rounds,
        "plain_per_second": spread(speeds["plain"]),
        "fit_per_second": spread(speeds["fit"]),
        "ratio": spread(own / plain for own, plain in zip(speeds["fit"], speeds["plain"], strict=True)),
    }


def main() -> dict:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(1)
    found = {}
    for name, setting in SETTINGS.items():
        steps, rounds = setting[device.type]
        found[name] = measure(setting["game"], setting["batch_size"], steps, rounds, device)
        print(name, found[name])
    return save(f"dcgan_throughput{'' if device.type == 'cpu' else '_gpu'}", {"device": device.type, "settings": found})


def table(figures: dict) -> str:
    gpu = load("dcgan_throughput_gpu")
    sections = [_section(figures, "CPU" if figures["device"] == "cpu" else "GPU")]
    if gpu is not None:
        sections.append(_section(gpu["figures"], gpu["machine"].get("gpu", "GPU")))
    return "\n\n".join([*sections, "The aim: a ratio of .97 at least."])


def _section(figures: dict, device: str) -> str:
    rows = [
        (
            name,
            each["batch_size"],
            f"{each['plain_per_second']['median']:,.1f}",
            f"{each['fit_per_second']['median']:,.1f}",
            f"{each['ratio']['median']:.3f}",
            f"{each['ratio']['low']:.3f} – {each['ratio']['high']:.3f}",
            f"{each['rounds']} × {each['steps_a_block']} steps",
        )
        for name, each in figures["settings"].items()
    ]
    head = (
        f"DCGAN on {device}",
        "batch",
        "plain loop, pictures/s",
        "`fit`, pictures/s",
        "ratio (median)",
        "quartiles",
        "blocks",
    )
    return markdown(head, rows)


if __name__ == "__main__":
    main()
