"""Do generated pictures show what was asked for? `DCGAN` beside a plain-loop conditional DCGAN.

Both have the same layers, width, latent length, batch size and number of steps, and see the same pictures. The plain
loop is the conditional DCGAN that is commonly written: the label's one-hot beside z, and as constant maps beside the
discriminator's input; PyTorch's tutorial for the rest. Both are sampled in evaluation mode, each class as often, and
quantised to 8 bits.

A classifier trained on all real pictures says what each picture is taken for. Its own accuracy on held-out real
pictures (digits: by a split, Fashion-MNIST: the test file) is the most that can be expected.

Digits come with scikit-learn. `GANFORGE_DATA` names a folder that holds `pictures/fashion-small-*.gz` (the first 10,000
training and 2,000 test pictures of Fashion-MNIST); without it that part is left out, and the table says so.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import one_hot, softplus

from benchmarks._common import markdown, save
from ganforge.data.images import Images
from ganforge.data.readers import read_images
from ganforge.data.resizing import resized, tensor_of
from ganforge.data.splits import stratified_split
from ganforge.downstream.picture_classifier import PictureClassifier
from ganforge.gans.dcgan import DCGANGame, to_pixels, to_range
from ganforge.quality.pictures import classes_that_appear, diversity, nearest_real, obedience, obedience_by_class
from ganforge.synthesis.dcgan import DCGAN

TITLE = "DCGAN: is what was asked for what comes out?"
SEEDS = (0, 1)
STEPS, BATCH, WIDTH, SAMPLES = 800, 64, 64, 2_000


class PlainConditional(nn.Module):
    """The same layers as ours; the label beside z, and as maps beside the discriminator's input."""

    def __init__(self, size: int, channels: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        game = DCGANGame(size=size, channels=channels + classes, latent=100 + classes, width=WIDTH)
        self.discriminator = game.discriminator.layers
        own = DCGANGame(size=size, channels=channels, latent=100 + classes, width=WIDTH)
        self.generator = own.generator.layers

    def generate(self, z: Tensor, label: Tensor) -> Tensor:
        return self.generator(torch.cat([z, one_hot(label, self.classes)], 1)[:, :, None, None])

    def judge(self, x: Tensor, label: Tensor) -> Tensor:
        maps = one_hot(label, self.classes)[:, :, None, None].expand(-1, -1, *x.shape[2:]).to(x.dtype)
        return self.discriminator(torch.cat([x, maps], 1)).flatten()


def plain_loop(images: Images, seed: int, device: torch.device) -> PlainConditional:
    torch.manual_seed(seed)
    model = PlainConditional(images.shape[1], images.shape[0], len(images.classes)).to(device).train()
    critic, maker = (
        torch.optim.Adam(each.parameters(), lr=2e-4, betas=(0.5, 0.999))
        for each in (model.discriminator, model.generator)
    )
    pixels, labels = tensor_of(images.pixels).to(device), tensor_of(images.labels).to(device)
    for _ in range(STEPS):
        rows = torch.randint(len(pixels), (BATCH,), device=device)
        real, label = to_range(pixels[rows]), labels[rows]
        fake = model.generate(torch.rand(BATCH, 100, device=device) * 2 - 1, label)
        critic.zero_grad()
        loss = softplus(-model.judge(real, label)).mean() + softplus(model.judge(fake.detach(), label)).mean()
        loss.backward()
        critic.step()
        maker.zero_grad()
        softplus(-model.judge(fake, label)).mean().backward()
        maker.step()
    return model.eval()


@torch.no_grad()
def plain_samples(model: PlainConditional, asked: np.ndarray, seed: int, device: torch.device) -> np.ndarray:
    torch.manual_seed(seed)
    label = torch.from_numpy(asked).to(device)
    parts = [
        to_pixels(model.generate(torch.rand(len(each), 100, device=device) * 2 - 1, each)).cpu()
        for each in label.split(500)
    ]
    return torch.cat(parts).numpy()


def own_samples(model: DCGAN, asked: np.ndarray, seed: int) -> np.ndarray:
    pixels = np.empty((len(asked), *model.shape_), dtype=np.uint8)
    for number in np.unique(asked):
        rows = np.flatnonzero(asked == number)
        condition = {"label": model.classes_[number]}
        pixels[rows] = model.sample(len(rows), condition=condition, random_state=seed * 100 + int(number)).pixels
    return pixels


def measure(train: Images, test: Images, device: torch.device) -> dict:
    classes = len(train.classes)
    judge = PictureClassifier(steps=1_000, random_state=0).fit(train)
    asked = np.arange(SAMPLES) % classes
    found: dict = {
        "pictures": len(train),
        "classifier_accuracy": float(np.mean(judge.predict(test) == test.labels)),
        "held_out_distance": float(np.median(nearest_real(test.pixels[:500], train.pixels)[1])),
        "real_diversity": diversity(train.pixels, train.labels),
        "ours": [],
        "plain": [],
    }
    for seed in SEEDS:
        for side in ("ours", "plain"):
            began = time.perf_counter()
            if side == "ours":
                model = DCGAN(steps=STEPS, batch_size=BATCH, width=WIDTH, snapshots=0, random_state=seed).fit(train)
                seconds = time.perf_counter() - began
                pixels = own_samples(model, asked, seed)
            else:
                plain = plain_loop(train, seed, device)
                seconds = time.perf_counter() - began
                pixels = plain_samples(plain, asked, seed, device)
            taken = judge.predict(pixels)
            found[side].append(
                {
                    "seed": seed,
                    "obedience": obedience(asked, taken),
                    "worst_class": float(np.min(obedience_by_class(asked, taken, classes))),
                    "classes": classes_that_appear(taken, classes),
                    "diversity": diversity(pixels, asked),
                    "nearest_real": float(np.median(nearest_real(pixels[:500], train.pixels)[1])),
                    "seconds": seconds,
                }
            )
            print(side, found[side][-1], flush=True)
    return found


def data() -> dict[str, tuple[Images, Images]]:
    digits = load_digits()
    levels = np.round(digits.images * (255 / 16)).astype(np.uint8)  # 0 … 16
    images = resized(Images.of(levels, digits.target, source="digits"), 32)
    train, test = stratified_split(digits.target, test_share=0.25, random_state=0)
    sets = {"digits, 32 px": (images.take(train), images.take(test))}
    folder = os.environ.get("GANFORGE_DATA")
    if folder:
        parts = [
            read_images(
                Path(folder) / "pictures" / f"fashion-small-{part}-images-idx3-ubyte.gz",
                labels=Path(folder) / "pictures" / f"fashion-small-{part}-labels-idx1-ubyte.gz",
            )
            for part in ("train", "t10k")
        ]
        sets["Fashion-MNIST (first 10,000), 28 px"] = (parts[0], parts[1])
    else:
        print("GANFORGE_DATA is not set: Fashion-MNIST is left out")
    return sets


def main() -> dict:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found = {name: measure(train, test, device) for name, (train, test) in data().items()}
    sizes = {"steps": STEPS, "batch_size": BATCH, "width": WIDTH, "samples": SAMPLES, "seeds": list(SEEDS)}
    return save("dcgan_quality", {**sizes, "device": device.type, "sets": found})


def table(figures: dict) -> str:
    rows = []
    for name, each in figures["sets"].items():
        rows.append(
            (
                name,
                "real ones, held out",
                f"{each['classifier_accuracy']:.3f}",
                "",
                "",
                f"{each['real_diversity']:.1f}",
                f"{each['held_out_distance']:.1f}",
            )
        )
        for side, called in (("ours", "`DCGAN`"), ("plain", "plain loop")):
            runs = each[side]
            rows.append(
                (
                    name,
                    called,
                    " · ".join(f"{run['obedience']:.3f}" for run in runs),
                    " · ".join(f"{run['worst_class']:.2f}" for run in runs),
                    " · ".join(str(run["classes"]) for run in runs),
                    " · ".join(f"{run['diversity']:.1f}" for run in runs),
                    " · ".join(f"{run['nearest_real']:.1f}" for run in runs),
                )
            )
    head = (
        "pictures",
        "of",
        "taken for what was asked",
        "worst class",
        "classes that appear",
        "two of a class apart",
        "nearest real apart",
    )
    seeds = f"{len(figures['seeds'])} seeds side by side"
    note = (
        f"{figures['steps']} steps of {figures['batch_size']}, {figures['width']} wide at 4×4, both sides; {seeds}; "
        f"{figures['samples']:,} pictures, each class as often; distances in grey levels a pixel (median)."
    )
    if not any("Fashion" in name for name in figures["sets"]):
        note += " Fashion-MNIST was left out: `GANFORGE_DATA` was not set."
    return f"{markdown(head, rows)}\n\n{note}"


if __name__ == "__main__":
    main()
