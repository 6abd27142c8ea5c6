"""The stages of the flow `fraud`: what is split and how, and that the arm registered is the arm judged."""

from __future__ import annotations

import datetime as dt
import json
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ganforge.data.features import PaymentFeatures
from ganforge.data.simulators import simulate_payments
from ganforge.data.toy import toy_payments
from ganforge.downstream import verdict
from ganforge.downstream.augmenting import rows_wanted
from ganforge.downstream.leaks import MARK
from ganforge.errors import GanforgeWarning, InputError, UnsuitableDataError
from ganforge.synthesis.base import marked
from ganforge.synthesis.ctgan import CTGAN
from ganforge_pipelines.lineage import stamps
from ganforge_pipelines.stages import fraud
from ganforge_pipelines.stages.models import judged_steps
from ganforge_pipelines.stages.running import run_stage
from ganforge_pipelines.stages.tables import read_part

pytestmark = pytest.mark.filterwarnings("default::ganforge.errors.GanforgeWarning")


def run(workspace, verb: str, **overrides) -> dict:
    run_stage(f"fraud-{verb}", workspace, workspace.params(flow="fraud", overrides=overrides))
    return json.loads(workspace.path("work/fraud/prepare/facts.json").read_text())


def write(workspace, frame: pd.DataFrame) -> None:
    frame.to_csv(workspace.data / "payments.csv", index=False)


def later_first(**columns) -> pd.DataFrame:
    """400 payments, the last of the file being the first in time."""
    frame = toy_payments(400, fraud_share=0.1, seed=0).drop(columns="booked_at")
    return frame.assign(at=pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(400)[::-1], unit="h"), **columns)


def test_a_time_column_left_out_still_splits_and_is_no_feature(workspace):
    write(workspace, later_first())
    facts = run(workspace, "prepare", **{"prepare.time": "at", "prepare.leave_out": ["at"]})
    train, test = (pd.read_parquet(workspace.path(f"work/fraud/prepare/{part}.parquet")) for part in ("train", "test"))
    assert train["at"].max() < test["at"].min()
    assert train["at"].dtype == np.float64  # seconds: nothing reads an hour or a weekday out of them
    assert facts["unseen"] == ["at"]
    assert facts["left_out"] == ["at"]
    assert "by at" in facts["split"]["how"]
    assert facts["split"]["later"] is True


def test_the_days_of_the_gap_lie_between_the_parts(workspace):
    write(workspace, later_first())
    facts = run(workspace, "prepare", **{"prepare.time": "at", "prepare.leave_out": ["at"], "prepare.gap": 1.5})
    train, test = (pd.read_parquet(workspace.path(f"work/fraud/prepare/{part}.parquet")) for part in ("train", "test"))
    assert test["at"].min() - train["at"].max() == 37 * 3_600.0  # the first hour more than a day and a half before
    assert facts["split"]["train"] == 300 - 36  # an hour a row


def test_no_synthetic_row_has_the_identifier_of_a_real_one(workspace):
    """Numbers and texts that rise with time: the rows held out have the largest."""
    numbers = np.arange(400)[::-1]
    write(workspace, later_first(payment_id=numbers + 1_000, voucher=[f"V-{each:05d}" for each in numbers]))
    asked = {"prepare.time": "at", "sample.rows": 30}
    facts = run(workspace, "prepare", **asked)
    real = read_part(workspace.path("work/fraud/prepare/train.parquet"), facts)
    assert real.frame["payment_id"].max() < 1_399
    CTGAN(steps=1, batch_size=20).fit(real).save(workspace.path("work/fraud/train/generator"))
    run(workspace, "sample", **asked)
    synthetic = pd.read_parquet(workspace.path("work/fraud/sample/synthetic.parquet"))
    assert synthetic["payment_id"].tolist() == list(range(1_400, 1_430))
    assert synthetic["voucher"].tolist() == [f"V-{each:05d}" for each in range(400, 430)]


