"""EventTypes: each type's level and latency budget, and from them an event's place in line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from .errors import InvalidReflex
from .event import Event, Priority
from .table import load_table, read_table

__all__ = ["EventType", "EventTypes"]

NS_PER_MS = 1_000_000
ANY_TYPE = "*"
INTERNAL_FAMILY = "internal"
_COLUMNS = ("type", "priority", "budget_ms")


@dataclass(frozen=True)
class EventType:
    """One type or family: its level, and its latency budget in nanoseconds (> 0)."""

    name: str
    priority: Priority
    budget_ns: int

    def __post_init__(self) -> None:
        if not self.name or not 0 < self.budget_ns < 2**62:
            raise InvalidReflex(f"event type {self.name!r} has the budget {self.budget_ns} ns")


class EventTypes:
    """A table of event types: read-only, so safe from any thread.

    A type is found by its exact name, else by its longest family (``social_conflict`` belongs to
    ``social``), else as ``internal`` when its metadata says so, else as ``default``. O(1) after the
    first look at a name.
    """

    def __init__(self, types: Iterable[EventType], default: EventType | None = None) -> None:
        given = tuple(types)
        self._types = {each.name: each for each in given}
        if len(self._types) != len(given):
            raise InvalidReflex("an event type stands in the table twice")
        self.default = default or self._types.pop(ANY_TYPE, None) or _FALLBACK
        self._found: dict[str, EventType | None] = {}

    @classmethod
    def life(cls) -> EventTypes:
        """Return the plan's levels and budgets (requirement F2; the table ships as data)."""
        return _life()

    @classmethod
    def load(cls, path: str | Path) -> EventTypes:
        """Read a table from a CSV file with the columns type, priority, budget_ms."""
        return cls(_type(row, where) for where, row in load_table(path, *_COLUMNS))

    def __iter__(self) -> Iterator[EventType]:
        return iter((*self._types.values(), self.default))

    def named(self, name: str) -> EventType | None:
        """Return the event type of a name or of its family, or None where only the event can tell."""
        if name in self._found:
            return self._found[name]
        family = name
        while family and family not in self._types:
            family = family.rpartition("_")[0]
        if len(self._found) < MAX_REMEMBERED:  # a stranger's names must not grow us without bound
            self._found[name] = self._types.get(family)
        return self._types.get(family)

    def resolve(self, event: Event) -> EventType:
        """Return the event type that governs ``event``. Never raises."""
        found = self.named(event.type)
        if found is None and event.metadata.get("internal") is True:
            found = self._types.get(INTERNAL_FAMILY)
        return found or self.default

    def rank(self, event: Event, arrival_ns: int) -> tuple[int, int]:
        """Return (key in ns, level): the virtual deadline, a static integer that never changes.

        key = arrival + budget - urgency * budget. Since the key is never below the arrival, an
        event that arrives after another's key cannot overtake it: nobody waits behind later
        arrivals for longer than its own budget.
        """
        kind = self.resolve(event)
        level = kind.priority if event.priority is None else event.priority
        return arrival_ns + kind.budget_ns - round(event.urgency * kind.budget_ns), int(level)


MAX_REMEMBERED = 4096
_FALLBACK = EventType(ANY_TYPE, Priority.NORMAL, 50 * NS_PER_MS)


@cache
def _life() -> EventTypes:
    text = files("lifeevt").joinpath("data/event_types.csv").read_text(encoding="utf-8")
    return EventTypes(_type(row, where) for where, row in read_table(text, "event_types.csv", *_COLUMNS))


def _type(row: dict[str, str], where: str) -> EventType:
    try:
        budget_ns = round(float(row["budget_ms"]) * NS_PER_MS)
        return EventType(row["type"], Priority[row["priority"].upper()], budget_ns)
    except (KeyError, ValueError, OverflowError) as error:
        raise InvalidReflex(f"{where}: {error}") from None
