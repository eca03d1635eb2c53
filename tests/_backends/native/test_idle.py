"""An engine that has nothing to do costs nothing: its worker does not wake, not once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytestmark = pytest.mark.native


@pytest.mark.parametrize("when", ["before", "after", "timed"])
def test_an_idle_worker_wakes_zero_times(isolated: Callable[..., str], when: str) -> None:
    assert isolated("_backends/native/isolated/idle.py", "native", when).strip() == "0"
