"""The charts of the answer: which arm helped, where it helped, how many are found within the budget.

Every chart reads in grey: the recommended one is thick or filled, the others differ by dash and marker.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ganforge_pipelines.report import wording
from ganforge_pipelines.report.parts import Arm, Budget, ClassAccuracy, Curve, Detector, middle
from ganforge_pipelines.report.svg import ACCENT, INK, LINE, MUTED, PAPER, SHADE, Chart, canvas, inline

_DASHES = ("solid", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (3, 1)))


def arms_chart(
    arms: Sequence[Arm], *, measure: str, key: str, shares: bool = False, rope: float | None = None
) -> Chart:
    """One dot and interval an arm, sorted; the line of the arm without augmentation drawn through.

    `shares`: the measure is a share (accuracy), written as per cent. `rope`: half the width of what counts as no
    difference, shaded on both sides of that line.
    """
    write = wording.accuracy if shares else wording.score
    ordered = sorted(arms, key=lambda arm: arm.mean)
    base = next((arm for arm in arms if arm.difference is None), None)
    with canvas(height=58 + 46 * len(ordered)) as (figure, axes):
        for place, arm in enumerate(ordered):
            colour = ACCENT if arm.recommended else INK
            if arm.folds:
                axes.plot(
                    arm.folds,
                    [place - 0.22] * len(arm.folds),
                    "|",
                    color=MUTED,
                    markersize=7,
                    alpha=0.8,
                    zorder=2,
                )
            if arm.difference is not None and base is not None:
                ends = base.mean + arm.difference.low, base.mean + arm.difference.high
                width = 3 if arm.recommended else 1.6
                axes.plot(ends, [place, place], color=colour, linewidth=width, zorder=3)
            axes.plot(
                [arm.mean],
                [place],
                "o",
                color=colour,
                markerfacecolor=colour if arm.recommended else PAPER,
                markersize=9,
                markeredgewidth=1.8,
                zorder=4,
            )
            axes.annotate(
                f"{wording.clean(arm.name, longest=34)}  {write(arm.mean)}",
                (0, place + 0.27),
                xycoords=("axes fraction", "data"),
                color=INK,
                fontweight="bold" if arm.recommended else "normal",
                va="bottom",
                annotation_clip=False,
            )
        if base is not None:
            axes.axvline(base.mean, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
            if rope:
                axes.axvspan(base.mean - rope, base.mean + rope, color=SHADE, alpha=0.55, linewidth=0, zorder=0)
        axes.set_ylim(-0.6, len(ordered) - 0.2)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.06)
        if all(0 <= fold <= 1 for arm in ordered for fold in (arm.mean, *arm.folds)):  # the measure is one in [0, 1]
            low, high = axes.get_xlim()
            axes.set_xlim(max(low, -0.01), min(high, 1.01))
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        (_shares_on if shares else _scores_on)(axes.xaxis)
        axes.set_xlabel(f"{measure} on real data never trained on")
        title = _arms_title(ordered, base, f"{write(ordered[-1].mean)} {measure}")
        svg = inline(figure, key=key, label=title)
    told = ["The dot is the mean over the folds, each small tick one fold."]
    if base is not None and len(ordered) > 1:
        level = next((arm.difference.level for arm in ordered if arm.difference is not None), 0.9)
        told.append(
            f"The dashed line is “{wording.clean(base.name)}”; a bar that crosses it does not tell a gain "
            f"from chance (bars hold the true difference with {wording.share(level)} probability)."
        )
        if rope:
            told.append(
                f"Shaded: up to {wording.margin(rope, shares=shares)} either way, too little for anybody to act on."
            )
    return Chart(title=title, svg=svg, note=" ".join(told))


def _arms_title(ordered: Sequence[Arm], base: Arm | None, reached: str) -> str:
    tried = [arm for arm in ordered if arm.difference is not None]
    if base is None or not tried:
        return f"{wording.clean(ordered[-1].name)}: {reached}"
    clear = [arm for arm in tried if arm.difference is not None and arm.difference.low > 0]
    worse = [arm for arm in tried if arm.difference is not None and arm.difference.high < 0]
    if clear:
        return f"A gain beyond chance: {_names(reversed(clear))}"
    if len(worse) == len(tried):
        return "Every arm is worse than training on the real data as it is"
    if worse:
        return f"No arm gains beyond chance; {_names(worse)} {'loses' if len(worse) == 1 else 'lose'}"
    return "No arm stands clear of training on the real data as it is"


def _names(arms: Iterable[Arm]) -> str:
    return wording.listed([wording.quoted(wording.clean(arm.name)) for arm in arms])


def precision_recall_chart(curves: Sequence[Curve], *, base_rate: float | None, positive: str, key: str) -> Chart:
    """Precision against recall, a line an arm, with the lowest and highest fold as a band: of every arm where there are
    few, of the chosen one where several bands would hide one another."""
    few = len(curves) <= 3
    with canvas(height=317 + 17 * len(curves)) as (figure, axes):
        dashes = itertools.cycle(_DASHES[1:])
        for curve in sorted(curves, key=lambda each: each.recommended):
            chosen = curve.recommended
            colour = ACCENT if chosen else MUTED
            if curve.low is not None and curve.high is not None and (few or chosen):
                axes.fill_between(
                    curve.x, curve.low, curve.high, color=colour, alpha=0.22 if chosen else 0.12, linewidth=0
                )
            axes.plot(
                curve.x,
                curve.y,
                color=colour,
                linewidth=2.4 if chosen else 1.5,
                linestyle="solid" if chosen else next(dashes),
                label=wording.clean(curve.name, longest=34),
            )
        if base_rate is not None:
            label = f"guessing: {wording.share(base_rate)}"
            axes.axhline(base_rate, color=MUTED, linewidth=1, linestyle=(0, (1, 3)), label=label)
        _shares_on(axes.xaxis)
        _shares_on(axes.yaxis)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.grid(True, color=LINE)
        axes.set_xlabel("share found (recall)")
        axes.set_ylabel("share of alerts that are right (precision)")
        _legend_below(figure, axes)
        title = _curves_title(curves, positive)
        svg = inline(figure, key=key, label=title)
    note = "Up and to the right is better."
    if any(curve.low is not None for curve in curves):
        note += f" The band runs from the lowest to the highest fold{'' if few else ' of the chosen arm'}."
    return Chart(title=title, svg=svg, note=note)


def _curves_title(curves: Sequence[Curve], positive: str) -> str:
    chosen = next((curve for curve in curves if curve.recommended), curves[0])
    found = float(np.interp(0.5, chosen.x, chosen.y))
    return (
        f"When half of the {wording.clean(positive)} are to be found, {wording.share(found)} of the alerts "
        f"are right ({wording.clean(chosen.name)})"
    )


def per_class_chart(classes: Sequence[ClassAccuracy], *, before: str, after: str, key: str, most: int = 16) -> Chart:
    """A dot before and a dot after a class, sorted by what it gained; of many classes the two ends."""
    known = [each for each in classes if before in each.by_arm and after in each.by_arm]
    ordered = sorted(known, key=lambda each: each.by_arm[after] - each.by_arm[before])
    left_out = max(len(ordered) - most, 0)
    if left_out:
        ordered = ordered[: most // 2] + ordered[-(most // 2) :]
    with canvas(height=80 + 26 * len(ordered)) as (figure, axes):
        for place, each in enumerate(ordered):
            start, end = each.by_arm[before], each.by_arm[after]
            colour = ACCENT if end >= start else MUTED
            axes.plot([start, end], [place, place], color=colour, linewidth=2, zorder=2)
            axes.plot([start], [place], "o", color=MUTED, markerfacecolor=PAPER, markersize=7, zorder=3)
            axes.plot([end], [place], "o", color=ACCENT, markersize=7, zorder=4)
        axes.plot([], [], "o", color=MUTED, markerfacecolor=PAPER, markersize=7, label=wording.clean(before))
        axes.plot([], [], "o", color=ACCENT, markersize=7, label=wording.clean(after))
        axes.set_yticks(range(len(ordered)), [wording.clean(each.name, longest=18) for each in ordered])
        axes.set_ylim(-0.7, len(ordered) - 0.3)
        axes.margins(x=0.05)
        axes.grid(True, axis="x", color=LINE)
        _shares_on(axes.xaxis)
        axes.set_xlabel("pictures of the class told right")
        _legend_below(figure, axes)
        gained = sum(each.by_arm[after] > each.by_arm[before] for each in known)
        lost = sum(each.by_arm[after] < each.by_arm[before] for each in known)
        are = "is" if gained == 1 else "are"
        title = (
            f"With {wording.clean(after)}, {gained} of {len(known)} classes {are} told better "
            f"and {lost} worse than with {wording.clean(before)}"
        )
        svg = inline(figure, key=key, label=title)
    note = "Filled: with it. Hollow: without. Sorted by the gain, the largest on top."
    chance = max((_by_chance(each, before) for each in known), default=0.0)
    if chance:
        note += (
            f" A class has {wording.count(min(each.n for each in known))} to "
            f"{wording.count(max(each.n for each in known))} pictures: gaps of up to about {100 * chance:.0f} points "
            "come by chance alone."
        )
    if left_out:
        note += f" {left_out} classes between the two ends are left out."
    return Chart(title=title, svg=svg, note=note)


def _by_chance(each: ClassAccuracy, arm: str) -> float:
    """The gap between two shares of n pictures that 9 of 10 pairs of equally good arms keep below."""
    share = min(max(each.by_arm[arm], 0.5 / max(each.n, 1)), 1 - 0.5 / max(each.n, 1))
    return 1.645 * math.sqrt(2 * share * (1 - share) / max(each.n, 1))


def found_chart(detectors: Sequence[Detector], *, budget: Budget | None, positive: str, key: str) -> Chart:
    """Anomalies found against alerts looked at, a line a detector, the budget as a vertical line."""
    curves = [(each, each.found) for each in detectors if each.found is not None]
    with canvas(height=290 + 17 * len(curves)) as (figure, axes):
        dashes = itertools.cycle(_DASHES[1:])
        for detector, curve in sorted(curves, key=lambda pair: pair[0].recommended):
            chosen = detector.recommended
            axes.plot(
                curve.x,
                curve.y,
                color=ACCENT if chosen else MUTED,
                linewidth=2.4 if chosen else 1.5,
                linestyle="solid" if chosen else next(dashes),
                label=wording.clean(detector.name, longest=34),
            )
            if chosen and curve.low is not None and curve.high is not None:
                axes.fill_between(curve.x, curve.low, curve.high, color=ACCENT, alpha=0.2, linewidth=0)
        widest = max(max(curve.x) for _, curve in curves)
        unit = "alerts"
        if budget is not None:
            unit = budget.unit
            widest = min(widest, 5 * budget.alerts)
            axes.axvline(budget.alerts, color=INK, linewidth=1.2)
            near_the_end = budget.alerts > 0.6 * widest
            axes.annotate(
                f"budget: {wording.count(budget.alerts)}",
                (budget.alerts, 1.0),
                (-5 if near_the_end else 5, -2),
                textcoords="offset points",
                ha="right" if near_the_end else "left",
                va="top",
                color=INK,
            )
        axes.set_xlim(0, widest)
        axes.set_ylim(0, 1.04)
        axes.xaxis.set_major_formatter(lambda value, _: wording.number(value))
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        _shares_on(axes.yaxis)
        axes.grid(True, color=LINE)
        axes.set_xlabel(f"{wording.clean(unit)} looked at, the oddest first")
        axes.set_ylabel("share found")
        _legend_below(figure, axes)
        title = _found_title(curves, budget, positive)
        svg = inline(figure, key=key, label=title)
    note = "Steeper is better: more found for the same number of cases opened."
    if any(each.recommended and curve.low is not None for each, curve in curves):
        note += f" The band holds what the chosen one finds with 90{wording.NO_BREAK}% probability."
    return Chart(title=title, svg=svg, note=note)


def _found_title(curves: Sequence[tuple[Detector, Curve]], budget: Budget | None, positive: str) -> str:
    if budget is None:
        return f"How many {wording.clean(positive)} are found as more alerts are looked at"
    reached = []
    for each, curve in curves:
        at_budget = middle(each.recall_at_budget)
        found = float(np.interp(budget.alerts, curve.x, curve.y)) if at_budget is None else at_budget
        reached.append((found, each.recommended, each.name))
    best, _, name = max(reached)
    return (
        f"At {wording.count(budget.alerts)} {wording.clean(budget.unit)}, {wording.clean(name)} finds "
        f"{wording.share(best)} of the {wording.clean(positive)}"
    )


def _legend_below(figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        figure.legend(handles[::-1], labels[::-1], loc="outside lower left", handlelength=2.6, borderpad=0.2)


def _shares_on(axis) -> None:
    axis.set_major_formatter(lambda value, _: wording.on_axis(value))


def _scores_on(axis) -> None:
    axis.set_major_formatter(lambda value, _: wording.number(round(value, 9)))
