"""The charts of rows beside rows: the map, how pairs of columns hang together, distances to the closest real record."""

from __future__ import annotations

import numpy as np
from matplotlib.patches import Rectangle

from ganforge_pipelines.report import wording
from ganforge_pipelines.report.evidence import DensityMap, Distances, PairGaps
from ganforge_pipelines.report.regions import MOST, level_of
from ganforge_pipelines.report.svg import ACCENT, INK, LINE, SHADE, Chart, canvas, inline


def map_chart(made: DensityMap, *, key: str) -> Chart:
    """Regions of half and nine tenths of the rows: the real ones shaded, the synthetic ones as lines."""
    title = _map_title(made)
    size = made.real.shape
    x = np.linspace(*made.x, 2 * size[0] + 1)[1::2]
    y = np.linspace(*made.y, 2 * size[1] + 1)[1::2]
    with canvas(height=330) as (figure, axes):
        for share, strength in ((MOST, 0.45), (0.5, 1.0)):
            level = level_of(made.real, share)
            axes.contourf(x, y, made.real.T, levels=[level, np.inf], colors=[SHADE], alpha=strength)
        for share, width, dashes in ((MOST, 1.3, (0, (4, 2))), (0.5, 2.2, "solid")):
            level = level_of(made.synthetic, share)
            axes.contour(x, y, made.synthetic.T, levels=[level], colors=[ACCENT], linewidths=width, linestyles=[dashes])
        axes.fill_between([], [], color=SHADE, label="half of the real rows; paler: nine tenths")
        axes.plot([], [], color=ACCENT, linewidth=2.2, label="half of the synthetic rows")
        axes.plot([], [], color=ACCENT, linewidth=1.3, linestyle=(0, (4, 2)), label="nine tenths of them")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel("first principal component (no unit)")
        axes.set_ylabel("second (no unit)")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", handlelength=2.2)
        svg = inline(figure, key=key, label=title)
    told = []
    if made.floor is not None:
        told.append(
            f"{wording.share(made.inside)} of the synthetic rows lie in the region of the real ones, "
            f"{wording.share(made.covered)} of the real ones in that of the synthetic; of one half of the real rows "
            f"{wording.share(made.floor)} lie in that of the other."
        )
    kept = f", which keep {wording.share(made.kept)} of the variance" if made.kept is not None else ""
    told.append(
        f"All columns in two dimensions (principal components of ranks and categories{kept}); "
        f"{wording.count(made.n_real)} real rows and {wording.count(made.n_synthetic)} synthetic ones. Smoothed: no "
        "single row is drawn."
    )
    return Chart(title=title, svg=svg, note=" ".join(told))


def _map_title(made: DensityMap) -> str:
    """What is worst about it: rows where no real ones are, or real ones that nothing stands for."""
    floor = MOST if made.floor is None else made.floor
    if floor - max(made.inside, 0) > max(0.05, floor - made.covered):
        return f"{wording.share(1 - made.inside)} of the synthetic rows lie where few real ones do"
    if floor - made.covered > 0.05:
        return f"The synthetic rows leave out where {wording.share(1 - made.covered)} of the real ones lie"
    return "The synthetic rows lie where the real ones do, and leave none of it out"


def pairs_chart(pairs: PairGaps, *, key: str, most: int = 14) -> Chart:
    """A heat map of how much further from the real rows each pair of columns is than chance makes it."""
    over = pairs.gap - (0 if pairs.floor is None else pairs.floor)
    np.fill_diagonal(over, -np.inf)
    worst = np.sort(np.argsort(-over.max(axis=1), kind="stable")[:most])
    over, names = over[np.ix_(worst, worst)], [wording.clean(pairs.names[k], longest=20) for k in worst]
    one, other = (int(each) for each in np.unravel_index(int(np.argmax(over)), over.shape))
    title = _pairs_title(pairs, names[max(one, other)], names[min(one, other)])
    n = len(names)
    with canvas(height=95 + max(19 * n, 90)) as (figure, axes):
        top = max(0.1, float(over[np.isfinite(over)].max(initial=0.0)))
        for a in range(n):
            for b in range(a):
                strength = float(np.clip(over[a, b] / top, 0, 1))
                axes.add_patch(_cell(b, a, strength))
        axes.add_patch(_frame(min(one, other), max(one, other)))
        axes.set_xlim(-0.5, n - 1.5)
        axes.set_ylim(n - 0.5, 0.5)
        axes.set_xticks(range(n - 1), names[:-1], rotation=60, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(1, n), names[1:])
        axes.tick_params(length=0, labelsize=10)
        for spine in axes.spines.values():
            spine.set_visible(False)
        svg = inline(figure, key=key, label=title)
    note = (
        f"Full colour: {wording.score(top)} further from the real rows than chance makes; no colour: no further. "
        f"{pairs.measure}"
    ).strip()
    if len(pairs.names) > n:
        note += f" Shown are the {n} columns that stand out most, of {len(pairs.names)}."
    return Chart(title=title, svg=svg, note=note)


