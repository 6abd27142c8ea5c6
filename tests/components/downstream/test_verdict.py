"""The judgement of tables: leak-proof, right about what is known to help or harm, plain about what it cannot judge."""

import json
import warnings

import numpy as np
import pandas as pd
import planted
import pytest
from sklearn.ensemble import VotingClassifier
from sklearn.metrics import average_precision_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from ganforge.data.splits import folds as split_folds
from ganforge.data.table import Table
from ganforge.data.toy import toy_payments
from ganforge.downstream import trials
from ganforge.downstream.arms import PLAIN_ARMS
from ganforge.downstream.classifiers import make_classifier
from ganforge.downstream.measures import MEASURES
from ganforge.downstream.verdict import PRESETS, judge
from ganforge.errors import GanforgeWarning, InputError, InterruptedRunError, UnknownNameError, UnsuitableDataError

FEATURES = ["x", "y", "noise"]
LEAN = {"arms": ("class weights",), "classifiers": "logistic-regression", "sampling_strategy": 0.5, "inner_folds": 0}
"""One model and one ratio: nothing to choose, so that a judgement takes a second."""
BOOSTING = {**LEAN, "classifiers": "gradient-boosting"}


@pytest.fixture(scope="module")
def table():
    return planted.ring_table()


@pytest.fixture(autouse=True)
def _forget():
    for each in (planted.Copier, planted.Oracle, planted.Liar, planted.Jitter):
        each.seen.clear()
    planted.Jitter.stop_at = None


def rows_of(frame):
    """The rows as tuples of their features, which are all different."""
    return set(map(tuple, frame[FEATURES].round(9).to_numpy()))


# -- no leak -------------------------------------------------------------------------------------------------------


def test_a_synthesizer_never_sees_the_fold_it_is_judged_on(table):
    """Whatever it memorises, the rows it will be tested on are not among it."""
    judge(table, "target", synthesizer=planted.Oracle(), random_state=0, **LEAN)
    positive = table["target"].to_numpy() == 1
    pairs = split_folds(positive, k=5, random_state=0)
    assert len(planted.Oracle.seen) == 5
    for seen, (train, test) in zip(planted.Oracle.seen, pairs, strict=True):
        assert rows_of(seen) == rows_of(table.iloc[train])
        assert not rows_of(seen) & rows_of(table.iloc[test])


def test_only_real_rows_are_tested_on_each_once(table):
    planted.Watched.tested.clear()
    options = {**LEAN, "classifiers": {"watched": planted.Watched()}}
    verdict = judge(table.drop(columns="moment"), "target", synthesizer=planted.Oracle(), **options)
    assert verdict.arms["oracle"].details["rows_added"] == [432, 432, 432, 432, 432]
    together = np.concatenate(planted.Watched.tested[2::3])  # none, class weights, oracle, fold by fold
    raw = table[FEATURES].to_numpy()
    assert sorted(map(tuple, together)) == sorted(map(tuple, raw))


def test_duplicates_stay_on_one_side(table):
    doubled = pd.concat([table, table], ignore_index=True)
    judge(doubled, "target", synthesizer=planted.Oracle(), folds=3, **LEAN)
    for seen in planted.Oracle.seen:
        counts = seen.groupby(FEATURES).size()
        assert (counts == 2).all()


def test_what_the_training_rows_do_not_show_is_not_known_to_the_fit(table):
    """Bounds and categories of the test fold must not reach the synthesizer through a schema of the whole table."""
    schemas = []

    class Spy(planted.Oracle):
        def fit(self, data, **more):
            schemas.append((data.schema, data.frame))
            return super().fit(data, **more)

    extreme = table.assign(x=table["x"].where(table.index != 17, 1e6))
    judge(Table.of(extreme), "target", synthesizer=Spy(), **LEAN)
    highs = [schema["x"].high for schema, _ in schemas]
    assert sorted(high > 1e5 for high in highs) == [False, True, True, True, True]
    assert all(schema["x"].high == frame["x"].max() for schema, frame in schemas)


