"""One backend for the whole process, scripts in processes of their own, and no thread that outlives its test.

``pytest --backend native`` and ``pytest --backend reference`` run the same tests on the two backends; `make test`
starts both at the same time. A test that does not depend on the backend is marked ``once`` and runs with the native
one.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
MODULES = {"native": "lifeevt._core", "reference": "lifeevt._backends.reference"}
CAMPAIGNS = (  # searches, stress, leaks, benches: part of `make check`, not of `make test`
    "isolation/test_broken.py", "isolation/test_threads.py", "isolation/test_reflexes.py", "isolation/test_twins.py",
    "linearizability/test_linearizability.py", "parity/test_lockstep.py", "parity/test_random_walks.py",
    "parity/test_meddling.py", "parity/test_reactor_mutants.py", "parity/test_mutants.py", "profiling",
    "scheduler/test_strategies_compared.py", "threads", "life/test_races.py",
    "_backends/native/test_cells_race.py", "_backends/native/test_leaks.py", "_backends/native/test_no_python_in_c.py",
    "state/test_checksummed_file.py",
)  # fmt: skip
ONCE = (  # do not depend on the backend
    "test_architecture.py", "test_docs.py", "typing", "profiling",
)  # fmt: skip
MARKS = (
    "native: needs the native backend; runs in the process of that one",
    "reference: needs the reference backend; runs in the process of that one",
    "campaign: searches or repeats for long; left out by --quick",
    "once: does not depend on the backend, or uses both; runs with the native one",
)
JOIN_SECONDS = 10.0

settings.register_profile(
    "ci", derandomize=True, deadline=None, database=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None, print_blob=True)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=15)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--backend", choices=list(MODULES), help="the backend under test [LIFEEVT_BACKEND, or native]")
    parser.addoption(
        "--quick", action="store_true", help="few examples, and no campaign: what `make test` runs"
    )
    parser.addoption(
        "--no-native", action="store_true", help="pure builds: the reference backend, and no test of the native one"
    )


def backend_of(config: pytest.Config) -> str:
    if config.getoption("--no-native"):
        return "reference"
    return config.getoption("--backend") or os.environ.get("LIFEEVT_BACKEND") or "native"


def pytest_configure(config: pytest.Config) -> None:
    for line in MARKS:
        config.addinivalue_line("markers", line)
    if "lifeevt" in sys.modules:
        raise pytest.UsageError("a conftest.py or a plugin imports lifeevt before its backend is chosen")
    os.environ["LIFEEVT_BACKEND"] = backend_of(config)  # before the first test module imports the package
    if config.getoption("--quick"):
        settings.load_profile("quick")


def pytest_report_header(config: pytest.Config) -> list[str]:
    if config.getoption("--no-native"):
        return ["lifeevt backend: reference", "lifeevt native: left out by --no-native"]
    package = importlib.util.find_spec("lifeevt")  # found, not imported: that would choose a backend
    spec = package and PathFinder.find_spec(MODULES["native"], package.submodule_search_locations)
    where = spec.origin if spec else "MISSING, its tests will fail"
    return [f"lifeevt backend: {backend_of(config)}", f"lifeevt native: {where}"]


def lies_in(item: pytest.Item, places: tuple[str, ...]) -> bool:
    return any(TESTS / place in (item.path, *item.path.parents) for place in places)


def runs_here(item: pytest.Item, backend: str, pure: bool) -> bool:
    """Whether a test runs in this process; each runs in one of the two at least, unless the build is pure."""
    if item.get_closest_marker("native") or lies_in(item, ("_backends/native",)):
        return backend == "native"
    if item.get_closest_marker("reference"):
        return backend == "reference"
    once = item.get_closest_marker("once") or lies_in(item, ONCE)
    return not once or pure or backend == "native"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    backend, pure, quick = backend_of(config), config.getoption("--no-native"), config.getoption("--quick")
    for item in items:
        if lies_in(item, CAMPAIGNS):
            item.add_marker("campaign")
    elsewhere = [
        item for item in items
        if not runs_here(item, backend, pure) or (quick and item.get_closest_marker("campaign"))
    ]  # fmt: skip
    config.hook.pytest_deselected(items=elsewhere)
    left = set(elsewhere)
    items[:] = [item for item in items if item not in left]


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> str:
    """The name of the backend under test."""
    return backend_of(request.config)


@pytest.fixture(scope="session")
def core(backend: str) -> ModuleType:
    """The module of the backend under test; where the extension is missing this is an error, never a skip."""
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

    The script lies below tests/ and has the package under test on its path. A script that fails, warns or hangs
    fails the test, and its threads die with its process. It runs without coverage: a signal or a fork can leave the
    lock of coverage taken, and the hang would not be ours.
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
