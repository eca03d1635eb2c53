"""Ledger, the reference: the counts of a heap."""

from __future__ import annotations

from ..contract import MAX_ENDS, Counts
from .queued import Queued
from .watch import Watched


class Ledger(Watched):
    """The counts of a heap: accepted = queued + running + the sum of the ends, at every instant."""

    def __init__(self) -> None:
        super().__init__()
        self._queued: dict[int, Queued] = {}  # by sequence
        self._accepted = self._refused = self._running = self._high_water = 0
        self._ends = [0] * MAX_ENDS

    def __len__(self) -> int:
        """Return how many events are queued."""
        return len(self._queued)

    def counts(self) -> Counts:
        """Return all counts of one instant."""
        with self._mutex:
            return Counts(
                self._accepted, self._refused, len(self._queued), self._running, tuple(self._ends), self._high_water
            )

    def book(self, end: int) -> int:
        """Count an event that was accepted and ended at once, without being queued; return its sequence."""
        with self._mutex:
            self._ends[end] += 1
            self._accepted += 1
            self._announce()
            return self._accepted - 1

    def finish(self, end: int) -> None:
        """Move one running event to its end; ValueError when none is running."""
        with self._mutex:
            self._finish(end)
            self._announce()

    # --- inside the mutex

    def _finish(self, end: int) -> None:
        if not self._running:
            raise ValueError("no event is running")
        self._running -= 1
        self._ends[end] += 1

    def _is_idle(self) -> bool:
        return not self._queued and not self._running
