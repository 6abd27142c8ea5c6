"""Is the verdict on pictures right? Judged on few, then held against many draws and pictures kept back.

    GANFORGE_DATA=FOLDER python -m benchmarks.picture_verdict [RUNS]        # that many more; all of them otherwise

The truth: of the first 10,000 training pictures of MNIST and Fashion-MNIST so many of each class are drawn, every arm
is trained on them, and tested on 2,000 pictures of the test file; ten draws (seeds) for 20 a class, five for 5 a class.
The verdicts, three seeds each: `judge_images(pictures, per_class=20)` on all 10,000, as the flow does it, and
`judge_images` on the 200 pictures of a draw alone, as a team does that has no more.

The results file grows: a run that is in it, of the same data (SHA-256), code (SHA-256 of the syntax trees of the
modules that train and, for verdicts, of those that judge) and seed, is not made again. Runs of other code stay in the
file and are not counted.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

import ganforge.downstream.classical
import ganforge.downstream.conclusion
import ganforge.downstream.picture_classifier
import ganforge.downstream.picture_design
import ganforge.downstream.picture_network
import ganforge.downstream.picture_trials
import ganforge.downstream.picture_verdict
import ganforge.downstream.posteriors
import ganforge.gans.dcgan
from benchmarks._common import data_folder, load, markdown, save
from ganforge.data.images import Images
from ganforge.data.readers import read_images
from ganforge.downstream.arms import NONE
from ganforge.downstream.classical import Classical
from ganforge.downstream.picture_classifier import PictureClassifier
from ganforge.downstream.picture_design import CLASSICAL
from ganforge.downstream.picture_trials import Kept, PictureArm, PictureTask, joined, labels_of, run_fold
from ganforge.downstream.picture_verdict import judge_images
from ganforge.downstream.posteriors import ROPE
from ganforge.errors import GanforgeWarning
from ganforge.synthesis.dcgan import DCGAN

TITLE = "The verdict on pictures against many draws"
SETS = {"MNIST": "mnist", "Fashion-MNIST": "fashion"}
CHANGES = {"MNIST": Classical(), "Fashion-MNIST": Classical(flip=True)}
PER_CLASS, GENERATED = 20, 100
DRAWS, JUDGED = 10, 3
FEWER, FEWER_DRAWS = 5, 5
GAN: dict[str, Any] = {"steps": 300, "batch_size": 32, "width": 32, "snapshots": 0}
CNN: dict[str, Any] = {"steps": 200, "batch_size": 32, "width": 8}
_MODULES = (
    ganforge.downstream.classical,
    ganforge.downstream.picture_classifier,
    ganforge.downstream.picture_network,
    ganforge.downstream.picture_trials,
    ganforge.gans.dcgan,
)
_JUDGING = (
    ganforge.downstream.conclusion,
    ganforge.downstream.picture_design,
    ganforge.downstream.picture_verdict,
    ganforge.downstream.posteriors,
)


def main(runs: int | None = None) -> dict[str, Any]:
    kept = load("picture_verdict")
    done: list[dict[str, Any]] = list(kept["figures"]["runs"]) if kept else []
    known = {tuple(each["key"]) for each in done}
    for what, name, per_class, seed in _plan():
        key = (what, name, per_class, seed, pictures(name)[0].fingerprint[:16], code_version(what))
        if runs == 0:
            break
        if key in known:
            continue
        began = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GanforgeWarning)
            found = _truth(name, per_class, seed) if what == "truth" else _judged(what, name, seed)
        done.append({"key": list(key), "cpu_seconds": round(time.process_time() - began, 1), **found})
        print(done[-1], flush=True)
        save("picture_verdict", _figures(done))
        runs = None if runs is None else runs - 1
    return save("picture_verdict", _figures(done))


def _plan() -> Iterator[tuple[str, str, int, int]]:
    for seed in range(DRAWS):
        for name in SETS:
            yield "truth", name, PER_CLASS, seed
    for seed in range(JUDGED):
        for name in SETS:
            yield "of 10,000", name, PER_CLASS, seed
    for seed in range(FEWER_DRAWS):
        for name in SETS:
            yield "truth", name, FEWER, seed
    for seed in range(JUDGED):
        for name in SETS:
            yield "of 200", name, PER_CLASS, seed


@cache
def pictures(name: str) -> tuple[Images, Images]:
    folder, short = data_folder() / "pictures", SETS[name]
    found = [
        read_images(folder / f"{short}-small-{part}-images-idx3-ubyte.gz", labels=_labels(short, part))
        for part in ("train", "t10k")
    ]
    return found[0], found[1]


def _labels(short: str, part: str) -> Any:
    return data_folder() / "pictures" / f"{short}-small-{part}-labels-idx1-ubyte.gz"


@cache
def code_version(what: str) -> str:
    """SHA-256 of what trains, and judges where that is asked, without comments and docstrings: those change no
    figure."""
    digest = hashlib.sha256()
    for module in _MODULES if what == "truth" else (*_MODULES, *_JUDGING):
        tree = ast.parse(inspect.getsource(module))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [  # type: ignore[attr-defined]
                    each for each in body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
                ]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:16]


def draw(name: str, per_class: int, seed: int) -> Images:
    images = pictures(name)[0]
    order = np.random.default_rng([seed, per_class]).permutation(len(images))
    labels = labels_of(images)
    rows = [order[labels[order] == number][:per_class] for number in range(len(images.classes))]
    return images.take(np.sort(np.concatenate(rows)))


def _truth(name: str, per_class: int, seed: int) -> dict[str, Any]:
    """Accuracy of every arm, trained on one draw and tested on the test file."""
    few, test = draw(name, per_class, seed), pictures(name)[1]
    changes = CHANGES[name]
    arms = {
        NONE: PictureArm(),
        CLASSICAL: PictureArm(classical=changes),
        "dcgan": PictureArm(generator="dcgan"),
        f"{CLASSICAL} and dcgan": PictureArm(generator="dcgan", classical=changes),
    }
    task = PictureTask(
        images=joined(few, test),
        synthesizers={"dcgan": DCGAN(**GAN, random_state=seed)},
        classifier=PictureClassifier(**CNN),
        arms=arms,
        per_class=None,
        synthetic_per_class=GENERATED,
        random_state=seed,
        single_thread=False,
    )
    rows = (np.arange(len(few)), np.arange(len(few), len(few) + len(test)))
    plain = [each for each, arm in arms.items() if arm.generator is None]
    found = [
        each
        for some in (plain, [each for each in arms if each not in plain])
        for each in run_fold(task, 0, rows, some, Kept(None, ""), None, None)
    ]
    return {"accuracy": {arm: round(result.accuracy, 4) for arm, _, result in found}}


def _judged(what: str, name: str, seed: int) -> dict[str, Any]:
    verdict = judge_images(
        draw(name, PER_CLASS, seed) if what == "of 200" else pictures(name)[0],
        synthesizer=DCGAN(**GAN),
        per_class=None if what == "of 200" else PER_CLASS,
        synthetic_per_class=GENERATED,
        classical=CHANGES[name],
        classifier=PictureClassifier(**CNN),
        random_state=seed,
        checkpoints=Path(tempfile.gettempdir())
        / f"ganforge-{what.replace(' ', '-')}-{name}-{seed}-{code_version(what)}",
    )
    return {
        "recommended": verdict.recommended,
        "outcome": verdict.outcome,
        "sentence": verdict.sentence,
        "better": {arm: round(each.p_better_than_none or 0.0, 4) for arm, each in verdict.arms.items()},
        "accuracy": {arm: [round(fold, 4) for fold in each.folds] for arm, each in verdict.arms.items()},
    }


# -- what they say together ----------------------------------------------------------------------------------------


def _figures(runs: list[dict[str, Any]]) -> dict[str, Any]:
    counted = [each for each in runs if each["key"][-1] == code_version(each["key"][0])]
    truth = {
        f"{name}, {per_class} a class": found
        for name in SETS
        for per_class in (PER_CLASS, FEWER)
        if (found := _truths([each for each in counted if each["key"][:3] == ["truth", name, per_class]]))
    }
    verdicts = []
    for each in counted:
        what, name = each["key"][:2]
        known = truth.get(f"{name}, {PER_CLASS} a class")
        if what != "truth" and known is not None:
            verdicts.append({
                "set": name,
                "pictures": what,
                "seed": each["key"][3],
                "recommended": each["recommended"],
                "outcome": each["outcome"],
                "agrees": _agreement(each["recommended"], known),
                "regret": max(known["mean"].values()) - known["mean"][each["recommended"]],
                "sentence": each["sentence"],
            })  # fmt: skip
    return {
        "code": code_version("truth"),
        "gan": GAN,
        "cnn": CNN,
        "generated_per_class": GENERATED,
        "classical": {name: str(each) for name, each in CHANGES.items()},
        "cpu_minutes": round(sum(each["cpu_seconds"] for each in counted) / 60, 1),
        "truth": truth,
        "verdicts": verdicts,
        "runs": runs,
    }


def _truths(runs: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Mean and spread of every arm over the draws, and the simplest one that no other beats by more than the ROPE."""
    if len(runs) < 2:
        return None
    arms = list(runs[0]["accuracy"])
    values = {arm: np.array([each["accuracy"][arm] for each in runs]) for arm in arms}
    sufficient = NONE
    for arm in arms:
        if values[arm].mean() - values[sufficient].mean() > ROPE:
            sufficient = arm
    return {
        "draws": len(runs),
        "values": {arm: each.tolist() for arm, each in values.items()},
        "mean": {arm: float(each.mean()) for arm, each in values.items()},
        "sd": {arm: float(each.std(ddof=1)) for arm, each in values.items()},
        "difference": {arm: float((each - values[NONE]).mean()) for arm, each in values.items()},
        "difference_sd": {arm: float((each - values[NONE]).std(ddof=1)) for arm, each in values.items()},
        "sufficient": sufficient,
    }


