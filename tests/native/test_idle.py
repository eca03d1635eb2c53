"""An engine that has nothing to do costs nothing: its worker does not wake, not once."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's count of switches is Linux's"),
]


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_idle_worker_wakes_zero_times(isolated: Callable[..., str], when: str) -> None:
    assert isolated("native/isolated/idle.py", "native", when).strip() == "0"