def test_synthetic_times_of_day_are_written_as_the_file_has_them(workspace):
    """Many different ones are numbers inside, few are categories."""
    frame = later_first().drop(columns="at")
    times = {"sent": [dt.time(6 + k % 16, k * 7 % 60) for k in range(400)], "shift": [dt.time(6), dt.time(14)] * 200}
    kinds = {"sent": pa.time64("us"), "shift": pa.time32("ms")}
    given = {name: pd.Series(each, dtype=pd.ArrowDtype(kinds[name])) for name, each in times.items()}
    frame.assign(**given).to_parquet(workspace.data / "payments.parquet")
    asked = {"prepare.data": "data/payments.parquet", "sample.rows": 30}
    facts = run(workspace, "prepare", **asked)
    real = read_part(workspace.path("work/fraud/prepare/train.parquet"), facts)
    CTGAN(steps=1, batch_size=20).fit(real).save(workspace.path("work/fraud/train/generator"))
    run(workspace, "sample", **asked)
    path = workspace.path("work/fraud/sample/synthetic.parquet")
    written = pq.read_schema(path)
    assert {name: written.field(name).type for name in kinds} == kinds
    assert pq.read_table(path)["sent"].to_pandas().between(dt.time(6), dt.time(22)).all()
    again = read_part(path, facts)
    assert (again.schema["sent"].kind, again.schema["shift"].kind) == ("datetime", "categorical")
    assert again.frame.dtypes.equals(real.frame.dtypes)
    assert set(again.frame["shift"]) <= {"06:00:00", "14:00:00"}


class Asked(Exception):
    """Ends the stage where the judge would begin."""


@pytest.fixture
def asked(monkeypatch):
    """What the stage asks of the library's judge: `asked["data"]`, `asked["target"]`, and its options by name."""
    told: dict = {}

    def judge(data, target, **options):
        told.update(data=data, target=target, **options)
        raise Asked

    monkeypatch.setattr(verdict, "judge", judge)
    return told


def test_the_judge_is_told_time_gap_and_amount(workspace, asked):
    write(workspace, simulate_payments(customers=40, terminals=60, days=120, seed=2).drop(columns="scenario"))
    named = {"customer": "customer_id", "terminal": "terminal_id", "amount": "amount", "time": "booked_at", "gap": 7.5}
    roles = {f"prepare.{role}": each for role, each in named.items()} | {"judge.alert_cost": 7.5, "judge.folds": 3}
    run(workspace, "prepare", **roles)
    with pytest.raises(Asked):
        run(workspace, "judge", **roles)
    assert (asked["time"], asked["gap"], asked["folds"]) == ("booked_at", 7.5 * 86_400, 3)
    assert (asked["amount"], asked["alert_cost"], asked["group"]) == ("amount", 7.5, None)
    assert asked["target"] == "is_fraud"
    assert {"booked_at", "amount"} <= set(asked["data"].schema.names)


def test_the_judge_chooses_among_classifiers_and_ratios(workspace, asked):
    run(workspace, "prepare")
    with pytest.raises(Asked):
        run(workspace, "judge")
    assert asked["classifiers"] == ["gradient-boosting", "logistic-regression"]
    assert asked["sampling_strategy"] == [0.1, 0.5]  # that of `sample` is the highest
    with pytest.raises(Asked):
        run(
            workspace, "judge", **{"judge.classifier": "random-forest", "judge.ratios": [0.3, 0.9], "sample.ratio": 0.4}
        )
    assert (asked["classifiers"], asked["sampling_strategy"]) == (["random-forest"], [0.3, 0.4])


def by_card(workspace) -> pd.DataFrame:
    """400 payments by 40 cards, of which four in ten rows are the first one's."""
    rng = np.random.default_rng(5)
    card = np.where(rng.random(400) < 0.4, 0, rng.integers(1, 40, 400))
    frame = toy_payments(400, fraud_share=0.2, seed=0).assign(card=[f"C{each:03d}" for each in card])
    write(workspace, frame)
    return frame


