"""The table of the graph, dvc.yaml and the Prefect flows say the same."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from pathlib import Path

import pytest
import yaml

from ganforge.errors import UnknownNameError
from ganforge_pipelines.stages.graph import STAGES, VERBS, stage, stages_of
from ganforge_pipelines.stages.manifest import NAME
from ganforge_pipelines.workspace.folder import TEMPLATES
from ganforge_pipelines.workspace.parameters import defaults, lookup

ROOT = Path(__file__).parents[3]
FLOWS = ("fraud", "images", "anomalies")


def declared(entries) -> dict[str, dict]:
    """DVC's list of names, some with options, as name → options."""
    found: dict[str, dict] = {}
    for each in entries or []:
        found |= each if isinstance(each, dict) else {each: {}}
    return found


@pytest.mark.parametrize("folder", [ROOT, TEMPLATES], ids=["repository", "template"])
def test_dvc_yaml_has_exactly_the_stages_of_the_table(folder):
    stages = yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert list(stages) == list(STAGES)
    for name, spec in STAGES.items():
        said = stages[name]
        assert set(said) <= {"cmd", "deps", "params", "outs", "metrics", "plots"}
        assert said["cmd"] == f"ganforge stage {name}"
        assert said["deps"] == list(spec.deps)
        assert said["params"] == list(spec.params)
        assert list(declared(said["outs"])) == [f"{spec.folder}/{out}" for out in (*spec.outs, NAME)]
        assert list(declared(said.get("metrics"))) == [f"{spec.folder}/{each}" for each in spec.metrics]
        plots = {f"{spec.folder}/{each.file}": (each.x, each.y) for each in spec.plots}
        assert {name: (each["x"], each["y"]) for name, each in declared(said.get("plots")).items()} == plots
        written = [*declared(said["outs"]).values(), *declared(said.get("plots")).values()]
        assert all(each["persist"] for each in written)  # a stage writes whole by itself, see dvc.yaml's heading
        assert all(not each["cache"] for each in declared(said.get("metrics")).values())


@pytest.mark.parametrize("flow", FLOWS)
def test_the_prefect_flow_plays_the_stages_of_the_table_below_what_they_read(flow):
    """Read from the source of the flow: `name = run.stage("verb", above, …)`."""
    module = importlib.import_module(f"ganforge_pipelines.flows.{flow}")
    tree = ast.parse(textwrap.dedent(inspect.getsource(getattr(module, flow).fn)))
    names, played = {}, {}
    for node in ast.walk(tree):
        call = node.value if isinstance(node, ast.Assign | ast.Expr) else None
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("run.stage", "run.version_data"):
            verb = call.args[0].value if call.args else "version data"  # pyright: ignore
            played[verb] = [names[each.id] for each in call.args[1:]]  # pyright: ignore
            if isinstance(node, ast.Assign):
                names[node.targets[0].id] = verb  # pyright: ignore
    assert played.pop("version data") == []
    assert played.pop("prepare") == ["version data"]
    assert played == {spec.verb: list(spec.upstream) for spec in stages_of(flow) if spec.verb != "prepare"}
    assert list(played) == [spec.verb for spec in stages_of(flow)][1:]


@pytest.mark.parametrize("spec", STAGES.values(), ids=list(STAGES))
def test_every_line_of_the_table_stands_on_its_feet(spec):
    module, _, function = spec.run.partition(":")
    assert callable(getattr(importlib.import_module(module), function))
    for name in spec.params:
        lookup(defaults(), name)
    for dep in spec.deps:
        if dep.startswith("${"):
            lookup(defaults(), dep[2:-1])
        else:
            _, flow, verb, file = dep.split("/")
            assert file in STAGES[f"{flow}-{verb}"].written, f"{spec.name} reads {dep}, which nothing writes"
            assert VERBS.index(verb) < VERBS.index(spec.verb)
    assert len(set(spec.written)) == len(spec.written)


def test_everything_that_is_written_is_read_or_shown():
    """No stage writes a file that nobody looks at: not a stage, not DVC's metrics and plots, not the snapshot."""
    from ganforge_pipelines.flows.snapshot import CONTENTS

    read = {dep for spec in STAGES.values() for dep in spec.deps}
    kept = {f"work/{flow}/{place}" for flow, places in CONTENTS.items() for place in places.values()}
    unread = [f"{spec.folder}/{out}" for spec in STAGES.values() for out in spec.outs]
    assert [each for each in unread if each not in read | kept] == []


def test_an_unknown_stage_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'fraud-train'"):
        stage("fraud-trian")
