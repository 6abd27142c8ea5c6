"""Rows to a DataFrame, ours beside the `ctgan` package's.

    GANFORGE_DATA=FOLDER python -m benchmarks.ctgan_sampling     # holds tables/adult_train.csv.gz (UCI Adult)

Alternating draws of 100,000 rows by models of a few steps (rows cost the same, however well the networks were trained),
decoded to the columns and dtypes of the data, the package's through the same schema; processor time, one thread. Beside
them what the generator's products alone would allow: as many rows, in the same chunks, multiplied and nothing else.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from benchmarks._common import data_folder, markdown, save, spread
from ganforge.catalog import load_class
from ganforge.data.readers import read_table
from ganforge.data.table import Table
from ganforge.gans.ctgan import CTGANGame
from ganforge.synthesis.drawing import CHUNK
from ganforge.training.matmul import exact_products

TITLE = "Sampling to a DataFrame beside the `ctgan` package"
ROWS, STEPS, SAMPLED, ROUNDS = 5_000, 60, 100_000, 5
RIVAL = "ctgan package"
KINDS = {RIVAL: "reference-ctgan", "ctgan": "ctgan", "ctgan-tuned": "ctgan-tuned"}


def trained(kind: str, table: Table) -> Any:
    own = {} if kind == "reference-ctgan" else {"early_stopping": False}
    return load_class(kind)(steps=STEPS, batch_size=500, pac=10, random_state=0, **own).fit(table)


def products_alone(game: CTGANGame) -> float:
    """Rows a processor second, had a row cost nothing but the products of the generator's layers."""
    weights = [weight for layer in (*game.generator.layers, game.generator.out) for weight in layer.weights]
    inputs = {weight.shape[1]: torch.randn(CHUNK, weight.shape[1]) for weight in weights}
    began, chunks = time.process_time(), max(SAMPLED // CHUNK, 1)
    with torch.no_grad(), exact_products():
        for _ in range(chunks):
            for weight in weights:
                torch.nn.functional.linear(inputs[weight.shape[1]], weight)
    return chunks * CHUNK / (time.process_time() - began)


def main() -> dict:
    torch.set_num_threads(1)
    whole = read_table(data_folder() / "tables" / "adult_train.csv.gz")
    table = whole.take(np.random.default_rng(0).permutation(len(whole))[:ROWS])
    models = {name: trained(kind, table) for name, kind in KINDS.items()}
    for model in models.values():
        assert model.sample(100, random_state=0).dtypes.equals(table.frame.dtypes)
    rates: dict[str, list[float]] = {name: [] for name in models}
    alone: list[float] = []
    for turn in range(ROUNDS + 1):
        for name, model in models.items():
            began = time.process_time()
            model.sample(SAMPLED, random_state=turn)
            if turn:  # the first round warms up
                rates[name].append(SAMPLED / (time.process_time() - began))
        alone.append(products_alone(models["ctgan"].game_))
        print({name: each[-1:] for name, each in rates.items()}, flush=True)
    figures = {
        "data": {"rows": ROWS, "fingerprint": table.fingerprint},
        "rows_a_second": {name: spread(each) for name, each in rates.items()},
        "ratio": {
            name: spread(b / a for a, b in zip(rates[RIVAL], rates[name], strict=True))
            for name in KINDS
            if name != RIVAL
        },
        "products_alone": spread(alone[1:]),
        "ratio_products_alone": spread(b / a for a, b in zip(rates[RIVAL], alone[1:], strict=True)),
    }
    return save("ctgan_sampling", figures)


def table(figures: dict) -> str:
    rows = [(f"`{RIVAL}`", f"{figures['rows_a_second'][RIVAL]['median']:,.0f}", "", "")]
    for name, ratio in figures["ratio"].items():
        rate = figures["rows_a_second"][name]["median"]
        rows.append((name, f"{rate:,.0f}", f"× {ratio['median']:.1f}", f"{ratio['low']:.1f} – {ratio['high']:.1f}"))
    rate, ratio = figures["products_alone"]["median"], figures["ratio_products_alone"]
    spoken = f"{ratio['low']:.1f} – {ratio['high']:.1f}"
    rows.append(("the products of ctgan's generator, nothing else", f"{rate:,.0f}", f"× {ratio['median']:.1f}", spoken))
    return (
        f"{markdown(('', 'rows a processor second (median)', 'faster', 'quartiles'), rows)}\n\n"
        f"{ROUNDS} alternating draws of {SAMPLED:,} rows of UCI Adult's 15 columns each, one thread."
    )


if __name__ == "__main__":
    print(table(main()))