def test_folds_go_forward_in_time_with_a_gap(table):
    with pytest.warns(GanforgeWarning, match="the classifier does not see moment"):
        verdict = judge(
            table,
            "target",
            synthesizer=planted.Oracle(),
            time="moment",
            gap=6000.0,
            folds=3,
            **LEAN,
        )
    ordered = np.sort(table["moment"].to_numpy())
    begins = [ordered[300], ordered[600], ordered[900]]
    for seen, begin in zip(planted.Oracle.seen, begins, strict=True):
        assert seen["moment"].max() < begin - 6000
        assert len(seen) == (table["moment"] < begin - 6000).sum()
    assert verdict.test_to_train == pytest.approx(np.mean([300 / 200, 300 / 500, 300 / 800]))


def test_the_classifier_does_not_see_seconds_that_tell_the_time(table):
    few = {**LEAN, "synthesizer": planted.Oracle(), "folds": 2, "classifiers": {"watched": planted.Watched()}}
    planted.Watched.tested.clear()
    with pytest.warns(GanforgeWarning, match="a running clock tells it only how late a row is"):
        judge(table, "target", time="moment", **few)
    widths = {"seconds": {each.shape[1] for each in planted.Watched.tested}}
    dated = table.assign(moment=pd.Timestamp("2026-01-01") + pd.to_timedelta(table["moment"], unit="s"))
    for name, frame, options in (("dates", dated, {"time": "moment"}), ("no time", table, {})):
        planted.Watched.tested.clear()
        judge(frame, "target", **few, **options)
        widths[name] = {each.shape[1] for each in planted.Watched.tested}
    assert widths == {"seconds": {3}, "dates": {5}, "no time": {4}}  # of dates: hour and weekday
    assert all("moment" in seen.columns for seen in planted.Oracle.seen)


# -- right about what is known -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_rows_that_help_are_recommended():
    scarce = planted.ring_table(3000, positives=50).drop(columns="moment")
    verdict = judge(scarce, "target", synthesizer=planted.Oracle(), **BOOSTING)
    assert (verdict.outcome, verdict.recommended) == ("helped", "oracle")
    assert str(verdict).startswith("Augment. Oracle's rows lift gradient boosting")
    assert verdict.beats_guessing
    assert verdict.difference("oracle").low > 0


@pytest.mark.slow
def test_rows_that_harm_are_called_so(table):
    verdict = judge(table, "target", synthesizer=planted.Liar(), **BOOSTING)
    assert verdict.outcome == "harmed"
    assert verdict.recommended != "liar"
    assert "do harm" in verdict.sentence


@pytest.mark.slow
def test_the_arm_without_anything_is_plain_cross_validation(table):
    verdict = judge(table, "target", synthesizer=planted.Oracle(), random_state=3, **BOOSTING)
    expected = []
    for fold, (train, test) in enumerate(split_folds(table["target"].to_numpy() == 1, k=5, random_state=3)):
        features = table.drop(columns="target")
        model = make_classifier(random_state=3 + fold).fit(features.iloc[train], table["target"].iloc[train])
        scores = model.predict_proba(features.iloc[test])[:, 1]
        expected.append(average_precision_score(table["target"].iloc[test], scores))
    assert verdict.arms["none"].folds == pytest.approx(expected, abs=1e-12)
    assert (verdict.n_rows, verdict.n_positive) == (1200, 40)
    assert verdict.base_rate == pytest.approx(40 / 1200)
    assert verdict.measure == "average precision"


def test_copies_of_real_rows_are_dropped_and_counted(table):
    with pytest.warns(GanforgeWarning, match=r"8,640 synthetic rows were exact copies"):
        verdict = judge(table, "target", synthesizer=planted.Copier(), **LEAN)
    copier = verdict.arms["copier"]
    assert copier.details["rows_added"] == [0] * 5
    assert sum(copier.details["copies_dropped"]) == 4 * 2160  # drawn again three times
    assert copier.folds == verdict.arms["none"].folds
    assert copier.difference.mean == 0