def test_the_judge_knows_whose_a_row_is_by_numbers_alone(workspace, asked):
    frame = by_card(workspace)
    facts = run(workspace, "prepare", **{"prepare.group": "card"})
    assert facts["split"]["how"] == "by card"
    with pytest.raises(Asked):
        run(workspace, "judge", **{"prepare.group": "card"})
    assert asked["group"] == "card"
    lines = pd.read_parquet(workspace.path("work/fraud/prepare/rows.parquet"))
    cards = frame["card"].iloc[lines.loc[lines["part"] == "train", "row"] - 1]
    codes = asked["data"].frame["card"]
    assert codes.dtype == np.int64
    assert len(set(zip(cards, codes, strict=True))) == cards.nunique() == codes.nunique()
    assert "card" not in pd.read_parquet(workspace.path("work/fraud/prepare/train.parquet"))


def test_cards_with_a_row_in_common_are_on_one_side(workspace):
    """Each of the 200 rows is there twice, by two cards that share nothing else; the label of a twin may differ."""
    once = toy_payments(200, fraud_share=0.15, seed=1).drop(columns="booked_at")
    frame = pd.concat([once, once.assign(is_fraud=once["is_fraud"].sample(frac=1, random_state=0).to_numpy())])
    write(workspace, frame.assign(card=[f"C{k // 4:03d}" for k in range(400)]))
    run(workspace, "prepare", **{"prepare.group": "card"})
    lines = pd.read_parquet(workspace.path("work/fraud/prepare/rows.parquet"))
    part = lines.set_index("row")["part"].sort_index()
    assert (part.to_numpy()[:200] == part.to_numpy()[200:]).all()
    assert lines.groupby("entity")["part"].nunique().eq(1).all()
    assert 0.1 < (part == "test").mean() < 0.4
    write(workspace, frame.assign(card=[f"C{k % 7}" for k in range(400)]))
    with pytest.raises(UnsuitableDataError, match=r"all values of 'card' hang together .* prepare\.group to null"):
        run(workspace, "prepare", **{"prepare.group": "card"})
    write(workspace, frame.assign(card="C1"))
    with pytest.raises(
        UnsuitableDataError, match=r"'card' has one value, so no part .* prepare\.group, or set it to null"
    ):
        run(workspace, "prepare", **{"prepare.group": "card"})


def test_rows_held_out_by_card_are_not_called_later_ones(workspace):
    by_card(workspace)
    split = run(workspace, "prepare", **{"prepare.group": "card", "prepare.time": "booked_at"})["split"]
    assert (split["how"], split["later"]) == ("by card", False)


def test_with_a_group_precision_by_it_is_measured(workspace, monkeypatch):
    """The library's judge with its cheapest arm alone; a card never stands on both sides of one of its folds."""
    by_card(workspace)
    real, sides = verdict.judge, []

    def cheap(data, target, **options):
        return real(data, target, **{**options, "synthesizer": {}, "arms": [], "inner_folds": 0})

    def spied(table, labels, target, protocol, *rest):
        pairs = split(table, labels, target, protocol, *rest)
        sides.extend((protocol.entities[train], protocol.entities[test]) for train, test in pairs)
        return pairs

    split = verdict.split
    monkeypatch.setattr(verdict, "judge", cheap)
    monkeypatch.setattr(verdict, "split", spied)
    asked = {"prepare.group": "card", "judge.classifier": "logistic-regression", "judge.n_jobs": 1}
    run(workspace, "prepare", **asked)
    run(workspace, "judge", **asked)
    told = json.loads(workspace.path("work/fraud/judge/verdict.json").read_text())
    precision = told["arms"]["none"]["measures"]["group_precision_at_100"]["folds"]
    assert len(precision) == len(sides) == 5
    assert all(0 < each <= 1 for each in precision)
    assert all(not set(train) & set(test) for train, test in sides)


