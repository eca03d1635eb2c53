"""Timers: calls at instants of a clock, and periodic ones."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from typing import NamedTuple

from .._backends import fork

__all__ = ["MISFIRE_POLICIES", "PeriodicTimer", "Timer", "Timers"]

MISFIRE_POLICIES = ("skip", "catch_up", "once")
TOMBSTONES_ALLOWED = 64  # of cancelled timers, beside as many as there are timers


class Timer:
    """One call that is due at an instant."""

    __slots__ = ("_timers", "call", "due_ns")

    def __init__(self, timers: Timers, due_ns: int, call: Callable[[], None]) -> None:
        self._timers, self.due_ns = timers, due_ns
        self.call: Callable[[], None] | None = call

    def cancel(self) -> bool:
        """Cancel the call; False when it was made, or cancelled before. Thread-safe. O(1), amortised."""
        return self._timers.discard(self)


class _Item(NamedTuple):
    """A timer in the heap; ``number`` decides among equal instants."""

    due_ns: int
    number: int
    timer: Timer


class Timers:
    """Calls by the instant at which they are due; equal instants in order of arrival. Thread-safe.

    Reads no clock.
    """

    def __init__(self) -> None:
        self._followers: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        fork.renew_locks(self, "_lock")
        self._heap: list[_Item] = []
        self.living = 0  # timers that are not due; a plain number, since it is read for every event
        self._made = 0

    def follow(self, changed: Callable[[], None]) -> None:
        """Call ``changed()``, outside of any lock, when a new timer has become the first."""
        self._followers.append(changed)

    def add(self, due_ns: int, call: Callable[[], None]) -> Timer:
        """Call ``call()`` once it is ``due_ns``. O(log n)."""
        timer = Timer(self, due_ns, call)
        with self._lock:
            heapq.heappush(self._heap, _Item(due_ns, self._made, timer))
            self._made += 1
            self.living += 1
            first = self._heap[0].timer is timer
        if first:
            for changed in self._followers:
                changed()
        return timer

    def discard(self, timer: Timer) -> bool:
        """Cancel a timer, which leaves a tombstone; return whether it was not due yet."""
        with self._lock:
            found, timer.call = timer.call is not None, None
            self.living -= found
            if len(self._heap) > 2 * self.living + TOMBSTONES_ALLOWED:
                self._heap = [item for item in self._heap if item.timer.call is not None]
                heapq.heapify(self._heap)
            return found

    def next_ns(self) -> int | None:
        """Return when the next one is due, or None. O(1), amortised."""
        with self._lock:
            while self._heap and self._heap[0].timer.call is None:
                heapq.heappop(self._heap)
            return self._heap[0].due_ns if self._heap else None

    def fire(self, now_ns: int) -> int:
        """Make every call that is due at ``now_ns``, in order; return their number. Errors of a call propagate."""
        fired = 0
        while (call := self._take(now_ns)) is not None:
            call()
            fired += 1
        return fired

    def _take(self, now_ns: int) -> Callable[[], None] | None:
        """Remove the first call if it is due; only the thread that removes it makes it."""
        with self._lock:
            while self._heap and self._heap[0].due_ns <= now_ns:
                timer = heapq.heappop(self._heap).timer
                call, timer.call = timer.call, None
                if call is not None:
                    self.living -= 1
                    return call
            return None


class PeriodicTimer:
    """A call at every instant of a grid, and a policy for missed instants. Thread-safe.

    When several instants were missed, ``skip`` makes no call for them, ``once`` makes one for all, and ``catch_up`` one
    for each. The grid never drifts. ``fired`` and ``missed`` count calls and instants without one.

    Raises:
        ValueError: the policy is unknown, or the period is below 1 ns.
    """

    def __init__(
        self, timers: Timers, start_ns: int, period_ns: int, misfire: str, now_ns: Callable[[], int],
        act: Callable[[], object],
    ) -> None:  # fmt: skip
        if misfire not in MISFIRE_POLICIES:
            raise ValueError(f"unknown misfire policy {misfire!r}; choose {', '.join(MISFIRE_POLICIES)}")
        if period_ns < 1:
            raise ValueError(f"the period is {period_ns} ns; it must be positive")
        self._timers, self._period_ns, self._misfire = timers, period_ns, misfire
        self._now_ns, self._act = now_ns, act
        self._lock = threading.Lock()
        fork.renew_locks(self, "_lock")
        self._cancelled = False
        self.fired = self.missed = 0
        self._timer = timers.add(start_ns, self._happen)

    def cancel(self) -> bool:
        """End the timer; False when it had ended. Events that it queued stay. O(1), amortised."""
        with self._lock:
            first, self._cancelled = not self._cancelled, True
            self._timer.cancel()
            return first

    def _happen(self) -> None:
        passed = 1 + max(self._now_ns() - self._timer.due_ns, 0) // self._period_ns
        times = 1 if passed == 1 else {"skip": 0, "once": 1, "catch_up": passed}[self._misfire]
        with self._lock:
            if self._cancelled:
                return
            self.fired += times
            self.missed += passed - times
            self._timer = self._timers.add(self._timer.due_ns + passed * self._period_ns, self._happen)
        for _ in range(times):
            self._act()
