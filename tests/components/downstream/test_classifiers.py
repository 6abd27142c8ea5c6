"""Classifiers on tables as they come."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import average_precision_score

from ganforge.artifacts import read_artifact
from ganforge.data.table import Table
from ganforge.data.toy import toy_payments
from ganforge.downstream.classifiers import CLASSIFIERS, Classifier, make_classifier
from ganforge.downstream.features import Features
from ganforge.errors import ArtifactError, InputError, UnknownNameError, UnsuitableDataError


@pytest.fixture(scope="module")
def payments():
    frame = toy_payments(1200, seed=0)
    return frame.drop(columns="is_fraud"), frame["is_fraud"]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_it_learns_and_comes_back_from_its_folder(name, payments, tmp_path):
    frame, y = payments
    classifier = make_classifier(name, random_state=0).fit(frame.iloc[:800], y.iloc[:800])
    test = frame.iloc[800:]
    scores = classifier.predict_proba(test)
    assert scores.shape == (400, 2)
    assert np.allclose(scores.sum(axis=1), 1)
    assert average_precision_score(y.iloc[800:], scores[:, 1]) > 5 * y.iloc[800:].mean()
    classifier.save(tmp_path / "model")
    loaded = Classifier.load(tmp_path / "model")
    assert (loaded.predict_proba(test) == scores).all()
    assert loaded.get_params() == classifier.get_params()
    assert loaded.classes_ == (0, 1)
    assert read_artifact(tmp_path / "model").kind == "classifier"


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_score_depends_on_the_row_alone(name, payments):
    frame, y = payments
    classifier = make_classifier(name, random_state=0).fit(frame, y)
    scores = classifier.predict_proba(frame)
    order = np.random.default_rng(0).permutation(len(frame))
    columns = list(frame.columns[::-1])
    assert np.allclose(classifier.predict_proba(frame.iloc[order][columns]), scores[order], rtol=0, atol=1e-12)
    alone = np.vstack([classifier.predict_proba(frame.iloc[[row]]) for row in range(5)])
    assert np.allclose(alone, scores[:5], rtol=0, atol=1e-12)
    assert classifier.predict_proba(frame.iloc[:0]).shape == (0, 2)


def test_what_training_never_saw_is_scored_and_counted(payments):
    frame, y = payments
    for name in CLASSIFIERS:
        classifier = make_classifier(name, random_state=0).fit(frame, y)
        strange = frame.head(4).assign(merchant=["casino", "fuel", None, "casino"], age=np.nan, booked_at=pd.NaT)
        assert np.isfinite(classifier.predict_proba(strange)).all()
        assert classifier.unseen_ == {"merchant": 2}
        assert classifier.left_out_ == ("currency",)


def test_class_weights_change_the_odds_not_the_classes(payments):
    frame, y = payments
    plain = make_classifier("logistic-regression").fit(frame, y)
    balanced = make_classifier("logistic-regression", class_weight="balanced").fit(frame, y)
    by_hand = make_classifier("logistic-regression", class_weight={1: 20.0}).fit(frame, y)
    assert balanced.predict_proba(frame)[:, 1].mean() > 2 * plain.predict_proba(frame)[:, 1].mean()
    assert by_hand.predict_proba(frame)[:, 1].mean() > plain.predict_proba(frame)[:, 1].mean()
    assert clone(balanced).get_params() == balanced.get_params()


def test_weights_by_class_come_back_from_the_folder(payments, tmp_path):
    frame, y = payments
    make_classifier("logistic-regression", class_weight={1: 20.0}).fit(frame, y).save(tmp_path / "model")
    assert Classifier.load(tmp_path / "model").class_weight == {1: 20.0}


@pytest.mark.parametrize(
    ("labels", "positive", "classes"),
    [
        ([0, 1, 1], None, (0, 1)),
        ([False, True, True], None, (False, True)),
        (["yes", "no", "no"], None, ("no", "yes")),  # the rarer one is looked for
        (["yes", "no", "no"], "no", ("yes", "no")),
        (["a", "b", "c"], None, ("a", "b", "c")),
    ],
)
def test_the_class_looked_for_is_the_last(labels, positive, classes):
    frame = pd.DataFrame({"x": np.arange(30.0), "y": np.arange(30.0) % 7})
    classifier = make_classifier("logistic-regression").fit(frame, labels * 10, positive=positive)
    assert classifier.classes_ == classes
    assert set(classifier.predict(frame)) <= set(classes)


def test_boosting_is_scikit_learns_own(payments):
    """No cleverness of ours between the rows and the model: the same numbers as by hand."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    frame, y = payments
    numbers = frame[["amount", "age", "items"]]
    ours = make_classifier(random_state=3).fit(Table.of(numbers, schema={"items": "integer"}), y)
    theirs = HistGradientBoostingClassifier(random_state=3, early_stopping=False).fit(numbers.to_numpy(), y)
    assert np.allclose(ours.predict_proba(numbers), theirs.predict_proba(numbers.to_numpy()), rtol=0, atol=1e-12)


