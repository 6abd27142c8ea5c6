"""For every test: the same seeds, one thread, no telemetry, and the helpers of `tests/helpers` importable."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest

HELPERS = Path(__file__).parent / "helpers"
sys.path.insert(0, str(HELPERS))

# Before any package that reads them is imported, and inherited by the processes that tests start.
os.environ.update(
    DO_NOT_TRACK="1",
    DVC_NO_ANALYTICS="1",
    MLFLOW_DISABLE_TELEMETRY="true",
    MLFLOW_ALLOW_PICKLE_DESERIALIZATION="false",
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",  # eight processes beside each server
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120",
    PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL="CRITICAL",  # it would write to what pytest has closed
    MPLBACKEND="Agg",
    TOKENIZERS_PARALLELISM="false",
    PYTHONPATH=os.pathsep.join(each for each in (str(HELPERS), os.environ.get("PYTHONPATH", "")) if each),
)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the workers of `pytest -n` share the cores; results hang on it too
# "As many jobs as there are cores" is one for each worker; who asks for two has two.
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background deaf to Ctrl-C, and so would be every process that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples on every machine and every day; HYPOTHESIS_PROFILE=search looks for others.
hypothesis.settings.register_profile("same", derandomize=True, database=None, deadline=None, print_blob=True)
hypothesis.settings.register_profile("search", deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(autouse=True)
def _seeds() -> None:
    """Every test starts from the same random state, alone or among others."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - what libraries under test may draw from
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """What a test, or a tool it calls, sets in the environment ends with the test."""
    before = dict(os.environ)
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)
