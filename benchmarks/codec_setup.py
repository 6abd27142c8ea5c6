"""What stands before the first training step: our codec beside the `ctgan` package's `DataTransformer`.

    GANFORGE_DATA=FOLDER python -m benchmarks.codec_setup      # holds tables/adult_train.csv.gz (UCI Adult)

Both learn Adult's columns and encode its rows, from a frame in memory, in one process. Seconds are processor time, so
that other work on the machine counts for little; the package does in one process what it would else give to several.
Modes are counted as both keep them, of weight above .005, and log-likelihoods
are those of all modes, both of each numeric column as a whole, spikes not apart. The wide table is encoded by each
side in a fresh process, whose largest resident memory is what the system says of it at the end.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from benchmarks._common import ROOT, markdown, save, spread
from ganforge.data.codec import Codec
from ganforge.data.dirichlet import Bins, variational_modes
from ganforge.data.mixtures import LEAST_WEIGHT
from ganforge.data.readers import read_table
from ganforge.data.schema import NUMERIC
from ganforge.data.table import Table

TITLE = "Setting up: codec and encoding beside the `ctgan` package"
REPEATS, ROWS, CATEGORIES, NUMBERS = 5, 50_000, 2_000, 5


def wide_frame() -> pd.DataFrame:
    """50,000 rows of one column of 2,000 categories, the k-th as often as 1/k, and five of numbers."""
    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, CATEGORIES + 1)
    codes = rng.choice(CATEGORIES, ROWS, p=shares / shares.sum())
    codes[:CATEGORIES] = np.arange(CATEGORIES)
    columns: dict[str, Any] = {"shop": np.array([f"shop {k:04d}" for k in range(CATEGORIES)], dtype=object)[codes]}
    for k in range(NUMBERS):
        columns[f"x{k}"] = np.round(np.exp(rng.normal(codes % 7 / 3, 1)), 2 + k)
    return pd.DataFrame(columns)


def ours(table: Table) -> tuple[Codec, Any]:
    codec = Codec.fit(table)
    return codec, codec.encode(table, random_state=0)


def theirs(frame: pd.DataFrame, discrete: list[str]) -> tuple[Any, np.ndarray]:
    from ctgan.data_transformer import DataTransformer
    from joblib import parallel_config

    transformer = DataTransformer()
    with parallel_config(backend="sequential"):
        transformer.fit(frame, discrete)
        return transformer, transformer.transform(frame)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    result = call()
    return time.process_time() - began, result


def log_likelihood(values: np.ndarray, weights: np.ndarray, means: np.ndarray, deviations: np.ndarray) -> float:
    """Mean over rows, in nats."""
    z = (values[:, None] - means) / deviations
    logs = np.log(weights) - np.log(deviations) - 0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    return float(logsumexp(logs, axis=1).mean())


def compare(table: Table, codec: Codec, transformer: Any) -> dict[str, dict[str, float]]:
    """Column → modes and log-likelihood of both, on the column's values in units of their standard deviation."""
    found = {}
    for info in transformer._column_transform_info_list:
        if info.column_type != "continuous":
            continue
        values = table.frame[info.column_name].to_numpy(np.float64)
        center, scale = values.mean(), values.std()
        y = (values - center) / scale
        [mine] = variational_modes([Bins.of(*np.unique(y, return_counts=True))], max_modes=[10])
        model = info.transform._bgm_transformer
        means, deviations = model.means_[:, 0], np.sqrt(model.covariances_[:, 0, 0])
        mixture = codec.mixtures[info.column_name]
        found[info.column_name] = {
            "modes": int((mine.weights > LEAST_WEIGHT).sum()),
            "package_modes": int(sum(info.transform.valid_component_indicator)),
            "log_likelihood": log_likelihood(y, *mine),
            "package_log_likelihood": log_likelihood(y, model.weights_, (means - center) / scale, deviations / scale),
            "spikes": 0 if mixture is None else len(mixture.spikes),
            "grid": 0 if mixture is None or mixture.grid is None else len(mixture.grid),
        }
    return found