@pytest.mark.parametrize("inner_folds", [0, 2])
def test_the_ratio_that_was_chosen_stays_to_its_last_digit(workspace, monkeypatch, inner_folds):
    """A row may hang on the seventh digit: so many positives a negative that 37 rows are made."""
    real = verdict.judge

    def cheap(data, target, **options):
        arms = ["random oversampling"]
        return real(data, target, **{**options, "synthesizer": {}, "arms": arms, "inner_folds": inner_folds})

    monkeypatch.setattr(verdict, "judge", cheap)
    asked = {"judge.classifier": "logistic-regression", "judge.n_jobs": 1, "judge.ratios": [], "sample.rows": 37}
    split = run(workspace, "prepare", **asked)["split"]
    run(workspace, "judge", **asked)
    told = json.loads(workspace.path("work/fraud/judge/verdict.json").read_text())
    negatives = split["train"] - split["train_positive"]
    assert told["arms"]["random oversampling"]["ratio"] == (split["train_positive"] + 37) / negatives


def test_dates_stay_for_their_hour_and_seconds_do_not(workspace):
    write(workspace, later_first())
    assert run(workspace, "prepare", **{"prepare.time": "at"})["unseen"] == []
    write(workspace, later_first().assign(at=np.arange(400.0)))
    assert run(workspace, "prepare", **{"prepare.time": "at"})["unseen"] == ["at"]


@pytest.mark.parametrize("flow", ["fraud", "anomalies"])
def test_synthetic_rows_are_refused_before_anything_is_trained(workspace, flow):
    """Those that `ganforge augment` marks by a column, and files that say of themselves that no row is real."""
    frame = toy_payments(400, fraud_share=0.1, seed=0)
    both = frame.assign(**{MARK: np.arange(400) >= 390})
    made = {"made_by": "ganforge sample", "rows": 400, "synthetic_rows": 400, "which": stamps.ALL}
    told = stamps.stamp(**made, generator={}, data=[], seed=0)
    both.to_parquet(workspace.data / "both.parquet")
    stamps.write_stamped(frame, workspace.data / "made.parquet", told)
    marked(frame.copy()).to_parquet(workspace.data / "sampled.parquet")
    both.assign(**{MARK: False}).to_parquet(workspace.data / "real.parquet")
    asked = {"anomalies.prepare.label": "is_fraud", "anomalies.prepare.leave_out": []}

    def prepare(name: str) -> dict:
        asked[f"{flow}.prepare.data"] = f"data/{name}"
        run_stage(f"{flow}-prepare", workspace, workspace.params(overrides=asked))
        return json.loads(workspace.path(f"work/{flow}/prepare/facts.json").read_text())

    with pytest.raises(InputError, match=r"data/both\.parquet: 10 of 400 rows are marked as synthetic"):
        prepare("both.parquet")
    with pytest.raises(InputError, match=r"data/made\.parquet: all 400 rows are synthetic, made by ganforge sample"):
        prepare("made.parquet")
    with pytest.raises(InputError, match=r"data/sampled\.parquet: 400 of 400 rows are marked as synthetic"):
        prepare("sampled.parquet")
    assert MARK not in [column["name"] for column in prepare("real.parquet")["schema"]["columns"]]


def test_the_target_cannot_be_left_out(workspace):
    with pytest.raises(InputError, match="is the target and in leave_out"):
        run(workspace, "prepare", **{"prepare.leave_out": ["is_fraud"]})


def test_a_column_that_tells_the_target_is_told_of_before_anything_trains(workspace):
    frame = pd.read_csv(workspace.data / "payments.csv")
    told = np.where(frame["is_fraud"] == 1, 5.0, 0.0) + np.random.default_rng(0).random(len(frame))
    write(workspace, frame.assign(chargeback=told))
    with pytest.warns(GanforgeWarning, match=r"'chargeback' alone finds the positives .* leave it out"):
        run(workspace, "prepare")
    write(workspace, frame.assign(verdict=np.where(frame["is_fraud"] == 1, "bad", "good")))
    with pytest.raises(UnsuitableDataError, match=r"payments\.csv: column 'verdict' says in every row"):
        run(workspace, "prepare")


