"""Intake: the calls that put plain events into a queue, for every event, clock and policy."""

from __future__ import annotations

from array import array
from typing import Any, NoReturn

from .._backends import EventHeap
from .._backends.contract import ADMITTED, REFUSED, REJECT, WAIT, Offer
from ..clock import Clock
from ..errors import InvalidEvent, QueueClosed, QueueFull
from ..event import Event
from .discipline import Discipline
from .tracker import Tracker
from .waiting import Waiting

__all__ = ["Intake"]


class Intake:
    """Puts events into the heap, and leaves those to the tracker that more than level and budget decide. Thread-safe.

    The backend's fast path does the same for plain events.
    """

    def __init__(
        self, heap: EventHeap, clock: Clock, discipline: Discipline, waiting: Waiting, tracker: Tracker
    ) -> None:
        self._heap, self._clock, self._discipline = heap, clock, discipline
        self._waiting, self._tracker = waiting, tracker

    def put(self, event: Event, timeout: float | None, may_wait: bool = True) -> bool:
        """Put an event; see ``AsyncEventQueue.put``."""
        discipline = self._discipline
        key, level, arrival_ns, type_id, is_special = discipline.arrive(event)
        if is_special:
            return self._tracker.put_special(event)
        overflow = discipline.overflow
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

    def put_nowait(self, event: Event) -> bool:
        """Put an event without waiting; see ``AsyncEventQueue.put_nowait``."""
        return self.put(event, None, may_wait=False)

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
            now = array("d", [self._clock.wall_time()])
            seconds = now * len(types) if timestamps is None else timestamps
            taken, shed = self._heap.offer_numbers(
                table, types, intensities, seconds, self._clock.now_ns(), policies
            )  # fmt: skip
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

        if admit() or self._waiting.until(admit, seconds):
            return True
        return self.put_nowait(event)  # the last attempt, which counts the refusal

    def _put_quietly(self, event: Event) -> bool:
        try:
            return self.put_nowait(event)
        except QueueFull:
            return False
