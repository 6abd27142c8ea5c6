"""Where things are in a workspace."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganforge.errors import InputError
from ganforge.files import write_whole
from ganforge_pipelines.workspace import lock as locking
from ganforge_pipelines.workspace import parameters

TEMPLATES = Path(__file__).parent / "templates"
"""What `ganforge init` writes; the package carries it, so that the wheel alone suffices."""
OUTSIDE = "ganforge-workspace"
"""The folder a run makes where there is no workspace."""


@dataclass(frozen=True)
class Workspace:
    """A folder with `params.yaml` and `dvc.yaml`; `root` is its absolute path."""

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root).resolve())

    # --- making and finding ----------------------------------------------------------------------------------------

    @classmethod
    def find(cls, start: str | Path) -> Workspace:
        """The workspace that holds `start`: the nearest folder upwards that is one.

        Raises `InputError`, saying how to make one or where `run` has made one, where there is none.
        """
        start = Path(start).resolve()
        for folder in (start, *start.parents):
            if is_workspace(folder):
                return cls(folder)
        below = f"; there is one in {OUTSIDE}: `cd {OUTSIDE}`" if is_workspace(start / OUTSIDE) else None
        raise InputError(
            f"{start} is in no workspace (a folder with params.yaml and dvc.yaml of ganforge)"
            + (below or "; make one with `ganforge init DIR` and go there")
        )

    @classmethod
    def find_or_create(cls, start: str | Path) -> tuple[Workspace, bool]:
        """(the workspace of `start`, False), or (a new one in `start/ganforge-workspace`, True) where there is none."""
        try:
            return cls.find(start), False
        except InputError:
            folder = Path(start).resolve() / OUTSIDE
            return (cls(folder), False) if is_workspace(folder) else (cls.create(folder), True)

    @classmethod
    def create(cls, directory: str | Path) -> Workspace:
        """Write the files of a new workspace into a new or empty folder (git and DVC are `lineage`'s to set up).

        Raises `InputError` when something stands there already.
        """
        directory = Path(directory).resolve()
        if directory.exists() and not directory.is_dir():
            raise InputError(f"{directory} is a file; a workspace is a folder, so give another name")
        if is_workspace(directory):
            raise InputError(f"{directory} is a workspace already; `ganforge run` works in it as it is")
        if directory.is_dir() and any(each.name != ".git" for each in directory.iterdir()):
            raise InputError(f"{directory} is not empty; give a new or empty folder for the workspace")
        for name, template in template_files().items():
            with write_whole(directory / name) as temporary:
                temporary.write_bytes(template.read_bytes())
        return cls(directory)

    @classmethod
    @contextmanager
    def found_or_imagined(cls, start: str | Path) -> Iterator[Workspace]:
        """The workspace that `find_or_create` would give, for looking at only: where it would make one, one with the
        same parameters in a temporary folder that goes when the block ends."""
        start = Path(start).resolve()
        found = next((each for each in (start, *start.parents, start / OUTSIDE) if is_workspace(each)), None)
        if found is not None:
            yield cls(found)
            return
        with tempfile.TemporaryDirectory() as folder:
            yield cls.create(Path(folder) / OUTSIDE)

    # --- places ----------------------------------------------------------------------------------------------------

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def inputs(self) -> Path:
        """What `--data` brought from outside."""
        return self.root / "inputs"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def hidden(self) -> Path:
        """`.ganforge`: checkpoints, logs, lock, Prefect's home."""
        return self.root / ".ganforge"

    @property
    def logs(self) -> Path:
        return self.hidden / "logs"

    @property
    def mlflow_database(self) -> Path:
        return self.root / "mlflow" / "mlflow.db"

    def stage_dir(self, flow: str, verb: str) -> Path:
        """Where the stage writes: `work/<flow>/<verb>/`."""
        return self.root / "work" / flow / verb

    def checkpoints(self, flow: str, fingerprint: str) -> Path:
        """Where a training keeps its checkpoints: outside `work/`, which DVC empties before a stage runs."""
        return self.hidden / "checkpoints" / flow / fingerprint[:16]

    def relative(self, path: str | Path) -> str:
        """The path as it is written in manifests: relative to the root with forward slashes, if it lies inside."""
        path = Path(path).absolute()
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()

    def path(self, name: str | Path) -> Path:
        """The absolute path of a name from `params.yaml`, which counts from the root."""
        return self.root / name

    # --- parameters ------------------------------------------------------------------------------------------------

    def params(
        self, *, preset: str | None = None, overrides: Mapping[str, Any] | None = None, flow: str | None = None
    ) -> dict[str, Any]:
        """`params.yaml` over the defaults, then a preset, then dotted overrides; checked. See `parameters.resolve`."""
        return parameters.resolve(
            parameters.read(self.root / "params.yaml"),
            preset=preset,
            overrides=overrides,
            flow=flow,
            where="params.yaml",
        )

    def write_params(self, changes: Mapping[str, Any]) -> None:
        """Set dotted names in `params.yaml`, leaving every other line and all comments as they are."""
        parameters.rewrite(self.root / "params.yaml", changes)

    # --- one run at a time -----------------------------------------------------------------------------------------

    @contextmanager
    def lock(self, *, wait: bool = False) -> Iterator[None]:
        """Hold the workspace for the time of the block; free where this process holds it already.

        Raises `WorkspaceBusyError`, which says who has it, unless `wait`.
        """
        with locking.hold(self.hidden / "lock", wait=wait):
            yield

    def holder(self) -> locking.Holder | None:
        """Who holds the workspace just now, if anyone."""
        return locking.holder(self.hidden / "lock")


def is_workspace(folder: Path) -> bool:
    """Whether a folder is a workspace of ganforge (and not some other DVC project)."""
    pipeline = folder / "dvc.yaml"
    return (
        (folder / "params.yaml").is_file()
        and pipeline.is_file()
        and "ganforge stage" in pipeline.read_text(encoding="utf-8", errors="replace")
    )


def template_files() -> dict[str, Path]:
    """Name in the workspace → file in the package. `gitignore` becomes `.gitignore`: a wheel builder obeys one."""
    files = sorted(each for each in TEMPLATES.rglob("*") if each.is_file())
    return {
        each.relative_to(TEMPLATES).as_posix().replace("gitignore", ".gitignore"): each
        for each in files
        if "__pycache__" not in each.parts
    }
