"""The floor of the latencies: a thread of C that is woken."""

from __future__ import annotations

import threading

import pytest
from actors import wait_until

pytestmark = pytest.mark.native


def test_a_ping_wakes_its_thread_and_closing_ends_it() -> None:
    from lifeevt._core_ping import CondvarPing

    ping = CondvarPing()
    assert (ping.woken_ns, threading.active_count()) == (0, threading.active_count())
    for _ in range(3):
        before = ping.woken_ns
        ping.ping()
        wait_until(lambda before=before: ping.woken_ns > before)  # type: ignore[misc]
    ping.close()
    ping.close()
