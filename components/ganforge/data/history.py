"""Payments that are over, as arrays in order of time, each of them once: what `features.PaymentFeatures` keeps."""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class Payments:
    """N payments; those of a history in order of time."""

    moment: np.ndarray  # (N,) int64, microseconds
    customer: np.ndarray  # (N,) int64, −1: nobody known
    terminal: np.ndarray  # (N,) int64, −1 likewise
    amount: np.ndarray  # (N,) float64, NaN where missing
    fraud: np.ndarray  # (N,) bool

    @classmethod
    def none(cls) -> Payments:
        whole = np.zeros(0, dtype=np.int64)
        return cls(whole, whole, whole, np.zeros(0), np.zeros(0, dtype=bool))

    def __len__(self) -> int:
        return len(self.moment)

    def take(self, rows: Any) -> Payments:
        return Payments(
            self.moment[rows], self.customer[rows], self.terminal[rows], self.amount[rows], self.fraud[rows]
        )

    def joined(self, others: Payments) -> Payments:
        """Both, each payment once, in order of time."""
        if not len(others):
            return self
        later = int(np.searchsorted(self.moment, others.moment.min(), side="left"))  # rows before have no twin there
        both = {
            name: np.concatenate([getattr(self, name)[later:], getattr(others, name)])
            for name in ("moment", "customer", "terminal", "amount", "fraud")
        }
        frame = pd.DataFrame(both)
        who = ["moment", "customer", "terminal", "amount"]
        twins = frame.duplicated(who, keep=False).to_numpy()
        if twins.any():
            frame.loc[twins, "fraud"] = frame[twins].groupby(who, dropna=False)["fraud"].transform("max")
            frame = frame[~frame.duplicated(who)]
        frame = frame.iloc[np.argsort(frame["moment"].to_numpy(), kind="stable")]
        first = self.take(slice(0, later))
        return Payments(**{name: np.concatenate([getattr(first, name), frame[name].to_numpy()]) for name in both})


def grown(known: pd.Index, names: pd.Index) -> pd.Index:
    """The index with names in it that it did not have; missing ones are none."""
    new = names.dropna().unique()
    if len(known):
        new = new[known.get_indexer(new) < 0]
    return known.append(new) if len(known) and len(new) else (known if len(known) else new)


def compact(codes: np.ndarray, names: pd.Index) -> tuple[np.ndarray, list[Any]]:
    """Codes and names of those alone that the codes (N,) speak of; −1 stays."""
    used = np.unique(codes[codes >= 0])
    return np.where(codes < 0, -1, np.searchsorted(used, codes)), names.take(used).tolist()
