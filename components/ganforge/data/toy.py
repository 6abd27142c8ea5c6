"""Small data to try things on: for the project's own tests and for anyone's.

Every function is a pure one of its arguments; `seed` makes it come out the same.
"""

# pandas' own annotations are unions of all it could be; what a call gives here is known better than they say.
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportIndexIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import numpy as np
import pandas as pd

from ganforge.data.images import Images


def ring(n: int, *, modes: int = 8, radius: float = 2.0, deviation: float = 0.05, seed: int = 0) -> np.ndarray:
    """(n, 2) float64: Gaussians of standard `deviation` on a circle, each as likely. A collapsed GAN loses some."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * rng.integers(modes, size=n) / modes
    return radius * np.column_stack([np.cos(angle), np.sin(angle)]) + rng.normal(0, deviation, (n, 2))


def toy_payments(n: int = 1_000, *, fraud_share: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """Payments of mixed kinds with dependence between columns: dates, amounts in cents with a heavy tail, whole
    numbers, categories, booleans, missing values, a constant column, and a rare class `is_fraud` (0/1; at least one
    of each when n ≥ 2) that amount, country and hour tell something about."""
    rng = np.random.default_rng(seed)
    fraud = rng.random(n) < fraud_share
    fraud[:2] = (True, False)[:n]
    merchant = np.where(
        fraud,
        rng.choice(["electronics", "travel", "grocery"], n, p=[0.6, 0.3, 0.1]),
        rng.choice(["grocery", "fuel", "electronics", "travel"], n, p=[0.5, 0.3, 0.15, 0.05]),
    )
    base = pd.Series(merchant).map({"grocery": 3.0, "fuel": 3.8, "electronics": 5.2, "travel": 6.0}).to_numpy()
    amount = np.round(np.exp(rng.normal(base + 0.6 * fraud, 0.6)), 2)
    hour = np.where(
        fraud & (rng.random(n) < 0.7), rng.integers(0, 6, n), np.clip(rng.normal(14, 4, n), 0, 23).astype(int)
    )
    day = np.sort(rng.integers(0, 60, n))
    moment = pd.Timestamp("2025-01-01") + pd.to_timedelta(
        day * 86_400 + hour * 3_600 + rng.integers(0, 3_600, n), unit="s"
    )
    age = np.clip(rng.normal(45, 15, n), 18, 95).round()
    age[rng.random(n) < 0.1] = np.nan
    country = np.where(
        fraud & (rng.random(n) < 0.5), "XK", rng.choice(["DE", "FR", "NL"], n, p=[0.6, 0.3, 0.1])
    ).astype(object)
    country[rng.random(n) < 0.05] = np.nan
    return pd.DataFrame(
        {
            "booked_at": moment,
            "amount": amount,
            "merchant": merchant.astype(object),
            "country": country,
            "age": age,
            "items": rng.poisson(3, n) + rng.integers(0, 15, n),
            "online": (merchant == "electronics") ^ (rng.random(n) < 0.1),
            "currency": "EUR",
            "is_fraud": fraud.astype(np.int64),
        }
    ).assign(booked_at=lambda frame: frame["booked_at"].astype("datetime64[ns]"))


def toy_images(n: int = 64, *, classes: int = 2, size: int = 28, channels: int = 1, seed: int = 0) -> Images:
    """n pictures of size × size: class k has a bright bar at its own height, noise all over. Classes take turns."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    pixels = rng.integers(0, 60, (n, channels, size, size), dtype=np.uint8)
    for row, label in enumerate(labels):
        top = int(label * size / classes)
        left = int(rng.integers(0, size // 4 + 1))
        pixels[row, :, top : top + max(size // classes - 1, 1), left : left + size // 2] += 180
    return Images.of(pixels, labels, source="toy images")


def planted_anomalies(
    n: int = 1_000, *, share: float = 0.05, columns: int = 6, seed: int = 0
) -> tuple[pd.DataFrame, np.ndarray]:
    """A frame (n, columns) on a two-dimensional sheet with noise, and y (n,) int64: 1 for the rows that lie off it.

    The anomalies have the margins of the others column by column (they are shuffled), so only the dependence
    between columns gives them away.
    """
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(n, 2))
    values = np.tanh(latent @ rng.normal(size=(2, columns))) * 3 + latent @ rng.normal(size=(2, columns))
    values += rng.normal(0, 0.05, values.shape)
    y = np.zeros(n, dtype=np.int64)
    odd = rng.choice(n, max(1, round(share * n)), replace=False)
    y[odd] = 1
    for column in range(columns):
        values[odd, column] = rng.choice(values[:, column], len(odd))
    return pd.DataFrame(values, columns=[f"x{k}" for k in range(columns)]), y
