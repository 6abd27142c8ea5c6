"""The section of `ctgan_fidelity` in BENCHMARKS.md: what was measured, and never more than that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks._common import markdown
from benchmarks._fidelity import TARGETS
from ganforge.catalog import CATALOG

STEPS, EPOCHS = 3_900, 300
VARIANTS: dict[str, dict[str, Any]] = {
    "ctgan, calibrated": {"calibrate": True},
    "ctgan, modes asked for": {"condition_modes": True},
    "ctgan, few values as modes": {"few_values": 32},
}
"""What each idea of `ctgan-tuned` brings by itself."""
BEST = "ctgan-tuned"
KINDS = [kind for kind, entry in CATALOG.items() if (entry.family, entry.role) == ("tables", "synthesizer")]
OTHERS = ("copula", "smote-nc", "real rows")
OURS = [*(kind for kind in KINDS if not kind.startswith("reference")), *VARIANTS]
TRAINED = [*KINDS, *VARIANTS]
FIGURES = {"marginal": ".4f", "pair": ".4f", "ap": ".3f", "auroc": ".3f", "c2st": ".3f", "dcr": ".3f"}
RIVALS: tuple[tuple[str, int | None], ...] = (("reference-ctgan", STEPS), ("reference-tvae", STEPS), ("copula", None))
CPU = "processor_seconds"
LOWER = {"marginal": True, "pair": True, "ap": False}


Groups = list[tuple[str, str, Any, list[dict[str, Any]]]]
"""(table, method, steps, runs)"""


def table(figures: dict[str, Any]) -> str:
    found = list(_groups(figures["runs"]))
    parts = [_table_of(name, [each for each in found if each[0] == name], figures["runs"]) for name in TARGETS]
    told = [*_standing(found), *_equal_time(found), *_privacy(found)]
    told += [*_catching_up(figures["runs"]), *_judging(figures["runs"])]
    return "\n\n".join([*(part for part in parts if part), *told, _LEGEND])


_LEGEND = (
    "Means over the seeds measured, ± their standard deviation; every figure is against real rows that nobody was "
    "trained on. marginal: mean over the columns of Kolmogorov–Smirnov (numbers) or total variation (categories). "
    "pairs: mean total variation of the joint shares of two columns. AP, AUROC: of gradient boosting trained on the "
    "synthetic rows, on real ones. told apart: area under the ROC curve of gradient boosting that tells synthetic "
    "from real rows, .5 is the best. nearer: how often a synthetic row is nearer to its closest training row than a "
    "real row that was held out is to its own; above .5 gives training rows away. The line `real rows` is the "
    "floor; the copula draws each column from the quantiles of the real one, and so stands at the floor in marginals "
    "by its making. CPU s: processor time of one thread to learn and to make as many rows, on a processor of that "
    "maker; the wall time of a machine that does nothing else. code: the version of ours that learned and made the "
    "rows, a before b; a row counts the seeds of its newest version alone."
)


def _groups(all_runs: list[dict[str, Any]]) -> Iterator[tuple[str, str, Any, list[dict[str, Any]]]]:
    """(table, method, steps, runs): of each the runs of the code and the measure that ran last."""
    latest: dict[tuple[str, str, Any], tuple[Any, dict[int, dict[str, Any]]]] = {}
    for each in all_runs:
        key = each["key"]
        group, version = (key["table"], key["method"], key["steps"]), (key["version"], key["data"], key["measure"])
        if group not in latest or latest[group][0] != version:
            latest[group] = (version, {})
        latest[group][1][key["seed"]] = each
    for (name, method, steps), (_, by_seed) in latest.items():
        yield name, method, steps, list(by_seed.values())


def _table_of(name: str, groups: Groups, all_runs: list[dict[str, Any]]) -> str:
    order, letters = [*dict.fromkeys([*OURS, *TRAINED, *OTHERS])], _letters(all_runs)
    rows = []
    for _, method, steps, done in sorted(groups, key=lambda each: (order.index(each[1]), str(each[2]))):
        how = "" if steps is None else "stopped by itself" if steps == "auto" else steps
        if isinstance(how, int):
            how = f"{how:,} steps"
        code = letters.get(done[0]["key"]["version"], "")
        rows.append((method, how, *(_mean(done, each) for each in (*FIGURES, CPU)), _processor(done), code, len(done)))
    if not rows:
        return ""
    head = ("", "trained", "marginal", "pairs", "AP", "AUROC", "told apart", "nearer", "CPU s", "on", "code", "seeds")
    return f"### {name}\n\n{markdown(head, rows)}"


def _letters(all_runs: list[dict[str, Any]]) -> dict[str, str]:
    """The versions of our own code that something was measured with, in the order they came: a, b, c."""
    ours = (each["key"]["version"] for each in all_runs if each["key"]["method"] in OURS)
    return {version: chr(ord("a") + k) for k, version in enumerate(dict.fromkeys(ours))}


def _by_key(groups: Groups) -> dict[tuple[str, str, Any], list[dict[str, Any]]]:
    return {(name, method, steps): done for name, method, steps, done in groups}


def _standing(groups: Groups) -> list[str]:
    """For each of our kinds: on how many of the tables it is better than all three rivals, figure by figure."""
    means, told = _by_key(groups), []
    for kind in OURS:
        measured = [name for name in TARGETS if all((name, *each) in means for each in ((kind, STEPS), *RIVALS))]
        if not measured:
            continue
        wins = {}
        for figure, lower in LOWER.items():
            sign = 1 if lower else -1
            own = {name: sign * _average(means[name, kind, STEPS], figure) for name in measured}
            best = {name: min(sign * _average(means[name, *each], figure) for each in RIVALS) for name in measured}
            wins[figure] = sum(own[name] < best[name] for name in measured)
        told.append(
            f"`{kind}` after {STEPS:,} steps, beside the package's CTGAN and TVAE after as many and the copula: nearer "
            f"than all three in marginals on {wins['marginal']}, in pairs on {wins['pair']}, and better in average "
            f"precision on {wins['ap']} of the {len(measured)} tables where all of them have been measured."
        )
    return told


def _equal_time(groups: Groups) -> list[str]:
    """Where ours takes no more time for its steps than the package for as many: how much nearer its rows are then."""
    known = _by_key(groups)
    keys = [(name, BEST, STEPS) for name in TARGETS], [(name, *RIVALS[0]) for name in TARGETS]
    measured = [(ours, rival) for ours, rival in zip(*keys, strict=True) if ours in known and rival in known]
    rows, halved = [], 0
    for ours, rival in measured:
        own, its = ({each: _average(known[key], each) for each in (CPU, *LOWER)} for key in (ours, rival))
        less = {each: 1 - own[each] / its[each] for each in ("marginal", "pair")}
        halved += own[CPU] <= its[CPU] and min(less.values()) >= 0.5
        seconds = (f"{each[CPU]:,.0f}" for each in (own, its))
        where = " / ".join(dict.fromkeys(_processor(known[key]) for key in (ours, rival)))
        rows.append(
            (ours[0], *seconds, where, *(f"{each:.0%}" for each in less.values()), f"{own['ap'] - its['ap']:+.3f}")
        )
    if not rows:
        return []
    head = ("", f"{BEST}, s", f"{RIVALS[0][0]}, s", "on", "marginals lower by", "pairs lower by", "AP")
    return [
        f"### At no more time than the package\n\n{markdown(head, rows)}\n\nBoth after {STEPS:,} steps, processor time "
        f"of one thread. In no more time, `{BEST}` has half the package's distance or less in marginals and pairs "
        f"alike on {halved} of the {len(rows)} tables measured. Times of two processors compare roughly."
    ]


def _privacy(groups: Groups) -> list[str]:
    """How often rows are nearer to a training row than held-out rows are, beside SMOTE's."""
    known, told = _by_key(groups), []
    for method, steps in ((BEST, STEPS), ("smote-nc", None)):
        near = [_average(known[name, method, steps], "dcr") for name in TARGETS if (name, method, steps) in known]
        if near:
            told.append(f"{min(near):.2f} to {max(near):.2f} of `{method}` ({len(near)} tables)")
    return [f"Nearer to a training row than held-out real rows are to theirs: {', '.join(told)}."] if told else []


