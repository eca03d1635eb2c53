"""Transfer: puts events into a queue's heap and takes them out, for every event, clock and policy."""

from __future__ import annotations

from array import array
from typing import Any, NoReturn

from .._backends import EventHeap
from .._backends.contract import ADMITTED, MAX_LEVELS, NO_END, REFUSED, REJECT, WAIT, Entry, Offer
from ..clock import Clock
from ..errors import InvalidEvent, QueueClosed, QueueEmpty, QueueFull
from ..event import Event
from ..result import Status
from .discipline import Discipline
from .receipt import Tracked
from .tracker import Tracker
from .waiting import Waiting

__all__ = ["Transfer"]

DELIVERED = int(Status.DELIVERED)
Pause = tuple[int | None, int | None]  # of a level, or of a type_id


class Transfer:
    """The slow path of a queue, which serves every call; the backend's fast path serves plain ones alone. Thread-safe.

    The tracker puts the events that more than level and budget decide. A tracked event that has expired is not taken:
    it ends.
    """

    def __init__(
        self, heap: EventHeap, clock: Clock, discipline: Discipline, waiting: Waiting, tracker: Tracker
    ) -> None:
        self._heap, self._clock, self._discipline = heap, clock, discipline
        self._waiting, self._tracker = waiting, tracker
        self._event_of = discipline.type_ids.event_of
        self._paused: set[Pause] = set()

    # --- putting

    def put(self, event: Event, timeout: float | None = None, may_wait: bool = True) -> bool:
        """Put an event; see ``AsyncEventQueue.put``."""
        overflow = self._discipline.overflow
        key, level, arrival_ns, type_id, is_special = self._discipline.arrive(event)
        if is_special:
            return self._tracker.put_special(event)
        if may_wait and overflow.waits[level]:
            seconds = overflow.seconds[level] if timeout is None else timeout
            return self._put_waiting(Offer(key, level, arrival_ns, event), type_id, seconds)
        policy = overflow.policies[level]
        verdict = self._heap.offer(key, level, arrival_ns, event, policy, type_id, event.intensity)
        if self._waiting.threads:
            self._waiting.wake()
        if verdict is ADMITTED:
            return True
        self._tracker.settlement.hand_back(verdict)
        if verdict is REFUSED and policy == REJECT:
            self.refuse(event)
        return verdict is not REFUSED

    def put_many(self, events: list[Event]) -> int:
        """Put events in one atomic step, unless one is special; see ``AsyncEventQueue.put_many``."""
        offers: list[Offer] = []
        numbers: list[tuple[int, float]] = []
        takes_special = False
        for event in events:
            key, level, arrival_ns, type_id, is_special = self._discipline.arrive(event)
            offers.append(Offer(key, level, arrival_ns, event))
            numbers.append((type_id, event.intensity))
            takes_special = takes_special or is_special
        if takes_special:
            return sum(map(self._put_quietly, events))
        verdicts = self._heap.offer_many(offers, self._discipline.overflow.policies, numbers)
        self._waiting.announce()
        for verdict in verdicts:
            self._tracker.settlement.hand_back(verdict)
        return sum(verdict is not REFUSED for verdict in verdicts)

    def put_arrays(self, types: Any, intensities: Any, timestamps: Any) -> int:
        """Put an event for each number; see ``AsyncEventQueue.put_arrays``."""
        if self._discipline.closed:
            raise QueueClosed("the queue is closed")
        table, policies = self._discipline.type_ids.table, self._discipline.overflow.policies
        try:
            seconds = array("d", [self._clock.wall_time()]) * len(types) if timestamps is None else timestamps
            now_ns = self._clock.now_ns()
            taken, shed = self._heap.offer_numbers(table, types, intensities, seconds, now_ns, policies)
        except (TypeError, ValueError) as error:
            raise InvalidEvent(str(error)) from None
        self._waiting.announce()
        for entry in shed:
            self._tracker.settlement.hand_back(entry)
        return taken

    def refuse(self, event: Event) -> NoReturn:
        """Raise QueueFull."""
        raise QueueFull(self._discipline.refusal(event))

    def _put_waiting(self, offer: Offer, type_id: int, seconds: float | None) -> bool:
        """Put an event as soon as there is room, for so many seconds."""
        event: Event = offer.payload

        def admit() -> bool:
            if self._discipline.closed:
                raise QueueClosed("the queue is closed")
            if self._heap.offer(*offer, WAIT, type_id, event.intensity) is REFUSED:
                return False
            self._waiting.announce()
            return True

        # the last attempt counts the refusal
        return admit() or self._waiting.until(admit, seconds) or self.put(event, may_wait=False)

    def _put_quietly(self, event: Event) -> bool:
        try:
            return self.put(event, may_wait=False)
        except QueueFull:
            return False

    # --- taking

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
        entry = self.take_or_raise() or self._waiting.until(self.take_or_raise, timeout)
        if entry is None:
            raise QueueEmpty(f"no event came within {timeout} s")
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
        pauses: list[Pause] = [(level, None), (None, type_id)]
        for each in pauses:
            if each != (None, None):
                self._heap.pause(*each, paused)
                (self._paused.add if paused else self._paused.discard)(each)
        self._waiting.announce()

    def resume_everything(self) -> None:
        """End every pause."""
        for each in [*self._paused]:
            self.pause(*each, False)

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
