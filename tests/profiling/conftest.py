"""The probes are compiled before the first test."""

from __future__ import annotations

import importlib

import pytest
from profiling_scripts import script


@pytest.fixture(scope="session", autouse=True)
def probes(request: pytest.FixtureRequest) -> None:
    """Compile what only the benches use, with warnings as errors; nothing on a pure build."""
    if not request.config.getoption("--no-native"):
        ran = script("probes/setup.py", CFLAGS="-Wall -Wextra -Werror")
        assert ran.returncode == 0, ran.stderr
        importlib.invalidate_caches()
