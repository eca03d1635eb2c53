"""TypeIds: the numbers by which a backend knows event types, and its row of each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .._backends import TypeTable, fork
from .._backends.contract import NO_TYPE_ID, Entry, Task
from ..event import Event, EventType, EventTypes, RateLimit
from .receipt import Tracked

__all__ = ["TypeIds"]


class TypeIds:
    """Gives each event type an id when it is first seen, and keeps its row equal to the table of types. Thread-safe.

    ``bucket_of(name, limit)`` returns the token bucket of a type with a rate limit. ``on_new(name, type_id)`` is called
    for each new type.
    """

    def __init__(
        self, make: Callable[[], TypeTable], types: EventTypes, bucket_of: Callable[[str, RateLimit], Any]
    ) -> None:
        self.on_new: Callable[[str, int], None] | None = None
        self._make, self._bucket_of = make, bucket_of
        self._describing = threading.Lock()  # or the older of two descriptions might stay
        fork.renew_locks(self, "_describing")
        self.table, self.types = make(), types
        types.follow(self._describe_anew)

    def adopt(self, types: EventTypes) -> None:
        """Take another table of types; they keep their numbers. For one thread, before others bring new types."""
        known, self.table, self.types = self.table, self._make(), types
        types.follow(self._describe_anew)
        for type_id in range(len(known)):
            self.learn(known.name(type_id))

    def of(self, event: Event) -> int:
        """Return the event's number, or NO_TYPE_ID when its type alone does not say how it is treated."""
        type_id = self.table.type_id(event.type)
        if type_id == NO_TYPE_ID:
            type_id = self.learn(event.type)
        inexact = event.metadata.get("internal") is True and self.types.named(event.type) is None
        return NO_TYPE_ID if inexact else type_id

    def event_of(self, entry: Entry | Task) -> Event:
        """Return the event of an entry; one that came as numbers becomes an object here."""
        payload, *_ = entry
        if type(payload) is Tracked:
            return payload.event
        if type(payload) is not tuple:
            event: Event = payload
            return event
        type_id, intensity, timestamp = payload
        return Event(self.table.name(type_id), intensity, timestamp)

    def learn(self, name: str) -> int:
        """Give a type its number, with the level and budget its name has; NO_TYPE_ID when there is no room."""
        with self._describing:
            event_type, described = self._described(name)
            type_id = self.table.add(name, *described)
            self._limit(type_id, event_type)
        if type_id != NO_TYPE_ID and self.on_new is not None:
            self.on_new(name, type_id)
        return type_id

    def _described(self, name: str) -> tuple[EventType, tuple[int, int, bool, bool]]:
        """A type; its level and budget, whether its name alone decides them, and whether Python decides no more."""
        named = self.types.named(name)
        event_type = named or self.types.default
        level, is_plain = int(event_type.priority), event_type.is_plain_but_limited
        return event_type, (level, event_type.budget_ns, named is not None, is_plain)

    def _limit(self, type_id: int, event_type: EventType) -> None:
        if type_id != NO_TYPE_ID:
            limit = event_type.rate_limit
            self.table.limit(type_id, None if limit is None else self._bucket_of(event_type.name, limit))

    def _describe_anew(self) -> None:
        """Follow a change of the table of types; what is queued keeps its place."""
        with self._describing:
            for type_id in range(len(self.table)):
                event_type, described = self._described(self.table.name(type_id))
                self.table.change(type_id, *described)
                self._limit(type_id, event_type)
