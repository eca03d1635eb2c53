"""Delivery: the events that leave a queue, and the pauses of levels and types."""

from __future__ import annotations

from .._backends import EventHeap
from .._backends.contract import MAX_LEVELS, NO_END, Entry
from ..clock import Clock
from ..errors import QueueClosed, QueueEmpty
from ..result import Status
from .receipt import Tracked
from .tracker import Tracker
from .waiting import Waiting

__all__ = ["DELIVERED", "Delivery"]

DELIVERED = int(Status.DELIVERED)


class Delivery:
    """Takes entries out of the heap, most urgent first. A tracked event that has expired ends instead. Thread-safe."""

    def __init__(self, heap: EventHeap, clock: Clock, tracker: Tracker, waiting: Waiting) -> None:
        self._heap, self._clock, self._tracker, self._waiting = heap, clock, tracker, waiting
        self._paused: set[tuple[int | None, int | None]] = set()
        self.tracks = False  # whether an event was ever tracked
        self.closed = False

    def take(self, end: int = NO_END) -> Entry | None:
        """Take the most urgent entry, or None; with ``end`` it ends there, else it runs."""
        if self.tracks and end != NO_END:
            return self._take_unexpired(end)
        entry = self._heap.pop(end)
        if entry is not None:
            self._waiting.announce()
        return entry

    def take_or_raise(self) -> Entry | None:
        """Deliver the most urgent entry, or None; QueueClosed once the queue is closed and empty."""
        entry = self.take(DELIVERED)
        if entry is None and self.closed:
            raise QueueClosed("the queue is closed and empty")
        return entry

    def take_now(self) -> Entry:
        """Deliver the most urgent entry; QueueEmpty, or QueueClosed, when there is none."""
        entry = self.take_or_raise()
        if entry is None:
            raise QueueEmpty("no event is queued")
        return entry

    def take_within(self, timeout: float | None) -> Entry:
        """Deliver the most urgent entry, waiting for one; QueueEmpty after ``timeout`` seconds of the clock."""
        found: list[Entry] = []
        if not self._take_into(found) and not self._waiting.until(lambda: self._take_into(found), timeout):
            raise QueueEmpty(f"no event came within {timeout} s")
        return found[0]

    def drain(self, limit: int) -> list[Entry]:
        """Deliver up to ``limit`` entries, most urgent first; in one atomic step unless events were tracked."""
        if self.tracks:
            return [entry for _ in range(limit) if (entry := self.take(DELIVERED)) is not None]
        entries = self._heap.drain(limit, DELIVERED)
        self._waiting.announce()
        return entries

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