def test_twins_stay_on_one_side_whatever_their_number(workspace):
    """Every row is there twice, under a number of its own and with another remark, which is left out."""
    once = toy_payments(200, fraud_share=0.15, seed=1).drop(columns="booked_at")
    frame = pd.concat([once, once], ignore_index=True)
    frame = frame.assign(payment_id=[f"P{k:06d}" for k in range(400)], remark=np.random.default_rng(0).normal(size=400))
    write(workspace, frame)
    run(workspace, "prepare", **{"prepare.leave_out": ["remark"]})
    train, test = (pd.read_parquet(workspace.path(f"work/fraud/prepare/{part}.parquet")) for part in ("train", "test"))
    columns = [each for each in train.columns if each != "payment_id"]
    both = train[columns].drop_duplicates().merge(test[columns].drop_duplicates(), how="inner", on=columns)
    assert len(both) == 0


def test_twins_of_what_is_tested_on_are_not_trained_on(workspace):
    """Sent again later under another number, by a clock that only counts; one of them with another label."""
    frame = toy_payments(300, fraud_share=0.15, seed=1).drop(columns="booked_at").assign(step=np.arange(300) + 1)
    other = frame.columns.drop(["step", "is_fraud"])
    frame.loc[290:296, other] = frame.loc[20:26, other].to_numpy()
    write(workspace, frame)
    with pytest.warns(GanforgeWarning, match="7 rows before the test part left out of training: the same"):
        run(workspace, "prepare", **{"prepare.time": "step"})
    train, test = (pd.read_parquet(workspace.path(f"work/fraud/prepare/{part}.parquet")) for part in ("train", "test"))
    assert len(train.merge(test, on=list(other))) == 0
    assert not set(train["step"]) & set(range(21, 28))


def test_several_kinds_are_called_what_they_are(workspace):
    frame = pd.read_csv(workspace.data / "payments.csv")
    kinds = np.where(frame["is_fraud"] == 0, "normal", np.where(np.arange(len(frame)) % 3, "stolen", "forged"))
    write(workspace, frame.drop(columns="is_fraud").assign(kind=kinds))
    facts = run(workspace, "prepare", **{"prepare.target": "kind"})
    assert "43 with kind≠normal (2 kinds) (10.75%)" in facts["headline"]


@pytest.mark.parametrize("rows", [1, 37, 500])
def test_the_judge_adds_as_many_rows_as_are_registered(rows):
    facts = {"split": {"train": 300, "train_positive": 30}, "positive": "is_fraud=1"}
    ratio = fraud._ratio(facts, {"rows": rows, "ratio": 0.5})
    assert rows_wanted(positives=30, negatives=270, ratio=ratio) == rows
    assert rows_wanted(positives=24, negatives=216, ratio=ratio) == pytest.approx(0.8 * rows, abs=1)
    assert fraud._ratio(facts, {"rows": None, "ratio": 0.5}) == 0.5


def test_a_generator_judged_on_fewer_steps_is_told():
    with pytest.warns(GanforgeWarning, match="trained for 300 of 1,200 steps"):
        told = judged_steps(CTGAN(steps=300), {"kind": "ctgan", "steps": 1200})
    assert told == {"judged": 300, "registered": 1200}


