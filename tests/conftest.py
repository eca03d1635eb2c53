"""Both twins by name, scripts in a process of their own, and no thread that outlives its test."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
MODULES = {"native": "lifeevt._core", "reference": "lifeevt._backends.reference"}
JOIN_SECONDS = 10.0

settings.register_profile(
    "ci", derandomize=True, deadline=None, database=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-native", action="store_true", help="pure builds: leave out the native twin and every test that needs it"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "native: needs the compiled twin; left out by --no-native")


def pytest_report_header(config: pytest.Config) -> list[str]:
    if config.getoption("--no-native"):
        left_out = "left out by --no-native, with tests/_backends/native and mark 'native'"
        return ["lifeevt twins: reference", f"lifeevt native: {left_out}"]
    spec = importlib.util.find_spec(MODULES["native"])
    where = spec.origin if spec else "MISSING, its tests will fail"
    return ["lifeevt twins: native, reference", f"lifeevt native: {where}"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:  # `core` asks for `backend`: one parametrisation for both
        names = [name for name in MODULES if name != "native" or not metafunc.config.getoption("--no-native")]
        metafunc.parametrize("backend", names, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--no-native"):
        return
    compiled = TESTS / "_backends" / "native"
    native = [item for item in items if item.get_closest_marker("native") or compiled in item.path.parents]
    config.hook.pytest_deselected(items=native)
    items[:] = [item for item in items if item not in native]


@pytest.fixture(scope="module")  # wider than a function, so that @given tests may use it
def backend(request: pytest.FixtureRequest) -> str:
    """The twin's name, for classes that take ``backend=``."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def core(backend: str) -> ModuleType:
    """The twin itself; where the extension is missing this is an error, never a skip."""
    return import_module(MODULES[backend])


@pytest.fixture(autouse=True)
def no_thread_outlives_its_test() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    started = [thread for thread in threading.enumerate() if thread not in before]
    for thread in started:
        if thread is not threading.current_thread():
            thread.join(JOIN_SECONDS)
    left = [thread.name for thread in started if thread.is_alive()]
    assert not left, f"threads left behind: {left}"


@pytest.fixture(scope="session")
def isolated() -> Callable[..., str]:
    """Run ``isolated(script, *arguments, timeout=60)`` in a fresh interpreter and return what it printed.

    The script lies below tests/ and has the package under test on its path. A script that fails,
    warns or hangs fails the test; whatever it froze dies with its process. It runs without coverage, whose own
    lock a signal or a fork leaves taken: what hung would not be ours.
    """

    def run(script: str, *arguments: str, timeout: float = 60.0) -> str:
        command = [sys.executable, "-W", "error", "-X", "faulthandler", str(TESTS / script), *arguments]
        try:
            done = subprocess.run(command, env=_environment(), capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired as hung:
            pytest.fail(f"{script} {arguments} did not end within {timeout:g} s\n{hung.stdout!r}\n{hung.stderr!r}")
        assert done.returncode == 0, f"{script} {arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


def _environment() -> dict[str, str]:
    spec = importlib.util.find_spec("lifeevt")
    assert spec is not None and spec.origin is not None
    home = str(Path(spec.origin).parent.parent)
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return {**unmeasured, "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))}