def test_the_strategy_says_how_many_rows_are_added(table):
    for strategy, wanted in ((0.1, 61), (1.0, 896)):
        verdict = judge(
            table,
            "target",
            synthesizer=planted.Oracle(),
            **{**LEAN, "sampling_strategy": strategy},
        )
        assert verdict.arms["oracle"].details["rows_added"] == [wanted] * 5


def test_curves_are_thin_and_whole(table):
    verdict = judge(table, "target", synthesizer=planted.Oracle(), **LEAN)
    assert {name: len(curves) for name, curves in verdict.curves.items()} == dict.fromkeys(verdict.arms, 5)
    for curves in verdict.curves.values():
        for curve in curves:
            assert len(curve.recall) == len(curve.precision) <= 200
            assert (curve.recall[0], curve.recall[-1]) == (0, 1)
            assert list(curve.recall) == sorted(curve.recall)


def test_a_thin_curve_keeps_its_area():
    rng = np.random.default_rng(0)
    truth = rng.random(20_000) < 0.05
    score = rng.normal(truth.astype(float), 1)
    curve = trials.thin_curve(truth, score)
    area = float(np.sum(np.diff(curve.recall) * np.array(curve.precision[1:])))
    assert len(curve.recall) <= 200
    assert area == pytest.approx(average_precision_score(truth, score), abs=0.005)


# -- targets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values", [[0.0, 1.0], [False, True], ["no", "yes"], ["normal", "attack"], [0, 1]], ids=lambda values: str(values)
)
def test_a_target_may_be_written_in_many_ways(table, values):
    spelt = table.assign(
        target=np.array(values, dtype=type(values[0]) if values[0] != "no" else object)[table["target"]]
    )
    options = {**LEAN, "synthesizer": planted.Oracle(), "folds": 3}
    told = judge(spelt, "target", **options)
    assert told.arms["oracle"].folds == judge(table, "target", **options).arms["oracle"].folds


def test_several_kinds_of_positives_are_drawn_in_proportion(table):
    positive = np.flatnonzero(table["target"] == 1)
    kinds = table.assign(target=table["target"].map({0: "normal", 1: "flood"}))
    kinds.loc[positive[:10], "target"] = "probe"
    asked = []

    class Spy(planted.Oracle):
        def sample(self, n, *, condition=None, random_state=None):
            asked.append((condition["target"], n))
            return super().sample(n, condition=condition, random_state=random_state)

    judge(kinds, "target", synthesizer=Spy(), folds=2, **LEAN)
    by_kind = {kind: sum(n for each, n in asked if each == kind) for kind in ("flood", "probe")}
    assert by_kind["flood"] + by_kind["probe"] == 2 * 270
    assert by_kind["flood"] == pytest.approx(3 * by_kind["probe"], rel=0.1)


# -- choosing ------------------------------------------------------------------------------------------------------

QUICK = {"synthesizer": planted.Jitter(), "folds": 5, "sampling_strategy": (0.1, 0.4)}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ganforge.errors.GanforgeWarning")
def test_every_arm_chooses_its_classifier_and_ratio_and_is_measured_in_every_way(table):
    verdict = judge(
        table.drop(columns="moment"), "target", classifiers=("logistic-regression", "gradient-boosting"), **QUICK
    )
    assert list(verdict.arms) == [*PLAIN_ARMS, "jitter"]
    assert len(planted.Jitter.seen) == 5  # one training a fold serves both ratios, both classifiers and all inner folds
    for name, arm in verdict.arms.items():
        assert arm.classifier == "gradient-boosting"  # no line tells a ring from what is around it
        assert arm.ratio in ((0.1, 0.4) if name in ("random oversampling", "smote-nc", "jitter") else (None,))
        assert arm.adds_rows == (arm.ratio is not None)
        assert arm.synthetic == (name == "jitter")
        assert set(arm.measures) == set(MEASURES)
        assert arm.measures["average_precision"].folds == arm.folds
        assert all(len(each.folds) == 5 for each in arm.measures.values())
        assert 0 <= arm.measures["precision_at_100"].mean <= 1
        assert sum(each["rows"] for each in arm.details["reliability"]) == 1200
    none, moved = verdict.arms["none"], verdict.arms["tuned threshold"]
    assert moved.folds == none.folds  # another threshold is the same order
    assert moved.against_none.equivalent == 1
    assert moved.measures["savings"].mean > none.measures["savings"].mean
    weights = verdict.arms["class weights"]
    assert weights.measures["brier_recalibrated"].mean < weights.measures["brier"].mean
    assert verdict.to_json()["arms"]["jitter"]["classifier"] == "gradient-boosting"


