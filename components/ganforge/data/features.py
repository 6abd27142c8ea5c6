"""What a payment's past tells about it: features of customer, terminal and clock, causal, in one pass.

After Le Borgne, Siblini, Lebichot and Bontempi, *Reproducible Machine Learning for Credit Card Fraud Detection –
Practical Handbook* (2022), chapter "Baseline feature transformation". For a payment at moment t and windows of w days
(1, 7, 30 by default), with d the days until a label is known (7):

    {customer}_count_{w}d    payments of the customer in (t − w, t], this one among them
    {customer}_mean_{w}d     their mean amount
    {terminal}_count_{w}d    payments at the terminal in (t − d − w, t − d]
    {terminal}_risk_{w}d     the share of frauds among these; 0 where there are none
    at_night, at_weekend     between 0:00 and 6:59; on a Saturday or Sunday (by the column's own clock)

A payment sees itself and what happened *before* its moment. Payments of one moment do not see one another, so the
order of rows within it, and within the table, means nothing; a table of dates without hours is better given hours.
The Handbook has tied rows see those above them; where no customer pays twice in one second the numbers are the same.

A payment is known by its moment, customer, terminal and amount. The same four again are the same payment told
again: it counts once, and is a fraud when one of them says so. So rows may be sent twice without harm, and a row sent
again with its label is how labels come in late.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from ganforge.data.columns import as_numbers, normalise, row_of
from ganforge.data.daytimes import dtype_of, is_of_day
from ganforge.data.history import Payments, compact, grown
from ganforge.data.schema import Schema, plain
from ganforge.data.table import Table
from ganforge.data.targets import binary_target
from ganforge.data.windows import RunningSum, Trails
from ganforge.data.written_times import WrittenTimes
from ganforge.errors import InputError, UnknownNameError

WINDOWS = (1, 7, 30)
"""Days."""
LABEL_DELAY = 7.0
"""Days until a payment is known to be a fraud, or not."""
_DAY = 86_400_000_000  # microseconds: what moments are counted in
_NIGHT = 6  # the last hour of it
_LARGEST = 2.0**53


class PaymentFeatures(TransformerMixin, BaseEstimator):
    """Features of payments, computed from a history that is kept, so that payments to come have them, too.

        features = PaymentFeatures(time="booked_at", customer="customer_id", terminal="terminal_id",
                                   amount="amount", target="is_fraud")
        learned = features.fit_transform(payments)          # rows as they were: each knows its own past alone
        now = features.partial_fit(arrived).transform(arrived)      # later: one payment, or a day of them
        features.partial_fit(investigated)                  # labels that came in; the same rows with `is_fraud`

    `transform` looks at the history alone, at what lies before each row in it: rows that should know of one another
    are told by `partial_fit` first, and all comes out as it would have in one table.

    Args:
        time: column of dates (night and weekend are then told), or of seconds from anywhere.
        customer, terminal: columns of what names them. A missing one is nobody: it has no past.
        amount: column of numbers; a missing one counts, but has no part in the means.
        target: column of labels, one of two values, see `data.targets.binary_target`. `transform` never reads it.
        windows: days, rising.
        label_delay: days until a label is known. 0: all labels of before are.

    Attributes:
        history_: the payments kept. negative_: the target's value of honest ones. zone_: the time zone that hours
            are read in; None where the dates have none, or where there are no dates.
    """

    def __init__(
        self,
        *,
        time: str,
        customer: str,
        terminal: str,
        amount: str,
        target: str,
        windows: Sequence[int] = WINDOWS,
        label_delay: float = LABEL_DELAY,
    ) -> None:
        self.time = time
        self.customer = customer
        self.terminal = terminal
        self.amount = amount
        self.target = target
        self.windows = windows
        self.label_delay = label_delay

    def fit(self, frame: pd.DataFrame, y: Any = None, *, source: str = "data frame") -> Self:
        """Keep all rows of a frame as history, in place of what was kept.

        Raises `InputError` (parameters that are none; a missing time or label, or an amount that is no number, with
        its row), `UnknownNameError` (no such column), `UnsuitableDataError` (one class only).
        """
        self._check_parameters()
        labels = Table.of(self._columns(frame, self.target, source=source), source=source)
        target = binary_target(labels, self.target)
        self.dated_, self.zone_ = None, None  # of a former fit
        times = self._times(frame, source)
        self.dated_ = times.dtype.kind == "M"
        self.zone_ = None if not self.dated_ or times.dt.tz is None else str(times.dt.tz)
        self.negative_ = plain(target.negative_value)
        self._customers, self._terminals = pd.Index([]), pd.Index([])
        self.history_ = Payments.none()
        self.complete_from_: int | None = None
        self._add(frame, times, target.positive, source)
        return self

    def partial_fit(self, frame: pd.DataFrame, y: Any = None, *, source: str = "data frame") -> Self:
        """Add rows to the history. The target column may lack, or lack values: such rows are not known as frauds yet.

        What no later payment will look at is forgotten, counted from the first of these rows.
        """
        self._check_fitted()
        times = self._times(frame, source)
        fraud = np.zeros(len(frame), dtype=bool)
        if self.target in frame.columns:
            labels = normalise(frame[self.target], name=self.target, source=source)
            fraud = (labels.notna() & (labels != self.negative_)).to_numpy(dtype=bool)
        if len(frame):
            self._forget(int(self._moments(times, source).min()))
            self._add(frame, times, fraud, source)
        return self

    def transform(self, frame: pd.DataFrame, *, source: str = "data frame") -> pd.DataFrame:
        """(N rows) → (N, features), with the index of `frame`, each row from its own past in the history.

        Raises `InputError` for a row so early that its past is no longer kept, naming it.
        """
        self._check_fitted()
        times = self._times(frame, source)
        rows = self._rows(frame, times, np.zeros(len(frame), dtype=bool), source)
        self._refuse_forgotten(rows.moment, source)
        columns = self._of_customers(rows) | self._of_terminals(rows)
        if self.dated_:
            columns |= _clock(times if self.zone_ is None else times.dt.tz_localize(None))
        return pd.DataFrame(columns, index=frame.index)

    def fit_transform(self, frame: pd.DataFrame, y: Any = None, *, source: str = "data frame") -> pd.DataFrame:
        """`fit` and `transform` of the same rows."""
        return self.fit(frame, source=source).transform(frame, source=source)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The names of `transform`'s columns, in order. `input_features` is scikit-learn's, and not used."""
        self._check_fitted()
        names = [f"{self.customer}_{what}_{w}d" for what in ("count", "mean") for w in self.windows]
        names += [f"{self.terminal}_{what}_{w}d" for what in ("count", "risk") for w in self.windows]
        return np.array(names + (["at_night", "at_weekend"] if self.dated_ else []), dtype=object)

    def to_json(self) -> dict[str, Any]:
        """All there is to know, with as much of the history as the next payment needs: nothing older than its longest
        window and the label's delay."""
        self._check_fitted()
        kept = self.history_
        if len(kept):
            kept = kept.take(kept.moment > int(kept.moment[-1]) - self._reach)
        forgotten = len(kept) < len(self.history_)
        customer, customers = compact(kept.customer, self._customers)
        terminal, terminals = compact(kept.terminal, self._terminals)
        return {
            "parameters": {**self.get_params(deep=False), "windows": list(self.windows)},
            "dated": self.dated_,
            "zone": self.zone_,
            "negative": self.negative_,
            "complete_from": int(self.history_.moment[-1]) - self._reach if forgotten else self.complete_from_,
            "customers": customers,
            "terminals": terminals,
            "history": {
                "moment": kept.moment.tolist(),
                "customer": customer.tolist(),
                "terminal": terminal.tolist(),
                "amount": [None if math.isnan(each) else each for each in kept.amount.tolist()],
                "fraud": np.flatnonzero(kept.fraud).tolist(),
            },
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        features = cls(**document["parameters"])
        features.dated_, features.zone_ = document["dated"], document["zone"]
        features.negative_, features.complete_from_ = document["negative"], document["complete_from"]
        features._customers, features._terminals = pd.Index(document["customers"]), pd.Index(document["terminals"])
        history = document["history"]
        fraud = np.zeros(len(history["moment"]), dtype=bool)
        fraud[history["fraud"]] = True
        features.history_ = Payments(
            moment=np.array(history["moment"], dtype=np.int64),
            customer=np.array(history["customer"], dtype=np.int64),
            terminal=np.array(history["terminal"], dtype=np.int64),
            amount=np.array(history["amount"], dtype=np.float64),
            fraud=fraud,
        )
        return features

    # -- what rows say ---------------------------------------------------------------------------------------------

    def _rows(self, frame: pd.DataFrame, times: pd.Series, fraud: np.ndarray, source: str) -> Payments:
        """Rows as arrays; customers and terminals that the history does not know are −1."""
        numbers = normalise(
            self._columns(frame, self.amount, source=source)[self.amount], name=self.amount, source=source
        )
        amount = as_numbers(numbers, name=self.amount, source=source).to_numpy(dtype=np.float64, na_value=np.nan)
        large = np.abs(amount) > _LARGEST
        if large.any():
            found = f"column {self.amount!r}, row {row_of(large)}: {amount[large][0]:g}"
            raise InputError(f"{source}: {found} is too large for an amount")
        return Payments(
            moment=self._moments(times, source),
            customer=self._customers.get_indexer(self._names(frame, self.customer, source)),
            terminal=self._terminals.get_indexer(self._names(frame, self.terminal, source)),
            amount=amount,
            fraud=fraud,
        )

    def _columns(self, frame: pd.DataFrame, *names: str, source: str) -> pd.DataFrame:
        for name in names:
            if name not in frame.columns:
                raise UnknownNameError("column", name, frame.columns, where=source)
        return frame[list(names)].reset_index(drop=True)

    def _times(self, frame: pd.DataFrame, source: str) -> pd.Series:
        """The time column in the zone that the history has."""
        given = self._columns(frame, self.time, source=source)[self.time]
        times = normalise(given, name=self.time, source=source)
        if is_of_day(dtype_of(given)) or (times.dtype == object and WrittenTimes.of(times).mostly):
            raise InputError(f"{source}: column {self.time!r} holds times of day without a date; name one of dates")
        dated = getattr(self, "dated_", None)
        if dated is not None and len(times) and dated != (times.dtype.kind == "M"):
            here, there = ("dates", "seconds") if dated else ("seconds", "dates")
            raise InputError(f"{source}: column {self.time!r} holds {there}, but the history is told in {here}")
        if times.dtype.kind != "M" or (zone := getattr(self, "zone_", None)) is None:
            return times if times.dtype.kind != "M" or dated is None or times.dt.tz is None else _to_naive(times)
        return (times if times.dt.tz is not None else times.dt.tz_localize("UTC")).dt.tz_convert(zone)

    def _moments(self, times: pd.Series, source: str) -> np.ndarray:
        """(N,) int64 microseconds, since 1970 or since the seconds began."""
        table = Table(pd.DataFrame({self.time: times}), Schema(()), "", source)
        return np.rint(table.time(self.time) * 1e6).astype(np.int64)

    def _names(self, frame: pd.DataFrame, name: str, source: str) -> pd.Index:
        series = normalise(self._columns(frame, name, source=source)[name], name=name, source=source)
        return pd.Index(series.astype(str).where(series.notna()) if series.dtype.kind == "M" else series)

    # -- the history -----------------------------------------------------------------------------------------------

    def _add(self, frame: pd.DataFrame, times: pd.Series, fraud: np.ndarray, source: str) -> None:
        self._customers = grown(self._customers, self._names(frame, self.customer, source))
        self._terminals = grown(self._terminals, self._names(frame, self.terminal, source))
        self.history_ = self.history_.joined(self._rows(frame, times, fraud, source))

    def _forget(self, first: int) -> None:
        """Drop what no payment at `first` or later looks at."""
        begin = int(np.searchsorted(self.history_.moment, first - self._reach, side="right"))
        if begin:
            self.history_ = self.history_.take(slice(begin, None))
            self.complete_from_ = first - self._reach

    def _refuse_forgotten(self, moments: np.ndarray, source: str) -> None:
        if self.complete_from_ is None:
            return
        early = moments - self._reach < self.complete_from_
        if early.any():
            days = (self.complete_from_ + self._reach - moments[early].min()) / _DAY
            raise InputError(
                f"{source}: row {row_of(early)} lies before what this history still tells of ({int(early.sum())} such "
                f"rows, up to {days:,.1f} days too early); give payments in order of time, or the whole table to `fit`"
            )

    @property
    def _reach(self) -> int:
        """Microseconds that a payment looks back."""
        return round((max(self.windows) + self.label_delay) * _DAY)

    # -- the features ----------------------------------------------------------------------------------------------

    def _of_customers(self, rows: Payments) -> dict[str, np.ndarray]:
        past = self.history_.take(_among(self.history_.customer, rows.customer))
        trails = Trails(past.customer, past.moment)
        amounts = past.amount[trails.order]
        known = np.concatenate([[0], np.cumsum(~np.isnan(amounts))])
        sums = RunningSum(np.nan_to_num(amounts))
        asked = trails.ask(rows.customer, rows.moment)
        end = asked.before()
        own = ~np.isnan(rows.amount)
        counts, means = {}, {}
        for w in self.windows:
            begin = np.where(rows.customer < 0, end, asked.until(w * _DAY))
            counts[f"{self.customer}_count_{w}d"] = end - begin + 1
            told = known[end] - known[begin] + own
            total = sums.between(begin, end) + np.nan_to_num(rows.amount)
            means[f"{self.customer}_mean_{w}d"] = np.where(told > 0, total / np.maximum(told, 1), np.nan)
        return counts | means

    def _of_terminals(self, rows: Payments) -> dict[str, np.ndarray]:
        past = self.history_.take(_among(self.history_.terminal, rows.terminal))
        trails = Trails(past.terminal, past.moment)
        frauds = np.concatenate([[0], np.cumsum(past.fraud[trails.order])])
        asked = trails.ask(rows.terminal, rows.moment)
        delay = round(self.label_delay * _DAY)  # labels of payments until so long ago are known
        end = np.minimum(asked.until(delay), asked.before())
        counts, risks = {}, {}
        for w in self.windows:
            begin = np.where(rows.terminal < 0, end, np.minimum(asked.until(delay + w * _DAY), end))
            count = end - begin
            counts[f"{self.terminal}_count_{w}d"] = count
            risks[f"{self.terminal}_risk_{w}d"] = (frauds[end] - frauds[begin]) / np.maximum(count, 1)
        return counts | risks

    def _check_parameters(self) -> None:
        windows = list(self.windows)
        if not windows or any(w != int(w) or w < 1 for w in windows) or windows != sorted(set(windows)):
            raise InputError(f"windows={windows}; give whole days of at least 1, rising, such as (1, 7, 30)")
        if not 0 <= self.label_delay < math.inf:
            raise InputError(f"label_delay={self.label_delay}; give days, 0 or more")
        roles = {name: getattr(self, name) for name in ("time", "customer", "terminal", "amount", "target")}
        for role, name in roles.items():
            twice = [other for other, same in roles.items() if same == name and other != role]
            if twice:
                raise InputError(f"column {name!r} is named as {role} and as {twice[0]}; each is a column of its own")

    def _check_fitted(self) -> None:
        if not hasattr(self, "history_"):
            raise InputError("these payment features have no history yet; call fit(payments) first")


def _among(groups: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(N,) bool: the events of groups that are asked for; −1 is no group."""
    asked = np.unique(asked)
    return np.isin(groups, asked[asked >= 0])


def _to_naive(times: pd.Series) -> pd.Series:
    return times.dt.tz_convert("UTC").dt.tz_localize(None)


def _clock(times: pd.Series) -> dict[str, np.ndarray]:
    return {
        "at_night": (times.dt.hour <= _NIGHT).to_numpy(),
        "at_weekend": (times.dt.weekday >= 5).to_numpy(),
    }
