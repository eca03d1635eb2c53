"""Delivery: the events that leave a queue, and the pauses of levels and types."""

from __future__ import annotations

from .._backends import EventHeap
from .._backends.contract import MAX_LEVELS, NO_END, Entry
from ..clock import Clock
from ..errors import QueueClosed, QueueEmpty
from ..event import Event
from ..result import Status
from .discipline import Discipline
from .receipt import Tracked
from .tracker import Tracker
from .waiting import Waiting

__all__ = ["Delivery"]

DELIVERED = int(Status.DELIVERED)


class Delivery:
    """Takes entries out of the heap, most urgent first. A tracked event that has expired ends instead. Thread-safe."""

    def __init__(
        self, heap: EventHeap, clock: Clock, discipline: Discipline, waiting: Waiting, tracker: Tracker
    ) -> None:
        self._heap, self._clock, self._discipline = heap, clock, discipline
        self._waiting, self._tracker = waiting, tracker
        self._event_of = discipline.type_ids.event_of
        self._paused: set[tuple[int | None, int | None]] = set()

    def take(self, end: int = NO_END) -> Entry | None:
        """Take the most urgent entry, or None; with ``end`` it ends there, else it runs."""
        if self._tracker.has_tracked and end != NO_END:
            return self._take_unexpired(end)
        entry = self._heap.pop(end)
        if entry is not None:
            self._waiting.announce()
        return entry

    def take_or_raise(self) -> Entry | None:
        """Deliver the most urgent entry, or None; QueueClosed once the queue is closed and empty."""
        entry = self.take(DELIVERED)
        if entry is None and self._discipline.closed:
            raise QueueClosed("the queue is closed and empty")
        return entry

    def get_nowait(self) -> Event:
        """Deliver the most urgent event; see ``AsyncEventQueue.get_nowait``."""
        entry = self.take_or_raise()
        if entry is None:
            raise QueueEmpty("no event is queued")
        return self._event_of(entry)

    def get(self, timeout: float | None) -> Event:
        """Deliver the most urgent event, waiting for one; see ``AsyncEventQueue.get``."""
        found: list[Entry] = []
        if not self._take_into(found) and not self._waiting.until(lambda: self._take_into(found), timeout):
            raise QueueEmpty(f"no event came within {timeout} s")
        (entry,) = found
        return self._event_of(entry)

    def drain(self, limit: int | None) -> list[Event]:
        """Deliver up to ``limit`` events; see ``AsyncEventQueue.drain``."""
        if limit is not None and limit < 0:
            raise ValueError(f"limit is {limit}; it must not be negative")
        most = self._heap.capacity if limit is None else limit
        if self._tracker.has_tracked:
            entries = [entry for _ in range(most) if (entry := self.take(DELIVERED)) is not None]
        else:
            entries = self._heap.drain(most, DELIVERED)
            self._waiting.announce()
        return [*map(self._event_of, entries)]

    def cancel_all(self) -> list[Entry]:
        """Cancel every queued event, in one atomic step, and every one that arrives later; return the entries."""
        entries = self._tracker.give_up_deferred() + self._heap.drain(self._heap.capacity, Status.CANCELLED, True)
        self._waiting.announce()
        return entries

    def pause(self, level: int | None, type_id: int | None, paused: bool) -> None:
        """Pause or resume a level and a type, or everything when both are None."""
        if level is None and type_id is None:
            level = MAX_LEVELS
        for one_level, one_type in ((level, None), (None, type_id)):
            if one_level is not None or one_type is not None:
                self._heap.pause(one_level, one_type, paused)
                (self._paused.add if paused else self._paused.discard)((one_level, one_type))
        self._waiting.announce()

    def resume_everything(self) -> None:
        """End every pause."""
        for level, type_id in list(self._paused):
            self._heap.pause(level, type_id, False)
        self._paused.clear()
        self._waiting.announce()

    def _take_into(self, found: list[Entry]) -> bool:
        entry = self.take_or_raise()
        found += () if entry is None else (entry,)
        return entry is not None

    def _take_unexpired(self, end: int) -> Entry | None:
        """Take and end the most urgent entry that has not expired."""
        self._tracker.fire()
        while (entry := self._heap.pop(NO_END)) is not None:
            self._waiting.announce()
            payload, *_ = entry
            tracked = type(payload) is Tracked
            expired = tracked and payload.receipt.has_expired(self._clock.now_ns())
            self._heap.finish(Status.EXPIRED if expired else end)
            if tracked:
                self._tracker.settlement.end(entry, Status.EXPIRED if expired else Status(end))
            if not expired:
                break
        return entry
