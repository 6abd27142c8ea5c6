"""The page: self-contained, small, escaped, deterministic, and without a real row unless it was asked for."""

from __future__ import annotations

import dataclasses
import html.parser
import re

import numpy as np
import pytest

from ganforge.errors import InputError
from ganforge_pipelines.report.content import (
    AnomaliesReport,
    Arm,
    ClassPictures,
    Curve,
    Detector,
    FraudReport,
    ImagesReport,
    Interval,
    LossCurves,
    OddRow,
    PairGaps,
    SampleGrid,
)
from ganforge_pipelines.report.evidence import GateLine
from ganforge_pipelines.report.render import render, write_report
from ganforge_pipelines.report.tables import trade_table

LIMIT = 1_500_000
LITTLE = Interval(mean=0.0, low=-0.1, high=0.1)
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)> $\\frac{a}{b}$ ]]> --> \u202e\x00\ud800'


class Page(html.parser.HTMLParser):
    """Tags with their attributes, and text outside of tags."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_stands_alone(page):
    assert "http:" not in page.replace("http-equiv", "")
    assert "https:" not in page
    assert "@import" not in page
    for tag, attributes in Page(page).tags:
        assert tag not in ("script", "iframe", "object", "embed", "base", "form")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "srcset", "data", "action"):
                assert (value or "").startswith(("data:", "#")), (tag, name, value)
    assert set(re.findall(r"url\((.)", page)) <= {"#"}


def test_is_small(page):
    assert len(page.encode()) < 400_000


def test_is_small_with_large_coloured_noise(images):
    """Noise does not compress: the worst pictures there are."""
    rng = np.random.RandomState(0)
    noise = rng.randint(0, 256, (64, 3, 64, 64)).astype(np.uint8)
    page = render(
        images(
            grids=tuple(SampleGrid(step, noise) for step in range(0, 4000, 100)),
            pictures=tuple(ClassPictures(name=f"class {k}", generated=noise) for k in range(40)),
        )
    )
    assert len(page.encode()) < LIMIT
    assert "step 3,900" in page  # the last step is never thinned away
    assert "28 more classes are left out" in page


def test_is_small_with_everything_there_is_in_plenty(fraud, anomalies):
    steps = list(range(20_000))
    curves = LossCurves(
        title="long", steps=steps, terms={f"critic/term {k}": np.sin(np.arange(20_000) / 900 + k) for k in range(12)}
    )
    page = render(fraud(notices=tuple(f"column c{k}: left out" for k in range(2000)), training=(curves,) * 3))
    assert len(page.encode()) < LIMIT
    assert "1992 more" in page
    values = {f"column {k}": "x" * 5000 for k in range(300)}
    odd = tuple(OddRow(row=k, score=1.0, values=values) for k in range(500))
    assert len(render(anomalies(show_rows=True, oddest=odd)).encode()) < LIMIT


def test_is_the_same_for_the_same_content(content, page):
    assert render(content) == page


def test_identifiers_are_unique_and_every_pointer_has_its_target(page):
    names = re.findall(r'\bid="([^"]+)"', page)
    assert len(names) == len(set(names))
    assert set(re.findall(r"url\(#([^)]+)\)", page)) | set(re.findall(r'href="#([^"]+)"', page)) == set(names)


def test_charts_take_their_colours_from_the_page(page):
    charts = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.S))
    assert "var(--accent)" in charts
    assert not re.findall(r"#[0-9a-fA-F]{6}\b", charts)
    assert "font-family" not in charts
    assert "<text" in charts


def test_every_chart_says_what_to_see(page):
    assert page.count("<figure") == page.count("<figcaption>")
    assert all(title.strip() for title in re.findall(r"<figcaption>(.*?)</figcaption>", page, flags=re.S))
    assert all(re.findall(r'<svg[^>]*aria-label="([^"]+)"', page))
    assert page.count('role="img"') == page.count("<svg")


def test_begins_with_the_answer(content, page):
    words = Page(page).text().replace("\N{NO-BREAK SPACE}", " ")
    first = words.index(content.sentence)
    assert first < words.index("What to do now") < words.index(content.figures[0].label)
    for each in (*content.would_change, *content.notices):
        assert each in words
    assert first < words.index("For those who must check it")


def test_lineage_gives_every_hash_and_command(content, page):
    words = Page(page).text()
    for step in content.lineage:
        assert step.hash in words
        assert step.command in words


def test_hostile_names_are_text(fraud, anomalies, images):
    """Column names, categories, arms and notices come from data: nothing of them may become markup or mathtext."""
    column = fraud().columns[1]
    pages = [
        render(
            fraud(
                sentence=HOSTILE[:-1],
                notices=(HOSTILE,),
                positive=HOSTILE,
                columns=(
                    dataclasses.replace(column, name=HOSTILE, labels=[HOSTILE] * len(column.labels)),
                    dataclasses.replace(fraud().columns[0], name=HOSTILE),
                ),
                arms=(Arm(name=HOSTILE, mean=0.5),),
                precision_recall=(Curve(name=HOSTILE, x=[0, 1], y=[1, 0]),),
            )
        ),
        render(
            anomalies(
                reasons=((HOSTILE, 0.5),),
                oddest=(OddRow(row=1, score=2.0, reasons=((HOSTILE, 0.4),), values={HOSTILE: HOSTILE}),),
                show_rows=True,
                detectors=(Detector(name=HOSTILE, found=Curve(name=HOSTILE, x=[0, 10], y=[0, 1])),),
            )
        ),
        render(images(obedience=(dataclasses.replace(images().obedience[0], name=HOSTILE, mistaken_for=HOSTILE),))),
    ]
    for page in pages:
        tags = Page(page).tags
        assert "script" not in [tag for tag, _ in tags]
        assert not [tag for tag, attributes in tags if tag == "img" and "onerror" in attributes]
        assert "<script" in Page(page).text()  # it is shown, as text
        page.encode("utf-8")
        assert "\x00" not in page
        assert "\u202e" not in page
    assert "$\\frac{a}{b}$" in Page(pages[0]).text()  # and is not set as a formula


@pytest.mark.parametrize("family", [FraudReport, ImagesReport, AnomaliesReport])
def test_the_least_there_can_be(family):
    """No sections, no folded end, no empty headings."""
    page = render(family(sentence="Too few rows to tell.", what_to_do=""))
    assert "Too few rows to tell." in page
    assert "<h2>" not in page
    assert "<figure" not in page
    assert "What to do now" not in page


def test_parts_that_are_empty_leave_no_gap(fraud, images, anomalies):
    assert "Are the synthetic rows any good" not in render(fraud(columns=(), fidelity=(), map=None, pairs=None))
    bare = fraud(precision_recall=(), cost=None, reliability=())
    assert "Where it helped" not in render(bare)
    assert "Is anyone exposed" not in render(fraud(exposure=(), distances=None, gates=(), copies_dropped=None))
    assert "What it draws" not in render(images(grids=(), pictures=()))
    assert "The oddest rows" not in render(anomalies(oddest=()))
    unlabelled = render(
        anomalies(detectors=(Detector(name="f-anogan", threshold=0.8),), histogram=None, reasons=(), base_rate=None)
    )
    assert "The detectors side by side" in unlabelled
    assert "AUROC" not in unlabelled


def test_what_a_generator_has_to_beat_is_named_where_it_is_not_nothing(fraud):
    """CTGAN's rows may be surely better than nothing added, and still not be recommended."""
    arms = (
        Arm(name="none", mean=0.71),
        Arm(name="class weights", mean=0.81, recommended=True, better=0.99, equivalent=0.01, worse=0.0),
        Arm(name="CTGAN", mean=0.8, synthetic=True, better=0.99, equivalent=0.01, worse=0.0, better_than_seat=0.04),
    )
    told = Page(render(fraud(arms=arms, seat="class weights"))).text()
    assert "has to be better than is class weights, the simplest arm that is enough" in told
    assert "CTGAN is with a probability of .04" in told
    assert "has to be better than" not in Page(render(fraud())).text()


