"""Timekeeper: has the worker come back when something is due, by one timed wait for everything."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .._backends import Reactor, fork
from .._backends.contract import MAX_LEVELS, Task
from ..clock import SystemClock
from ..queue import AsyncEventQueue
from ..scheduler import OPEN, EventScheduler
from .batches import Batches

__all__ = ["Timekeeper"]


class Timekeeper:
    """Gives the worker its tasks, and lets in what is due between them.

    On the system's clock the reactor itself sleeps until then. Another clock cannot wake a reactor: while something
    is to come on one, the worker waits on that clock. So it does while a strategy throttles it, event by event.
    ``stopping()`` says when it must not wait any longer.
    """

    def __init__(
        self,
        reactor: Reactor,
        queue: AsyncEventQueue,
        scheduler: EventScheduler,
        batches: Batches,
        stopping: Callable[[], bool],
    ) -> None:
        self._batches = batches
        self._reactor, self._queue, self._scheduler, self._stopping = reactor, queue, scheduler, stopping
        self._timers = queue.tracker.timers
        self._telling = threading.Lock()  # what the reactor is told last must be what is true
        fork.renew_locks(self, "_telling")
        self._on_system_clock = type(queue.clock) is SystemClock
        self._timers.on_earlier = batches.on_change = self._tell
        scheduler.follow(self._tell)

    def next_task(self) -> Task | None:
        """Return the next event for Python; None when it is time to look around, or to leave. Blocks."""
        if self._runs_alone():
            return self._reactor.run()
        above = self._above()
        if self._stopping() or self._must_look() or self._batches.next(above) is not None:
            return None  # also a batch is answered by who looks around
        answered, task = self._reactor.run_pending(1, above)
        if task is None and not answered:
            self._queue.waiting.for_work(self._look_again_ns(), self._may_not_wait)
        return task

    def look_around(self) -> None:
        """Let in what is due, and say when to come back."""
        self._queue.tracker.fire()
        self._tell()

    def _tell(self) -> None:
        with self._telling:
            next_ns = self._next_ns()
            native = not self._scheduler.throttles and (self._on_system_clock or next_ns is None)
            self._reactor.wake_at(next_ns if native else LONG_AGO)
        if not self._on_system_clock:
            self._queue.waiting.wake()

    def _runs_alone(self) -> bool:
        """Whether the reactor may run and sleep by itself: no gate, no clock but its own, no batch that is due."""
        if self._scheduler.throttles:
            return False
        if not self._on_system_clock:
            return self._next_ns() is None
        return not self._batches.waiting or not _is_past(self._batches.due_ns(), self._queue.clock.now_ns())

    def _must_look(self) -> bool:
        """Whether a timer is due, however much there is to answer."""
        return _is_past(self._timers.next_ns(), self._queue.clock.now_ns())

    def _may_not_wait(self) -> bool:
        above = self._above()
        next_ns = self._next_ns(above)
        if self._stopping() or not (self._scheduler.throttles or next_ns is not None):
            return True
        head = self._queue.heap.head()
        return _is_past(next_ns, self._queue.clock.now_ns()) or (head is not None and head[1] < above)

    def _next_ns(self, above: int = MAX_LEVELS) -> int | None:
        """When the next timer is due, or the next batch of a level that may start."""
        return _first(self._timers.next_ns(), self._batches.due_ns(above))

    def _above(self) -> int:
        """Only events of a level below this one may start now."""
        return self._scheduler.above(self._queue.clock.now_ns())

    def _look_again_ns(self) -> int | None:
        """When a gate that is shut opens, or something comes by itself."""
        gate = self._scheduler.gate(self._queue.clock.now_ns()) if self._scheduler.throttles else OPEN
        return _first(None if gate.allowance_ns > 0 else gate.until_ns, self._next_ns(self._above()))


def _is_past(instant_ns: int | None, now_ns: int) -> bool:
    return instant_ns is not None and instant_ns <= now_ns


def _first(*instants: int | None) -> int | None:
    return min((each for each in instants if each is not None), default=None)


LONG_AGO = -(2**63)
