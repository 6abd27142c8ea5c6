"""What trials of the verdict say together: everything from the folds that were kept, by the rule as it is now."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy import optimize, stats

from benchmarks._common import markdown
from ganforge.downstream.arms import NONE, PLAIN_ARMS, THRESHOLD, Verdict
from ganforge.downstream.conclusion import conclude
from ganforge.downstream.posteriors import DEGREES, EFFECT, LIKELIER, MIDDLE, ROPE, SURE, effects_prior

HARM = 0.02
"""Average precision below nothing added from which on a recommendation counts as harmful."""
BINS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
Trial = dict[str, Any]
HALVES: dict[str, Callable[[Trial], bool]] = {
    "even": lambda trial: trial["seed"] % 2 == 0,
    "odd": lambda trial: trial["seed"] % 2 == 1,
}
"""The prior is measured on the one half and tried on the other."""
RULES: dict[str, dict[str, Any]] = {
    "with the prior": {},
    f"with the prior, plain arms too at {SURE:g}": {"likelier": SURE},
    f"flat prior, plain arms too at {SURE:g}": {"flat": True, "likelier": SURE},
    "flat prior": {"flat": True},
}
"""The rule as it is, and what it is chosen over."""


def concluded(trial: Trial, *, flat: bool = False, likelier: float = LIKELIER) -> Verdict:
    """The verdict over a trial's folds, as `judge` would conclude, with a flat prior, or asking more of plain arms."""
    reached = float(np.mean(trial["arms"][NONE]["average_precision"]))
    arms = {**trial["arms"], THRESHOLD: trial["arms"][NONE]}
    ordered = [name for name in (*PLAIN_ARMS, *trial["synthetic"]) if name in arms]
    return conclude(
        {name: arms[name]["average_precision"] for name in ordered},
        synthetic=trial["synthetic"],
        adds_rows=[name for name in ordered if arms[name]["ratio"] is not None],
        measure="average precision",
        classifier={name: arms[name]["classifier"] for name in ordered},
        ratios={name: arms[name]["ratio"] for name in ordered},
        n_rows=trial["n_rows"],
        n_positive=trial["positives"],
        base_rate=trial["base_rate"],
        test_to_train=trial["test_to_train"],
        resolution=trial["resolution"],
        likelier=likelier,
        prior=None if flat else effects_prior(reached),
    )


def worth(trial: Trial, arm: str) -> float:
    """What an arm reaches on the untouched rest, trained on the whole sample as the verdict says."""
    return float(np.mean(trial["rest"][NONE if arm == THRESHOLD else arm]))


def effects(trial: Trial) -> dict[str, float]:
    """What each arm that ranks rows anew truly changes."""
    return {name: worth(trial, name) - worth(trial, NONE) for name in trial["rest"] if name != NONE}


def figures(trials: list[Trial]) -> dict[str, Any]:
    halves = {name: [each for each in trials if of(each)] for name, of in HALVES.items()}
    return {
        "n": len(trials),
        "tables": len({each["table"] for each in trials}),
        "chosen": sum(not each["classifier"] for each in trials),
        "with_ctgan": sum(bool(each["steps"]) for each in trials),
        "steps": sorted({each["steps"] for each in trials if each["steps"]}),
        "positives": [min(each["positives"] for each in trials), max(each["positives"] for each in trials)],
        "negatives": [min(each["negatives"] for each in trials), max(each["negatives"] for each in trials)],
        "cpu_seconds": float(np.median([sum(each["seconds"].values()) for each in trials])),
        "code": sorted({each["code"] for each in trials}),
        "rules": {
            rule: {name: _rule(some, **asked) for name, some in {"all": trials, **halves}.items()}
            for rule, asked in RULES.items()
        },
        "effects": {name: _population(some) for name, some in halves.items()},
        "generator": _generator(trials),
    }


def _rule(trials: list[Trial], **asked: Any) -> dict[str, Any]:
    """What following a rule is worth, and what its probabilities are."""
    verdicts = [concluded(each, **asked) for each in trials]
    reached = [worth(trial, verdict.recommended) for trial, verdict in zip(trials, verdicts, strict=True)]
    best = [max(worth(trial, name) for name in trial["rest"]) for trial in trials]
    regret = np.subtract(best, reached)
    harm = np.array([worth(trial, NONE) for trial in trials]) - reached > HARM
    few = np.array([each["positives"] < 50 for each in trials], dtype=bool)
    stated, true, inside = [], [], []
    for trial, verdict in zip(trials, verdicts, strict=True):
        for name, effect in effects(trial).items():
            stated.append(verdict.posterior(name).better)
            true.append(effect > ROPE)
            interval = verdict.difference(name)
            inside.append(interval.low <= effect <= interval.high)
    return {
        "n": len(trials),
        "regret": {"below 50": _mean(regret[few]), "50 and more": _mean(regret[~few])},
        "worse_than_nothing": {"trials": int(harm.sum()), "share": float(harm.mean()) if len(harm) else None},
        "recommended": {
            name: sum(each.recommended == name for each in verdicts)
            for name in sorted({each.recommended for each in verdicts})
        },
        "coverage": float(np.mean(inside)) if inside else None,
        "log_loss": _log_loss(stated, true),
        "brier": float(np.mean(np.subtract(stated, true) ** 2)) if stated else None,
        "reliability": _reliability(np.array(stated), np.array(true)),
    }