def test_real_rows_and_pictures_need_show_rows(anomalies, images):
    row = OddRow(row=7, score=1.0, values={"iban": "DE02120300000000202051"})
    with pytest.raises(InputError, match="show-rows"):
        render(anomalies(oddest=(row,)))
    assert "DE02120300000000202051" in render(anomalies(oddest=(row,), show_rows=True))
    picture = np.zeros((2, 1, 8, 8), np.uint8)
    for pictures in (
        ClassPictures(name="3", generated=picture, real=picture),
        ClassPictures(name="3", generated=picture, nearest=picture),
    ):
        with pytest.raises(InputError, match="real pictures"):
            render(images(pictures=(pictures,)))
        assert "Generated" in render(images(pictures=(pictures,), show_rows=True))


def test_without_show_rows_it_says_how_to_see_them(anomalies, images):
    assert "--show-rows" in render(anomalies())
    assert "--show-rows" in render(images())


def test_a_report_needs_its_sentence():
    with pytest.raises(InputError, match="sentence"):
        render(FraudReport(sentence="  ", what_to_do="Nothing to change."))


def test_pictures_must_be_bytes(images):
    with pytest.raises(InputError, match="uint8"):
        SampleGrid(10, np.zeros((2, 1, 8, 8)))


def test_writes_the_file_whole(tmp_path, fraud):
    path = write_report(fraud(), tmp_path / "run" / "report.html")
    assert path.read_text(encoding="utf-8") == render(fraud())
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]