@pytest.mark.slow
def test_every_kind_is_made_and_the_clock_is_hidden_from_the_classifier(workspace):
    frame = later_first()
    kinds = np.where(frame["is_fraud"] == 0, "normal", np.where(np.arange(len(frame)) % 3, "stolen", "forged"))
    write(workspace, frame.drop(columns="is_fraud").assign(kind=kinds))
    asked = {
        "prepare.target": "kind",
        "prepare.time": "at",
        "prepare.leave_out": ["at"],
        "train.steps": 4,
        "train.batch_size": 50,
        "sample.rows": 30,
        "judge.steps": 2,
        "judge.folds": 2,
        "judge.n_jobs": 1,
    }
    for verb in ("prepare", "train", "sample", "judge", "classify"):
        facts = run(workspace, verb, **asked)
    synthetic = pd.read_parquet(workspace.path("work/fraud/sample/synthetic.parquet"))
    assert len(synthetic) == 30
    shares = pd.read_parquet(workspace.path("work/fraud/prepare/train.parquet"))["kind"].value_counts()
    for kind in facts["positive_values"]:
        wanted = 30 * shares[kind] / facts["split"]["train_positive"]
        assert (synthetic["kind"] == kind).sum() == pytest.approx(wanted, abs=15)  # two steps obey loosely
    verdict = json.loads(workspace.path("work/fraud/judge/verdict.json").read_text())
    assert verdict["generator_steps"] == {"judged": 2, "registered": 4}
    learned = workspace.path("work/fraud/classify/classifier")
    documents = "".join(each.read_text() for each in learned.glob("*.json"))
    assert '"at"' not in documents
    assert '"amount"' in documents


def test_payments_know_their_past_and_lose_their_identifiers(workspace):
    write(workspace, simulate_payments(customers=20, terminals=20, days=50, seed=1).drop(columns="scenario"))
    named = {"customer": "customer_id", "terminal": "terminal_id", "amount": "amount", "paid_at": "booked_at"}
    asked = {f"prepare.{role}": column for role, column in named.items()}
    left_out = ["payment_id", "booked_at"]
    facts = run(workspace, "prepare", **asked, **{"prepare.leave_out": left_out, "prepare.label_delay_days": 3.0})
    assert facts["left_out"] == [*left_out, "customer_id", "terminal_id"]
    train, test = (pd.read_parquet(workspace.path(f"work/fraud/prepare/{part}.parquet")) for part in ("train", "test"))
    assert sorted(train.columns) == sorted(["amount", "is_fraud", *facts["features"]])
    kinds = {column["name"]: column["kind"] for column in facts["schema"]["columns"]}
    assert (kinds["customer_id_count_7d"], kinds["customer_id_mean_7d"]) == ("integer", "continuous")
    # what the stage left lets a payment to come have the features it would have had in the file
    payments = pd.read_csv(workspace.data / "payments.csv", parse_dates=["booked_at"])
    made = PaymentFeatures(
        time="booked_at",
        customer="customer_id",
        terminal="terminal_id",
        amount="amount",
        target="is_fraud",
        label_delay=3,
    ).fit_transform(payments)
    assert len(train) + len(test) == len(payments)
    rows = pd.concat([train, test])[facts["features"]].astype(float)
    pd.testing.assert_frame_equal(
        rows.sort_values(facts["features"], ignore_index=True),
        made[facts["features"]].astype(float).sort_values(facts["features"], ignore_index=True),
    )
    state = json.loads(workspace.path("work/fraud/prepare/features.json").read_text())
    newest = payments[payments["booked_at"] == payments["booked_at"].max()]
    served = PaymentFeatures.from_json(state).transform(newest)
    pd.testing.assert_frame_equal(served, made.loc[newest.index])


@pytest.mark.parametrize("form", ["%H:%M", "%H:%M:%S"])
def test_payments_at_times_of_day_are_refused(workspace, form):
    frame = simulate_payments(customers=20, terminals=20, days=50, seed=1).drop(columns="scenario")
    write(workspace, frame.assign(booked_at=frame["booked_at"].dt.strftime(form)))
    named = {"customer": "customer_id", "terminal": "terminal_id", "amount": "amount", "paid_at": "booked_at"}
    with pytest.raises(InputError, match="'booked_at' holds times of day without a date; name one of dates"):
        run(workspace, "prepare", **{f"prepare.{role}": column for role, column in named.items()})


