"""The verdict as one picture: every arm's folds, their mean, and what guessing reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ganforge.downstream.sentence import display_name

if TYPE_CHECKING:
    from ganforge.downstream.arms import Verdict


def plot_verdict(verdict: Verdict, ax: Any = None) -> Any:
    """Draw the arms from the simplest (top) to the most elaborate; give back the matplotlib `Axes`.

    Dots are folds, strokes their means, the recommended arm's in black; all reads in grey. `ax`: where to draw; None
    makes a figure of its own, which the global list of figures does not know.
    """
    if ax is None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7.0, 1.2 + 0.4 * len(verdict.arms)), layout="constrained")
        ax = figure.add_subplot()
    for row, (name, arm) in enumerate(verdict.arms.items()):
        chosen = name == verdict.recommended
        ax.scatter(arm.folds, [row] * len(arm.folds), s=16, color="0.25" if chosen else "0.65", zorder=2)
        ax.plot([arm.mean, arm.mean], [row - 0.3, row + 0.3], color="0" if chosen else "0.45", lw=2.5, zorder=3)
    ax.axvline(verdict.base_rate, color="0.5", ls=":", lw=1)
    ax.annotate(
        "guessing", (verdict.base_rate, -0.7), fontsize="small", color="0.4", ha="center", annotation_clip=False
    )
    labels = [display_name(name) + ("  ←" if name == verdict.recommended else "") for name in verdict.arms]
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.set_xlabel(f"{verdict.measure} on untouched folds")
    ax.set_title(verdict.sentence.split(". ")[0].rstrip(".") + ".", loc="left", fontsize="medium", pad=16, wrap=True)
    return ax
