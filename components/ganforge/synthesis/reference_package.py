"""All that is asked of the `ctgan` package by its own names; nothing else imports it.

Its objects save by pickle. Here what they learned is read out of them in plain values, and they are built anew around
those.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from ganforge.errors import InputError


def columns_of(transformer: Any) -> dict[str, dict[str, Any]]:
    """What the package's transformer learned of each column, in plain values."""
    columns: dict[str, dict[str, Any]] = {}
    for info in transformer._column_transform_info_list:
        if info.column_type == "continuous":
            mixture = info.transform._bgm_transformer
            columns[info.column_name] = {
                "means": mixture.means_.ravel().tolist(),
                "variances": mixture.covariances_.ravel().tolist(),
                "valid": info.transform.valid_component_indicator.tolist(),
            }
        else:
            columns[info.column_name] = {"values": list(info.transform.dummies)}
    return columns


def rebuilt_transformer(columns: Mapping[str, Mapping[str, Any]]) -> Any:
    """The package's transformer, fitted to a stand-in of the right columns and then given what was learned."""
    from ctgan.data_transformer import DataTransformer, SpanInfo

    rows = max(32, *(len(each.get("values", ())) for each in columns.values()))
    stand_in = pd.DataFrame(
        {
            name: np.resize(np.array(each["values"], dtype=object), rows)
            if "values" in each
            else np.linspace(0.0, 1.0, rows)
            for name, each in columns.items()
        }
    )
    transformer = DataTransformer()
    transformer.fit(stand_in, [name for name, each in columns.items() if "values" in each])
    rebuilt = []
    for info in transformer._column_transform_info_list:
        learned = columns[info.column_name]
        if "values" in learned:
            info.transform.dummies = list(learned["values"])
            rebuilt.append(info)
            continue
        mixture = info.transform._bgm_transformer
        mixture.means_ = np.array(learned["means"])[:, None]
        mixture.covariances_ = np.array(learned["variances"])[:, None, None]
        valid = info.transform.valid_component_indicator = np.array(learned["valid"], dtype=bool)
        spans = [SpanInfo(1, "tanh"), SpanInfo(int(valid.sum()), "softmax")]
        rebuilt.append(info._replace(output_info=spans, output_dimensions=1 + int(valid.sum())))
    transformer._column_transform_info_list = rebuilt
    transformer.output_info_list = [info.output_info for info in rebuilt]
    transformer.output_dimensions = int(sum(info.output_dimensions for info in rebuilt))
    return transformer


def sampler_of(numbers: Mapping[str, int], tensors: Mapping[str, torch.Tensor]) -> Any:
    """The package's sampler of conditions, whose constructor would want the training data."""
    from ctgan.data_sampler import DataSampler

    sampler = object.__new__(DataSampler)
    for name, value in numbers.items():
        setattr(sampler, name, value)
    for name, value in tensors.items():
        if name.startswith("sampler."):
            setattr(sampler, name.removeprefix("sampler."), value.numpy())
    return sampler


def generator_of(latent: int, widths: Sequence[int], out: int) -> torch.nn.Module:
    """CTGAN's network, untrained."""
    from ctgan.synthesizers.ctgan import Generator

    return Generator(latent, tuple(widths), out)


def decoder_of(latent: int, widths: Sequence[int], out: int) -> torch.nn.Module:
    """TVAE's, untrained."""
    from ctgan.synthesizers.tvae import Decoder

    return Decoder(latent, tuple(widths), out)


def package() -> Any:
    try:
        import ctgan
    except ImportError as error:
        raise InputError(
            "the reference models need the ctgan package, which is not installed; "
            "`pip install 'ganforge[reference]'` brings it (Business Source License 1.1)"
        ) from error
    return ctgan


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The package's warnings of deprecation and convergence are nothing that its user could act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The package draws from the global generators; the caller's state is put back."""
    numpy_state = np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        np.random.seed(seed % 2**32)  # noqa: NPY002
        torch.manual_seed(seed)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