def _mean(values: np.ndarray) -> dict[str, Any]:
    """The mean with its 90 % interval by resampling the trials."""
    if not len(values):
        return {"mean": None, "low": None, "high": None, "n": 0}
    rng = np.random.default_rng(0)
    means = rng.choice(values, (2_000, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.05, 0.95])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high), "n": len(values)}


def _log_loss(stated: list[float], true: list[bool]) -> float | None:
    if not stated:
        return None
    p = np.clip(np.asarray(stated), 1e-3, 1 - 1e-3)
    return float(-np.mean(np.where(true, np.log(p), np.log(1 - p))))


def _reliability(stated: np.ndarray, true: np.ndarray) -> list[dict[str, Any]]:
    bins = np.clip(np.digitize(stated, BINS) - 1, 0, len(BINS) - 2)
    return [
        {
            "from": BINS[k], "to": BINS[k + 1], "n": int((bins == k).sum()),
            "stated": float(stated[bins == k].mean()), "true": float(true[bins == k].mean()),
        }
        for k in np.unique(bins)
    ]  # fmt: skip


def _population(trials: list[Trial]) -> dict[str, Any]:
    """The arms' true effects: their mean, and in log-odds Student's t by maximum likelihood."""
    pairs = [(effect, trial) for trial in trials for effect in effects(trial).values()]
    if not pairs:
        return {"n": 0}
    found = np.array([effect for effect, _ in pairs])
    reached = np.array([np.mean(trial["arms"][NONE]["average_precision"]) for _, trial in pairs])
    share = np.clip(reached, 0.02, 0.98)

    unit = share * (1 - share)

    def unlikely(of: np.ndarray) -> float:
        """Minus the log-likelihood of (middle, ln scale, ln degrees)."""
        return -float(stats.t.logpdf(found, np.exp(of[2]), of[0] * unit, np.exp(of[1]) * unit).sum())

    bounds = [(-1.0, 1.0), (np.log(1e-3), np.log(5.0)), (np.log(1.0), np.log(30.0))]
    fitted = optimize.minimize(unlikely, [0.0, np.log(0.1), np.log(3.0)], bounds=bounds, method="L-BFGS-B")
    middle, (scale, degrees) = fitted.x[0], np.exp(fitted.x[1:])
    around_0 = optimize.minimize(
        lambda of: unlikely(np.array([0.0, *of])), fitted.x[1:], bounds=bounds[1:], method="L-BFGS-B"
    )
    return {
        "n": len(found),
        "mean": float(found.mean()),
        "better": float((found > ROPE).mean()),
        "worse": float((found < -ROPE).mean()),
        "middle": float(middle),
        "gained_by_middle": float(around_0.fun - fitted.fun),
        "scale": float(scale),
        "degrees": float(degrees),
    }


def _generator(trials: list[Trial]) -> dict[str, Any]:
    """Where CTGAN was an arm: its true gain over the best arm without a generator, and where it was greatest."""
    with_it = [each for each in trials if each["synthetic"]]
    if not with_it:
        return {"n": 0}
    gains = [
        max(worth(trial, name) for name in trial["synthetic"])
        - max(worth(trial, name) for name in trial["rest"] if name not in trial["synthetic"])
        for trial in with_it
    ]
    over_none = [max(effects(trial)[name] for name in trial["synthetic"]) for trial in with_it]
    best = int(np.argmax(gains))
    where = with_it[best]
    judged = concluded(where)
    return {
        "n": len(with_it),
        "gain": _mean(np.array(gains)),
        "over_none": _mean(np.array(over_none)),
        "best_gain": gains[best],
        "best_where": {name: where[name] for name in ("table", "positives", "negatives", "seed", "steps")},
        "best_classifier": where["arms"][where["synthetic"][0]]["classifier"],
        "best_outcome": judged.outcome,
        "best": sum(each > 0 for each in gains),
        "clearly_best": sum(each > ROPE for each in gains),
    }


# -- as Markdown ---------------------------------------------------------------------------------------------------


