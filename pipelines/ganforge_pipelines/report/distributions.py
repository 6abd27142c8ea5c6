"""The charts of distributions: a column real against synthetic, scores of both classes, and plain bars."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MultipleLocator

from ganforge_pipelines.report import wording
from ganforge_pipelines.report.parts import ColumnComparison, Obedience, ScoreHistogram
from ganforge_pipelines.report.svg import ACCENT, INK, SHADE, Chart, canvas, inline

_DAY = 86_400
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600)
"""Seconds."""


def column_chart(column: ColumnComparison, *, key: str) -> Chart:
    """Real in grey, synthetic as an accent line (numbers) or bars beside each other (categories)."""
    name = wording.clean(column.name, longest=40)
    title = f"{name}: {_largest_gap(column)}"
    draw = _draw_bins if column.edges is not None else _draw_categories
    svg = draw(column, key=key, label=title)
    floor = "" if column.floor is None else f"; other real rows: {wording.score(column.floor)}"
    note = column.told or f"{column.measure} {wording.score(column.distance)}{floor}"
    return Chart(title=title, svg=svg, note=note)


def _draw_bins(column: ColumnComparison, *, key: str, label: str) -> Markup:
    edges = np.asarray(column.edges, dtype=float)
    with canvas(height=205) as (figure, axes):
        axes.stairs(np.asarray(column.real), edges, fill=True, color=SHADE, label="real")
        axes.stairs(np.asarray(column.synthetic), edges, color=ACCENT, linewidth=2.2, label="synthetic")
        if column.log:
            _log_axis(axes)
        if column.dates:
            axes.xaxis.set_major_formatter(lambda value, _: _date(value))
            axes.locator_params(axis="x", nbins=4)
        elif column.of_day:
            axes.xaxis.set_major_locator(MultipleLocator(_step(edges[-1] - edges[0])))
            axes.xaxis.set_major_formatter(lambda value, _: _time_of_day(value))
        else:
            axes.xaxis.set_major_formatter(lambda value, _: wording.number(value))
            if not column.log:
                axes.locator_params(axis="x", nbins=6)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(wording.clean(column.name, longest=40))
        _rows_axis(figure, axes)
        return inline(figure, key=key, label=label)


def _draw_categories(column: ColumnComparison, *, key: str, label: str) -> Markup:
    labels = [wording.clean(each, longest=22) for each in column.labels or ()]
    places = np.arange(len(labels))[::-1]
    with canvas(height=75 + 30 * len(labels)) as (figure, axes):
        axes.barh(places + 0.19, np.asarray(column.real), height=0.36, color=SHADE, label="real")
        axes.barh(places - 0.19, np.asarray(column.synthetic), height=0.36, color=ACCENT, label="synthetic")
        axes.set_yticks(places, labels)
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=5)
        axes.xaxis.set_major_formatter(lambda value, _: wording.on_axis(value))
        axes.set_xlabel("share of rows")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2, borderpad=0.1)
        return inline(figure, key=key, label=label)


def _log_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    decades = math.log10(high / low)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2 else (1, 3) if decades < 4 else (1,)))
    axes.minorticks_off()


def _rows_axis(figure, axes) -> None:
    axes.yaxis.set_major_formatter(lambda value, _: wording.on_axis(value))
    axes.locator_params(axis="y", nbins=4)
    axes.set_ylabel("share of rows")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2, borderpad=0.1)


def _largest_gap(column: ColumnComparison) -> str:
    """Where the synthetic rows differ most, in words."""
    real, synthetic = np.asarray(column.real, dtype=float), np.asarray(column.synthetic, dtype=float)
    if column.edges is None:
        worst = int(np.argmax(np.abs(synthetic - real)))
        place = f"“{wording.clean((column.labels or ['?'])[worst], longest=24)}”"
        low = worst
        high = worst + 1
    else:
        low, high = _worst_stretch(synthetic - real)
        edges = list(column.edges)
        whole = all(abs(each - math.floor(each) - 0.5) < 1e-9 for each in edges)  # a bin a whole number
        first, last = (edges[low] + 0.5, edges[high] - 0.5) if whole else (edges[low], edges[high])
        ends = [_place(each, column) for each in (first, last)]
        place = f"at {ends[0]}" if ends[0] == ends[1] else f"from {ends[0]} to {ends[1]}"
    is_real, is_synthetic = float(real[low:high].sum()), float(synthetic[low:high].sum())
    if abs(is_synthetic - is_real) < 0.01:
        return "no stretch differs by a hundredth of the rows"
    word = "too many" if is_synthetic > is_real else "too few"
    return f"{word} {place} ({wording.share(is_synthetic)} instead of {wording.share(is_real)})"


def _place(value: float, column: ColumnComparison) -> str:
    if column.of_day:  # to the minute, unless all is within one hour: no more than a bin's end is worth
        edges = column.edges or (0.0, 0.0)
        return _time_of_day(value if edges[-1] - edges[0] < 3_600 else 60 * round(value / 60))
    return _date(value).replace("-", "\N{NON-BREAKING HYPHEN}") if column.dates else wording.number(value)


def _worst_stretch(gap: np.ndarray) -> tuple[int, int]:
    """The run of neighbouring bins whose summed gap is the largest in size: [low, high)."""
    sums = np.concatenate([[0.0], np.cumsum(gap)])
    low, high = sorted((int(np.argmin(sums)), int(np.argmax(sums))))
    return (low, high) if high > low else (0, len(gap))


def score_chart(histogram: ScoreHistogram, *, key: str) -> Chart:
    """Scores of both classes with the threshold: what stands right of it is an alert."""
    edges = np.asarray(histogram.edges, dtype=float)
    with canvas(height=255) as (figure, axes):
        axes.stairs(
            np.asarray(histogram.normal),
            edges,
            fill=True,
            color=SHADE,
            label=wording.clean(histogram.normal_name),
        )
        if histogram.anomalous is not None:
            axes.stairs(
                np.asarray(histogram.anomalous),
                edges,
                color=ACCENT,
                linewidth=2.2,
                label=wording.clean(histogram.anomalous_name),
            )
        axes.set_ylim(0, 1.18 * axes.get_ylim()[1])
        if histogram.threshold is not None:
            axes.axvline(histogram.threshold, color=INK, linewidth=1.2)
            low, high = edges[0], edges[-1]
            right = histogram.threshold > low + 0.6 * (high - low) and not histogram.log
            axes.annotate(
                f"threshold {wording.number(histogram.threshold)}",
                (histogram.threshold, 1),
                (-5 if right else 5, -2),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="right" if right else "left",
                va="top",
            )
        if histogram.log:
            _log_axis(axes)
        axes.xaxis.set_major_formatter(lambda value, _: wording.number(value))
        axes.set_xlabel(f"score of {wording.clean(histogram.detector)} (higher = odder)")
        _rows_axis(figure, axes)
        axes.set_ylabel("share of each class" if histogram.anomalous is not None else "share of rows")
        title = _score_title(histogram)
        svg = inline(figure, key=key, label=title)
    return Chart(title=title, svg=svg, note=histogram.note or "Rows right of the threshold become alerts.")


def _score_title(histogram: ScoreHistogram) -> str:
    detector = wording.clean(histogram.detector)
    if histogram.threshold is None or histogram.anomalous is None:
        return f"How odd {detector} takes the held-out rows to be"
    hit = _above(histogram, histogram.anomalous) if histogram.hit is None else histogram.hit
    wrong = _above(histogram, histogram.normal) if histogram.wrong is None else histogram.wrong
    return (
        f"Above the threshold of {detector} stand {wording.share(hit)} of the "
        f"{wording.clean(histogram.anomalous_name)} and {wording.share(wrong)} of the "
        f"{wording.clean(histogram.normal_name)}"
    )


def _above(histogram: ScoreHistogram, shares: Sequence[float]) -> float:
    """The share above the threshold; the bin that holds it counts in proportion."""
    edges, shares_array = np.asarray(histogram.edges, dtype=float), np.asarray(shares, dtype=float)
    widths = np.maximum(np.diff(edges), 1e-300)
    part = np.clip((edges[1:] - (histogram.threshold or 0.0)) / widths, 0, 1)
    return float((part * shares_array).sum())


def reasons_chart(reasons: Sequence[tuple[str, float]], *, n_top: int | None, key: str, most: int = 10) -> Chart:
    """Which columns carry the scores over the top alerts."""
    shown = list(reasons[:most])
    over = f"the {wording.count(n_top)} oddest rows" if n_top else "the oddest rows"
    title = f"{wording.clean(shown[0][0], longest=40)} weighs most in the score of {over}"
    svg = _bars(
        [name for name, _ in shown],
        [value for _, value in shown],
        axis="share of the score",
        key=key,
        label=title,
    )
    note = "Counted are the three columns that made each of these rows odd; what the others add is not shown."
    return Chart(title=title, svg=svg, note=note)


def obedience_chart(classes: Sequence[Obedience], *, key: str, most: int = 20) -> Chart:
    """Of the pictures asked for a class, the share that a classifier takes for it; the lowest first."""
    ordered = sorted(classes, key=lambda each: each.share)
    shown = ordered[:most]
    worst = shown[0]
    mean = sum(each.share for each in classes) / len(classes)
    title = (
        f"{wording.share(mean)} of the pictures show the class that was asked for; "
        f"the worst is {wording.quoted(wording.clean(worst.name, longest=24))} with {wording.share(worst.share)}"
    )
    svg = _bars(
        [each.name for each in shown],
        [each.share for each in shown],
        axis="taken for the class asked for",
        key=key,
        label=title,
        whole=True,
    )
    note = "As judged by a classifier trained on real pictures alone."
    if worst.mistaken_for:
        name, other = (wording.quoted(wording.clean(each, longest=24)) for each in (worst.name, worst.mistaken_for))
        note += f" {name} is mostly taken for {other} instead."
    if len(ordered) > most:
        note += f" The {len(ordered) - most} most obedient classes are left out."
    return Chart(title=title, svg=svg, note=note)


def _bars(
    names: Sequence[str], values: Sequence[float], *, axis: str, key: str, label: str, whole: bool = False
) -> Markup:
    places = np.arange(len(names))[::-1]
    with canvas(height=52 + 23 * len(names)) as (figure, axes):
        axes.barh(places, values, height=0.62, color=[ACCENT if k == 0 else SHADE for k in range(len(names))])
        top = 1.0 if whole else max([*values, 1e-9])
        for place, value in zip(places, values, strict=True):
            axes.annotate(wording.share(value), (value, place), (4, 0), textcoords="offset points", va="center")
        axes.set_xlim(0, top * 1.16)
        axes.set_yticks(places, [wording.clean(each, longest=22) for each in names])
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=5)
        axes.xaxis.set_major_formatter(lambda value, _: wording.on_axis(value) if value <= 1 else "")
        axes.set_xlabel(axis)
        axes.spines["left"].set_visible(False)
        return inline(figure, key=key, label=label)


def _date(seconds: float) -> str:
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=float(seconds))
    return moment.strftime("%Y-%m-%d")


def _time_of_day(seconds: float) -> str:
    """06:30, or 06:30:15 where that is needed; 24:00 is where an axis may end."""
    if not 0 <= round(seconds) <= _DAY:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}" + (f":{rest:02d}" if rest else "")


def _step(span: float) -> float:
    """Seconds between the ticks of an axis: a round part of an hour or of the day, at most five of which fit."""
    return next((each for each in _STEPS if span <= 5 * each), _STEPS[-1])
