"""After a fork the child has a heap, cells and locks of its own, in the state of the parent's."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


SCENES = ["heap", "cells", "lock", "lock_held_for_reading", "histogram", "reflexes", "reactor"]


@pytest.mark.parametrize("scene", SCENES)
def test_the_child_goes_on_where_the_parent_was(backend: str, isolated: Callable[..., str], scene: str) -> None:
    assert isolated("native/isolated/forks.py", backend, scene).split() == ["child", "parent"]