def adult() -> dict[str, Any]:
    folder = Path(os.environ.get("GANFORGE_DATA", ROOT.parent / "shared" / "data"))
    table = read_table(folder / "tables" / "adult_train.csv.gz")
    discrete = [column.name for column in table.schema if column.kind not in NUMERIC]
    frame = table.frame.assign(**{name: table.frame[name].fillna("?") for name in discrete})
    few = Table.of(frame.head(600))
    ours(few)  # imports and first calls are neither side's set-up
    theirs(few.frame, discrete)
    from_frame = [timed(lambda: Table.of(table.frame))[0] for _ in range(REPEATS)]
    runs = [timed(lambda: ours(table)) for _ in range(REPEATS)]
    codec, encoded = runs[-1][1]
    theirs_seconds, (transformer, matrix) = timed(lambda: theirs(frame, discrete))
    seconds = spread(each[0] for each in runs)
    return {
        "rows": len(table),
        "fingerprint": table.fingerprint,
        "table_s": spread(from_frame),
        "setup_s": seconds,
        "package_setup_s": theirs_seconds,
        "ratio": theirs_seconds / seconds["median"],
        "encoded_mb": (encoded.scalars.nbytes + encoded.codes.nbytes) / 1e6,
        "package_encoded_mb": matrix.nbytes / 1e6,
        "columns": compare(table, codec, transformer),
    }


def wide(side: str) -> dict[str, float]:
    """In this process: seconds from frame to encoded rows, and the largest resident memory there ever was, in GB."""
    frame = wide_frame()
    before = peak_gb()
    call = (lambda: ours(Table.of(frame))) if side == "ganforge" else (lambda: theirs(frame, ["shop"]))
    seconds, _ = timed(call)
    return {"seconds": seconds, "peak_gb": peak_gb(), "before_gb": before}


def peak_gb() -> float:
    """The largest resident memory of this process so far."""
    status = Path("/proc/self/status")
    if status.is_file():  # on Linux `getrusage` counts the parent's memory, too: it is kept when a process is started
        [line] = [each for each in status.read_text().splitlines() if each.startswith("VmHWM")]
        return int(line.split()[1]) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)


def in_a_process_of_its_own(side: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.codec_setup", side]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> dict:
    import torch

    torch.set_num_threads(1)
    figures = {
        "adult": adult(),
        "wide": {
            "rows": ROWS,
            "categories": CATEGORIES,
            **{side: in_a_process_of_its_own(side) for side in ("ganforge", "ctgan")},
        },
    }
    print(table(figures))
    return save("codec_setup", figures)


def table(figures: dict) -> str:
    adult, wide = figures["adult"], figures["wide"]
    mine, package = wide["ganforge"], wide["ctgan"]
    setup = adult["setup_s"]
    rows = [
        ("Adult: fit and encode, s", f"{setup['median']:.2f}", f"{adult['package_setup_s']:.1f}"),
        ("Adult: encoded, MB", f"{adult['encoded_mb']:.1f}", f"{adult['package_encoded_mb']:.1f}"),
        ("50,000 × 2,000 categories: from frame to encoded, s", f"{mine['seconds']:.2f}", f"{package['seconds']:.1f}"),
        ("50,000 × 2,000 categories: peak memory, GB", f"{mine['peak_gb']:.2f}", f"{package['peak_gb']:.2f}"),
    ]
    columns = [
        (
            name,
            each["modes"],
            each["package_modes"],
            f"{each['log_likelihood']:.2f}".replace("-", "−"),
            f"{each['package_log_likelihood']:.2f}".replace("-", "−"),
            each["spikes"],
            each["grid"],
        )
        for name, each in adult["columns"].items()
    ]
    head = ("column", "modes", "package's", "log-likelihood", "package's", "spikes in the codec", "grid in the codec")
    return (
        f"{markdown(('', 'ganforge', 'ctgan package'), rows)}\n\n"
        f"Seconds of processor time, one thread. Adult: {adult['rows']:,} rows in memory, median of {setup['n']} "
        f"({setup['low']:.2f}–{setup['high']:.2f} s); the package, once, takes × {adult['ratio']:.0f} as long. "
        f"Making the table of a frame takes {adult['table_s']['median']:.2f} s more. Of the peak, "
        f"{mine['before_gb']:.2f} GB are there before, the imports and the frame itself."
        f"\n\n{markdown(head, columns)}\n\n"
        "Modes: of the whole column, of weight above .005. Log-likelihood: nats a row, in units of the column's "
        "standard deviation; where a column has few values it measures how narrow the modes have become. In the codec "
        "itself spikes are modes of their own and the Gaussians are fitted to the rest."
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(wide(sys.argv[1])))
    else:
        main()
