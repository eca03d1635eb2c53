"""Time arrives as an argument: one clock for queue, scheduler, processor and loop."""

from __future__ import annotations

import math
import threading
import time
from typing import Protocol

from ._backends import fork

__all__ = ["Clock", "ManualClock", "SystemClock"]

NS_PER_SECOND = 1_000_000_000


def limit_in_ns(timeout: float | None) -> int | None:
    """Return seconds as nanoseconds, None for no limit; negative seconds count as 0, NaN is a ValueError."""
    if timeout is None or timeout == math.inf:
        return None
    if math.isnan(timeout):
        raise ValueError("timeout is not a number")
    return max(round(timeout * NS_PER_SECOND), 0)


class Clock(Protocol):
    """What the engine asks of time. Implementations are safe to call from any thread."""

    def now_ns(self) -> int:
        """Return monotonic nanoseconds; never goes back. Does not block."""

    def wall_time(self) -> float:
        """Return wall-clock seconds since 1970. Does not block."""

    def wait(self, condition: threading.Condition, deadline_ns: int | None) -> None:
        """Wait on ``condition`` (held by the caller) until notified or ``deadline_ns``.

        May return early: the caller checks its predicate and its deadline again.
        """


class SystemClock:
    """The machine's own clock: ``time.monotonic_ns`` and ``time.time``."""

    __slots__ = ()

    def now_ns(self) -> int:
        """Return the machine's monotonic nanoseconds."""
        return time.monotonic_ns()

    def wall_time(self) -> float:
        """Return the machine's seconds since 1970."""
        return time.time()

    def wait(self, condition: threading.Condition, deadline_ns: int | None) -> None:
        """Wait on ``condition`` until notified or the machine's clock passes ``deadline_ns``."""
        if deadline_ns is None:
            condition.wait()
            return
        left_ns = deadline_ns - self.now_ns()
        if left_ns > 0:
            condition.wait(left_ns / NS_PER_SECOND)


class ManualClock:
    """A clock that moves only when told to, so that a test commands time.

    Waiters wake when ``advance`` passes them time, never by themselves. Thread-safe.
    """

    def __init__(self, start_ns: int = 0, wall_start: float = 0.0) -> None:
        self._now_ns = start_ns
        self._start_ns = start_ns
        self._wall_start = wall_start
        self._waiting: list[threading.Condition] = []
        self._changed = threading.Condition()
        fork.renew_locks(self, "_changed")

    def now_ns(self) -> int:
        """Return the commanded time in nanoseconds."""
        return self._now_ns

    def wall_time(self) -> float:
        """Return the wall start plus the time advanced, in seconds."""
        return self._wall_start + (self._now_ns - self._start_ns) / NS_PER_SECOND

    def wait(self, condition: threading.Condition, deadline_ns: int | None) -> None:
        """Wait on ``condition`` until it is notified or the clock is advanced."""
        with self._changed:  # advance holds this too: it cannot pass between the look and the entry
            if deadline_ns is not None and deadline_ns <= self._now_ns:
                return
            self._waiting.append(condition)
            self._changed.notify_all()
        try:
            condition.wait()
        finally:
            with self._changed:
                if condition in self._waiting:
                    self._waiting.remove(condition)

    def advance(self, seconds: float) -> None:
        """Move time forward by ``seconds`` (>= 0) and wake every waiter to look again."""
        self.advance_ns(round(seconds * NS_PER_SECOND))

    def advance_ns(self, nanoseconds: int) -> None:
        """Move time forward by ``nanoseconds`` (>= 0) and wake every waiter to look again."""
        if nanoseconds < 0:
            raise ValueError(f"a clock never goes back; got {nanoseconds} ns")
        with self._changed:
            self._now_ns += nanoseconds
            waiting, self._waiting = self._waiting, []  # all are woken; who waits on says so anew
        for condition in waiting:
            with condition:
                condition.notify_all()

    def waiting(self) -> int:
        """Return how many threads wait on this clock now."""
        return len(self._waiting)

    def wait_for_waiters(self, count: int, timeout_seconds: float = 10.0) -> None:
        """Block (in real time) until ``count`` threads wait here; TimeoutError otherwise."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._waiting) >= count, timeout_seconds):
                raise TimeoutError(f"{len(self._waiting)} of {count} threads wait on the clock")