def test_any_classifier_of_scikit_learns_kind_can_be_asked(table):
    models = {"svm": LinearSVC(random_state=0), "logistic-regression": None}
    verdict = judge(
        table, "target", synthesizer={}, arms=(), classifiers=models, folds=2, inner_folds=2, sampling_strategy=0.5
    )
    assert list(verdict.arms) == ["none"]
    assert verdict.classifier in models
    assert set(verdict.arms["none"].details["chosen"]) <= set(models)
    neighbours = {"synthesizer": {}, "classifiers": {"k": KNeighborsClassifier()}, "folds": 2, "inner_folds": 0}
    with pytest.raises(InputError, match="takes weights; leave out the arm 'class weights'"):
        judge(table, "target", arms=("class weights",), **neighbours)
    with pytest.warns(GanforgeWarning, match=r"\(k\) takes weights: the arm 'class weights' is left out"):
        assert "class weights" not in judge(table, "target", **neighbours).arms
    with pytest.raises(InputError, match="neither probabilities nor a decision function"):
        judge(table, "target", synthesizer={}, classifiers={"scaler": StandardScaler()})


@pytest.mark.parametrize("kind", [planted.Boosted, planted.OlderBoosted])
def test_boosting_of_other_packages_can_be_asked(table, kind):
    """LightGBM, XGBoost: weights and gaps are theirs to take, names of columns no hindrance. Older ones have none of
    scikit-learn's tags; then gaps are filled."""
    kind.weighted.clear()
    kind.gaps.clear()
    gaps = table.assign(noise=table["noise"].mask(table.index % 7 == 0)).rename(columns={"moment": "moment [s], {raw}"})
    verdict = judge(
        gaps.assign(shop=np.where(table.index % 3, "a", "b")),
        "target",
        synthesizer=planted.Oracle(),
        arms=("class weights",),
        classifiers={"boosted": kind(n_estimators=10, max_bin=63)},
        sampling_strategy=0.5,
        folds=2,
        inner_folds=2,
    )
    assert list(verdict.arms) == ["none", "class weights", "oracle"]
    assert all(arm.classifier == "boosted" for arm in verdict.arms.values())
    assert verdict.arms["none"].mean > 2 * verdict.base_rate
    assert sum(kind.weighted) == 2 * 3  # two inner folds and the whole part, in each fold
    assert set(kind.gaps) == {kind is planted.Boosted}


def test_what_is_chosen_never_sees_the_fold_it_is_judged_on(table):
    """All fits together on at most a fold's training part, and the test rows scored by no model but the last."""
    Counted = planted.Watched
    Counted.tested.clear()
    options = {**LEAN, "classifiers": {"watched": Counted()}, "inner_folds": 2, "sampling_strategy": (0.1, 0.5)}
    judge(table.drop(columns="moment"), "target", synthesizer={}, **{**options, "arms": ("smote-nc",)})
    sizes = [len(each) for each in Counted.tested]
    none, smote = [480, 480, 240], [480, 480, 480, 480, 240]
    assert sizes == (none + smote) * 5


def test_entities_stay_on_one_side_and_are_not_learned(table):
    customer = np.random.default_rng(0).integers(0, 200, len(table))
    owned = table.assign(customer=customer)
    verdict = judge(owned, "target", synthesizer=planted.Oracle(), group="customer", folds=3, **LEAN)
    assert 0 < verdict.arms["none"].measures["group_precision_at_100"].mean < 1
    owners = pd.Series(customer, index=map(tuple, table[FEATURES].round(9).to_numpy()))
    for seen in planted.Oracle.seen:
        assert "customer" not in seen.columns
        trained = set(owners[list(rows_of(seen))])
        held = set(owners[[key for key in owners.index if key not in rows_of(seen)]])
        assert not trained & held


