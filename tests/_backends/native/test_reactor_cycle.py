"""A reactor is in a cycle with its engine, so the collector frees it: the heap must still exist then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.native

SCRIPT = """
import gc
from lifeevt import AsyncEventProcessor, ThreadSafeSelfState
engine = AsyncEventProcessor(ThreadSafeSelfState.life())
parts = engine.queue.heap, engine.queue.type_table, engine._reflexes.table
parts += engine.state.cells, engine.scheduler.accounts
kind = type(engine._reactor)
del engine
gc.collect()
kind(*parts, 8, True)
"""


def test_the_collector_takes_a_reactor_off_its_heap(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)  # not from the sources
    assert done.returncode == 0, done.stderr
