"""Place: where a thread stands in line for a turn, and how it waits there until it is called."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .rwlock import Times
from .wait_graph import GRAPH

__all__ = ["Place"]

RECHECK_SECONDS = 1.0  # an exception of a signal may hit who leaves before it has called the next


class Place:
    """A thread's place in line. Whoever leaves before it calls it, and it looks whether its turn has come."""

    __slots__ = ("_called", "thread")

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self._called = threading.Lock()  # released by whoever leaves before this one
        self._called.acquire()

    def call(self) -> None:
        """Have it look, now or as soon as it waits. Takes no lock, so a finalizer may do it."""
        with suppress(RuntimeError):  # it was called already
            self._called.release()

    def wait(
        self,
        lock: Any,
        wish: str,
        has_come: Callable[[], bool],
        limit_ns: int | None,
        late: Callable[[int], Exception],
        times: Times,
    ) -> None:
        """Wait until ``has_come()``; raises ``late(limit_ns)`` when that takes longer, DeadlockError for a circle.

        For who stands in ``lock``'s line: the graph of waits is told, and ``times`` how long it took.
        """
        asked_ns = time.monotonic_ns()
        try:
            if limit_ns != 0:
                GRAPH.begin(lock, wish)
            while not has_come():
                self._wait_a_little(limit_ns, asked_ns, late)
        finally:
            GRAPH.end(lock)
            times.waited(time.monotonic_ns() - asked_ns)

    def _wait_a_little(self, limit_ns: int | None, asked_ns: int, late: Callable[[int], Exception]) -> None:
        seconds = RECHECK_SECONDS
        if limit_ns is not None:
            seconds = min(seconds, (limit_ns - (time.monotonic_ns() - asked_ns)) / 1e9)
            if seconds <= 0:
                raise late(limit_ns)
        self._called.acquire(timeout=seconds)
