"""How good are the rows? Our synthesizers of tables beside the `ctgan` package, a Gaussian copula, SMOTE and real rows.

    GANFORGE_DATA=FOLDER python -m benchmarks.ctgan_fidelity                  # what is missing, seed 0
    … --only adult telco_churn --methods ctgan-tuned copula --seeds 0 1 2     # a part of it
    … --steps auto                                                            # as many steps as the model finds right
    … --catch-up ctgan-tuned                                                  # time until as good as 300 epochs

Every method learns from the same training rows, one thread, batches of 500 and pac 10 where there are such, and makes
as many rows as there are to learn from. They are held against rows that nobody was trained on; what other real rows
score there is the floor. Results are kept from run to run, by data, method, parameters, seed and code: nothing is
measured twice, and several processes may measure at the same time.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import functools
import hashlib
import importlib.metadata
import inspect
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch

import ganforge
from benchmarks._common import RESULTS, load, machine, save
from benchmarks._fidelity import MEASURE, TARGETS, Task, copula, figures_of, load_task, smote
from benchmarks._fidelity_table import (
    CPU,
    EPOCHS,
    FIGURES,
    OTHERS,
    OURS,
    STEPS,
    TRAINED,
    VARIANTS,
    as_good,
    table,
    value_of,
)
from ganforge.catalog import load_class
from ganforge.errors import InputError
from ganforge.synthesis.monitoring import Judge
from ganforge_pipelines.workspace.lock import hold

__all__ = ["TITLE", "main", "table"]
TITLE = "Fidelity of synthetic rows"
NAME = "ctgan_fidelity"
LADDER = (250, 500, 750, 1_000, 1_500, 2_000, 3_000, 3_900, 6_000, 9_000)
_ROOMS = ("data", "gans", "synthesis", "training")
_APART = (
    "dcgan",
    "f_anogan",
    "reference",
    "reference_base",
    "reference_package",
    "bridge",
    "gallery",
    "images",
    "pictures",
    "simulators",
    "features",
    "windows",
)


# --------------------------------------------------------------------------------------------------- what is kept


def version_of(method: str) -> str:
    """What a result hangs on besides data, parameters and seed: our code without its comments, or the package."""
    if method.startswith("reference"):
        return f"ctgan {importlib.metadata.version('ctgan')}"
    if method in OTHERS:
        maker = {"copula": copula, "smote-nc": smote}.get(method)
        return _hash(_bare(inspect.getsource(maker))) if maker else "1"
    return _own_version()


@functools.cache
def _own_version() -> str:
    root = Path(ganforge.__file__).parent
    files = [each for room in _ROOMS for each in sorted((root / room).glob("*.py")) if each.stem not in _APART]
    return _hash("".join(_bare(each.read_text(encoding="utf-8")) for each in files))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _bare(source: str) -> str:
    """The code alone: neither comments nor docstrings nor layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [  # pyright: ignore
                each
                for each in body
                if not (
                    isinstance(each, ast.Expr)
                    and isinstance(each.value, ast.Constant)
                    and isinstance(each.value.value, str)
                )
            ]
    return ast.dump(tree)


def key_of(task: Task, method: str, steps: int | str | None, seed: int) -> dict[str, Any]:
    return {
        "table": task.name,
        "data": task.data,
        "method": method,
        "steps": steps if method in TRAINED else None,
        "seed": seed,
        "version": version_of(method),
        "measure": MEASURE,
    }


def runs() -> list[dict[str, Any]]:
    """All that was ever measured."""
    record = load(NAME)
    return [] if record is None else record["figures"]["runs"]


def run(task: Task, method: str, steps: int | str | None, seed: int) -> dict[str, Any]:
    """The result of this run: the kept one, or a new one, which is kept."""
    key = key_of(task, method, steps, seed)
    for each in runs():
        if each["key"] == key:
            return each
    print(f"{task.name}: {method}, {steps} steps, seed {seed} …", flush=True)
    done = {"key": key, **measure(task, method, steps, seed), "cpu": machine()["cpu"]}
    print("  " + ", ".join(f"{name} {value_of(done, name):.4g}" for name in (*FIGURES, CPU)), flush=True)
    with hold(RESULTS / f".{NAME}.lock", wait=True):  # other tables may be measured at the same time
        save(NAME, {"runs": [*runs(), done]})
    return done


