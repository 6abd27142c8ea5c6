"""The process in which a stage trains: `python -m ganforge_pipelines.stages.worker STAGE WORKSPACE KEY PARAMETERS`.

Lightning's launchers start this very command again for every further rank; those compute, and write nothing.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from ganforge.errors import DefectError, GanforgeError, InterruptedRunError, ServiceError


def main(arguments: list[str]) -> int:
    """Run one stage here; say on standard output how it goes, one JSON object a line. Returns the exit code."""
    name, root, key, params = arguments
    _end_with_parent()
    say = _speaker()
    try:
        _run(name, root, key, json.loads(params), say)
    except GanforgeError as error:
        say({"error": _described(error, str(error))})
        return error.exit_code
    except KeyboardInterrupt:
        message = f"{name} was interrupted; the same command goes on from its last checkpoint, if there is one yet"
        say({"error": _described(InterruptedRunError(), message)})
        return InterruptedRunError.exit_code
    except Exception as error:  # noqa: BLE001 - the parent tells it in one line; the whole goes to the log
        from ganforge_pipelines.lineage.addresses import without_password
        from ganforge_pipelines.workspace.failures import disk_full

        sys.stderr.write(without_password(traceback.format_exc()))  # the log is what the user is asked to report
        if full := disk_full(error):
            say({"error": _described(ServiceError(), full)})
            return ServiceError.exit_code
        say({"error": _described(error, without_password(str(error).strip().split("\n")[0]))})
        return DefectError.exit_code
    say({"done": True})
    return 0


def _run(name: str, root: str, key: str, params: dict[str, Any], say: Any) -> None:
    import logging

    from ganforge_pipelines.workspace import Workspace, environment

    workspace = Workspace(Path(root))
    environment(workspace)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")

    from ganforge_pipelines.stages.graph import stage
    from ganforge_pipelines.stages.running import execute

    execute(
        stage(name),
        workspace,
        params,
        on_progress=lambda progress: say({"progress": progress.to_json()}),
        key=key,
    )


def _speaker() -> Any:
    """A function that writes to the parent; everything else that prints goes to the log, and other ranks are silent."""
    from ganforge_pipelines.stages.running import is_first_rank

    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    if not is_first_rank():
        return lambda message: None

    def say(message: dict[str, Any]) -> None:
        pipe.write(json.dumps(message, ensure_ascii=True) + "\n")

    return say


def _described(error: BaseException, message: str) -> dict[str, Any]:
    plain = {k: v for k, v in vars(error).items() if isinstance(v, str | int | float | bool | None)}
    return {"type": type(error).__name__, "message": message, "details": plain}


def _end_with_parent() -> None:
    """Standard input is a pipe that the parent holds open: when it ends, the parent is gone, and so are we.

    This holds for a parent that was killed, too, and for the ranks that Lightning launches, which share the pipe.
    """

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os._exit(InterruptedRunError.exit_code)

    threading.Thread(target=watch, daemon=True, name="parent").start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
