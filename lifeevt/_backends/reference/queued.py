"""Queued: one event in the heap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..contract import Entry, Outcome, Task


@dataclass(eq=False, slots=True)
class Queued:
    """An event in the heap: its offer, the numbers for its reflex, and its place.

    ``timestamp`` is None unless the event came as numbers; then these are its payload. ``place`` is None while the
    event is set aside: ``held``, until it is brought back, or paused.
    """

    payload: Any
    key: int
    level: int
    arrival_ns: int
    sequence: int
    type_id: int
    intensity: float
    timestamp: float | None = None
    place: int | None = None
    tracked: bool = False
    held: bool = False

    @property
    def entry(self) -> Entry:
        """The event as the heap hands it out."""
        return Entry(self.payload, self.key, self.level, self.arrival_ns, self.sequence)

    def task(self, started_ns: int = 0, outcome: Outcome | None = None) -> Task:
        """Return the event as it is left to Python."""
        return Task(*self.entry, self.type_id, started_ns, outcome)