def test_nights_are_those_of_the_clock_that_the_file_is_written_in(workspace):
    frame = simulate_payments(customers=20, terminals=20, days=50, seed=1).drop(columns="scenario")
    named = {"customer": "customer_id", "terminal": "terminal_id", "amount": "amount", "paid_at": "booked_at"}
    asked = {**{f"prepare.{role}": column for role, column in named.items()}, "prepare.leave_out": ["payment_id"]}

    def nights(offset) -> list[bool]:
        write(workspace, frame.assign(booked_at=frame["booked_at"].astype(str) + offset))
        run(workspace, "prepare", **asked)
        parts = [pd.read_parquet(workspace.path(f"work/fraud/prepare/{part}.parquet")) for part in ("train", "test")]
        return pd.concat(parts).sort_values("booked_at", kind="stable")["at_night"].tolist()

    unzoned = nights("")
    assert True in unzoned
    assert False in unzoned
    assert nights("+05:00") == unzoned
    state = json.loads(workspace.path("work/fraud/prepare/features.json").read_text())
    later = frame[-1:].assign(booked_at=pd.Timestamp("2026-01-01 22:00", tz="UTC"))  # 03:00 there
    assert PaymentFeatures.from_json(state).transform(later)["at_night"].tolist() == [True]
    with pytest.warns(GanforgeWarning, match=r"2 distances from UTC.*those of UTC\+02:00"):
        nights(np.where(np.arange(len(frame)) < len(frame) // 3, "+01:00", "+02:00"))


def test_a_gap_shorter_than_the_labels_delay_is_told(workspace):
    write(workspace, simulate_payments(customers=40, terminals=60, days=120, seed=2).drop(columns="scenario"))
    named = {"customer": "customer_id", "terminal": "terminal_id", "amount": "amount", "time": "booked_at"}
    asked = {f"prepare.{role}": column for role, column in named.items()}
    with pytest.warns(GanforgeWarning, match=r"prepare.gap=7 leaves those out"):
        run(workspace, "prepare", **asked)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert (
            run(workspace, "prepare", **asked, **{"prepare.gap": 7.0})["split"]["how"] == "by booked_at, 7 days apart"
        )
    assert not [each for each in caught if "prepare.gap" in str(each.message)]


def test_a_table_without_customers_has_no_such_features(workspace):
    facts = run(workspace, "prepare")
    assert facts["features"] == []
    assert json.loads(workspace.path("work/fraud/prepare/features.json").read_text()) is None


def test_a_feature_does_not_take_the_place_of_a_column(workspace):
    frame = simulate_payments(customers=20, terminals=20, days=50, seed=1).drop(columns="scenario")
    write(workspace, frame.assign(at_night=False))
    named = {"customer": "customer_id", "terminal": "terminal_id", "amount": "amount", "time": "booked_at"}
    asked = {f"prepare.{role}": column for role, column in named.items()}
    with pytest.raises(InputError, match=r"no column 'customer'.*prepare.customer.; did you mean 'customer_id'"):
        run(workspace, "prepare", **asked | {"prepare.customer": "customer"})
    with pytest.raises(InputError, match="'at_night', and so is a column"):
        run(workspace, "prepare", **asked)


@pytest.mark.slow
def test_constraints_of_the_schema_file_hold_in_the_synthetic_rows(workspace):
    frame = pd.read_csv(workspace.data / "payments.csv").assign(fee=lambda rows: (rows["amount"] * 0.01).round(2))
    write(workspace, frame.assign(total=(frame["amount"] + frame["fee"]).round(2)))
    (workspace.root / "schema.yaml").write_text("constraints: [amount + fee = total, fee <= amount]\n")
    asked = {
        "prepare.schema": "schema.yaml",
        "train.steps": 4,
        "train.batch_size": 50,
        "sample.rows": 40,
    }
    for verb in ("prepare", "train", "sample"):
        facts = run(workspace, verb, **asked)
    assert facts["constraints"] == ["amount + fee = total", "fee <= amount"]
    synthetic = pd.read_parquet(workspace.path("work/fraud/sample/synthetic.parquet"))
    np.testing.assert_allclose(synthetic["amount"] + synthetic["fee"], synthetic["total"])
    assert (synthetic["fee"] <= synthetic["amount"]).all()