def _agreement(recommended: str, truth: dict[str, Any]) -> str:
    """ "yes", "no", or "open": another arm than the simplest sufficient one, but the draws leave it open (90 %, one
    side) whether the best arm is better by more than the ROPE."""
    if recommended == truth["sufficient"]:
        return "yes"
    best = max(truth["mean"], key=lambda arm: truth["mean"][arm])
    lost = np.subtract(truth["values"][best], truth["values"][recommended])
    least = lost.mean() - stats.t.ppf(0.9, len(lost) - 1) * lost.std(ddof=1) / np.sqrt(len(lost))
    return "open" if least <= ROPE else "no"


def table(figures: dict[str, Any]) -> str:
    truth = markdown(
        ["pictures", "draws", "arm", "accuracy (SD over draws)", "change (SD)", "simplest sufficient"],
        [
            (
                name if arm == NONE else "",
                each["draws"] if arm == NONE else "",
                arm,
                f"{each['mean'][arm]:.3f} ({each['sd'][arm]:.3f})",
                "" if arm == NONE else f"{each['difference'][arm]:+.3f} ({each['difference_sd'][arm]:.3f})",
                "✓" if arm == each["sufficient"] else "",
            )
            for name, each in figures["truth"].items()
            for arm in each["mean"]
        ],
    )
    changes = "; ".join(f"{name}: {each}" for name, each in figures["classical"].items())
    return (
        f"Classifier: the small CNN, {figures['cnn']['width']} wide, {figures['cnn']['steps']} steps of "
        f"{figures['cnn']['batch_size']}. Generator: "
        f"DCGAN, {figures['gan']['steps']} steps of {figures['gan']['batch_size']}, {figures['gan']['width']} wide, "
        f"{figures['generated_per_class']} pictures of each class added. Classical augmentation: {changes}. "
        f"{figures['cpu_minutes']:.0f} CPU minutes in all.\n\n"
        f"The truth, tested on 2,000 pictures of the test file:\n\n{truth}\n\n"
        f"{_did_it_help(figures['truth'])}\n\n{_judged_so_far(figures['verdicts'])}"
    )