def test_amounts_weigh_what_is_missed(table):
    rng = np.random.default_rng(0)
    dear = table.assign(amount=np.where(table["target"] == 1, rng.uniform(400, 600, 1200), rng.uniform(9, 30, 1200)))
    with pytest.warns(GanforgeWarning, match="column 'amount' alone finds the positives"):
        verdict = judge(dear, "target", synthesizer={}, amount="amount", alert_cost=5.0, **LEAN)
    assert verdict.arms["class weights"].measures["savings"].mean > 0.9
    with pytest.raises(InputError, match="'x' cannot be the amount"):
        judge(table, "target", synthesizer={}, amount="x", **LEAN)
    with pytest.raises(InputError, match="alert_cost=-1"):
        judge(table, "target", synthesizer={}, alert_cost=-1, **LEAN)


def test_repeats_are_folds_drawn_anew(table):
    verdict = judge(table, "target", synthesizer={}, folds=2, repeats=3, **LEAN)
    assert len(verdict.arms["none"].folds) == 6
    assert verdict.test_to_train == pytest.approx(1)
    with pytest.raises(InputError, match="can be cut in one way"):
        judge(table, "target", synthesizer={}, time="moment", repeats=3, **LEAN)


def test_presets_and_arms_are_known_by_name(table):
    with pytest.raises(UnknownNameError, match="did you mean 'quick'"):
        judge(table, "target", preset="quik")
    with pytest.raises(UnknownNameError, match="did you mean 'smote-nc'"):
        judge(table, "target", arms=("smote",))
    assert PRESETS["full"].repeats == 10


def test_harm_that_auroc_hides_is_told():
    """Added rows that lift the area under the ROC curve and ruin the top of the list, as SMOTE does to a tree."""
    rng = np.random.default_rng(0)
    n = 4000
    positive = np.arange(n) < 80
    easy = positive & (rng.random(n) < 0.6)
    frame = pd.DataFrame({"x": rng.normal(size=n), "y": rng.normal(size=n) + positive, "target": positive.astype(int)})
    frame.loc[easy, "x"] = rng.uniform(4.9, 5.0, easy.sum())
    verdict = judge(
        frame,
        "target",
        synthesizer={"broad": planted.Broad()},
        **{**BOOSTING, "classifiers": "tree"}
        | {"classifiers": {"tree": DecisionTreeClassifier(min_samples_leaf=5, random_state=0)}},
    )
    broad, none = verdict.arms["broad"].measures, verdict.arms["none"].measures
    assert broad["auroc"].mean > none["auroc"].mean
    assert broad["average_precision"].mean < none["average_precision"].mean - 0.05
    assert verdict.outcome == "harmed"
    assert verdict.recommended == "none"


# -- the course of it ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_more_jobs_change_nothing(table):
    options = {**LEAN, "synthesizer": planted.Jitter(), "folds": 3}
    with pytest.warns(GanforgeWarning, match="a column was repaired"):
        alone = judge(table, "target", n_jobs=1, **options)
    with pytest.warns(GanforgeWarning, match="a column was repaired"):
        together = judge(table, "target", n_jobs=2, **options)
    assert [arm.folds for arm in together.arms.values()] == [arm.folds for arm in alone.arms.values()]
    assert together.notices == alone.notices == ("a column was repaired",)


def test_progress_is_told_fit_by_fit(table):
    told = []
    judge(
        table,
        "target",
        synthesizer=planted.Oracle(),
        folds=2,
        **LEAN,
        on_progress=lambda done, total, label: told.append((done, total, label)),
    )
    assert [done for done, _, _ in told] == list(range(7))
    assert {total for _, total, _ in told} == {6}
    assert told[-1][2] == "fold 2 of 2: oracle"


