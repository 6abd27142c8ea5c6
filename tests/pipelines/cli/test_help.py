"""`ganforge --help` answers at once: nothing heavy is loaded before a command runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "mlflow", "prefect", "pandas", "sklearn", "pytorch_lightning", "dvc", "matplotlib", "rich.progress")

COMMANDS = [
    [], ["run"], ["run", "fraud"], ["run", "images"], ["run", "anomalies"], ["fit"], ["sample"], ["detect"], ["score"],
    ["stage"], ["init"], ["clean"], ["data"], ["data", "make"], ["data", "fetch"], ["data", "add"], ["data", "show"],
    ["data", "check"], ["judge"], ["augment"], ["models"], ["ui"], ["deploy"], ["doctor"],
]  # fmt: skip


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from ganforge_pipelines.cli import run\n"
        "assert run(['--help']) == 0\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("LOADED []")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command, cli):
    done = cli(*command, "--help")
    assert done.code == 0
    assert "Usage" in done.out
    assert len(done.out.split("\n")) > 5


def test_unknown_command_and_option_leave_with_2(cli):
    assert cli("runn").code == 2
    done = cli("fit", "--banana", "1")
    assert done.code == 2
    assert "--banana" in done.err
    assert "Traceback" not in done.err


def test_shell_completion_is_offered(cli):
    assert "--install-completion" in cli("--help").out
