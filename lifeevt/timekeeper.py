"""Timekeeper: has the worker come back when something is due, by one timed wait for everything."""

from __future__ import annotations

import threading
from collections.abc import Callable

from . import at_fork
from ._contract import Reactor, Task
from .clock import SystemClock
from .queue import AsyncEventQueue
from .scheduler import EventScheduler
from .strategy import OPEN

__all__ = ["Timekeeper"]


class Timekeeper:
    """Gives the worker its tasks, and lets in what is due between them.

    On the system's clock the reactor itself sleeps until then. Another clock cannot wake a reactor: while something
    is to come on one, the worker waits on that clock. So it does while a strategy paces it, event by event.
    ``stopping()`` says when it must not wait any longer.
    """

    def __init__(
        self, reactor: Reactor, queue: AsyncEventQueue, scheduler: EventScheduler, stopping: Callable[[], bool]
    ) -> None:
        self._reactor, self._queue, self._scheduler, self._stopping = reactor, queue, scheduler, stopping
        self._timers = queue.tracker.timers
        self._telling = threading.Lock()  # what the reactor is told last must be what is true
        at_fork.renew_locks(self, "_telling")
        self._on_system_clock = type(queue.clock) is SystemClock
        self._timers.on_earlier = self._tell
        scheduler.on_pace = self._tell

    def next_task(self) -> Task | None:
        """Return the next event for Python; None when it is time to look around, or to leave. Blocks."""
        if not self._scheduler.paces and (self._on_system_clock or self._timers.next_ns() is None):
            return self._reactor.run()
        answered, task = self._reactor.run_pending(1, self._above())
        if task is None and not answered:
            self._queue.waiting.for_work(self._look_again_ns(), self._may_not_wait)
        return task

    def look_around(self) -> None:
        """Let in what is due, and say when to come back."""
        self._queue.tracker.fire()
        self._tell()

    def _tell(self) -> None:
        with self._telling:
            next_ns = self._timers.next_ns()
            native = not self._scheduler.paces and (self._on_system_clock or next_ns is None)
            self._reactor.wake_at(next_ns if native else LONG_AGO)
        if not self._on_system_clock:
            self._queue.waiting.wake()

    def _may_not_wait(self) -> bool:
        next_ns = self._timers.next_ns()
        if self._stopping() or not (self._scheduler.paces or next_ns is not None):
            return True
        due = next_ns is not None and next_ns <= self._queue.clock.now_ns()
        return due or self._queue.heap.leads(self._above())

    def _above(self) -> int:
        """Only events of a level below this one may start now."""
        return self._scheduler.above(self._queue.clock.now_ns())

    def _look_again_ns(self) -> int | None:
        """When a gate that is shut opens, or something comes by itself."""
        gate = self._scheduler.gate(self._queue.clock.now_ns()) if self._scheduler.paces else OPEN
        due = (None if gate.allowance_ns > 0 else gate.until_ns, self._timers.next_ns())
        return min((each for each in due if each is not None), default=None)


LONG_AGO = -(2**63)