def test_dates_become_hour_and_weekday():
    frame = pd.DataFrame({"at": pd.to_datetime(["1970-01-01 06:30", "2024-02-29 23:00", None, "1969-12-31 00:00"])})
    features = Features.fit(Table.of(frame), one_hot=False).transform(frame)
    assert features[0].tolist() == [6.5, 3]  # a Thursday
    assert features[1].tolist() == [pytest.approx(23), 3]
    assert np.isnan(features[2]).all()
    assert features[3].tolist() == [0, 2]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_row_is_judged_alike_whatever_the_week(name):
    """The date itself is no feature: frauds that came in the last weeks of training are not "all rows from then on"."""
    at = pd.date_range("2026-01-01", periods=400, freq="h")
    frame = pd.DataFrame({"at": at, "amount": np.random.default_rng(0).uniform(0, 9, 400).round(2)})
    late = np.arange(400) >= 300
    classifier = make_classifier(name, random_state=0).fit(frame, late)
    later = frame.assign(at=frame["at"] + pd.Timedelta(weeks=52))
    assert np.allclose(classifier.predict_proba(frame), classifier.predict_proba(later), rtol=0, atol=1e-12)


def test_many_categories_share_one_code_when_rare():
    values = [f"c{k:04d}" for k in range(400)] * 3 + ["c0000"] * 50
    frame = pd.DataFrame({"c": values})
    features = Features.fit(Table.of(frame), one_hot=False)
    codes = features.transform(frame)[:, 0]
    assert codes.max() == 250
    assert codes[values.index("c0000")] == 0
    assert np.isnan(features.transform(pd.DataFrame({"c": ["new"]}))[0, 0])
    classifier = make_classifier(random_state=0).fit(frame, np.arange(len(frame)) % 2)
    assert np.isfinite(classifier.predict_proba(frame)).all()


def test_one_hot_is_scaled_by_the_training_rows_and_flags_gaps():
    frame = pd.DataFrame({"x": [1.0, 3.0, np.nan, 5.5], "c": ["a", "b", "a", "a"]})
    features = Features.fit(Table.of(frame), one_hot=True)
    found = features.transform(frame)
    assert found.shape == (4, 4)  # x, a, b, was x missing
    known = np.array([1.0, 3.0, 5.5])
    assert found[[0, 1, 3], 0] == pytest.approx((known - known.mean()) / known.std())
    assert found[:, 3].tolist() == [0, 0, 1, 0]
    assert found[2, 0] == 0
    assert (Features.from_json(features.to_json()).transform(frame) == found).all()


def test_bad_input_is_named(payments, tmp_path):
    frame, y = payments
    classifier = make_classifier("logistic-regression").fit(frame, y)
    with pytest.raises(UnknownNameError, match=r"no column 'merchant'.*did you mean 'merchnat'"):
        classifier.predict_proba(frame.rename(columns={"merchant": "merchnat"}))
    with pytest.raises(UnknownNameError, match="did you mean 'random-forest'"):
        make_classifier("random-forst")
    with pytest.raises(InputError, match="not fitted yet"):
        Classifier().predict_proba(frame)
    with pytest.raises(InputError, match="not fitted yet"):
        Classifier().save(tmp_path / "x")
    with pytest.raises(InputError, match="1,200 rows but 3 labels"):
        Classifier().fit(frame, [0, 1, 0])
    with pytest.raises(InputError, match="label of row 2 is missing"):
        Classifier().fit(frame.head(3), pd.Series([0, None, 1]))
    with pytest.raises(UnsuitableDataError, match="nothing to tell apart"):
        Classifier().fit(frame.head(3), [1, 1, 1])
    with pytest.raises(UnsuitableDataError, match="no column can be learned from"):
        Classifier().fit(frame[["currency"]], y)
    with pytest.raises(UnknownNameError, match="no class '2'"):
        Classifier(class_weight={2: 1.0}).fit(frame, y)
    from ganforge.artifacts import write_artifact

    write_artifact(tmp_path / "other", kind="ctgan", parameters={})
    with pytest.raises(ArtifactError, match="not a classifier"):
        Classifier.load(tmp_path / "other")