def _judged_so_far(found: list[dict[str, Any]]) -> str:
    if not found:
        return "No verdict was held against it yet."
    verdicts = markdown(
        ["pictures", "judged on 20 a class", "seed", "recommended", "outcome for the GAN", "agrees", "regret"],
        [
            (
                each["set"], each["pictures"], each["seed"], each["recommended"], each["outcome"],
                each["agrees"], f"{each['regret']:.3f}",
            )
            for each in sorted(found, key=lambda one: (one["pictures"], one["set"], one["seed"]))
        ],
    )  # fmt: skip
    told = []
    for what in ("of 10,000", "of 200"):
        some = [each for each in found if each["pictures"] == what]
        if some:
            regret = [each["regret"] for each in some]
            agreed, left = (sum(each["agrees"] == answer for each in some) for answer in ("yes", "open"))
            told.append(
                f"judged {what}: {agreed} of {len(some)} agree, {left} more are left open by the truth, mean regret "
                f"{np.mean(regret):.3f}, largest {max(regret):.3f}"
            )
    return (
        "The verdicts; one agrees that recommends the simplest sufficient arm (a more elaborate one has to be better "
        f"by more than {ROPE}); open: it does not, but ten draws cannot tell that the best arm is better by more than "
        f"{ROPE}; regret: accuracy that the best arm has more than the recommended one, by the truth."
        f"\n\n{verdicts}\n\n{'; '.join(told)}."
    )


def _did_it_help(truth: dict[str, Any]) -> str:
    """Where generated pictures, alone or with classical augmentation, are above what needs none."""
    told = []
    for said, made, plain in (
        ("Generated pictures against nothing added", "dcgan", NONE),
        ("Generated pictures against classical augmentation", "dcgan", CLASSICAL),
        ("Both together against classical augmentation", f"{CLASSICAL} and dcgan", CLASSICAL),
    ):
        changes = {name: each["mean"][made] - each["mean"][plain] for name, each in truth.items()}
        where = [f"{name} ({change:+.3f})" for name, change in changes.items() if change > ROPE]
        listed = ", ".join(f"{change:+.3f}" for change in changes.values())
        told.append(f"{said}: better by more than {ROPE} on {', '.join(where) or 'none'} (all: {listed}).")
    return f"{' '.join(told)} Tried: {', '.join(truth)}."


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(table(main(int(sys.argv[1]) if len(sys.argv) > 1 else None)))
