"""Clocks: the one source of time for queue, scheduler, processor and loop, which get it as an argument."""

from __future__ import annotations

import math
import threading
import time
from typing import Protocol

from ._backends import fork
from ._public import publish

__all__ = ["Clock", "ManualClock", "SystemClock"]

NS_PER_SECOND = 1_000_000_000


def limit_in_ns(timeout: float | None) -> int | None:
    """Return seconds as nanoseconds, and None for no limit. Negative seconds count as 0; NaN raises ValueError."""
    if timeout is None or timeout == math.inf:
        return None
    if math.isnan(timeout):
        raise ValueError("timeout is nan; it must be a number of seconds")
    return max(round(timeout * NS_PER_SECOND), 0)


class Clock(Protocol):
    """The methods that the engine needs of a clock. Every thread may call them at any time."""

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
    """A clock that only ``advance`` moves, for tests and replays. Thread-safe.

    Waiting threads wake at each advance, or when they are notified; no real time passes for them.
    """

    def __init__(self, start_ns: int = 0, wall_start: float = 0.0) -> None:
        self._now_ns = self._start_ns = start_ns
        self._wall_start = wall_start
        self._waiting: list[threading.Condition] = []
        self._changed = threading.Condition()
        fork.renew_locks(self, "_changed")

    def now_ns(self) -> int:
        """Return the start plus the time advanced, in nanoseconds."""
        return self._now_ns

    def wall_time(self) -> float:
        """Return the wall start plus the time advanced, in seconds."""
        return self._wall_start + (self._now_ns - self._start_ns) / NS_PER_SECOND

    def wait(self, condition: threading.Condition, deadline_ns: int | None) -> None:
        """Wait on ``condition`` until it is notified or the clock is advanced."""
        with self._changed:  # held by advance, too: no advance comes between the check and the entry
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
        """Move time forward by ``seconds`` (>= 0) and wake every waiting thread."""
        self.advance_ns(round(seconds * NS_PER_SECOND))

    def advance_ns(self, nanoseconds: int) -> None:
        """Move time forward by ``nanoseconds`` (>= 0) and wake every waiting thread."""
        if nanoseconds < 0:
            raise ValueError(f"a clock never goes back; got {nanoseconds} ns")
        with self._changed:
            self._now_ns += nanoseconds
            waiting, self._waiting = self._waiting, []  # all wake, and enter again to wait on
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


__dir__ = publish(__name__)
