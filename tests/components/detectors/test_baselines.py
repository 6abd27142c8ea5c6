"""Isolation forest and nearest neighbours, against scikit-learn, PyOD and brute force."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from sklearn.ensemble import IsolationForest as Forest
from sklearn.preprocessing import StandardScaler

from ganforge.artifacts import write_artifact
from ganforge.detectors.isolation_forest import IsolationForest
from ganforge.detectors.knn import KNN
from ganforge.errors import ArtifactError, GanforgeWarning, InputError, UnknownNameError


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(300, 4)) * [1, 10, 0.01, 1e6], rng.normal(size=(50, 4)) * [2, 20, 0.02, 2e6]


def scaled(train, test):
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test)


@pytest.mark.parametrize(("method", "summary"), [("largest", lambda d: d[:, -1]), ("mean", lambda d: d.mean(axis=1))])
def test_knn_is_the_distance_to_the_neighbours_on_scaled_columns(rows, method, summary):
    train, test = scaled(*rows)
    nearest = np.sort(cdist(test, train), axis=1)[:, :5]
    detector = KNN(method=method).fit(rows[0])
    np.testing.assert_allclose(detector.decision_function(rows[1]), summary(nearest), rtol=1e-4)
    among = np.sort(cdist(train, train), axis=1)[:, 1:6]  # without the row itself
    np.testing.assert_allclose(detector.decision_scores_, summary(among), rtol=1e-4)


def test_knn_agrees_with_pyod(rows):
    from pyod.models.knn import KNN as PyodKNN

    train, test = scaled(*rows)
    other = PyodKNN(n_neighbors=5, contamination=0.05).fit(train)
    detector = KNN(contamination=0.05).fit(rows[0])
    np.testing.assert_allclose(detector.decision_function(rows[1]), other.decision_function(test), rtol=1e-4)
    assert detector.threshold_ == pytest.approx(other.threshold_, rel=1e-4)
    np.testing.assert_array_equal(detector.labels_, other.labels_)


def test_knn_keeps_a_drawn_part_of_many_rows(rows):
    with pytest.warns(GanforgeWarning, match="100 of 300 rows are kept as neighbours"):
        detector = KNN(max_samples=100, random_state=0).fit(rows[0])
    assert np.asarray(detector.tree_.data).shape == (100, 4)
    assert (detector.decision_scores_ > 0).all()  # kept rows leave themselves out


def test_knn_explains_by_its_squared_distances(rows):
    detector = KNN().fit(rows[0])
    odd = rows[1][:1].copy()
    odd[0, 2] += 0.2
    reasons = detector.explain(odd)
    assert reasons["reason_1"][0] == "x2"
    train, test = scaled(rows[0], odd)
    nearest = train[np.argsort(cdist(test, train)[0])[:5]]
    parts = ((test - nearest) ** 2).sum(axis=0)
    assert reasons["share_1"][0] == pytest.approx(parts[2] / parts.sum(), rel=1e-3)


def test_isolation_forest_is_scikit_learns(rows):
    detector = IsolationForest(n_estimators=50, random_state=3).fit(rows[0])
    train, encoded = (detector.encoding_.rows(frame(each), source="rows") for each in rows)
    other = Forest(n_estimators=50, max_samples=256, random_state=3).fit(train)
    np.testing.assert_allclose(encoded, scaled(*rows)[1], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(detector.decision_function(rows[1]), -other.score_samples(encoded))
    assert ((detector.decision_scores_ > 0) & (detector.decision_scores_ <= 1)).all()


def test_isolation_forest_explains_by_putting_the_median_in_its_place(rows):
    detector = IsolationForest(random_state=0).fit(rows[0])
    odd = np.median(rows[0], axis=0)[None]
    odd[0, 1] = 200.0
    reasons = detector.explain(odd)
    assert reasons["reason_1"][0] == "x1"
    assert reasons["share_1"][0] > 0.99  # the other columns stand at their medians already


def frame(array):
    return pd.DataFrame(array, columns=[f"x{k}" for k in range(array.shape[1])])


@pytest.mark.parametrize(
    ("detector", "message"),
    [
        (KNN(n_neighbors=0), "n_neighbors=0"),
        (KNN(n_neighbors=2.5), "n_neighbors=2.5"),
        (KNN(max_samples=5), "max_samples=5; give a whole number of at least 6"),
        (IsolationForest(n_estimators=0), "n_estimators=0"),
        (IsolationForest(max_samples="all"), "max_samples='all'"),
        (IsolationForest(max_samples=1), "max_samples=1"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(detector, message, rows):
    with pytest.raises(InputError, match=message):
        detector.fit(rows[0])


def test_an_unknown_method_and_pictures_are_refused(rows):
    with pytest.raises(UnknownNameError, match="did you mean 'largest'"):
        KNN(method="large").fit(rows[0])
    for detector in (KNN(), IsolationForest()):
        with pytest.raises(InputError, match="for pictures there is FAnoGAN"):
            detector.fit(np.zeros((40, 28, 28), dtype=np.uint8))


def test_a_folder_of_another_version_is_told_from_a_defect(tmp_path):
    write_artifact(tmp_path / "model", kind="knn", parameters={"of_a_later_day": 1})
    with pytest.raises(ArtifactError, match=r"another version of ganforge.*train it again"):
        KNN.load(tmp_path / "model")
