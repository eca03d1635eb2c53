"""EventTypes: the level and the latency budget of each type, and from them the key of an event."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from os import PathLike
from types import MappingProxyType
from weakref import WeakMethod

from .._backends import fork
from ..errors import InvalidConfiguration
from .event import Event, Priority
from .event_type import ANY_TYPE, EventType
from .files import NS_PER_MS, load_types, read_types

__all__ = ["EventTypes"]

INTERNAL_FAMILY = "internal"


class EventTypes:
    """A table of event types. Thread-safe; you may add and replace types while engines use it.

    An event has the type of its exact name, else of its longest family (``social_conflict`` belongs to ``social``),
    else ``internal`` when its metadata has ``internal``, else the ``default``. O(1) after the first event of a name.
    """

    def __init__(
        self,
        types: Iterable[EventType],
        default: EventType | None = None,
        *,
        levels: Mapping[str, Priority] | None = None,
    ) -> None:
        given = tuple(types)
        self._types = {each.name: each for each in given}
        if len(self._types) != len(given):
            raise InvalidConfiguration("an event type is in the table twice")
        self.default = default or self._types.pop(ANY_TYPE, None) or _FALLBACK
        named = {**{each.name: each for each in Priority}, **(levels or {})}
        self.levels: Mapping[str, Priority] = MappingProxyType(named)
        self._changing = threading.Lock()
        fork.renew_locks(self, "_changing")
        self._followers: list[WeakMethod[Callable[[], None]]] = []
        self._found: dict[str, EventType | None] = {}

    @classmethod
    def life(cls) -> EventTypes:
        """Return a new table of Life's types, with their levels and budgets."""
        return cls(_life())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> EventTypes:
        """Read a table from a file: TOML by its suffix, else CSV with the columns type, priority, budget_ms.

        TOML needs Python 3.11 or the package ``tomli``.

        Raises:
            InvalidConfiguration: an entry is wrong; the text names the file, and the key or the line.
            OSError: the file cannot be read.
        """
        types, levels = load_types(path)
        return cls(types, levels=levels)

    def __iter__(self) -> Iterator[EventType]:
        return iter((*self._types.values(), self.default))

    def add(self, *types: EventType) -> None:
        """Add types, or replace those of the same name (``*``: the default), while engines use the table.

        The types apply to events accepted afterwards; queued events keep their key and level. O(names seen).
        """
        with self._changing:
            known = {**self._types, **{each.name: each for each in types}}
            self.default = known.pop(ANY_TYPE, self.default)
            self._types = known
            self._found = {}
            followers = [follower for each in self._followers if (follower := each()) is not None]
        for changed in followers:
            changed()

    def follow(self, changed: Callable[[], None]) -> None:
        """Call a method after every change, as long as its object lives."""
        with self._changing:
            self._followers = [each for each in self._followers if each() is not None]
            self._followers.append(WeakMethod(changed))

    def named(self, name: str) -> EventType | None:
        """Return the type of a name or of its family; None when the event's metadata decides."""
        found, types = self._found, self._types  # read together: another thread may replace both
        if name in found:
            return found[name]
        family = name
        while family and family not in types:
            family = family.rpartition("_")[0]
        if len(found) < MAX_REMEMBERED:  # names from outside must not take memory without bound
            found[name] = types.get(family)
        return types.get(family)

    def resolve(self, event: Event) -> EventType:
        """Return the type of ``event``. Never raises."""
        found = self.named(event.type)
        if found is None and event.metadata.get("internal") is True:
            found = self._types.get(INTERNAL_FAMILY)
        return found or self.default

    def rank(self, event: Event, arrival_ns: int) -> tuple[int, int]:
        """Return (key in ns, level): the key is the virtual deadline, an integer that never changes.

        key = arrival + budget - urgency * budget. The key is never below the arrival, so an event that arrives after
        another's key cannot overtake it: later arrivals delay an event by its own budget at most.
        """
        return self.resolve(event).rank(event, arrival_ns)

    @property
    def lowest(self) -> Priority:
        """The least important level that the table names or uses."""
        return max(*self.levels.values(), *(each.priority for each in self))


MAX_REMEMBERED = 4096
_FALLBACK = EventType(ANY_TYPE, Priority.NORMAL, 50 * NS_PER_MS)


@cache
def _life() -> tuple[EventType, ...]:
    from importlib.resources import files  # lazy: it imports much of the standard library

    text = files("lifeevt").joinpath("event/event_types.csv").read_text(encoding="utf-8")
    return tuple(read_types(text, "event_types.csv"))
