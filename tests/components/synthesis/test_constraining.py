"""A trained CTGAN under constraints: kept in every row, saved with the model, refused where they cannot be asked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ganforge.data.constraints import Inequality, Sum
from ganforge.data.streams import stream_table
from ganforge.errors import GanforgeWarning, InputError
from ganforge.synthesis.ctgan import CTGAN

MADE = (Inequality("opened", "closed"), "net + tax = gross")


@pytest.fixture(scope="module")
def contracts() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 600
    opened = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    net = np.round(rng.gamma(2, 100, n), 2)
    tax = np.round(net * rng.choice([0.07, 0.19], n), 2)
    frame = pd.DataFrame(
        {
            "opened": opened,
            "closed": opened + pd.to_timedelta(rng.integers(0, 60, n), unit="D"),
            "net": net,
            "tax": tax,
            "gross": np.round(net + tax, 2),
            "paid": np.round((net + tax) * rng.random(n), 2),
            "kind": rng.choice(["new", "old"], n),
        }
    )
    frame.loc[rng.random(n) < 0.1, "closed"] = pd.NaT
    frame.loc[rng.random(n) < 0.1, ["tax", "gross"]] = np.nan
    return frame


def quick(constraints) -> CTGAN:
    return CTGAN(steps=20, batch_size=100, random_state=0, constraints=constraints)


@pytest.fixture(scope="module")
def model(contracts):
    return quick(MADE).fit(contracts)


def test_every_row_keeps_them_with_gaps_and_all(model, contracts, tmp_path):
    model.save(tmp_path / "model")
    for each in (model, CTGAN.load(tmp_path / "model")):
        made = each.sample(2_000, random_state=1)
        assert list(made.columns) == list(contracts.columns)
        assert (made.dtypes == contracts.dtypes).all()
        assert Inequality("opened", "closed").holds(made).all()
        assert Sum(["net", "tax"], "gross").holds(made).all()
        assert 0 < made["closed"].isna().mean() < 1
        np.testing.assert_array_equal(made["gross"].isna(), made["tax"].isna())
        assert made["closed"].max() <= contracts["closed"].max()
    again = CTGAN.load(tmp_path / "model")
    assert again.constraints == ["opened <= closed", "net + tax = gross"]
    pd.testing.assert_frame_equal(again.sample(50, random_state=2), model.sample(50, random_state=2))


def test_conditions_go_together_with_them_but_not_on_what_is_made(model):
    made = model.sample(100, condition={"kind": "new"}, random_state=0)
    assert (made["kind"] == "new").all()
    with pytest.raises(InputError, match=r"'gross' is made of others by the constraint net \+ tax = gross"):
        model.sample(10, condition={"gross": ">5"})


def test_neighbouring_seeds_share_no_row_that_was_drawn_again(contracts):
    """Two chained inequalities and the one they imply: the last is left to rejection."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(np.sort(rng.gamma(2, 100, (400, 3)), axis=1), columns=["a", "b", "c"])
    model = quick(["a <= b", "a <= c", "b <= c"]).fit(frame)
    with pytest.warns(GanforgeWarning, match="drawn again"):
        first, second = [model.sample(200, random_state=seed) for seed in (0, 1)]
    assert not set(first.itertuples(index=False)) & set(second.itertuples(index=False))


def test_what_is_left_to_rejection_holds_too_and_its_rate_is_told(contracts, monkeypatch):
    frame = contracts.dropna().reset_index(drop=True)
    model = quick([*MADE, "paid <= gross"]).fit(frame)
    assert [str(each) for each in model.constrained_.rejecting] == ["paid <= gross"]
    generated, generate = [], model.game_.generate

    def counted(n, places, *, generator):
        generated.append(n)
        return generate(n, places, generator=generator)

    monkeypatch.setattr(model.game_, "generate", counted)
    with pytest.warns(GanforgeWarning, match=r"paid <= gross: \d+\.\d% of the rows drawn kept it"):
        made = model.sample(500, counts={"kind": {"new": 200, "old": 300}}, random_state=0)
    assert (made["paid"] <= made["gross"]).all()
    assert made["kind"].value_counts().to_dict() == {"old": 300, "new": 200}
    assert model.draws_a_row_ == sum(generated) / 500 >= 2  # those drawn again for the constraint count


def test_a_schema_file_brings_its_own(contracts, tmp_path):
    (tmp_path / "schema.yaml").write_text("constraints: [opened <= closed]\n")
    model = CTGAN(steps=2, batch_size=50, random_state=0).fit(contracts, schema=tmp_path / "schema.yaml")
    assert model.constrained_.derived == ("closed",)


def test_real_rows_that_break_one_are_an_error(contracts):
    with pytest.raises(InputError, match="row 1 breaks the constraint closed <= opened"):
        quick(["closed <= opened"]).fit(contracts.assign(closed=contracts["opened"] + pd.Timedelta(days=1)))


def test_a_file_read_by_batches_keeps_them_as_the_table_in_memory_does(contracts, tmp_path):
    contracts.to_parquet(tmp_path / "t.parquet")
    stream = stream_table(tmp_path / "t.parquet", batch=130)
    streamed, whole = quick([*MADE, "paid <= gross"]).fit(stream), quick([*MADE, "paid <= gross"]).fit(contracts)
    assert streamed.constrained_.to_json() == whole.constrained_.to_json()
    with pytest.warns(GanforgeWarning, match="paid <= gross"):
        made = streamed.sample(200, random_state=0)
    with pytest.warns(GanforgeWarning, match="paid <= gross"):
        pd.testing.assert_frame_equal(made, whole.sample(200, random_state=0))
    contracts.assign(paid=contracts["paid"].where(contracts.index != 411, 1e9)).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"row 412 breaks the constraint paid <= gross .*; 1 such rows of 600"):
        quick(["paid <= gross"]).fit(stream_table(tmp_path / "t.parquet", batch=130))