def _pairs_title(pairs: PairGaps, first: str, second: str) -> str:
    if pairs.worst is None:
        return f"{first} with {second} hangs together least as in the real rows"
    (one, other), measure, (synthetic, real, others) = pairs.worst
    names = (wording.clean(each, longest=30) for each in (one, other))
    return (
        f"{' with '.join(names)}: {wording.clean(measure)} {wording.score(synthetic)}, in the real rows "
        f"{wording.score(real)}, in other real ones {wording.score(others)}"
    )


def _cell(x: int, y: int, strength: float) -> Rectangle:
    return Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, facecolor=ACCENT if strength > 0 else LINE,
                     alpha=max(strength, 0.06) if strength > 0 else 0.6, linewidth=0)  # fmt: skip


def _frame(x: int, y: int) -> Rectangle:
    return Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=1.4)


def distances_chart(distances: Distances, *, key: str) -> Chart:
    """How near synthetic ones come to the closest one trained on, beside real ones that were held out."""
    edges = np.asarray(distances.edges, dtype=float)
    title = _distances_title(distances)
    label = "real, trained on, from the nearest other one" if distances.among_trained else "real, held out"
    with canvas(height=255) as (figure, axes):
        axes.stairs(np.asarray(distances.held_out), edges, fill=True, color=SHADE, label=label)
        axes.stairs(np.asarray(distances.synthetic), edges, color=ACCENT, linewidth=2.2, label="synthetic")
        axes.set_ylim(bottom=0)
        axes.set_xlim(edges[0], edges[-1])
        axes.xaxis.set_major_formatter(lambda value, _: wording.number(round(value, 9)))
        axes.yaxis.set_major_formatter(lambda value, _: wording.on_axis(value))
        axes.locator_params(axis="x", nbins=6)
        axes.locator_params(axis="y", nbins=4)
        axes.set_xlabel(distances.axis)
        axes.set_ylabel(f"share of {distances.what}s")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2, borderpad=0.1)
        svg = inline(figure, key=key, label=title)
    real = f"{wording.count(distances.n_held_out)} real ones {'trained on' if distances.among_trained else 'held out'}"
    note = f"Synthetic {distances.what}s further left than the {real} would give away the {distances.what}s trained on."
    if distances.among_trained:
        note += " Too few were held out to stand beside them."
    if distances.nearer is not None:
        note += f" Interval: {wording.share(distances.nearer.level)}; 50{wording.NO_BREAK}% is chance."
    return Chart(title=title, svg=svg, note=note)


def _distances_title(distances: Distances) -> str:
    what, nearer = distances.what, distances.nearer
    others = "these do among themselves" if distances.among_trained else "held-out ones do"
    if nearer is None:
        return f"How near synthetic {what}s come to the closest real one"
    told = f"{wording.share(nearer.mean)} ({wording.share(nearer.low)} to {wording.share(nearer.high)})"
    if nearer.low > 0.5:
        return f"Synthetic {what}s come nearer to those trained on than {others}, in {told} of the cases"
    if nearer.high < 0.5:
        return f"Synthetic {what}s lie further from those trained on than {others}: nearer in {told} of the cases"
    return f"Synthetic {what}s come no nearer to those trained on than {others}: nearer in {told} of the cases"