def test_progress_tells_how_long_the_rest_will_take(table, monkeypatch):
    class Slow(planted.Oracle):
        def fit(self, data, **more):
            clock[0] += 300.0
            return super().fit(data, **more)

    clock, told = [0.0], []
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    options = {"synthesizer": Slow(), "folds": 3, **LEAN}
    judge(table, "target", on_progress=lambda done, total, label: told.append(label), **options)
    assert told[:3] == ["", "fold 1 of 3: none", "fold 1 of 3: class weights"]  # the generator's pace is not known yet
    assert told[3] == "fold 1 of 3: oracle, about 10 min left"
    assert told[6] == "fold 2 of 3: oracle, about 5 min left"
    assert told[9] == "fold 3 of 3: oracle"


def test_a_stopped_judgement_goes_on_where_it_was(table, tmp_path):
    options = {**LEAN, "synthesizer": planted.Jitter(), "folds": 3}
    options["checkpoints"] = tmp_path / "kept"
    planted.Jitter.stop_at = 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GanforgeWarning)
        with pytest.raises(InterruptedRunError):
            judge(table, "target", **options)
        planted.Jitter.stop_at = None
        told = []
        resumed = judge(table, "target", on_progress=lambda done, total, label: told.append(done), **options)
        assert told[0] == 5  # two plain arms and the synthesizer on fold 1, two plain arms on fold 2
        assert len(planted.Jitter.seen) == 1 + 1 + 2
        fresh = judge(table, "target", **{**options, "checkpoints": None})
        assert [arm.folds for arm in resumed.arms.values()] == [arm.folds for arm in fresh.arms.values()]
        assert resumed.notices == fresh.notices
        # Anything else that is asked does not take these results for its own.
        before = len(planted.Jitter.seen)
        judge(table, "target", **{**options, "sampling_strategy": 0.3})
        assert len(planted.Jitter.seen) == before + 3


def test_kept_results_are_of_the_classifier_that_is_asked_not_of_one_that_reads_alike(table, tmp_path):
    """What `repr` leaves out counts; what it adds, an address, does not."""

    def voting(depth):
        depths = [1] * 14
        depths[7] = depth
        trees = [(f"tree {k}", DecisionTreeClassifier(max_depth=d, random_state=0)) for k, d in enumerate(depths)]
        return VotingClassifier(trees, voting="soft")

    def fits(classifiers):
        told = []
        options = {"synthesizer": {}, "arms": (), "folds": 2, "inner_folds": 0, "sampling_strategy": 0.5}
        options |= {"checkpoints": tmp_path, "on_progress": lambda done, total, label: told.append(done)}
        return judge(table, "target", classifiers=classifiers, **options), 2 - told[0]

    pair = {"shallow": voting(1), "deep": voting(20)}
    assert repr(pair["shallow"]) == repr(pair["deep"])
    first, trained = fits({"votes": pair["shallow"]})
    assert trained == 2
    other, trained = fits({"votes": pair["deep"]})
    assert trained == 2
    assert other.arms["none"].folds != first.arms["none"].folds
    again, trained = fits({"votes": voting(20)})
    assert (trained, again.arms["none"].folds) == (0, other.arms["none"].folds)
    # Without inner folds the first of several is taken, so their order counts.
    assert fits(pair)[0].classifier == "shallow"
    assert fits(dict(reversed(pair.items())))[0].classifier == "deep"
    assert fits({"bare": planted.Boosted()})[1] == 2
    assert fits({"bare": planted.Boosted()})[1] == 0


def test_classifiers_and_synthesizers_may_be_called_anything(table, tmp_path):
    """Neither a ratio nor another arm is read out of a name."""
    depths = {"tree at depth 5": 5, "tree at 5": 1}
    models = {name: DecisionTreeClassifier(max_depth=depth, random_state=0) for name, depth in depths.items()}
    options = {"classifiers": models, "arms": ("class weights",), "sampling_strategy": (0.1, 0.5), "inner_folds": 2}
    options |= {"folds": 2, "checkpoints": tmp_path, "synthesizer": {"class-weights": planted.Oracle()}}
    verdict = judge(table, "target", **options)
    for name, arm in verdict.arms.items():
        assert arm.classifier in models
        assert (arm.ratio in (0.1, 0.5), arm.adds_rows) == (name == "class-weights",) * 2
    told = []
    again = judge(table, "target", on_progress=lambda done, total, label: told.append(done), **options)
    assert told == [6]
    assert json.dumps(again.to_json()) == json.dumps(verdict.to_json())