# ------------------------------------------------------------------------------------------------------ measuring


def measure(task: Task, method: str, steps: int | str | None, seed: int) -> dict[str, Any]:
    judging: list[float] = []
    began, worked = time.perf_counter(), time.process_time()
    with _timed_judge(judging):
        make, told = _learn(task, method, steps, seed)
    learned = time.perf_counter() - began
    made = make(len(task.training))
    return {
        **told,
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - worked,
        "learning_seconds": learned,
        "judging_seconds": sum(judging),
        **figures_of(made, task, seed=seed, train_on=task.training.frame if method == "real rows" else made),
    }


def _learn(
    task: Task, method: str, steps: int | str | None, seed: int
) -> tuple[Callable[[int], pd.DataFrame], dict[str, Any]]:
    """Whoever makes n rows, and what is to be told of its training."""
    if method == "copula":
        return functools.partial(copula, task.training, seed=seed), {}
    if method == "smote-nc":
        return functools.partial(smote, task.training, task.target, seed=seed), {}
    if method == "real rows":
        return lambda n: task.other.frame, {}
    parameters: dict[str, Any] = {} if isinstance(steps, str) else {"steps": steps}
    if method != "reference-tvae":
        parameters |= {"pac": 10}
    parameters |= VARIANTS.get(method, {})
    kind = "ctgan" if method in VARIANTS else method
    model = load_class(kind)(**parameters, batch_size=500, random_state=seed).fit(task.training)
    told = {name: getattr(model.training_, name) for name in ("steps", "best_step", "stopped")}
    return lambda n: model.sample(n, random_state=seed), told


@contextlib.contextmanager
def _timed_judge(seconds: list[float]) -> Iterator[None]:
    """Every judgement of a training inside adds its seconds to the list."""
    plain = Judge.__call__

    def timed(judge: Judge, game: Any) -> float:
        began = time.perf_counter()
        value = plain(judge, game)
        seconds.append(time.perf_counter() - began)
        return value

    Judge.__call__ = timed  # type: ignore[method-assign]
    try:
        yield
    finally:
        Judge.__call__ = plain  # type: ignore[method-assign]


def catch_up(folder: Path, kind: str) -> None:
    """On Adult: more and more steps, until as good as the package after its default epochs, in all three figures."""
    task = load_task("adult", folder)
    goal = run(task, "reference-ctgan", f"{EPOCHS} epochs", 0)
    for steps in LADDER:
        if as_good(run(task, kind, steps, 0), goal):
            return


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{NAME}")
    parser.add_argument("--only", nargs="+", choices=list(TARGETS), default=list(TARGETS), metavar="TABLE")
    parser.add_argument(
        "--methods", nargs="+", choices=[*TRAINED, *OTHERS], default=[*OTHERS, *TRAINED], metavar="METHOD"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--steps", default=str(STEPS), help="a number, or auto: our own kinds choose")
    parser.add_argument("--catch-up", choices=OURS, help="time this kind against the package's default epochs on Adult")
    asked = parser.parse_args(arguments)
    if "GANFORGE_DATA" not in os.environ:
        raise InputError("GANFORGE_DATA names no folder; it must hold tables/adult_train.csv.gz and the other tables")
    folder = Path(os.environ["GANFORGE_DATA"])
    torch.set_num_threads(1)
    if asked.catch_up:
        catch_up(folder, asked.catch_up)
        return {"runs": runs()}
    steps: int | str = "auto" if asked.steps == "auto" else int(asked.steps)
    for name in asked.only:
        task = load_task(name, folder)
        for seed in asked.seeds:
            for method in asked.methods:
                if steps != "auto" or method in OURS:
                    run(task, method, steps, seed)
    return {"runs": runs()}


if __name__ == "__main__":
    main()
