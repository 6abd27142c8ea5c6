"""What the commands that judge a table share."""

from __future__ import annotations

import pandas as pd
import pytest

from ganforge.data.toy import toy_payments


@pytest.fixture
def payments(tmp_path, monkeypatch) -> pd.DataFrame:
    """A scarce table, standing as payments.csv in the folder that the commands run in."""
    monkeypatch.chdir(tmp_path)
    frame = toy_payments(240, fraud_share=0.15, seed=0)
    frame.to_csv("payments.csv", index=False)
    return frame