def test_matplotlib_settings_of_the_caller_stay(fraud):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    render(fraud())
    assert dict(mpl.rcParams) == before


def test_lone_numbers_do_not_break_a_chart(fraud, anomalies):
    """One arm, one fold, one category, one bin, NaN in a loss."""
    page = render(
        fraud(
            arms=(Arm(name="none", mean=0.5, folds=(0.5,)),),
            precision_recall=(Curve(name="none", x=[0.0, 1.0], y=[1.0, 0.1]),),
            training=(LossCurves(title="one step", steps=[1], terms={"critic/w": [float("nan")], "g/a": [0.1]}),),
        )
    )
    assert "none: .50 average precision" in page
    assert "one step" in page


@pytest.mark.parametrize(
    ("positive", "called"), [("frauds", "find more frauds,"), ("is_fraud=1", "find more rows with is_fraud=1,")]
)
def test_positives_are_called_by_a_noun(fraud, positive, called):
    assert called in render(fraud(positive=positive))
    assert "rows with rows" not in render(fraud(positive="rows with is_fraud=1"))


def test_an_arm_that_loses_is_named_and_its_bar_stays_within_the_measure(fraud):
    arms = (
        Arm(name="none", mean=0.1, folds=(0.05, 0.15)),
        Arm(name="ctgan", mean=0.02, folds=(0.01, 0.03), difference=Interval(mean=-0.08, low=-0.16, high=-0.003)),
        Arm(name="smote", mean=0.12, folds=(0.05, 0.19), difference=Interval(mean=0.02, low=-0.1, high=0.14)),
    )
    page = render(fraud(arms=arms))
    assert "No arm gains beyond chance; ctgan loses" in page
    chart = page[page.index("ctgan loses") :].split("</svg>")[0]
    assert "−.0" not in chart


def test_code_in_a_sentence_is_set_as_code(fraud):
    page = render(fraud(would_change=("Train longer: `--preset full` <b>now</b>",)))
    assert "<code>--preset full</code> &lt;b&gt;now&lt;/b&gt;" in page


def test_the_first_screen_says_which_model_answers(fraud, page):
    words = Page(render(fraud())).text()
    standing = words.index("version 3 of ganforge-fraud is challenger")
    assert words.index("What to do now") < standing < words.index(fraud().figures[0].label)


def test_what_nobody_would_act_on_is_shaded_and_said(fraud):
    assert "up to .01 either way" in render(fraud())
    assert "either way" not in render(fraud(rope=None))


def test_probabilities_and_few_alarms_stand_beside_the_arms(fraud):
    arms = tuple(
        dataclasses.replace(
            each,
            measures={"recall_at_fpr_0.001": (0.4, 0.6), "recall_at_fpr_0.01": (0.7, 0.9), "precision_at_100": (0.1,)},
            **({} if each.difference is None else {"better": 0.25, "equivalent": 0.07, "worse": 0.68}),
        )
        for each in fraud().arms
    )
    words = Page(render(fraud(arms=arms))).text().replace("\N{NO-BREAK SPACE}", " ")
    assert "25 · 7 · 68 %" in words
    assert "50 % 40–60 %" in words
    assert ".1 % of them is 2 rows, 1 % 20" in words
    assert "no more can be right of 100" in words


def test_the_cost_says_what_it_is_counted_on(fraud):
    words = Page(render(fraud())).text().replace("\N{NO-BREAK SPACE}", " ")
    assert "From a score of .060 on, 61 alerts in 2,400 rows cost 901 with what they miss" in words
    assert "costs its amount, looking at an alert 11" in words
    assert "16 of 22 found" in words
    assert "Between 600 and 1,300 with 90 % probability" in words


