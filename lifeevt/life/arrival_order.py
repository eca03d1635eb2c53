"""ArrivalOrder: an AsyncEventQueue emptied in the order of arrival, with the methods of queue.Queue that Life calls."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from .. import AsyncEventQueue, Event, Priority
from .._backends.contract import Entry
from ..clock import Clock
from ..errors import QueueEmpty, QueueFull
from ..result import Status
from .event import LifeEvent, taken

__all__ = ["ArrivalOrder"]

SAME_KEY = (0, int(Priority.NORMAL))  # for all events: the sequence number decides, which is the order of arrival


def by_arrival(event: Event, arrival_ns: int) -> tuple[int, int]:
    """Return the same key for every event."""
    return SAME_KEY


class ArrivalOrder:
    """A queue with two ends: oldest first for callers of this class, most urgent first for an engine.

    An engine takes from ``by_urgency``, the AsyncEventQueue below, and orders it by keys of its own. To find the oldest
    event is then to take all out, sort them by sequence number, and put the others back. Entries without room in the
    queue wait in ``_ahead``, before all others.

    Thread-safe; no call blocks for longer than another call runs. O(1) each; O(n log n) beside an engine.
    """

    def __init__(self, capacity: int, clock: Clock | None) -> None:
        self.maxsize = capacity
        self._clock = clock
        self.by_urgency = self._new_queue()
        self._log: deque[LifeEvent] = deque()  # the accepted events, in order, for to_dict
        self._ahead: deque[Entry] = deque()  # taken out to find the oldest, not yet put back
        self.on_put: Callable[[LifeEvent], object] | None = None  # called with each accepted event, in order
        self._order = threading.RLock()  # guards puts and takes here; an engine takes without it

    def put_nowait(self, original: Any) -> None:
        """Queue an event; raise QueueFull when there is no room."""
        event = LifeEvent(original, self.by_urgency.clock.wall_time())
        with self._order:
            self._put_back()
            if self._ahead:
                raise QueueFull(f"queue holds {self.qsize()} of {self.maxsize} events; {event.type!r} was refused")
            if self.by_urgency.closed:  # by its engine; Life goes on
                self.release()
            self._put(event)
            if self.on_put is not None:
                self.on_put(event)

    def get_nowait(self) -> Any:
        """Take the oldest event; raise QueueEmpty when there is none."""
        with self._order:
            entry = self._oldest()
            if entry is None:
                raise QueueEmpty("no event is queued")
            original = taken(self.by_urgency.event_of(entry))
            if not self._is_in_arrival_order():
                self._put_back()
            return original

    def get_all(self) -> list[Any]:
        """Take all queued events, oldest first, in one atomic step."""
        with self._order:
            entries = [*self._ahead, *self._take_all()]
            self._ahead.clear()
            originals = [taken(self.by_urgency.event_of(entry)) for entry in entries]
            self._trim_log()
            return originals

    def contents(self) -> list[Any]:
        """Return the queued events, oldest first, and take none.

        Exact beside an engine with handlers of ``lifeevt.life``. Reflexes do not mark the events that they take: beside
        them, the result is the newest ``qsize()`` events of the log.
        """
        with self._order:
            count = self.qsize()
            queued = [each.original for each in self._log if each.queued]
            return queued[-count:] if count else []

    def qsize(self) -> int:
        """Return how many events are queued."""
        return len(self._ahead) + self.by_urgency.qsize()

    def empty(self) -> bool:
        """Return whether no event is queued."""
        return self.qsize() == 0

    def full(self) -> bool:
        """Return whether the next event would be refused."""
        return self.qsize() >= self.maxsize

    def release(self) -> None:
        """Move all queued events to a new ``by_urgency``, for another engine; close the old one.

        An engine never gives its queue back. Stop the engine first.
        """
        with self._order:
            self.by_urgency.close()
            entries = [*self._ahead, *self._take_all()]
            old, self.by_urgency = self.by_urgency, self._new_queue()
            self._ahead = deque(entries)
            self._put_back(old)

    def _new_queue(self) -> AsyncEventQueue:
        return AsyncEventQueue(self.maxsize, "reject", self._clock, rank=by_arrival)

    def _put(self, event: LifeEvent) -> None:
        self._log.append(event)
        try:
            self.by_urgency.put_nowait(event)
        except BaseException:
            self._log.pop()
            raise
        self._trim_log()

    def _is_in_arrival_order(self) -> bool:
        return self.by_urgency.rank is by_arrival and not self._ahead

    def _oldest(self) -> Entry | None:
        if self._is_in_arrival_order():
            return self.by_urgency.take_nowait(Status.DELIVERED)
        self._ahead.extend(self._take_all())
        return self._ahead.popleft() if self._ahead else None

    def _take_all(self) -> list[Entry]:
        """Take the entries of ``by_urgency`` and sort them by arrival."""
        entries = self.by_urgency.heap.drain(self.maxsize, Status.DELIVERED)
        self.by_urgency.announce()
        return sorted(entries, key=itemgetter(4))  # the sequence number

    def _put_back(self, taken_from: AsyncEventQueue | None = None) -> None:
        """Queue the entries that were taken out again; those without room stay ahead and are not lost."""
        while self._ahead:
            event = (taken_from or self.by_urgency).event_of(self._ahead[0])
            try:
                self.by_urgency.put_nowait(event)
            except QueueFull:
                return
            self._ahead.popleft()

    def _trim_log(self) -> None:
        """Drop taken events from the log; reflexes do not mark theirs, so also drop more than ``maxsize`` events."""
        log = self._log
        while log and not log[0].queued:
            log.popleft()
        if len(log) > 2 * self.maxsize:
            queued = [each for each in log if each.queued][-self.maxsize :]
            log.clear()
            log.extend(queued)
