"""TypeNumbers: the numbers by which a twin knows the types of events, and what it knows of each."""

from __future__ import annotations

from collections.abc import Callable

from ._contract import NO_KIND, KindTable
from .event import Event
from .event_types import EventTypes

__all__ = ["TypeNumbers"]


class TypeNumbers:
    """Gives each type of event a number when it is first seen, and keeps its row true to the table of types.

    ``on_new(name, code)`` hears of each. Thread-safe.
    """

    def __init__(self, make: Callable[[], KindTable], types: EventTypes) -> None:
        self.on_new: Callable[[str, int], None] | None = None
        self._make = make
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
        code = self.table.add(name, *self._described(name))
        if code != NO_KIND and self.on_new is not None:
            self.on_new(name, code)
        return code

    def _described(self, name: str) -> tuple[int, int, bool, bool]:
        """The level and budget of a type, whether its name alone decides them, and whether they are all there is."""
        event_type = self.types.named(name)
        kind = event_type or self.types.default
        return int(kind.priority), kind.budget_ns, event_type is not None, kind.is_plain

    def _describe_anew(self) -> None:
        """Follow a change of the table of types; what is queued keeps its place."""
        for code in range(len(self.table)):
            self.table.change(code, *self._described(self.table.name(code)))
