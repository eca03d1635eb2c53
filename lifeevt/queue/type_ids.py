"""TypeIds: the numbers by which a backend knows event types, and its row of each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .._backends import KindTable, fork
from .._backends.contract import NO_KIND
from ..event import Event, EventType, EventTypes, RateLimit

__all__ = ["TypeIds"]


class TypeIds:
    """Gives each event type an id when it is first seen, and keeps its row equal to the table of types. Thread-safe.

    ``bucket_of(name, limit)`` returns the token bucket of a type with a rate limit. ``on_new(name, type_id)`` is called
    for each new type.
    """

    def __init__(
        self, make: Callable[[], KindTable], types: EventTypes, bucket_of: Callable[[str, RateLimit], Any]
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
        for code in range(len(known)):
            self.learn(known.name(code))

    def of(self, event: Event) -> int:
        """Return the event's number, or NO_KIND when its type alone does not say how it is treated."""
        code = self.table.code(event.type)
        if code == NO_KIND:
            code = self.learn(event.type)
        inexact = event.metadata.get("internal") is True and self.types.named(event.type) is None
        return NO_KIND if inexact else code

    def learn(self, name: str) -> int:
        """Give a type its number, with the level and budget its name has; NO_KIND when there is no room."""
        with self._describing:
            kind, described = self._described(name)
            code = self.table.add(name, *described)
            self._limit(code, kind)
        if code != NO_KIND and self.on_new is not None:
            self.on_new(name, code)
        return code

    def _described(self, name: str) -> tuple[EventType, tuple[int, int, bool, bool]]:
        """A type; its level and budget, whether its name alone decides them, and whether Python decides no more."""
        event_type = self.types.named(name)
        kind = event_type or self.types.default
        return kind, (int(kind.priority), kind.budget_ns, event_type is not None, kind.is_plain_but_limited)

    def _limit(self, code: int, kind: EventType) -> None:
        if code != NO_KIND:
            limit = kind.rate_limit
            self.table.limit(code, None if limit is None else self._bucket_of(kind.name, limit))

    def _describe_anew(self) -> None:
        """Follow a change of the table of types; what is queued keeps its place."""
        with self._describing:
            for code in range(len(self.table)):
                kind, described = self._described(self.table.name(code))
                self.table.change(code, *described)
                self._limit(code, kind)
