"""What training tells: while it runs, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run stands; given to `on_progress` every `log_every` steps and at the end."""

    step: int
    """Steps played, of `steps`."""
    steps: int
    phase: str
    losses: dict[str, float]
    """By "update/term": the mean since the last time."""
    metric: float | None = None
    """The monitor's last judgement."""
    seconds: float = 0.0
    """Training so far, over all runs that led here."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """A finished training."""

    steps: int
    """Steps played: the budget, or fewer when patience ran out."""
    history: list[dict[str, Any]] = field(repr=False)
    """One entry every `log_every` steps, at a phase's end and at each judgement: `step`, `phase`, `losses` (by
    "update/term", the mean since the entry before), `metric` (the monitor's, or None)."""
    best_step: int | None = None
    """Where the weights come from when a monitor judged; None: they are the last step's."""
    best_metric: float | None = None
    metric_name: str | None = None
    """What the monitor judged; None: nobody judged."""
    metric_floor: float | None = None
    """What real data score; None where that is not known."""
    stopped: Literal["steps", "patience"] = "steps"
    seconds: float = 0.0
    """Wall time of training, over all runs that led here."""
    resumed_at: int = 0
    """The step the last run took up at; 0: it began anew."""

    def to_json(self) -> dict[str, Any]:
        return {
            "steps": self.steps,
            "best_step": self.best_step,
            "best_metric": self.best_metric,
            "metric_name": self.metric_name,
            "metric_floor": self.metric_floor,
            "stopped": self.stopped,
            "seconds": round(self.seconds, 3),
            "resumed_at": self.resumed_at,
            "history": self.history,
        }

    def curves(self) -> list[dict[str, Any]]:
        """The history as points, for whoever draws or logs it: `step`, `name`, `value`."""
        points = []
        for entry in self.history:
            named = dict(entry["losses"])
            if entry["metric"] is not None:
                named["metric"] = entry["metric"]
            points += [{"step": entry["step"], "name": name, "value": value} for name, value in named.items()]
        return points
