"""What may be asked of rows: values, lists, ranges, exact counts, shares of one's own."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from ganforge.data.schema import Column
from ganforge.errors import InputError, UnknownNameError, UnsuitableDataError
from ganforge.synthesis.conditions import joined
from ganforge.synthesis.ctgan import CTGAN, TunedCTGAN
from ganforge.synthesis.ranges import range_of


def payments(n: int = 1_500) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    fraud = rng.random(n) < 0.08
    merchant = rng.choice(["food", "fuel", "travel"], n, p=[0.6, 0.3, 0.1])
    amount = np.exp(rng.normal(3, 0.6, n) + 1.5 * (merchant == "travel") + 1.0 * fraud).round(2)
    when = pd.Timestamp("2024-01-01", tz="Europe/Berlin") + pd.to_timedelta(rng.integers(0, 90 * 24, n), unit="h")
    return pd.DataFrame(
        {
            "merchant": merchant,
            "amount": amount,
            "items": rng.poisson(3, n) * 7,
            "age": np.where(rng.random(n) < 0.2, np.nan, rng.integers(18, 90, n)),
            "booked_at": when,
            "is_fraud": np.where(fraud, "fraud", "fine"),
        }
    )


@pytest.fixture(scope="module")
def model() -> TunedCTGAN:
    return TunedCTGAN(
        steps=400,
        batch_size=200,
        generator_widths=(64, 64),
        critic_widths=(64, 64),
        learning_rate=1e-3,
        random_state=0,
    ).fit(payments())


@pytest.fixture(scope="module")
def plain() -> CTGAN:
    return CTGAN(steps=100, batch_size=200, generator_widths=(32, 32), critic_widths=(32, 32), random_state=0).fit(
        payments()
    )


# --- ranges


@pytest.mark.parametrize(
    ("asked", "low", "high"),
    [
        ((50, None), 50, np.inf),
        ((None, 10.5), 0, 10.5),
        ((20, 40), 20, 40),
        ("50:", 50, np.inf),
        (":10.5", 0, 10.5),
        ("20:40", 20, 40),
        (" >= 50", 50, np.inf),
        ("<=10.5", 0, 10.5),
    ],
)
def test_numbers_lie_in_the_range_asked_for(model, asked, low, high):
    made = model.sample(200, condition={"amount": asked}, random_state=0)
    assert len(made) == 200
    assert made["amount"].between(low, high).all()


def test_a_range_is_asked_of_the_network_not_left_to_chance(model, plain):
    condition = {"amount": (100, None)}  # about 7 % of the rows
    model.sample(500, condition=condition, random_state=0)
    plain.sample(500, condition=condition, random_state=0)
    assert model.obedience_ > 0.5
    assert model.obedience_ > 2 * plain.obedience_
    assert model.draws_a_row_ < plain.draws_a_row_


def test_the_ends_of_a_strict_range_are_left_out(model):
    values = model.sample(300, condition={"items": (7, 21)}, random_state=0)["items"]
    assert set(values) == {7, 14, 21}  # codes that are numbers take ranges too
    values = model.sample(300, condition={"items": "<21"}, random_state=0)["items"]
    assert values.max() == 14
    values = model.sample(300, condition={"items": [7, 28]}, random_state=0)["items"]
    assert set(values) == {7, 28}  # a list holds values, a pair is a range
    assert (model.sample(30, condition={"items": 14}, random_state=0)["items"] == 14).all()


def test_dates_may_be_asked_for_in_any_zone(model):
    made = model.sample(100, condition={"booked_at": ("2024-02-01", "2024-03-01")}, random_state=0)
    assert made["booked_at"].between("2024-02-01", "2024-03-01").all()
    assert str(made["booked_at"].dtype) == str(payments()["booked_at"].dtype)
    made = model.sample(100, condition={"booked_at": ">2024-03-01T00:00:00+00:00"}, random_state=0)
    assert (made["booked_at"] > pd.Timestamp("2024-03-01", tz="UTC")).all()


def test_hours_that_clocks_skip_or_repeat():
    """In Berlin 02:30 was not on 31 March 2024, and twice on 27 October."""
    column = Column(name="at", kind="datetime", dtype="datetime64[ns, Europe/Berlin]", low=0, high=2 * 10**18)
    assert range_of(column, ">2024-03-31 02:30").low == pd.Timestamp("2024-03-31 03:00", tz="Europe/Berlin")
    with pytest.raises(InputError, match=r"'at'.*was twice.*as in '2024-10-27 02:30:00\+02:00'"):
        range_of(column, ">2024-10-27 02:30")
    assert range_of(column, ">2024-10-27 02:30+01:00").low == pd.Timestamp("2024-10-27 01:30", tz="UTC")


@pytest.mark.parametrize("asked", [f">={2**62 + 3}", (2**62 + 3, None), (np.int64(2**62 + 3), None)])
def test_ends_beyond_what_floats_tell_apart(asked):
    column = Column(name="id", kind="integer", dtype="int64", low=2**62, high=2**62 + 5)
    within = range_of(column, asked).holds(pd.Series(2**62 + np.arange(6)))
    assert within.tolist() == [False, False, False, True, True, True]


def test_what_is_missing_lies_in_no_range(model):
    made = model.sample(200, condition={"age": (18, 40)}, random_state=0)
    assert made["age"].notna().all()
    assert made["age"].between(18, 40).all()


def test_ranges_and_values_together(model):
    made = model.sample(60, condition={"amount": (30, 200), "merchant": "travel", "is_fraud": "fraud"}, random_state=0)
    assert made["amount"].between(30, 200).all()
    assert (made["merchant"] == "travel").all()
    assert (made["is_fraud"] == "fraud").all()


@pytest.mark.parametrize("column", ["age", "items"])  # learned as a number, and as categories that are numbers
def test_a_pair_is_a_range_whatever_the_number_of_values(model, column):
    values = model.sample(200, condition={column: (14, 35)}, random_state=0)[column]
    assert values.between(14, 35).all()
    assert len(set(values)) > 2


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"age": [20, 60]}, r"'age' is learned as a number.*\[20, 60\].*a tuple for a range, \(20, 60\), one value"),
        ({"amount": [20]}, r"'amount' is learned as a number.*a tuple for a range, \(low, high\).*'amount': 'categ"),
        ({"age": {20, 60}}, "'age' is learned as a number"),
        ({"booked_at": ["2024-02-01", "2024-03-01"]}, "'booked_at' is learned as a date.*a tuple for a range"),
        ({"merchant": ("fuel", "food")}, r"'merchant': a tuple is a range.*as in \['fuel', 'food'\]"),
        ({"is_fraud": ("fraud",)}, "'is_fraud': a tuple is a range"),
    ],
)
def test_a_list_is_no_range_and_a_pair_no_list(model, condition, message):
    with pytest.raises(InputError, match=message):
        model.sample(5, condition=condition)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ((1e7, None), r"'amount': no value lies from 1e\+?0?7|'amount': no value lies from 10000000"),
        ((None, -3), "'amount': no value lies up to -3; the values learned from run from"),
        ((40, 20), "'amount': no value lies from 40 up to 20"),
        ((1, 2, 3), "'amount': a range has two ends"),
        ("a lot", "'amount' is continuous, and 'a lot' is no number"),
        (">", "'amount' is continuous, and '' is no number"),
        ((float("nan"), 3), "cannot end at a missing value"),
    ],
)
def test_a_range_that_cannot_hold_is_refused_before_a_row_is_made(model, asked, message):
    with pytest.raises(InputError, match=message):
        model.sample(5, condition={"amount": asked})


def test_a_date_that_is_none_is_refused(model):
    with pytest.raises(InputError, match="'booked_at' is datetime, and 'soon' is no date"):
        model.sample(5, condition={"booked_at": ("soon", None)})


def test_too_narrow_a_range_says_at_what_rate_it_was_met(plain):
    condition = {"amount": (payments()["amount"].max(), None), "merchant": "food"}
    with pytest.raises(UnsuitableDataError, match=r"amount from .*of [\d,]+ rows .* a wider range"):
        plain.sample(2_000, condition=condition, random_state=0)


# --- lists, counts, shares


def test_one_of_several_values_comes_as_often_as_in_the_data(model):
    made = model.sample(3_000, condition={"merchant": ["food", "travel"]}, random_state=0)
    share = made["merchant"].value_counts(normalize=True)
    assert set(share.index) == {"food", "travel"}
    assert share["food"] == pytest.approx(0.6 / 0.7, abs=0.03)


def test_counts_are_exact(model):
    made = model.sample(counts={"is_fraud": {"fraud": 150, "fine": 50}}, random_state=0)
    assert made["is_fraud"].value_counts().to_dict() == {"fraud": 150, "fine": 50}
    assert (made["is_fraud"][:150] != "fraud").any()  # in random order
    named = model.sample(counts={"fraud": 70}, random_state=0)  # one column has such a value
    assert named["is_fraud"].tolist() == ["fraud"] * 70
    both = model.sample(200, counts={"is_fraud": {"fraud": 200}}, condition={"merchant": "fuel"}, random_state=0)
    assert (both["merchant"] == "fuel").all()


def test_shares_of_ones_own(model):
    made = model.sample(4_000, prior={"merchant": {"fuel": 0.75, "travel": 0.25}}, random_state=0)
    share = made["merchant"].value_counts(normalize=True)
    assert share["fuel"] == pytest.approx(0.75, abs=0.03)
    assert share["travel"] == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("prior", ["is_fraud", {"is_fraud": "balanced"}])
def test_all_values_of_one_column_alike(model, prior):
    made = model.sample(2_000, prior=prior, random_state=0)
    assert (made["is_fraud"] == "fraud").mean() == pytest.approx(0.5, abs=0.04)
    assert made["merchant"].value_counts(normalize=True)["food"] == pytest.approx(0.6, abs=0.12)  # as it falls out


def test_several_columns_may_be_balanced(model):
    made = model.sample(2_000, prior={"is_fraud": "balanced", "merchant": "balanced"}, random_state=0)
    assert (made["is_fraud"] == "fraud").mean() == pytest.approx(1 / 2, abs=0.04)
    assert made["merchant"].value_counts(normalize=True).between(0.29, 0.38).all()


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, pd.NaT])
def test_a_missing_value_can_be_asked_for_in_a_number(model, nothing):
    made = model.sample(200, condition={"age": nothing, "merchant": "fuel"}, random_state=0)
    assert made["age"].isna().all()
    assert (made["merchant"] == "fuel").all()
    assert model.obedience_ > 0.8


def test_no_text_is_a_missing_value(model):
    schema = model.codec_.schema
    assert joined([("age", ""), ("merchant", "fuel")], schema) == {"age": None, "merchant": "fuel"}


def test_where_modes_cannot_be_asked_for_a_missing_value_is_left_to_chance(plain):
    assert plain.sample(50, condition={"age": None}, random_state=0)["age"].isna().all()


def test_gaps_that_hang_together_are_asked_for_together(monkeypatch):
    rng = np.random.default_rng(0)
    gone = rng.random(600) < 0.3
    numbers = rng.normal(size=(2, 600))
    frame = pd.DataFrame(
        {
            "a": np.where(gone, np.nan, numbers[0]),
            "b": np.where(gone, np.nan, numbers[1]),
            "c": np.where(rng.random(600) < 0.2, None, "x"),
        }
    )
    model = TunedCTGAN(
        steps=60, batch_size=100, generator_widths=(32, 32), critic_widths=(32, 32), learning_rate=1e-3, random_state=0
    ).fit(frame)
    made = model.sample(100, condition={"a": None}, random_state=0)
    assert made[["a", "b"]].isna().all(axis=None)
    assert model.obedience_ > 0.6
    assert made["c"].isna().mean() < 0.6

    # a network that makes a value in a tenth of the rows, where its pattern of gaps says that all have one
    generate, block = model.game_.generate, list(frame).index("b")

    def gappy(n, places, *, generator):
        scalars, codes = generate(n, places, generator=generator)
        codes[:, -1] = int((~model.codec_.patterns.missing.any(axis=1)).argmax())
        codes[:, block] = 0
        codes[: round(0.9 * n), block] = model.codec_.layout.blocks[block].width - 1
        return scalars, codes

    monkeypatch.setattr(model.game_, "generate", gappy)
    made = model.sample(100, condition={"b": (frame["b"].min(), frame["b"].max())}, random_state=0)
    assert made["b"].notna().all()  # mended
    assert model.obedience_ == pytest.approx(0.1)


def test_a_balanced_prior_lifts_the_rare_and_the_real_one_does_not(model):
    real = model.sample(4_000, random_state=0)["is_fraud"].value_counts(normalize=True)
    balanced = model.sample(4_000, prior="balanced", random_state=0)["is_fraud"].value_counts(normalize=True)
    assert real["fraud"] == pytest.approx(0.08, abs=0.025)
    assert balanced["fraud"] > real["fraud"] + 0.03


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"counts": {"is_fraud": {"froud": 5}}}, UnknownNameError, "'fraud'"),
        ({"counts": {"is_froud": {"fraud": 5}}}, UnknownNameError, "'is_fraud'"),
        ({"counts": {"is_fraud": {"fraud": 2.5}}}, InputError, "is_fraud='fraud' has 2.5 rows"),
        ({"counts": {"is_fraud": {"fraud": 5}}, "n": 6}, InputError, "add up to 5 rows .*6 rows are asked for"),
        ({"counts": {"nobody": 5}}, InputError, "no column has the values 'nobody'"),
        ({"n": None}, InputError, "how many rows"),
        ({"n": 5, "prior": "even"}, UnknownNameError, "balanced"),
        ({"n": 5, "prior": "is_froud"}, UnknownNameError, "'is_fraud'"),
        ({"n": 5, "prior": "amount"}, UnknownNameError, "merchant"),
        ({"n": 5, "prior": {"amount": "balanced"}}, InputError, "amount"),
        ({"n": 5, "condition": {"amount": None}}, InputError, "'amount': no value was missing"),
        ({"n": 5, "condition": {"merchant": None}}, UnknownNameError, "missing"),
        ({"n": 5, "prior": {"merchant": {"fuel": -1}}}, InputError, "share -1"),
        ({"n": 5, "prior": {"merchant": {"fuel": 0}}}, InputError, "add up to 0"),
        ({"n": 5, "prior": {"merchant": {"feul": 1}}}, UnknownNameError, "'fuel'"),
        ({"n": 5, "prior": {"merchant": {"fuel": 0.5}}}, InputError, "add up to 0.5; say what the other values"),
        ({"n": 5, "prior": {"merchant": {"fuel": 0.9, "food": 0.9}}}, InputError, "'merchant' add up to 1.8; give"),
        ({"n": 5, "prior": {"merchant": {"fuel": 3, "food": 1}}}, InputError, "up to 4; .*divide each of them by 4"),
        ({"n": 5, "prior": {"is_fraud": {"fraud": 0.3, "fine": 0.3}}}, InputError, "add up to 0.6; give shares"),
        ({"n": 5, "condition": ["merchant"]}, InputError, r"condition=\['merchant'\]; give a mapping"),
        ({"counts": [5]}, InputError, r"counts=\[5\]; give a mapping"),
        ({"n": 5, "prior": None}, InputError, "prior=None; give one of real, balanced"),
        ({"n": 5, "condition": {"merchant": []}}, InputError, "'merchant': there is no value"),
        (
            {"n": 5, "condition": {"merchant": "fuel"}, "prior": {"merchant": {"food": 1}}},
            InputError,
            "'merchant' is asked for twice",
        ),
    ],
)
def test_what_cannot_hold_is_refused(model, options, error, message):
    with pytest.raises(error, match=message):
        model.sample(**options)


@pytest.fixture(scope="module")
def with_constants() -> CTGAN:
    rows = payments(200)[["merchant", "is_fraud"]].assign(
        currency="EUR", online=True, fee=7, day=pd.Timestamp("2025-05-05", tz="Europe/Berlin"), nothing=np.nan
    )
    return CTGAN(steps=2, batch_size=50, generator_widths=(8,), critic_widths=(8,), random_state=0).fit(rows)


@pytest.mark.parametrize(
    "asked",
    [
        {"condition": {"currency": "EUR"}}, {"condition": {"currency": ["USD", "EUR"]}},
        {"condition": {"online": "true"}}, {"condition": {"fee": "7.0"}}, {"condition": {"fee": (5, None)}},
        {"condition": {"fee": "<8"}}, {"condition": {"fee": [6, 7]}}, {"condition": {"day": "2025-05-05"}},
        {"condition": {"day": ">2025-01-01"}}, {"condition": {"nothing": None}}, {"condition": {"nothing": ""}},
        {"counts": {"currency": {"EUR": 30, "USD": 0}}}, {"prior": {"currency": {"EUR": 0.5, "USD": 0}}},
        {"prior": "currency"}, {"prior": {"currency": "balanced"}},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_always_so_asks_nothing(with_constants, asked):
    rows = 30 if "counts" not in asked else None
    made = with_constants.sample(rows, random_state=1, **asked)
    pd.testing.assert_frame_equal(made, with_constants.sample(30, random_state=1))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"condition": {"currency": "USD"}}, "'currency' is 'EUR' in all data .* no row can have 'USD'"),
        ({"condition": {"currency": ("USD", "GBP")}}, r"'currency' is 'EUR' .* no row can have \('USD', 'GBP'\)"),
        ({"condition": {"currency": None}}, "'currency' is 'EUR' .* no row can have None"),
        ({"condition": {"online": False}}, "'online' is True .* no row can have False"),
        ({"condition": {"fee": ">7"}}, "'fee' is 7 .* no row can have '>7'"),
        ({"condition": {"fee": "seven"}}, "'fee' is 7 .* no row can have 'seven'"),
        ({"condition": {"day": "2025-05-06"}}, r"'day' is 2025-05-05 .* no row can have '2025-05-06'"),
        ({"condition": {"nothing": 5}}, "'nothing' is missing in all data .* no row can have 5"),
        ({"counts": {"currency": {"USD": 3}}}, "'currency' is 'EUR' .* no row can have 'USD'"),
        ({"prior": {"currency": {"EUR": 0.9, "USD": 0.1}}}, "'currency' is 'EUR' .* no row can have 'USD'"),
        ({"counts": {"currency": {"EUR": 3}}}, "30 rows are asked for"),
        ({"prior": {"currency": "nonsense"}}, "prior: column 'currency' needs values and shares, .* not 'nonsense'"),
        ({"prior": {"fee": 0.5}}, "prior: column 'fee' needs values and shares, .* not 0.5"),
    ],
)
def test_what_is_never_so_is_told_beside_what_is(with_constants, asked, said):
    with pytest.raises(InputError, match=said):
        with_constants.sample(30, **asked)


def test_ranges_of_a_constant_hold_together(with_constants):
    schema = with_constants.codec_.schema
    asked = joined([("fee", ">5"), ("fee", "<9"), ("day", ">2025-01-01"), ("day", ":2026-01-01")], schema)
    pd.testing.assert_frame_equal(
        with_constants.sample(30, condition=asked, random_state=1), with_constants.sample(30, random_state=1)
    )
    with pytest.raises(InputError, match=r"'fee' is 7 .* no row can have '<6'"):
        joined([("fee", ">5"), ("fee", "<6")], schema)
    with pytest.raises(InputError, match=r"'fee' is 7 .* no row can have '>8'"):
        with_constants.sample(30, condition=joined([("fee", ">8"), ("fee", "<9")], schema))
    with pytest.raises(InputError, match="'currency' is asked for twice"):
        joined([("currency", "EUR"), ("currency", "USD")], schema)
    with pytest.raises(InputError, match="'fee' is asked for twice"):
        joined([("fee", "7"), ("fee", "")], schema)


@pytest.fixture(scope="module")
def shifts() -> CTGAN:
    rng = np.random.default_rng(0)
    began = [dt.time(int(6 + each // 60), int(each % 60)) for each in rng.integers(0, 14 * 60, 400)]
    rows = pd.DataFrame({"began": began, "shift": [dt.time(6 if each.hour < 14 else 14) for each in began]})
    return CTGAN(steps=2, batch_size=50, generator_widths=(8,), critic_widths=(8,), random_state=0).fit(rows)


@pytest.mark.parametrize(
    ("asked", "low", "high"),
    [
        (("12:30", None), dt.time(12, 30), dt.time(19, 59)),
        ((dt.time(7), dt.time(9, 15)), dt.time(7), dt.time(9, 15)),
        ("<=12:30:00", dt.time(6), dt.time(12, 30)),
    ],
)
def test_a_part_of_the_day_can_be_asked_for(shifts, asked, low, high):
    made = shifts.sample(60, condition={"began": asked, "shift": "06:00:00"}, random_state=0)
    assert all(low <= each <= high for each in made["began"])
    assert set(made["shift"]) == {dt.time(6)}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (">21:00", "'began': no value lies over 21:00:00; the values learned from run from 06:02:00 to 19:57:00"),
        ("noon", "'began' holds times of day, and 'noon' is none, as 06:30 is one; a range is"),
        (7, "'began' holds times of day, and 7 is none"),
        (["07:00", "08:00"], r"'began' is learned as a time of day, .* give a tuple for a range, \('07:00', '08:00'\)"),
    ],
)
def test_what_is_no_part_of_the_day_is_refused(shifts, asked, said):
    with pytest.raises(InputError, match=said):
        shifts.sample(5, condition={"began": asked})


def test_the_same_rows_for_the_same_number(model):
    asked = {"condition": {"amount": (50, None)}, "prior": {"merchant": {"fuel": 0.5, "food": 0.5}}}
    first = model.sample(80, random_state=3, **asked)
    pd.testing.assert_frame_equal(first, model.sample(80, random_state=3, **asked))
    assert not first.equals(model.sample(80, random_state=4, **asked))