def test_calibration_is_told_as_it_comes_and_mended(fraud):
    words = Page(render(fraud())).text().replace("\N{NO-BREAK SPACE}", " ")
    assert "Random oversampling takes 3.1 % of the rows for frauds; 1.4 % are; recalibrated, 1.5 %" in words


def test_the_worst_pair_is_named_beside_its_floor(fraud):
    gap = np.zeros((3, 3))
    gap[0, 2] = gap[2, 0] = 0.5
    worst = (("amount", "country"), "mutual information", (0.1, 0.6, 0.55))
    pairs = PairGaps(names=["amount", "hour", "country"], gap=gap, floor=np.full((3, 3), 0.2), worst=worst)
    told = "amount with country: mutual information .10, in the real rows .60, in other real ones .55"
    assert told in Page(render(fraud(pairs=pairs))).text()
    bare = dataclasses.replace(pairs, worst=None)
    assert "country with amount hangs together least as in the real rows" in render(fraud(pairs=bare))


def test_gates_that_failed_are_told_first_and_hostile_ones_are_text(fraud):
    failed = GateLine(name="copies", value=0.12, limit=0.01, passed=False, sentence=HOSTILE)
    page = render(fraud(gates=(failed, *fraud().gates)))
    assert "1 of 2 gates are not passed" in page
    assert "Every gate is passed" in render(fraud())
    assert "script" not in [tag for tag, _ in Page(page).tags]


@pytest.mark.parametrize(
    ("low", "told"), [(0.4, "come no nearer to those trained on"), (0.55, "come nearer to those trained on")]
)
def test_distances_say_whether_anybody_is_given_away(fraud, low, told):
    distances = dataclasses.replace(fraud().distances, nearer=Interval(mean=0.6, low=low, high=0.7))
    assert told in render(fraud(distances=distances))


def test_distances_among_rows_trained_on_are_called_that(fraud):
    held_out = Page(render(fraud())).text()
    assert "real, held out" in held_out
    assert "22 real ones held out" in held_out
    few = dataclasses.replace(fraud().distances, n_held_out=60, among_trained=True)
    words = Page(render(fraud(distances=few))).text()
    assert "real, held out" not in words
    assert "real, trained on, from the nearest other one" in words
    assert "60 real ones trained on would give away" in words
    assert "those trained on than these do among themselves" in words
    assert "is the same number of real ones trained on, since too few were held out" in words


def test_arms_with_classifiers_of_their_own_name_them(fraud):
    assert "The classifier is" in render(fraud())
    models = ("logistic regression", "gradient boosting", "gradient boosting")
    arms = tuple(dataclasses.replace(arm, model=each) for arm, each in zip(fraud().arms, models, strict=True))
    words = Page(render(fraud(arms=arms))).text()
    assert "best on folds inside its training rows: logistic regression or gradient boosting." in words
    assert "The classifier is" not in words
    assert "ctgan gradient boosting" in words.lower()


def test_precision_by_card_stands_where_a_card_was_named(fraud):
    measures = {"precision_at_100": (0.1,), "group_precision_at_100": (0.3, 0.5)}
    arms = tuple(dataclasses.replace(each, measures=measures) for each in fraud().arms)
    words = Page(render(fraud(arms=arms, group="card_id"))).text().replace("\N{NO-BREAK SPACE}", " ")
    assert "right among the 100 highest by card_id" in words
    assert "40 % 30–50 %" in words
    nameless = tuple(dataclasses.replace(each, measures={"group_precision_at_100": ()}) for each in fraud().arms)
    assert "highest by" not in Page(render(fraud(arms=nameless))).text()


def test_a_table_of_the_trade_always_has_the_generator_and_nothing_added(fraud):
    names = [f"arm {k}" for k in range(6)]
    arms = [Arm(name="none", mean=0.1), *(Arm(name=each, mean=0.9, difference=LITTLE) for each in names)]
    arms.append(Arm(name="ctgan", mean=0.05, synthetic=True, difference=LITTLE))
    curves = [Curve(name=arm.name, x=[0, 1], y=[1, 0]) for arm in arms]
    table = trade_table(fraud(arms=tuple(arms), precision_recall=tuple(curves)))
    assert len(table.head) == 4
    assert {"none", "ctgan"} <= set(table.head)
