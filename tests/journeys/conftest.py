"""What journeys share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prefect's first start makes its database, which takes long: once for all journeys of this process.

    `test_wheel` has none but the workspace's own, as a user has.
    """
    former = os.environ.get("PREFECT_HOME")
    os.environ["PREFECT_HOME"] = str(tmp_path_factory.mktemp("prefect"))
    yield
    del os.environ["PREFECT_HOME"]
    if former is not None:
        os.environ["PREFECT_HOME"] = former
