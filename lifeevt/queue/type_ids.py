"""TypeIds: the ids by which a backend knows event types, and its row of each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from .._backends import TypeTable, fork
from .._backends.contract import NO_TYPE_ID, Entry, Task
from ..event import Event, EventType, EventTypes, RateLimit
from .receipt import Tracked

__all__ = ["TypeIds"]


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
