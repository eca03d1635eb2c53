"""After a fork the child has a heap, cells, locks and engine of its own, also if other threads were inside one."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


SCENES = ["heap", "cells", "lock", "lock_held_for_reading", "lock_held_for_writing", "histogram", "reflexes", "reactor"]
IN_USE = ["lock_held_by_others", "cells_in_use", "heap_in_use", "histogram_in_use", "reactor_in_use"]


@pytest.mark.parametrize("scene", [*SCENES, *IN_USE])
def test_the_child_continues_where_the_parent_was(backend: str, isolated: Callable[..., str], scene: str) -> None:
    assert isolated("_backends/isolated/forks.py", backend, scene).split() == ["child", "parent"]


ENGINE_SCENES = ["engine", "engine_in_a_handler", "engine_with_batches", "loop", "public_locks"]


@pytest.mark.parametrize("scene", ENGINE_SCENES)
def test_public_objects_work_on_in_the_child(backend: str, isolated: Callable[..., str], scene: str) -> None:
    assert isolated("_backends/isolated/engine_forks.py", backend, scene).split()[-2:] == ["child", "parent"]
