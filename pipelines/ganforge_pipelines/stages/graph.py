"""The one table of what runs after what, and on which files and parameters.

`dvc.yaml` says the same in DVC's words and the Prefect flows in theirs; tests hold both to this table.

    prepare ─▶ train ─▶ sample ─▶ judge ─▶ classify ─▶ register ─▶ report        fraud, images
    prepare ─▶ train ─▶ score ─▶ register ─▶ report                              anomalies

Paths count from the workspace; `${fraud.prepare.data}` stands for a parameter, as in `dvc.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ganforge.errors import UnknownNameError


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A CSV file that DVC draws: column `y` over column `x`."""

    file: str
    x: str
    y: str


@dataclass(frozen=True, kw_only=True)
class StageSpec:
    """One stage: a plain function, what it reads and what it writes."""

    flow: str
    verb: str
    run: str
    """`module:function`; the function takes a `StageContext` and returns one line about what it did."""
    deps: tuple[str, ...]
    """Files and folders read, from the workspace's root."""
    outs: tuple[str, ...]
    """Files and folders written, from the stage's own folder."""
    params: tuple[str, ...]
    """Dotted names of the parameters and sections it reads."""
    metrics: tuple[str, ...] = ()
    plots: tuple[Plot, ...] = ()
    process: bool = False
    """Whether it runs in a process of its own: Lightning's launchers start the entry script again on every rank,
    and must not start the flow again."""
    environment: tuple[str, ...] = ()
    """Variables that change what it does, beside its files and parameters."""
    records: bool = False
    """Whether it writes down in MLflow where the data came from: then another version of the same data counts, too."""
    repeats: bool = False
    """Whether it says what command does all this again: then what params.yaml says counts, too, which that command
    has to overrule."""

    @property
    def name(self) -> str:
        return f"{self.flow}-{self.verb}"

    @property
    def folder(self) -> str:
        """Where it writes, from the workspace's root."""
        return f"work/{self.flow}/{self.verb}"

    @property
    def written(self) -> tuple[str, ...]:
        """All it writes beside the manifest: outs, metrics and plots, from its own folder."""
        return (*self.outs, *self.metrics, *(plot.file for plot in self.plots))

    @property
    def upstream(self) -> tuple[str, ...]:
        """Verbs of the stages whose files it reads, in the order of the table."""
        own = {each.split("/")[2] for each in self.deps if each.startswith(f"work/{self.flow}/")}
        return tuple(verb for verb in VERBS if verb in own)


VERBS = ("prepare", "train", "sample", "judge", "classify", "score", "register", "report")

_ROOM = "ganforge_pipelines.stages"


def _at(flow: str, verb: str, *names: str) -> tuple[str, ...]:
    return tuple(f"work/{flow}/{verb}/{name}" for name in names)


def _augmenting(
    flow: str, *, inputs: tuple[str, ...], real: tuple[str, ...], judged: tuple[str, ...], made: str, curve: bool
) -> list[StageSpec]:
    """The stages of a flow that asks whether synthetic data helps a classifier.

    real: names of the training part, the part held out, the facts, and what else `prepare` writes. judged: the one of
    them that the judge cuts into folds, and what else tells it, and the choice of a threshold, how. made: the synthetic
    file. curve: whether there are precision–recall curves.
    """
    module = f"{_ROOM}.{flow}"
    plots = (Plot(file="precision_recall.csv", x="recall", y="precision"),) if curve else ()
    train, test, facts = (_at(flow, "prepare", each) for each in real[:3])
    pool = _at(flow, "prepare", judged[0])
    generator = _at(flow, "train", "generator")
    synthetic = _at(flow, "sample", made)
    quality = _at(flow, "sample", "quality.json")
    verdict = _at(flow, "judge", "verdict.json")
    return [
        StageSpec(
            flow=flow,
            verb="prepare",
            run=f"{module}:prepare",
            deps=inputs,
            outs=real,
            params=("seed", f"{flow}.prepare"),
        ),
        StageSpec(
            flow=flow,
            verb="train",
            run=f"{module}:train",
            deps=(*train, *facts),
            outs=("generator", "training.json", *(() if curve else ("grids.npz",))),
            params=("seed", "trainer", f"{flow}.train"),
            plots=(Plot(file="losses.csv", x="step", y="value"),),
            process=True,
        ),
        StageSpec(
            flow=flow,
            verb="sample",
            run=f"{module}:sample",
            deps=(*pool, *(test if curve else train), *facts, *generator),
            outs=(made, "quality.json", *(() if curve else ("samples.png",))),
            params=("seed", f"{flow}.sample"),
            metrics=("metrics.json",),
        ),
        StageSpec(
            flow=flow,
            verb="judge",
            run=f"{module}:judge",
            deps=(*pool, *facts, *_at(flow, "prepare", *judged[1:])),
            outs=("verdict.json",),
            params=(
                "seed",
                "trainer",
                *(() if curve else (f"{flow}.prepare", f"{flow}.classify")),
                f"{flow}.train",
                f"{flow}.sample",
                f"{flow}.judge",
            ),
            metrics=("metrics.json",),
            plots=plots,
        ),
        StageSpec(
            flow=flow,
            verb="classify",
            run=f"{module}_classify:classify" if curve else f"{module}:classify",
            deps=(*train, *test, *facts, *_at(flow, "prepare", *judged[1:]), *synthetic, *quality, *verdict),
            outs=("classifier", "test.json"),
            params=("seed", *((f"{flow}.judge",) if curve else ()), f"{flow}.classify"),
            metrics=("metrics.json",),
            plots=plots,
        ),
        StageSpec(
            flow=flow,
            verb="register",
            run=f"{_ROOM}.register:{flow}",
            deps=(
                *test,
                *facts,
                *_at(flow, "prepare", "rows.parquet"),
                *generator,
                *_at(flow, "train", "training.json"),
                *synthetic,
                *(() if curve else _at(flow, "sample", "samples.png")),
                *quality,
                *verdict,
                *_at(flow, "classify", "classifier", "test.json"),
            ),
            outs=("registered.json", "model_card.md"),
            params=(f"{flow}.register",),
            environment=("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"),
            records=True,
        ),
        StageSpec(
            flow=flow,
            verb="report",
            run=f"{_ROOM}.reporting_{flow}:report",
            deps=(
                *train,
                *facts,
                *_at(flow, "train", "training.json", *(() if curve else ("grids.npz",))),
                *synthetic,
                *_at(flow, "sample", "metrics.json"),
                *quality,
                *verdict,
                *_at(flow, "classify", "test.json"),
                *_at(flow, "register", "registered.json"),
            ),
            outs=("report.html", "answer.json"),
            params=("seed", f"{flow}.report"),
            environment=("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"),
            records=True,
            repeats=True,
        ),
    ]


