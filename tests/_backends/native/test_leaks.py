"""Nothing is kept: not a Python object, not a block of C, whichever way a call ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytestmark = pytest.mark.native

SCENES = [
    "heap_made_and_dropped",
    "heap_dropped_full",
    "heap_in_a_cycle",
    "heap_offers_and_pops",
    "heap_sheds",
    "heap_batches",
    "heap_refusals",
    "lock_used",
    "lock_refusals",
    "cells_used",
    "cells_refusals",
    "table_used",
    "table_refusals",
    "histogram_used",
    "reactor_made_and_dropped",
    "reactor_processes",
    "reactor_overwrites",
    "reactor_in_a_cycle",
    "tasks",
    "stages",
    "numbers",
    "buffers",
    "worker_refusals",
]


@pytest.mark.parametrize("scene", SCENES)
def test_memory_is_steady(isolated: Callable[..., str], scene: str) -> None:
    """The script prints objects, C bytes and references gained by some 10,000 repetitions."""
    objects, c_bytes, references = map(int, isolated("_backends/native/isolated/leaks.py", "native", scene).split())
    assert objects < 100, "Python objects were kept"
    assert c_bytes < 64 * 1024, "C memory was kept"
    assert references == 0, "references to a payload were kept"


@pytest.mark.parametrize("planted", ["planted_object", "planted_block", "planted_reference"])
def test_a_planted_leak_is_seen(isolated: Callable[..., str], planted: str) -> None:
    objects, c_bytes, references = map(int, isolated("_backends/native/isolated/leaks.py", "native", planted).split())
    assert objects >= 100 or c_bytes >= 64 * 1024 or references != 0
