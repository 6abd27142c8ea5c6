"""The charts of training: every loss term by name, the quality metric, the step that was chosen.

A GAN's losses are no measure of its quality; the page says so, and shows them for those who mend a training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ganforge_pipelines.report import wording
from ganforge_pipelines.report.parts import LossCurves
from ganforge_pipelines.report.svg import ACCENT, INK, LINE, MUTED, Chart, canvas, inline

_LOOKS = (
    {"color": ACCENT, "linewidth": 1.8},
    {"color": INK, "linewidth": 1.2},
    {"color": MUTED, "linewidth": 1.4, "linestyle": (0, (5, 2))},
    {"color": INK, "linewidth": 1.2, "linestyle": (0, (1.5, 1.5))},
    {"color": MUTED, "linewidth": 1.2, "linestyle": (0, (6, 2, 1.5, 2))},
)
_POINTS = 240


def loss_charts(curves: LossCurves, *, key: str) -> list[Chart]:
    """The quality metric first, then one chart an update with all of its terms."""
    charts = []
    if curves.metric is not None:
        charts.append(_metric_chart(curves, key=f"{key}m"))
    updates: dict[str, dict[str, Sequence[float | None]]] = {}
    for name, values in curves.terms.items():
        update, _, term = name.partition("/")
        updates.setdefault(update, {})[term or update] = values
    for place, (update, terms) in enumerate(updates.items()):
        charts.append(_terms_chart(curves, update, terms, key=f"{key}u{place}"))
    return [each for each in charts if each is not None]


def _terms_chart(curves: LossCurves, update: str, terms, *, key: str) -> Chart | None:
    drawn = {name: thinned(curves.steps, values) for name, values in terms.items()}
    drawn = {name: points for name, points in drawn.items() if len(points[0])}
    if not drawn:
        return None
    with canvas(height=190 + 17 * len(drawn)) as (figure, axes):
        for look, (name, (steps, values)) in zip(_cycled(len(drawn)), drawn.items(), strict=True):
            axes.plot(steps, values, label=wording.clean(name, longest=36), **look)
        _steps_axis(figure, axes, curves)
        axes.set_ylabel("loss (no unit)")
        last = [f"{wording.clean(name)} {wording.number(values[-1])}" for name, (_, values) in drawn.items()]
        title = f"{wording.clean(update)}: ends at {', '.join(last[:4])}"
        svg = inline(figure, key=key, label=title)
    return Chart(title=title, svg=svg)


def _metric_chart(curves: LossCurves, *, key: str) -> Chart | None:
    steps, values = thinned(curves.steps, curves.metric or ())
    if not len(steps):
        return None
    name = wording.clean(curves.metric_name)
    with canvas(height=235) as (figure, axes):
        axes.plot(steps, values, "o-", color=ACCENT, linewidth=1.8, markersize=4, label="what the model makes")
        if curves.metric_floor is not None:
            axes.axhline(curves.metric_floor, label="real rows", **_LOOKS[2])
        _steps_axis(figure, axes, curves)
        axes.set_ylabel(name)
        chosen = "" if curves.best_step is None else f"; step {wording.count(curves.best_step)} was chosen"
        title = f"{name} while training{chosen}"
        svg = inline(figure, key=key, label=title)
    return Chart(title=title, svg=svg)


def _steps_axis(figure, axes, curves: LossCurves) -> None:
    axes.grid(True, color=LINE)
    axes.set_xlabel("step (one batch of real rows or pictures)")
    axes.xaxis.set_major_formatter(lambda value, _: wording.number(value))
    axes.yaxis.set_major_formatter(lambda value, _: wording.number(value))
    axes.locator_params(axis="x", nbins=5)
    axes.locator_params(axis="y", nbins=5)
    for _, first, _ in list(curves.phases)[1:]:
        axes.axvline(first, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
    if curves.best_step is not None:
        axes.axvline(curves.best_step, color=INK, linewidth=1)
        axes.annotate(
            "chosen", (curves.best_step, 1), (-4, -2), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="right", va="top",
        )  # fmt: skip
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        figure.legend(handles, labels, loc="outside lower left", handlelength=2.6, borderpad=0.2)


def thinned(steps: Sequence[int], values: Sequence[float | None], *, points: int = _POINTS):
    """The finite values, as means over neighbouring steps where there are more than `points` of them."""
    kept = [
        (step, float(value))
        for step, value in zip(steps, values, strict=True)
        if value is not None and math.isfinite(value)
    ]
    if not kept:
        return np.array([]), np.array([])
    x, y = np.array(kept, dtype=float).T
    if len(x) <= points:
        return x, y
    parts = np.array_split(np.arange(len(x)), points)
    return np.array([x[part].mean() for part in parts]), np.array([y[part].mean() for part in parts])


def _cycled(n: int) -> list[dict]:
    return [_LOOKS[k % len(_LOOKS)] for k in range(n)]
