"""The charts that a threshold is chosen by: what each costs, and whether probabilities keep what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from ganforge_pipelines.report import wording
from ganforge_pipelines.report.evidence import CostCurve, Reliability
from ganforge_pipelines.report.svg import ACCENT, INK, LINE, MUTED, PAPER, Chart, canvas, inline

_TICKS = (0.0, 0.001, 0.01, 0.05, 0.2, 0.5, 1.0)


def cost_chart(curve: CostCurve, *, positive: str, key: str) -> Chart:
    """Cost against the threshold, the chosen one marked; the cost of never looking as a line."""
    cost, alerts, _ = curve.at_chosen
    title = (
        f"From a score of {wording.score(curve.chosen)} on, {wording.count(alerts)} alerts in "
        f"{wording.count(curve.n_rows)} rows cost {wording.number(_rounded(cost))} with what they miss; never "
        f"looking costs {wording.number(_rounded(curve.nothing))}"
    )
    x, y = np.asarray(curve.thresholds, dtype=float), np.asarray(curve.cost, dtype=float)
    with canvas(height=300) as (figure, axes):
        _probability_axis(axes, write=wording.score)
        axes.plot(x, y, color=ACCENT, linewidth=2)
        axes.axhline(curve.nothing, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.annotate("never looking", (1, curve.nothing), (0, 3), xycoords=("axes fraction", "data"),
                      textcoords="offset points", ha="right", va="bottom", color=MUTED)  # fmt: skip
        if curve.low is not None and curve.high is not None:
            axes.plot([curve.chosen] * 2, [curve.low, curve.high], color=INK, linewidth=1.6, zorder=3)
        axes.plot(
            [curve.chosen], [cost], "o", color=INK, markerfacecolor=PAPER, markersize=9, markeredgewidth=2, zorder=4
        )
        axes.set_ylim(0, 1.45 * max(curve.nothing, curve.high or 0.0, cost))
        right = curve.chosen > 0.2
        axes.annotate(
            f"chosen: {wording.score(curve.chosen)}", (curve.chosen, 1), (-6 if right else 6, -2),
            xycoords=("data", "axes fraction"), textcoords="offset points", ha="right" if right else "left", va="top",
        )  # fmt: skip
        axes.axvline(curve.chosen, color=INK, linewidth=1)
        axes.yaxis.set_major_formatter(lambda value, _: wording.number(_rounded(value)))
        axes.locator_params(axis="y", nbins=5)
        axes.grid(True, color=LINE)
        axes.set_xlabel("threshold: the score from which on a row is an alert")
        unit = f"unit of {wording.clean(curve.unit, longest=24)}" if curve.unit else "one missed costs 1"
        axes.set_ylabel(f"cost on rows held out ({unit})")
        svg = inline(figure, key=key, label=title)
    return Chart(title=title, svg=svg, note=_cost_note(curve, positive))


def _cost_note(curve: CostCurve, positive: str) -> str:
    _, alerts, found = curve.at_chosen
    each = wording.number(_rounded(curve.alert_cost))
    worth = f"its {wording.clean(curve.unit, longest=24)}" if curve.unit else "1"
    told = [
        f"Missing one of the {positive} costs {worth}, looking at an alert {each} (`judge.alert_cost`).",
        f"Chosen on the training rows, shown on {wording.count(curve.n_rows)} rows that neither model nor threshold "
        f"has seen: {wording.count(found)} of {wording.count(curve.n_positive)} found, "
        f"{wording.share(found / max(alerts, 1))} of the alerts right.",
    ]
    if curve.low is not None and curve.high is not None:
        told.append(
            f"Between {wording.number(_rounded(curve.low))} and {wording.number(_rounded(curve.high))} with "
            f"{wording.share(curve.level)} probability (bar)."
        )
    return " ".join(told)


def reliability_chart(arms: Sequence[Reliability], *, positive: str, key: str) -> Chart:
    """What is said against what is so: an arm as it comes (hollow, dashed) and recalibrated on real rows (filled)."""
    with canvas(height=330) as (figure, axes):
        _probability_axis(axes)
        _probability_axis(axes, y=True)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (1, 2)), label="keeps what it says")
        markers = ("o", "s", "^")
        for place, arm in enumerate(arms[:3]):
            colour, marker = (ACCENT, INK, MUTED)[place], markers[place]
            name = wording.clean(arm.name, longest=26)
            for points, mended in ((arm.points, False), (arm.mended, True)):
                if points:
                    x, y = (np.array(each, dtype=float) for each in zip(*(p[:2] for p in points), strict=True))
                    axes.plot(
                        x, y, marker=marker, color=colour, markersize=6, linewidth=1.8 if mended else 1.2,
                        linestyle="solid" if mended else (0, (4, 2)), markerfacecolor=colour if mended else PAPER,
                        label=f"{name}{', recalibrated' if mended else ', as it comes'}",
                    )  # fmt: skip
        axes.grid(True, color=LINE)
        axes.set_xlabel("probability that is said")
        axes.set_ylabel("share that is so")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles[1:] + handles[:1], labels[1:] + labels[:1], loc="outside lower left", handlelength=2.6)
        title = _reliability_title(arms[0], positive)
        svg = inline(figure, key=key, label=title)
    note = (
        "Below the dotted line more is said than is so. Bins are finer near 0, where most rows lie; all folds are "
        "taken together. Added rows make the rare class look common; recalibration on real rows "
        "(Platt 1999) puts that right and leaves the order of the rows as it is."
    )
    return Chart(title=title, svg=svg, note=note)


def _reliability_title(arm: Reliability, positive: str) -> str:
    said, so = arm.told()
    name = wording.clean(arm.name)
    name = name[:1].upper() + name[1:]
    told = f"{name} takes {wording.share(said)} of the rows for {positive}; {wording.share(so)} are"
    if arm.mended:
        said_then, _ = arm.told(mended=True)
        told += f"; recalibrated, {wording.share(said_then)}"
    return told


def _probability_axis(axes: Axes, *, y: bool = False, write: Callable[[float], str] = wording.on_axis) -> None:
    """A cube root: it has room for the small probabilities of a rare class, and reaches 0."""
    axis = axes.yaxis if y else axes.xaxis
    (axes.set_yscale if y else axes.set_xscale)("function", functions=(np.cbrt, lambda value: value**3))
    (axes.set_ylim if y else axes.set_xlim)(0, 1)
    axis.set_ticks(_TICKS)
    axis.set_major_formatter(lambda value, _: write(value))
    axis.set_minor_locator(NullLocator())


def _rounded(value: float) -> float:
    """Three digits are enough for a cost."""
    return float(f"{value:.3g}")
