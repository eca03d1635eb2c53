"""Lane: an AsyncEventQueue taken in the order of arrival, with the few methods that Life uses of queue.Queue."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from .. import AsyncEventQueue, Event, Priority
from .._backends.contract import Entry
from ..clock import Clock
from ..errors import QueueEmpty, QueueFull
from ..result import Status
from .event import CarriedEvent, original_of, set_waits

__all__ = ["Lane"]

IN_ORDER = (0, int(Priority.NORMAL))  # one key for all: the sequence decides, which is the order of arrival


def in_order(event: Event, arrival_ns: int) -> tuple[int, int]:
    """Rank all alike."""
    return IN_ORDER


class Lane:
    """First in, first out for who takes here; most urgent first for an engine that has ``by_urgency``.

    Thread-safe. Nothing blocks but for another call's few operations. O(1) each; O(n log n) beside an engine.
    """

    def __init__(self, capacity: int, clock: Clock | None) -> None:
        self.maxsize = capacity
        self._clock = clock
        self.by_urgency = self._make()
        self._log: deque[CarriedEvent] = deque()  # of what was put, in order; to be looked at only
        self._ahead: deque[Entry] = deque()  # taken out to find the oldest, and to be put back
        self.on_put: Callable[[CarriedEvent], object] | None = None  # told of each event that was taken in, in order
        self._order = threading.RLock()  # of puts and takes here; an engine takes without it

    def put_nowait(self, original: Any) -> None:
        """Queue an event; QueueFull."""
        carried = CarriedEvent.of(original, self.by_urgency.clock.wall_time())
        with self._order:
            self._give_back()
            if self._ahead:
                raise QueueFull(f"queue holds {self.qsize()} of {self.maxsize} events; {carried.type!r} was refused")
            if self.by_urgency.closed:  # its engine was, but Life goes on
                self.release()
            self._log.append(carried)
            try:
                self.by_urgency.put_nowait(carried)
            except BaseException:
                self._log.pop()
                raise
            self._forget()
            if self.on_put is not None:
                self.on_put(carried)

    def get_nowait(self) -> Any:
        """Take the oldest event; QueueEmpty when there is none."""
        with self._order:
            entry = self._oldest()
            if entry is None:
                raise QueueEmpty("no event is queued")
            event = self.by_urgency.event_of(entry)
            _leave(event)
            if not self._sorted_anyway():
                self._give_back()
            return original_of(event)

    def get_all(self) -> list[Any]:
        """Take everything that is queued now, oldest first, in one atomic step."""
        with self._order:
            entries = [*self._ahead, *self._taken()]
            self._ahead.clear()
            events = [self.by_urgency.event_of(entry) for entry in entries]
            for event in events:
                _leave(event)
            self._forget()
            return [original_of(event) for event in events]

    def contents(self) -> list[Any]:
        """Return what is queued, oldest first, and change nothing.

        Exact beside an engine, too, if its handlers come from ``lifeevt.life``; a reflex says nothing of what it took.
        """
        with self._order:
            count = self.qsize()
            waiting = [each.original for each in self._log if each.waits]
            return waiting[-count:] if count else []

    def qsize(self) -> int:
        """Return how many events are queued."""
        return len(self._ahead) + self.by_urgency.qsize()

    def empty(self) -> bool:
        """Return whether no event is queued."""
        return self.qsize() == 0

    def full(self) -> bool:
        """Return whether one more would be refused."""
        return self.qsize() >= self.maxsize

    def release(self) -> None:
        """Leave the engine that has ``by_urgency``, with all that is queued, for another one: stop the engine first.

        An engine's queue is its own for good, so there is a new one; the old one is closed.
        """
        with self._order:
            self.by_urgency.close()
            entries = [*self._ahead, *self._taken()]
            old, self.by_urgency = self.by_urgency, self._make()
            self._ahead = deque(entries)
            self._give_back(old)

    def _make(self) -> AsyncEventQueue:
        return AsyncEventQueue(self.maxsize, "reject", self._clock, rank=in_order)

    def _sorted_anyway(self) -> bool:
        return self.by_urgency.rank is in_order and not self._ahead

    def _oldest(self) -> Entry | None:
        if self._sorted_anyway():
            return self.by_urgency.take_nowait(Status.DELIVERED)
        self._ahead.extend(self._taken())
        return self._ahead.popleft() if self._ahead else None

    def _taken(self) -> list[Entry]:
        """Take what is queued, in the order of arrival."""
        heap = self.by_urgency.heap
        entries = heap.drain(self.maxsize, Status.DELIVERED)
        self.by_urgency.announce()
        return sorted(entries, key=_sequence)

    def _give_back(self, taken_from: AsyncEventQueue | None = None) -> None:
        """Queue again what was only taken out; what others have left no room for stays ahead, and is not lost."""
        while self._ahead:
            event = (taken_from or self.by_urgency).event_of(self._ahead[0])
            try:
                self.by_urgency.put_nowait(event)
            except QueueFull:
                return
            self._ahead.popleft()

    def _forget(self) -> None:
        """Keep the log short: drop what has left, and, of what a reflex took, what cannot be here any more."""
        log = self._log
        while log and not log[0].waits:
            log.popleft()
        if len(log) > 2 * self.maxsize:
            waiting = [each for each in log if each.waits][-self.maxsize :]
            log.clear()
            log.extend(waiting)


def _leave(event: Event) -> None:
    if isinstance(event, CarriedEvent):
        set_waits(event, False)


def _sequence(entry: Entry) -> int:
    return entry[4]
