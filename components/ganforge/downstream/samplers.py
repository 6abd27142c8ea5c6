"""Generators as samplers of imbalanced-learn: in its pipelines, in `cross_val_score`, in `GridSearchCV`.

    from imblearn.pipeline import make_pipeline
    model = make_pipeline(GANSampler(sampling_strategy=0.2), HistGradientBoostingClassifier())
    cross_val_score(model, X, y, scoring="average_precision")     # a generator a fold, of its training rows alone

The generator learns all rows, with the class as one column more, and is then asked for rows of the classes that are to
grow: what the classes have in common it learns from all of them, not from the few rows of the scarce one.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportIncompatibleMethodOverride=false

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_target_type
from pandas.api.types import is_integer_dtype, is_unsigned_integer_dtype
from sklearn.base import clone
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import validate_data

from ganforge.data.identifiers import numbered_anew
from ganforge.data.table import Table
from ganforge.errors import GanforgeWarning, InputError
from ganforge.parameters import spawned
from ganforge.quality.copies import exact_copies

TRIES = 20
"""Draws in the place of a copy."""
_MOST = 2**31 - 1


class SynthesizerSampler(BaseOverSampler):
    """Over-samples with any `Synthesizer` that obeys conditions.

    Args:
        synthesizer: an unfitted one; it is cloned for each call. None: `TunedCTGAN()`.
        sampling_strategy: as everywhere in imbalanced-learn: a ratio of positives to negatives (two classes), "auto",
            "minority", "not majority", "all", or class → rows there shall be.
        random_state: seeds the synthesizer and its draws; None draws a fresh seed.
        schema: column → kind, where guessing goes wrong; see `Table.of`.

    Attributes:
        synthesizer_: the fitted one of the last call.
        synthetic_: (rows of the last result,) bool, which of them are synthetic: the last ones.
        sampling_strategy_: class → rows that were asked for.
        copies_dropped_: rows made in the last call that equalled a real one; others were drawn in their places.

    X may be a frame (of any columns that `Table.of` takes; dtypes stay) or an array of numbers or texts; missing values
    are learned as such. Training shows no progress. A row that equals a real one in every column is drawn again; where
    `TRIES` draws bring nothing but copies, for want of other combinations, fewer rows are added than asked for, which a
    `GanforgeWarning` tells.

    Raises what the synthesizer raises: `UnsuitableDataError` for too few rows or a class it cannot make, for one.
    """

    def __init__(
        self,
        synthesizer: Any = None,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        schema: Any = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.synthesizer = synthesizer
        self.random_state = random_state
        self.schema = schema

    def _check_X_y(self, X: Any, y: Any) -> tuple[Any, np.ndarray, bool]:
        y, binarize = check_target_type(y, indicate_one_vs_all=True)
        if not isinstance(X, pd.DataFrame):
            X = check_array(X, dtype=None, ensure_all_finite="allow-nan")
        validate_data(self, X=X, y=y, reset=True, skip_check_array=True)
        if len(X) != len(y):
            raise InputError(f"{len(X):,} rows but {len(y):,} labels; give one label a row, in the same order")
        return X, np.asarray(y), binarize

    def _fit_resample(self, X: Any, y: np.ndarray, **_: Any) -> tuple[Any, np.ndarray]:
        seed = int(check_random_state(self.random_state).randint(_MOST))
        wanted: dict[Any, int] = dict(self.sampling_strategy_ or {})
        self.synthetic_, self.copies_dropped_ = np.arange(len(y) + sum(wanted.values())) >= len(y), 0
        if not any(wanted.values()):
            return X, y
        frame = _frame_of(X)
        target = _free_name("class", frame)
        classes = {label: f"class {k}" for k, label in enumerate(np.unique(y).tolist())}
        frame[target] = [classes[label] for label in y.tolist()]
        kinds = self.schema if self.schema is None else dict(self.schema)
        table = Table.of(frame, schema={**(kinds or {}), target: "categorical"}, source="the rows to resample")
        self.synthesizer_ = self._unfitted(seed).fit(table)
        made = [
            self._new_rows(table, {target: classes[label]}, count, spawned(seed, k))
            for k, (label, count) in enumerate(wanted.items())
            if count
        ]
        added = numbered_anew(pd.concat(made, ignore_index=True), table.schema).drop(columns=target)
        labels = [np.full(len(each), label, dtype=y.dtype) for label, each in zip(_grown(wanted), made, strict=True)]
        self.synthetic_ = np.arange(len(y) + len(added)) >= len(y)
        asked = sum(wanted.values())
        if len(added) < asked:
            warnings.warn(
                f"{asked - len(added):,} of {asked:,} rows were not added: all that was drawn in their places copied a "
                "real row",
                GanforgeWarning,
                stacklevel=4,
            )
        return _joined(X, added, table.schema.of_kind("identifier")), np.concatenate([y, *labels])

    def _new_rows(self, table: Table, condition: dict[str, Any], count: int, seed: int) -> pd.DataFrame:
        """Rows of a class that copy no real one; `count`, or what `TRIES` draws bring."""
        kept: list[pd.DataFrame] = []
        for k in range(TRIES):
            lacking = count - sum(map(len, kept))
            if not lacking:
                break
            made = self.synthesizer_.sample(lacking, condition=condition, random_state=spawned(seed, k))
            copied = exact_copies(made, table.frame, schema=table.schema)
            self.copies_dropped_ += int(copied.sum())
            kept.append(made[~copied])
        return pd.concat(kept, ignore_index=True)

    def _unfitted(self, seed: int) -> Any:
        if self.synthesizer is None:
            from ganforge.synthesis.ctgan import TunedCTGAN

            return TunedCTGAN(random_state=seed)
        model: Any = clone(self.synthesizer)
        if model.get_params().get("random_state", 0) is None:
            model.set_params(random_state=seed)
        return model

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.dataframe = True
        tags.input_tags.sparse = False
        return tags


def _grown(wanted: dict[Any, int]) -> list[Any]:
    """The classes that rows are added to."""
    return [label for label, count in wanted.items() if count]


class GANSampler(SynthesizerSampler):
    """Over-samples with a conditional tabular GAN (`CTGAN`; Xu et al. 2019, arXiv:1907.00503).

    Args:
        sampling_strategy, random_state, schema: see `SynthesizerSampler`.
        steps: training steps; None chooses by the number of rows.
        batch_size: rows a step, a multiple of 10.
        learning_rate: Adam's, of both networks.
    """

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        schema: Any = None,
        steps: int | None = None,
        batch_size: int = 500,
        learning_rate: float = 2e-4,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state, schema=schema)
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate

    def _unfitted(self, seed: int) -> Any:
        from ganforge.synthesis.ctgan import TunedCTGAN

        options = {"steps": self.steps, "batch_size": self.batch_size, "learning_rate": self.learning_rate}
        return TunedCTGAN(random_state=seed, **options)

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """Without `synthesizer`, which is always the same here."""
        return [name for name in super()._get_param_names() if name != "synthesizer"]


def _frame_of(X: Any) -> pd.DataFrame:
    """A copy with plain columns, to be learned from."""
    if not isinstance(X, pd.DataFrame):
        return pd.DataFrame(X, columns=pd.Index([f"x{k}" for k in range(X.shape[1])])).infer_objects()
    columns = {
        str(name): series.sparse.to_dense() if isinstance(series.dtype, pd.SparseDtype) else series
        for name, series in X.items()
    }
    return pd.DataFrame(columns).reset_index(drop=True)


def _joined(X: Any, added: pd.DataFrame, identifiers: Sequence[str]) -> Any:
    """The rows with new ones below, of the type and dtypes that they had.

    imbalanced-learn gives back the dtypes it was given: identifiers that do not fit them are refused, not cut off.
    """
    if not isinstance(X, pd.DataFrame):
        _refuse_narrow(dict.fromkeys(identifiers, X.dtype), added)
        return np.concatenate([X, added.to_numpy(dtype=X.dtype)])
    _refuse_narrow({str(name): dtype for name, dtype in X.dtypes.items() if str(name) in identifiers}, added)
    new = added.set_axis(X.columns, axis=1)
    kept = {
        name: pd.concat([_dense(series), _as(new[name], series.dtype)], ignore_index=True) for name, series in X.items()
    }
    return pd.DataFrame(kept)


def _refuse_narrow(dtypes: Mapping[str, Any], added: pd.DataFrame) -> None:
    for name, dtype in dtypes.items():
        bits = 8 * np.dtype(getattr(dtype, "numpy_dtype", dtype)).itemsize if is_integer_dtype(dtype) else 64
        if bits < 64 and not bool(added[name].between(*_ends(dtype, bits)).all()):
            raise InputError(
                f"column {name!r} holds identifiers in {dtype}, which has no room for {len(added):,} new ones up "
                f"to {added[name].max():,}; give it as int64, or leave it out"
            )


def _ends(dtype: Any, bits: int) -> tuple[int, int]:
    return (0, 2**bits - 1) if is_unsigned_integer_dtype(dtype) else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _dense(series: pd.Series) -> pd.Series:
    return series.sparse.to_dense() if isinstance(series.dtype, pd.SparseDtype) else series


def _as(series: pd.Series, dtype: Any) -> pd.Series:
    return series if isinstance(dtype, pd.SparseDtype) else series.astype(dtype)


def _free_name(wanted: str, frame: pd.DataFrame) -> str:
    while wanted in frame.columns:
        wanted += "_"
    return wanted
