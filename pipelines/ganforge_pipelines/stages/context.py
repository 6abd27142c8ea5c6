"""What a stage's function is given."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ganforge_pipelines.stages.graph import StageSpec
from ganforge_pipelines.stages.manifest import Manifest, dependencies
from ganforge_pipelines.workspace import Workspace
from ganforge_pipelines.workspace.parameters import lookup


@dataclass(frozen=True, kw_only=True)
class StageProgress:
    """How far a stage is; the same names as `ganforge.training.Progress`."""

    step: int
    steps: int
    phase: str = ""
    losses: Mapping[str, float] = field(default_factory=dict)
    """By "update/term"; empty where nothing is trained."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def data_told(context: StageContext) -> list[dict[str, Any]]:
    """Path and SHA-256 of the data it all began with, for what is to be found again by them."""
    return [{"path": str(each["path"]), "sha256": str(each["sha256"])} for each in context.data]


@dataclass(frozen=True)
class StageContext:
    """One run of one stage. Only what the graph declares can be read through it."""

    spec: StageSpec
    workspace: Workspace
    params: Mapping[str, Any]
    """All parameters; `own` is the stage's section."""
    out: Path
    """The temporary folder to write to; it takes its place when the function returns."""
    key: str
    data: Sequence[Mapping[str, Any]]
    """Identity of the data all this began with."""
    on_progress: Callable[[StageProgress], None]

    @property
    def own(self) -> Mapping[str, Any]:
        """The stage's own section of the parameters."""
        return self.section(self.spec.verb)

    def section(self, verb: str) -> Mapping[str, Any]:
        """The parameters of a stage of this flow, if the graph says that this one reads them."""
        name = f"{self.spec.flow}.{verb}"
        if name not in self.spec.params:
            raise RuntimeError(f"{self.spec.name} reads the parameters {name}, but graph.py does not say so")
        return lookup(self.params, name)

    @property
    def seed(self) -> int:
        if "seed" not in self.spec.params:
            raise RuntimeError(f"{self.spec.name} uses the seed, but graph.py does not say so")
        return int(self.params["seed"])

    @property
    def trainer(self) -> dict[str, Any]:
        """What Lightning is told: accelerator, devices, num_nodes, strategy, precision."""
        if "trainer" not in self.spec.params:
            raise RuntimeError(f"{self.spec.name} uses the trainer, but graph.py does not say so")
        return dict(self.params["trainer"])

    def input(self, verb: str, name: str) -> Path:
        """A file that an earlier stage of this flow wrote, if the graph says that this one reads it."""
        dep = f"work/{self.spec.flow}/{verb}/{name}"
        if dep not in dependencies(self.spec, self.params):
            raise RuntimeError(f"{self.spec.name} reads {dep}, but graph.py does not say so")
        return self.workspace.path(dep)

    def json(self, verb: str, name: str) -> Any:
        return json.loads(self.input(verb, name).read_text(encoding="utf-8"))

    @property
    def checkpoints(self) -> Path:
        """Where a training of exactly this key keeps its checkpoints."""
        return self.workspace.checkpoints(self.spec.flow, self.key)

    def manifests(self) -> dict[str, Manifest]:
        """Verb → manifest of the stages of this flow that are there: for the record, never for a result."""
        from ganforge_pipelines.stages.graph import stages_of

        found = {each.verb: Manifest.read(self.workspace.path(each.folder)) for each in stages_of(self.spec.flow)}
        return {verb: each for verb, each in found.items() if each is not None and verb != self.spec.verb}

    # --- writing ---------------------------------------------------------------------------------------------------

    def write_json(self, name: str, value: Any) -> None:
        """Strict JSON, keys in the order given, readable by people."""
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
        (self.out / name).write_text(text + "\n", encoding="utf-8")

    def write_csv(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        with (self.out / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
