"""Waiting: lets threads wait for a change of a queue, in its heap or on another clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from .._backends import EventHeap, fork
from ..clock import Clock, SystemClock, limit_in_ns
from .timers import Timers

__all__ = ["Waiting"]

Found = TypeVar("Found")


class Waiting:
    """Lets threads wait until a condition of a heap holds; timers that fall due wake them, too. Thread-safe.

    On the system's clock they wait in the heap, which a thread without the GIL can wake.
    """

    def __init__(self, heap: EventHeap, clock: Clock, timers: Timers) -> None:
        self._heap, self._clock, self.timers = heap, clock, timers
        self.in_heap = type(clock) is SystemClock  # another clock may stand still: wait for it, too
        self._changed = threading.Condition()
        fork.renew_locks(self, "_changed")
        self.threads = 0  # those that wait on another clock; read without the lock, see announce

    def announce(self) -> None:
        """Wake the threads that wait on another clock than the system's."""
        # A waiter raises the count before it looks at the heap, and the heap's own lock orders its
        # look against our change: if we read 0 here, it sees that change.
        if self.threads:
            self.wake()

    def wake(self) -> None:
        """Make every waiting thread check its condition again."""
        self._heap.wake_all()
        with self._changed:
            self._changed.notify_all()

    def until(self, attempt: Callable[[], Found], timeout: float | None) -> Found:
        """Wait until ``attempt()`` is true, for so many seconds of the clock; return the result of the last one."""
        until_ns = _after(self._clock.now_ns(), timeout)
        if self.in_heap:
            return self._watch(attempt, until_ns, idle=False)
        with self._changed:
            self.threads += 1
            try:
                while not (found := attempt()) and (until_ns is None or self._clock.now_ns() < until_ns):
                    self._clock.wait(self._changed, self._next_look(until_ns))
                return found
            finally:
                self.threads -= 1

    def until_idle(self, done: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until ``done()``, checked when nothing is queued or running; False after ``timeout`` real seconds."""
        return self._watch(done, _after(time.monotonic_ns(), timeout), idle=True)

    def for_work(self, until_ns: int | None, done: Callable[[], bool]) -> None:
        """Wait until the heap changes, ``done()``, or ``until_ns`` of the clock. May return early."""
        if self.in_heap:
            self._watch(done, until_ns, idle=False)
            return
        with self._changed:
            epoch = self._heap.watch(False)  # before ``done()``, so that no change between the two is missed
            self.threads += 1
            try:
                if not done() and self._heap.wait(epoch, 0) == epoch:
                    self._clock.wait(self._changed, until_ns)
            finally:
                self.threads -= 1
                self._heap.unwatch(False)

    def _watch(self, attempt: Callable[[], Found], until_ns: int | None, idle: bool) -> Found:
        """Wait for changes of the heap, which the worker announces without the GIL."""
        epoch = self._heap.watch(idle)
        try:
            while not (found := attempt()):
                now_ns = time.monotonic_ns()
                if until_ns is not None and until_ns <= now_ns:
                    break
                next_ns = until_ns if idle else self._next_look(until_ns)
                epoch = self._heap.wait(epoch, None if next_ns is None else max(next_ns - now_ns, 0))
            return found
        finally:
            self._heap.unwatch(idle)

    def _next_look(self, until_ns: int | None) -> int | None:
        """Return the instant of the next check: the deadline, or the next timer."""
        due_ns = self.timers.next_ns()
        return min((each for each in (until_ns, due_ns) if each is not None), default=None)


def _after(now_ns: int, timeout: float | None) -> int | None:
    limit_ns = limit_in_ns(timeout)
    return None if limit_ns is None else now_ns + limit_ns
