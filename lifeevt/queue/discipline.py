"""Discipline: the order, the overflow policies and the rate limits of one queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import index

from .._backends import EventHeap
from .._backends.contract import MAX_LEVELS, Offer
from ..clock import Clock
from ..errors import InvalidEvent, QueueClosed
from ..event import Event, EventTypes, Priority
from .overflow import Overflow
from .rate_limit import RateLimiter
from .type_ids import TypeIds

__all__ = ["Discipline", "Rank"]

Rank = Callable[[Event, int], tuple[int, int]]


class Discipline:
    """Decides how a queue treats an event: its key and level, its overflow policy, and whether it comes too often.

    ``ranks_by_type``: ``types`` alone would give the same key and level as ``rank``.
    """

    def __init__(
        self, heap: EventHeap, clock: Clock, overflow: str | Mapping[Priority | str, str], rank: Rank | None
    ) -> None:
        self._heap, self._clock = heap, clock
        self.overflow, self.limiter = Overflow(overflow), RateLimiter(heap=heap)
        self.rank: Rank = rank or EventTypes.life().rank
        owner = getattr(self.rank, "__self__", None)
        self.types = owner if isinstance(owner, EventTypes) else EventTypes.life()
        self.type_ids = TypeIds(self.types, self.limiter.of_type)
        self.ranks_by_type = rank is None
        self.closed = False

    def adopt(self, rank: Rank, types: EventTypes, ranks_by_type: bool) -> None:
        """Take another order, and the event types to which it belongs."""
        self.rank, self.types, self.ranks_by_type = rank, types, ranks_by_type
        self.type_ids.adopt(types)

    def arrive(self, event: Event) -> tuple[int, int, int, int, bool]:
        """Return (key, level, arrival_ns, type_id, is_special) of an event that arrives now; QueueClosed, InvalidEvent.

        More than its level and its budget decide how a special event is treated.
        """
        if self.closed:
            raise QueueClosed("the queue is closed")
        if not isinstance(event, Event):
            raise InvalidEvent(f"a queue takes Event objects, not {type(event).__name__}")
        arrival_ns = self._clock.now_ns()
        type_id, event_type, is_plain, _ = self.type_ids.find(event)
        if self.ranks_by_type:
            key, level = event_type.rank(event, arrival_ns)
        else:
            key, level = _checked(*self.rank(event, arrival_ns))
            is_plain = self.types.resolve(event).is_plain
        return key, level, arrival_ns, type_id, not is_plain or self.overflow.coalesces[level]

    def offer(self, event: Event) -> Offer:
        """Return the offer of an event that arrives now; QueueClosed, InvalidEvent."""
        key, level, arrival_ns, _, _ = self.arrive(event)
        return Offer(key, level, arrival_ns, event)

    def overflow_of(self, event: Event) -> Overflow:
        """Return the overflow policies that an event follows: those of its type, if it has any."""
        own = self.types.resolve(event).overflow
        return self.overflow if own is None else Overflow(own)

    def policy_for(self, event: Event) -> int:
        """Return the heap's policy for an event when it is full."""
        return self.overflow_of(event).policies[self.level_of(event)]

    def level_of(self, event: Event) -> int:
        """Return the level of an event."""
        _, level = self.rank(event, 0)
        return level

    def waits(self, event: Event) -> bool:
        """Return whether the policy of an event's level waits for room."""
        return self.overflow.waits[self.level_of(event)]

    def admits(self, event: Event, now_ns: int) -> bool:
        """Return whether the limits of its type and source let an event come now, and count it if so."""
        its = self.types.resolve(event)
        return self.limiter.admits(its.name, event.source, now_ns, its.rate_limit, its.source_limit)

    def refusal(self, event: Event) -> str:
        """Return the reason why the full queue refuses an event."""
        return f"queue holds {len(self._heap)} of {self._heap.capacity} events; {event.type!r} was refused"


def _checked(key: int, level: int) -> tuple[int, int]:
    """Return the place that a user's own rank gave; TypeError, ValueError."""
    key, level = index(key), index(level)
    if not -(2**63) <= key < 2**63 or not 0 <= level < MAX_LEVELS:
        raise ValueError(f"rank gave the key {key} and the level {level}; they must fit 64 bits and [0, {MAX_LEVELS})")
    return key, level
