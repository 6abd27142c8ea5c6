"""`python run_a_flow.py FLOW WORKSPACE [OVERRIDES]`: run a flow, and print each event as a line of JSON.

For tests that kill the process in the middle.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from ganforge.errors import GanforgeError
from ganforge_pipelines.workspace import Workspace, environment


def main(flow: str, root: str, overrides: str = "{}") -> int:
    workspace = Workspace.find(root)
    environment(workspace)
    from ganforge_pipelines.flows.running import run_flow

    try:
        result = run_flow(
            flow,
            workspace,
            overrides=json.loads(overrides),
            on_event=lambda event: print(json.dumps(asdict(event)), flush=True),
        )
    except GanforgeError as error:
        print(json.dumps({"kind": "error", "error": type(error).__name__, "detail": str(error)}), flush=True)
        return error.exit_code
    print(json.dumps({"kind": "answer", "run_dir": str(result.run_dir)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
