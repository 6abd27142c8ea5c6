"""Is the verdict right? Scarce samples of large tables, judged, then held against the rows that were kept back.

    GANFORGE_DATA=FOLDER python -m benchmarks.verdict_trials [TRIALS [SEED …]]    # so many more, of these seeds

A trial (`_trials`) judges 15 to 200 positives beside 1,000 to 3,500 negatives by five folds, and trains every arm on
the whole sample to see what it reaches on untouched rows. `results/verdict_trials.jsonl` keeps one trial a line and
grows; a trial that is in it is not run again. What the rule concludes is computed from the kept folds whenever this is
rendered (`_trial_figures`), so a rule can be changed and tried without training anything.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from filelock import FileLock

from benchmarks import _trial_figures as figures_of
from benchmarks import _trials
from benchmarks._common import RESULTS, save
from ganforge.files import write_whole

TITLE = "The verdict against the rows kept back"
KEPT = RESULTS / "verdict_trials.jsonl"


def main(trials: int = 4, seeds: Collection[int] = ()) -> dict[str, Any]:
    known = {_key(each) for each in kept()}
    for plan in _trials.plans():
        if trials <= 0:
            break
        if plan.key in known or (seeds and plan.seed not in seeds):
            continue
        done = _trials.run(plan)
        keep(done)
        trials -= 1
        print(*plan.key, done["seconds"], flush=True)
    return save("verdict_trials", figures_of.figures(kept()))


def kept() -> list[dict[str, Any]]:
    """The trials that have been run, as they were written down."""
    return [json.loads(line) for line in KEPT.read_text(encoding="utf-8").splitlines()] if KEPT.is_file() else []


def keep(trial: dict[str, Any]) -> None:
    """Add one trial to the file, whole; several processes may do so at once."""
    with FileLock(Path(tempfile.gettempdir()) / "ganforge-verdict-trials.lock"):
        trials = sorted([*(each for each in kept() if _key(each) != _key(trial)), trial], key=_key)
        with write_whole(KEPT) as path:
            path.write_text("".join(json.dumps(each) + "\n" for each in trials), encoding="utf-8")


def _key(trial: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(trial[name] for name in ("table", "positives", "negatives", "seed", "steps", "classifier"))


def table(figures: dict[str, Any]) -> str:
    """From the kept trials by the rule as it is now, not from figures that were saved by an older one."""
    return figures_of.table(figures_of.figures(kept()))


if __name__ == "__main__":
    asked = [int(each) for each in sys.argv[1:]] or [4]
    print(table(main(asked[0], asked[1:])))
