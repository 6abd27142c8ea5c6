"""What was asked for, in plain values that are the same in another process and differ where the thing does.

    told(VotingClassifier([("a", tree), …]))  ─▶  ["…VotingClassifier", [["estimators", [["a", ["…Tree", …]], …]], …]]
    file_name("class weights")                ─▶  "class-weights-12cd40db"

Kept results belong to the classifiers and synthesizers they came of. `repr` does not tell these apart: it cuts long
lists short, and gives an address where a class has no words of its own. Here an estimator is its class and its own
parameters, each told in the same way; an array or a tensor its shape and the hash of its values; a function its code;
any other object what it would be pickled as. What cannot be pickled is told by its `repr`, so that at worst something
is done again. What a class *does* is not looked into: who changes the code of one, changes the folder, too.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import pickle
import sys
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

_LONGEST = 80
"""Letters of a file's name; most disks take 255 bytes."""


def told(value: Any, within: tuple[int, ...] = ()) -> Any:
    """A JSON value. `within`: the identities of what it is part of; what holds itself is told once."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if value is check_random_state(None):
        return "numpy's global random state"  # in another state in every process; scipy's distributions hold it
    if id(value) in within:
        return ["again", len(within) - within.index(id(value))]
    within = (*within, id(value))
    for kinds, teller in _TELLERS:
        if isinstance(value, kinds):
            return teller(value, within)
    if _is_torch(value, "Tensor"):
        return _tensor(value)
    if _is_torch(value, "nn.Module"):
        return _module(value, within)
    if hasattr(value, "get_params"):
        return _estimator(value, within)
    return _object(value, within)


def file_name(name: str) -> str:
    """A name for a file that no other arm's has, whatever the disk thinks of spaces and capitals."""
    safe = "".join(each if each.isascii() and (each.isalnum() or each in "-_") else "-" for each in name).lower()
    return safe if safe == name and len(name) <= _LONGEST else f"{safe[:_LONGEST]}-{_hashed(name.encode())[:8]}"


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', None)}.{getattr(value, '__qualname__', None) or repr(value)}"


def _mapping(value: Mapping[Any, Any], within: tuple[int, ...]) -> Any:
    return ["mapping", _sorted([[told(key, within), told(each, within)] for key, each in value.items()])]


def _sequence(value: Any, within: tuple[int, ...]) -> Any:
    return [type(value).__name__, [told(each, within) for each in value]]


def _set(value: Any, within: tuple[int, ...]) -> Any:
    return ["set", _sorted([told(each, within) for each in value])]


def _sorted(values: list[Any]) -> list[Any]:
    return sorted(values, key=lambda each: json.dumps(each, sort_keys=True))


def _array(value: np.ndarray, within: tuple[int, ...]) -> Any:
    if value.dtype.hasobject:
        return ["array", list(value.shape), [told(each, within) for each in value.ravel().tolist()]]
    return ["array", str(value.dtype), list(value.shape), _hashed(np.ascontiguousarray(value).tobytes())]


def _pandas(value: Any, within: tuple[int, ...]) -> Any:
    if isinstance(value, pd.DataFrame):
        parts: list[Any] = [value.index, *(value.iloc[:, k] for k in range(value.shape[1]))]
    elif isinstance(value, pd.Series):
        parts = [value.name, str(value.dtype), value.index, value.to_numpy()]
    else:
        parts = [str(value.dtype), list(value.names), value.to_numpy()]
    return [type(value).__name__, [told(each, within) for each in parts]]


def _function(value: types.FunctionType, within: tuple[int, ...]) -> Any:
    cells = [cell.cell_contents for cell in value.__closure__ or () if cell != types.CellType()]
    defaults = value.__defaults__, value.__kwdefaults__
    return [_name(value), *(told(each, within) for each in (value.__code__, *defaults, cells))]


def _code(value: types.CodeType, within: tuple[int, ...]) -> Any:
    return [_hashed(value.co_code), list(value.co_names), [told(each, within) for each in value.co_consts]]


def _method(value: types.MethodType, within: tuple[int, ...]) -> Any:
    return [told(value.__func__, within), told(value.__self__, within)]


def _partial(value: functools.partial[Any], within: tuple[int, ...]) -> Any:
    return ["partial", *(told(each, within) for each in (value.func, value.args, value.keywords))]


def _estimator(value: Any, within: tuple[int, ...]) -> Any:
    """Its own parameters; those of what it is made of are told where they stand among them."""
    deep = "deep" in inspect.signature(value.get_params).parameters
    parameters = value.get_params(deep=False) if deep else value.get_params()
    said = [_name(type(value)), told(parameters, within)]
    # One that says itself how it is cloned (`FrozenEstimator`) may keep what it has learned.
    own = getattr(type(value), "__sklearn_clone__", None)
    return said if own in (None, BaseEstimator.__sklearn_clone__) else [*said, _kept(value, within)]


def _kept(value: Any, within: tuple[int, ...]) -> Any:
    """What a fitted estimator has learned, and those that it is made of."""
    parts = vars(value).items()
    return [
        [name, _object(each, within) if hasattr(each, "get_params") else told(each, within)] for name, each in parts
    ]


def _object(value: Any, within: tuple[int, ...]) -> Any:
    try:
        reduced = value.__reduce_ex__(2)
    except (TypeError, AttributeError, ValueError, RuntimeError, pickle.PicklingError):
        return [_name(type(value)), repr(value)]
    if isinstance(reduced, str):
        return [_name(type(value)), reduced]
    made, arguments, *rest = reduced
    state, *items = [*rest, None, None, None][:3]
    parts = [made, arguments, state, *(None if each is None else list(each) for each in items)]
    return [_name(type(value)), [told(each, within) for each in parts]]


def _is_torch(value: Any, name: str) -> bool:
    torch = sys.modules.get("torch")  # who has not imported it has none of its objects
    return torch is not None and isinstance(value, functools.reduce(getattr, name.split("."), torch))


def _tensor(value: Any) -> Any:
    import torch

    try:
        plain = value.detach().cpu()
        values = (plain.to_dense() if plain.is_sparse else plain).contiguous().reshape(-1).view(torch.uint8)
        return ["tensor", str(value.dtype), list(value.shape), _hashed(values.numpy().tobytes())]
    except (RuntimeError, TypeError, ValueError):  # lazy, or of a kind without bytes of its own
        return ["tensor", str(value.dtype), repr(value)]


def _module(value: Any, within: tuple[int, ...]) -> Any:
    """Class, attributes, parameters and buffers, and the modules within; not the hooks, which are counted anew."""
    settings = {name: each for name, each in vars(value).items() if not name.startswith("_")}
    parts = (settings, dict(value._parameters), dict(value._buffers), list(value._modules.items()))
    return [_name(type(value)), *(told(each, within) for each in parts)]


def _hashed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_TELLERS: tuple[tuple[Any, Any], ...] = (
    (bytes, lambda value, _: ["bytes", _hashed(value)]),
    ((type, types.BuiltinFunctionType, np.ufunc), lambda value, _: _name(value)),
    (types.ModuleType, lambda value, _: value.__name__),
    (Mapping, _mapping),
    ((list, tuple), _sequence),
    ((set, frozenset), _set),
    (np.ndarray, _array),
    ((pd.DataFrame, pd.Series, pd.Index), _pandas),
    (types.FunctionType, _function),
    (types.CodeType, _code),
    (types.MethodType, _method),
    (functools.partial, _partial),
)
