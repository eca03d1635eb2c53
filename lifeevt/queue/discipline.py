"""Discipline: the order, the overflow policies, the rate limits and the ids of the event types of one queue."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from operator import index
from typing import Any, NamedTuple

from .._backends import EventHeap, TypeTable, fork
from .._backends.contract import DROP_LOWEST, DROP_OLDEST, MAX_LEVELS, NO_TYPE_ID, REJECT, Entry, Offer, Task
from ..clock import Clock
from ..errors import InvalidEvent, QueueClosed
from ..event import Event, EventType, EventTypes, Priority, RateLimit
from .rate_limit import RateLimiter
from .receipt import Tracked

__all__ = ["BLOCK", "Discipline", "Overflow", "Rank", "TypeIds"]

Rank = Callable[[Event, int], tuple[int, int]]
BLOCK, COALESCE = "block", "coalesce"
_POLICIES = {"reject": REJECT, "drop_oldest": DROP_OLDEST, "drop_lowest": DROP_LOWEST, BLOCK: REJECT, COALESCE: REJECT}


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


class KnownType(NamedTuple):
    """A type that a queue has seen. ``exact``: the name alone decides its treatment, never an event's metadata."""

    type_id: int
    event_type: EventType
    is_plain: bool
    exact: bool


class TypeIds:
    """Gives each event type an id when it is first seen, and keeps its row equal to the table of types. Thread-safe.

    ``bucket_of(name, limit)`` returns the token bucket of a type with a rate limit. ``on_new(name, type_id)`` is called
    for each new type.
    """

    def __init__(self, types: EventTypes, bucket_of: Callable[[str, RateLimit], Any]) -> None:
        self.on_new: Callable[[str, int], None] | None = None
        self._bucket_of = bucket_of
        self._describing = threading.Lock()  # else the older of two descriptions might stay
        fork.renew_locks(self, "_describing")
        self.table, self.types = TypeTable(), types
        self._known: dict[str, KnownType] = {}  # those that have an id
        types.follow(self._describe_anew)

    def adopt(self, types: EventTypes) -> None:
        """Take another table of types; they keep their ids. For one thread, before others bring new types."""
        known, self.table, self.types, self._known = self.table, TypeTable(), types, {}
        types.follow(self._describe_anew)
        for type_id in range(len(known)):
            self.learn(known.name(type_id))

    def find(self, event: Event) -> KnownType:
        """Return the type of an event, with NO_TYPE_ID when its name alone does not decide how it is treated. O(1)."""
        known = self._known.get(event.type) or self.learn(event.type)
        if known.exact or event.metadata.get("internal") is not True:
            return known
        event_type = self.types.resolve(event)
        return KnownType(NO_TYPE_ID, event_type, event_type.is_plain, False)

    def event_of(self, entry: Entry | Task) -> Event:
        """Return the event of an entry; one that came as numbers becomes an object here."""
        payload, *_ = entry
        if type(payload) is tuple:
            type_id, intensity, timestamp = payload
            return Event(self.table.name(type_id), intensity, timestamp)
        event: Event = payload.event if type(payload) is Tracked else payload
        return event

    def learn(self, name: str) -> KnownType:
        """Give a type its id, with the level and budget its name has; NO_TYPE_ID when there is no room."""
        with self._describing:
            known = self._describe(name)
        if known.type_id != NO_TYPE_ID and self.on_new is not None:
            self.on_new(name, known.type_id)
        return known

    def _describe(self, name: str) -> KnownType:
        """Write into the table how events of a name are treated, and remember it if there is room."""
        named = self.types.named(name)
        event_type, exact = named or self.types.default, named is not None
        described = int(event_type.priority), event_type.budget_ns, exact, event_type.is_plain_but_limited
        type_id = self.table.add(name, *described)
        known = KnownType(type_id, event_type, event_type.is_plain, exact)
        if type_id != NO_TYPE_ID:
            self.table.change(type_id, *described)  # of a type that has an id already
            limit = event_type.rate_limit
            self.table.limit(type_id, None if limit is None else self._bucket_of(event_type.name, limit))
            self._known[name] = known
        return known

    def _describe_anew(self) -> None:
        """Follow a change of the table of types; queued events keep their places."""
        with self._describing:
            for type_id in range(len(self.table)):
                self._describe(self.table.name(type_id))


class Overflow:
    """The policy of each level: one name for all, or a mapping of levels to names. Read-only."""

    def __init__(self, given: str | Mapping[Priority | str, str]) -> None:
        by_level, default = (given, "drop_lowest") if isinstance(given, Mapping) else ({}, given)
        wanted = {_level(name): policy for name, policy in by_level.items()}
        parsed = [_parsed(wanted.get(level, default)) for level in range(MAX_LEVELS)]
        names, self.seconds = [name for name, _ in parsed], [seconds for _, seconds in parsed]
        self.policies = tuple(_POLICIES[name] for name in names)
        self.raises = tuple(_POLICIES[name] == REJECT and name != COALESCE for name in names)
        self.waits = tuple(name == BLOCK for name in names)
        self.coalesces = tuple(name == COALESCE for name in names)


def _checked(key: int, level: int) -> tuple[int, int]:
    """Return the place that a user's own rank gave; TypeError, ValueError."""
    key, level = index(key), index(level)
    if not -(2**63) <= key < 2**63 or not 0 <= level < MAX_LEVELS:
        raise ValueError(f"rank gave the key {key} and the level {level}; they must fit 64 bits and [0, {MAX_LEVELS})")
    return key, level


def _level(given: Priority | str) -> int:
    try:
        return int(Priority[given.upper()] if isinstance(given, str) else Priority(given))
    except (KeyError, ValueError):
        raise ValueError(f"{given!r} is no level that can overflow") from None


def _parsed(given: str) -> tuple[str, float | None]:
    timed = re.fullmatch(r"block\((\d+(?:\.\d+)?)\)", str(given))
    if timed is not None:
        return BLOCK, float(timed[1])
    if given not in _POLICIES:
        raise ValueError(f"unknown overflow policy {given!r}; choose {', '.join(_POLICIES)}")
    return given, None