def test_several_synthesizers_are_arms_by_name(table):
    verdict = judge(
        table,
        "target",
        synthesizer={"truth": planted.Oracle(), "lies": planted.Liar()},
        folds=2,
        **LEAN,
    )
    assert list(verdict.arms) == ["none", "class weights", "truth", "lies"]
    with pytest.raises(InputError, match="cannot be called 'none'"):
        judge(table, "target", synthesizer={"none": planted.Oracle()})


@pytest.mark.slow
def test_ctgan_is_the_arm_by_default_kind_and_can_be_judged():
    from ganforge.synthesis.ctgan import CTGAN

    frame = toy_payments(600, seed=0)
    synthesizer = CTGAN(steps=5, batch_size=100)
    with pytest.warns(GanforgeWarning, match="currency"):
        verdict = judge(frame, "is_fraud", synthesizer=synthesizer, folds=2, time="booked_at", **LEAN)
    assert list(verdict.arms) == ["none", "class weights", "ctgan"]
    assert all(0 <= value <= 1 for arm in verdict.arms.values() for value in arm.folds)
    assert min(verdict.arms["ctgan"].details["rows_added"]) > 0
    assert verdict.notices[0] == "not learned from (constant, identifier or free text): currency"


def test_a_condition_that_cannot_be_obeyed_names_fold_and_arm(table):
    class Stubborn(planted.Oracle):
        kind = "stubborn"

        def sample(self, n, **more):
            if len(planted.Oracle.seen) == 2:
                raise UnsuitableDataError("only 3 rows obey")
            return super().sample(n, **more)

    with pytest.raises(UnsuitableDataError, match=r"^fold 2, arm 'stubborn': only 3 rows obey$"):
        judge(table, "target", synthesizer=Stubborn(), folds=3, **LEAN)


# -- what cannot be judged -----------------------------------------------------------------------------------------


def test_wrong_names_are_answered_with_the_nearest(table):
    with pytest.raises(UnknownNameError, match=r"no target column 'traget' .*did you mean 'target'"):
        judge(table, "traget")
    with pytest.raises(UnknownNameError, match="did you mean 'moment'"):
        judge(table, "target", time="momnt", synthesizer=planted.Oracle())
    with pytest.raises(UnknownNameError, match="did you mean 'gradient-boosting'"):
        judge(table, "target", classifiers="gradient_boosting")


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda t: t.assign(target=1), {}, UnsuitableDataError, "one value only"),
        (lambda t: t.assign(target=t["target"].where(t.index != 4)), {}, InputError, "row 5: the label is missing"),
        (lambda t: t.assign(target=np.array(["a", "b", "c"])[t.index % 3]), {}, InputError, "3 different values"),
        (lambda t: t.head(40), {}, UnsuitableDataError, "40 rows are too few"),
        (
            lambda t: t.drop(index=t.index[t["target"] == 1][3:]),
            {},
            UnsuitableDataError,
            "too few for 5 folds; bring 2 more of them at least, or ask for 3 folds",
        ),
        (lambda t: t, {"sampling_strategy": 0.02}, UnsuitableDataError, "nothing to augment: 40 of 1,200 rows"),
        (lambda t: t, {"gap": 5.0}, InputError, "needs the column that says when"),
        (lambda t: t, {"folds": 1}, InputError, "folds=1"),
        (lambda t: t, {"sampling_strategy": 0.0}, InputError, "sampling_strategy=0.0"),
        (
            lambda t: t.assign(moment=np.where(t["target"] == 1, t["moment"] + 1e6, t["moment"])),
            {"time": "moment", "folds": 3},
            UnsuitableDataError,
            "fold 1 of 3 has no positives",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused_plainly(table, change, options, error, message):
    with pytest.raises(error, match=message):
        judge(change(table).reset_index(drop=True), "target", synthesizer=planted.Oracle(), **options)
    assert not planted.Oracle.seen