def _scoring(flow: str = "anomalies") -> list[StageSpec]:
    """The stages of the flow that asks which detector finds most."""
    module = f"{_ROOM}.{flow}"
    train, test, facts = (_at(flow, "prepare", each) for each in ("train.parquet", "test.parquet", "facts.json"))
    detectors = _at(flow, "train", "detectors")
    scored = _at(flow, "score", "scored.json", "scores.parquet")
    model = _at(flow, "score", "model")
    return [
        StageSpec(
            flow=flow,
            verb="prepare",
            run=f"{module}:prepare",
            deps=(f"${{{flow}.prepare.data}}",),
            outs=("train.parquet", "test.parquet", "facts.json", "rows.parquet"),
            params=("seed", f"{flow}.prepare"),
        ),
        StageSpec(
            flow=flow,
            verb="train",
            run=f"{module}:train",
            deps=(*train, *facts),
            outs=("detectors", "training.json"),
            params=("seed", "trainer", f"{flow}.train"),
            plots=(Plot(file="losses.csv", x="step", y="value"),),
            process=True,
        ),
        StageSpec(
            flow=flow,
            verb="score",
            run=f"{module}:score",
            deps=(*test, *facts, *detectors),
            outs=("model", "scored.json", "scores.parquet"),
            params=(f"{flow}.score",),
            metrics=("metrics.json",),
            plots=(Plot(file="found.csv", x="alerts", y="found"),),
        ),
        StageSpec(
            flow=flow,
            verb="register",
            run=f"{_ROOM}.register:{flow}",
            deps=(
                *test,
                *facts,
                *_at(flow, "prepare", "rows.parquet"),
                *model,
                *_at(flow, "train", "training.json"),
                *scored,
            ),
            outs=("registered.json", "model_card.md"),
            params=(f"{flow}.register",),
            environment=("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"),
            records=True,
        ),
        StageSpec(
            flow=flow,
            verb="report",
            run=f"{_ROOM}.reporting_{flow}:report",
            deps=(
                *test,
                *facts,
                *_at(flow, "train", "training.json"),
                *scored,
                *_at(flow, "register", "registered.json"),
            ),
            outs=("report.html", "answer.json"),
            params=(f"{flow}.report",),
            environment=("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"),
            records=True,
            repeats=True,
        ),
    ]


STAGES: dict[str, StageSpec] = {
    each.name: each
    for each in (
        *_augmenting(
            "fraud",
            inputs=("${fraud.prepare.data}",),
            real=("train.parquet", "test.parquet", "facts.json", "features.json", "rows.parquet"),
            judged=("train.parquet", "rows.parquet"),
            made="synthetic.parquet",
            curve=True,
        ),
        *_augmenting(
            "images",
            inputs=("${images.prepare.data}", "${images.prepare.labels}"),
            real=("train.npz", "test.npz", "facts.json", "pool.npz", "rows.parquet"),
            judged=("pool.npz",),
            made="synthetic.npz",
            curve=False,
        ),
        *_scoring(),
    )
}


def stage(name: str) -> StageSpec:
    """The stage of that name; `UnknownNameError` with the nearest where there is none."""
    if name not in STAGES:
        raise UnknownNameError("stage", name, STAGES)
    return STAGES[name]


def stages_of(flow: str) -> tuple[StageSpec, ...]:
    """The stages of a flow in the order they run."""
    found = tuple(each for each in STAGES.values() if each.flow == flow)
    if not found:
        raise UnknownNameError("flow", flow, {each.flow for each in STAGES.values()})
    return found
