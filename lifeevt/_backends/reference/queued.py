"""Queued: one event in the heap."""

from __future__ import annotations

from typing import Any

from ..contract import Entry, Outcome, Task


class Queued:
    """An event in the heap: its offer, the numbers for its reflex, and its place.

    ``timestamp`` is None unless the event came as numbers; then these are its payload. ``place`` is None while the
    event is set aside: ``held``, until it is brought back, or paused.
    """

    __slots__ = ("arrival_ns", "held", "intensity", "key", "level", "payload", "place", "sequence", "timestamp",
                 "tracked", "type_id")  # fmt: skip

    def __init__(
        self,
        payload: Any,
        key: int,
        level: int,
        arrival_ns: int,
        sequence: int,
        type_id: int,
        intensity: float,
        timestamp: float | None = None,
    ) -> None:
        self.payload, self.key, self.level, self.arrival_ns, self.sequence = payload, key, level, arrival_ns, sequence
        self.type_id, self.intensity, self.timestamp = type_id, intensity, timestamp
        self.place: int | None = None
        self.tracked = self.held = False

    @property
    def entry(self) -> Entry:
        """The event as the heap hands it out."""
        return Entry(self.payload, self.key, self.level, self.arrival_ns, self.sequence)

    def task(self, started_ns: int = 0, outcome: Outcome | None = None) -> Task:
        """Return the event as it is left to Python."""
        return Task(*self.entry, self.type_id, started_ns, outcome)
