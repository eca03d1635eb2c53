"""Another package in Cython, built against what lifeevt ships, submits events without the GIL."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lifeevt import AsyncEventProcessor, AsyncEventQueue, Status, ThreadSafeSelfState

EXAMPLE = Path(__file__).parents[3] / "examples" / "cython_sensor"
PATIENCE = 30.0
STRONG = 285  # of 1000 readings between -1 and 1 in steps of a tenth, those of at least 0.8


@pytest.fixture(scope="module")
def sensor(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The example, compiled with its own setup.py."""
    folder = tmp_path_factory.mktemp("sensor")
    for path in EXAMPLE.iterdir():
        shutil.copy(path, folder)
    command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110)
    assert built.returncode == 0, built.stderr
    spec = importlib.util.spec_from_file_location("sensor", next(folder.glob("sensor.*.so")))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def engine_of(capacity: int = 1024) -> AsyncEventProcessor:
    queue = AsyncEventQueue(capacity)
    return AsyncEventProcessor(ThreadSafeSelfState.life(), queue=queue)


def test_its_readings_become_events_and_results(sensor: ModuleType) -> None:
    with engine_of() as engine:
        assert sensor.run(engine.submitter(), engine.type_id("shock"), 1000, 0.8) == STRONG
        assert engine.wait_idle(PATIENCE)
    results = engine.results()
    assert {(result.event.type, result.status) for result in results} == {("shock", Status.PROCESSED)}
    assert (len(results), min(abs(result.event.intensity) for result in results)) == (STRONG, 0.8)


def test_a_full_queue_refuses_its_readings(sensor: ModuleType) -> None:
    engine = engine_of(capacity=10)
    assert sensor.run(engine.submitter(), engine.type_id("shock"), 1000, 0.8) == 10
    ledger = engine.ledger()
    assert (ledger.queued, ledger.refused, ledger.balanced) == (10, STRONG - 10, True)
    engine.close()


def test_a_stopped_engine_takes_none_of_its_readings(sensor: ModuleType) -> None:
    engine = engine_of()
    engine.close()
    assert sensor.run(engine.submitter(), engine.type_id("shock"), 1000, 0.8) == 0
    assert engine.ledger().accepted == 0