def table(told: dict[str, Any]) -> str:
    rules = told["rules"]
    positives, negatives = told["positives"], told["negatives"]
    steps = f" ({', '.join(map(str, told['steps']))} steps)" if told["steps"] else ""
    head = (
        f"{told['n']} trials on {told['tables']} tables, {positives[0]}–{positives[1]} positives among "
        f"{negatives[0]:,}–{negatives[1]:,} negatives: {told['n'] - told['chosen']} with one classifier each (the "
        f"three in turns, rows added up to .5 a negative), {told['chosen']} with the quick preset's choice on inner "
        f"folds; {told['with_ctgan']} with CTGAN{steps} among the arms. Truth: what each arm reaches on the untouched "
        "rest, trained on the whole sample. The prior's t was measured on the trials of even seeds, “odd” are the "
        "others; how open it is, and what plain arms are asked, was chosen over all of them."
    )
    followed = markdown(
        [
            "rule", "trials", "n", "regret below 50", "regret, 50 and more", f"worse than nothing by > {HARM:g}",
            "truth in 90 % interval", "log loss",
        ],
        [
            (
                rule, half, each["n"], _span(each["regret"]["below 50"]), _span(each["regret"]["50 and more"]),
                f"{each['worse_than_nothing']['trials']} of {each['n']}", f"{each['coverage']:.0%}",
                f"{each['log_loss']:.3f}",
            )
            for rule, by_half in rules.items() for half, each in by_half.items() if each["n"]
        ],
    )  # fmt: skip
    reliability = markdown(
        ["stated P(better)", "trials", "arms", "stated on average", "true", "flat prior: arms", "stated", "true "],
        list(_reliability_rows(rules)),
    )  # fmt: skip
    recommended = ", ".join(f"{arm} {n}" for arm, n in rules["with the prior"]["all"]["recommended"].items())
    return (
        f"{head}\n\n{followed}\n\nRecommended: {recommended}.\n\n{reliability}\n\n"
        f"True: the share of arms that are better by more than {ROPE:g}, with Wilson's 90 % interval; arms of one "
        f"trial are not independent.\n\n{_effects(told['effects'])}\n\n"
        f"{_generators(told['generator'])}"
    )


def _span(each: dict[str, Any]) -> str:
    return f"{each['mean']:.3f} ({each['low']:.3f} – {each['high']:.3f}), n = {each['n']}" if each["n"] else "–"


def _reliability_rows(rules: dict[str, Any]) -> Iterable[tuple[object, ...]]:
    for half in ("odd", "all"):
        shrunk, flat = (
            {each["from"]: each for each in rules[rule][half]["reliability"]}
            for rule in ("with the prior", "flat prior")
        )
        for low, high in itertools.pairwise(BINS):
            a, b = shrunk.get(low), flat.get(low)
            if a or b:
                yield (f"{low:g} to {high:g}", half, *_bin(a), *_bin(b))


def _bin(each: dict[str, Any] | None) -> tuple[object, object, object]:
    if each is None:
        return 0, "–", "–"
    found = stats.binomtest(round(each["true"] * each["n"]), each["n"]).proportion_ci(0.9, method="wilson")
    return each["n"], f"{each['stated']:.2f}", f"{each['true']:.2f} ({found.low:.2f} – {found.high:.2f})"


def _effects(found: dict[str, Any]) -> str:
    parts = [
        f"{name} seeds, {each['n']} arms: mean {each['mean']:+.3f}, better than nothing by more than {ROPE:g} in "
        f"{each['better']:.0%}, worse in {each['worse']:.0%}; in log-odds Student's t around "
        f"{each['middle']:+.3f} of scale {each['scale']:.3f} with {each['degrees']:.1f} degrees (its log-likelihood "
        f"{each['gained_by_middle']:.1f} above that of the best around 0)"
        for name, each in found.items()
        if each["n"]
    ]
    prior = f"around {MIDDLE:+g}, scale {EFFECT:g}, {DEGREES:g} degrees"
    return f"True effects of arms on average precision: {'; '.join(parts)}. The rule's prior: {prior}."


def _generators(found: dict[str, Any]) -> str:
    if not found["n"]:
        return "No trial had a generator among its arms."
    where = found["best_where"]
    shown = "on average it does" if found["gain"]["low"] > ROPE else "on average it does not"
    return (
        f"Does a GAN truly help? Over the trials here, {shown}. Best real gain of the generator arm over the best "
        f"plain arm in {found['n']} trials: "
        f"{found['best_gain']:+.3f} average precision ({where['table']}, {where['positives']} positives, "
        f"{found['best_classifier']}; its verdict: {found['best_outcome'] or 'none'}). It was the best arm in "
        f"{found['best']} of them, by more than {ROPE:g} in {found['clearly_best']}; on average its gain over the best "
        f"plain arm is {_span(found['gain'])}, over nothing added {_span(found['over_none'])}."
    )