def _mean(done: list[dict[str, Any]], name: str) -> str:
    form = FIGURES.get(name, ",.0f")
    values = [value_of(each, name) for each in done]
    spread = f" ± {np.std(values, ddof=1):{form}}" if len(values) > 1 and name in FIGURES else ""
    return format(float(np.mean(values)), form) + spread


def _processor(done: list[dict[str, Any]]) -> str:
    """Who made the processors that they were measured on: "AMD", "Intel"."""
    return ", ".join(sorted({each["cpu"].split("(")[0].split()[0] for each in done}))


def _average(done: list[dict[str, Any]], name: str) -> float:
    return float(np.mean([value_of(each, name) for each in done]))


def value_of(one: dict[str, Any], name: str) -> float:
    if name == "c2st":
        return one["c2st"]["share"]
    return one["dcr"]["nearer"]["share"] if name == "dcr" else one[name]


def _catching_up(all_runs: list[dict[str, Any]]) -> list[str]:
    """One sentence for each of our kinds that was timed against the package's default epochs on Adult."""
    goals = [each for each in all_runs if each["key"]["steps"] == f"{EPOCHS} epochs"]
    told = []
    for kind in OURS if goals else ():
        goal = goals[-1]
        ours = [
            done[0]
            for name, method, steps, done in _groups(all_runs)
            if (name, method) == ("adult", kind) and isinstance(steps, int)
        ]
        good = sorted((each for each in ours if as_good(each, goal)), key=lambda each: each["key"]["steps"])
        if good:
            told.append(
                f"Adult: the package's CTGAN takes {goal[CPU]:,.0f} s of one thread for its {EPOCHS} epochs; `{kind}` "
                f"is as good in marginals, pairs and average precision after {good[0]['key']['steps']:,} steps and "
                f"{good[0][CPU]:,.0f} s, {goal[CPU] / good[0][CPU]:.1f} × less (one seed; the package on "
                f"{_processor([goal])}, ours on {_processor(good[:1])})."
            )
    return told


def _judging(all_runs: list[dict[str, Any]]) -> list[str]:
    """What it costs to judge a training while it runs, over all runs that did."""
    shares = [each["judging_seconds"] / each["learning_seconds"] for each in all_runs if each["judging_seconds"] > 0]
    if not shares:
        return []
    return [
        f"Runs that stop by themselves spent {np.median(shares):.1%} of the time to learn on judging their own rows "
        f"(median of {len(shares)}; {min(shares):.1%} to {max(shares):.1%})."
    ]


def as_good(ours: dict[str, Any], goal: dict[str, Any]) -> bool:
    """In marginals, pairs and average precision alike."""
    return all(ours[name] <= goal[name] if lower else ours[name] >= goal[name] for name, lower in LOWER.items())
