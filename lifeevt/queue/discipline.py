"""Discipline: the order, the overflow policies and the rate limits of one queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import index

from .._backends.contract import MAX_LEVELS
from ..event import Event, EventTypes, Priority
from .overflow import Overflow
from .rate_limit import RateLimiter

__all__ = ["Discipline", "Rank", "checked_place"]

Rank = Callable[[Event, int], tuple[int, int]]


class Discipline:
    """Says how a queue treats an event: its key and level, its overflow policy, and whether it comes too often.

    ``rank`` gives an event that arrives at an instant its key and level. ``ranks_by_type``: ``types`` alone would give
    the same.
    """

    def __init__(
        self, capacity: int, overflow: str | Mapping[Priority | str, str], rank: Rank | None, limiter: RateLimiter
    ) -> None:
        self.capacity, self.overflow, self.limiter = capacity, Overflow(overflow), limiter
        self.rank: Rank = rank or EventTypes.life().rank
        owner = getattr(self.rank, "__self__", None)
        self.types = owner if isinstance(owner, EventTypes) else EventTypes.life()
        self.ranks_by_type = rank is None

    def adopt(self, rank: Rank, types: EventTypes, ranks_by_type: bool) -> None:
        """Take another order, and the event types to which it belongs."""
        self.rank, self.types, self.ranks_by_type = rank, types, ranks_by_type

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

    def refusal(self, event: Event, depth: int) -> str:
        """Return the reason why a full queue refuses an event."""
        return f"queue holds {depth} of {self.capacity} events; {event.type!r} was refused"


def checked_place(key: int, level: int) -> tuple[int, int]:
    """Return the key and level that a user's own rank gave.

    Raises:
        TypeError: one of them is not a whole number.
        ValueError: one of them is out of range.
    """
    key, level = index(key), index(level)
    if not -(2**63) <= key < 2**63 or not 0 <= level < MAX_LEVELS:
        raise ValueError(f"rank gave the key {key} and the level {level}; they must fit 64 bits and [0, {MAX_LEVELS})")
    return key, level
