"""LockHolder and LockStatistics, the reports of a lock, and LockTimes, the histograms behind them."""

from __future__ import annotations

from dataclasses import dataclass

from .._backends import Histogram
from ..metrics import LatencySummary, summarize

NO_TIMES = LatencySummary()


@dataclass(frozen=True)
class LockHolder:
    """A holder of a lock, by its thread's name or its given purpose, and the seconds since it took the lock."""

    holder: str
    seconds: float


@dataclass(frozen=True)
class LockStatistics:
    """The times of a lock's waits and holds, in nanoseconds; all zero when the lock is not measured.

    ``waits`` has only the acquisitions that found the lock taken.
    """

    name: str
    waits: LatencySummary = NO_TIMES
    holds: LatencySummary = NO_TIMES
    longest_holder: str | None = None
    longest_hold_ns: int = 0


class LockTimes:
    """Histograms of a lock's waits and holds, and the longest holder. Thread-safe."""

    __slots__ = ("holds", "longest_holder", "longest_ns", "waits")

    def __init__(self) -> None:
        self.waits, self.holds = Histogram(), Histogram()
        self.longest_holder: str | None = None
        self.longest_ns = 0

    def record_hold(self, holder: str, hold_ns: int) -> None:
        """Record the time of one hold."""
        self.holds.record(hold_ns)
        if hold_ns > self.longest_ns:
            self.note_longest(holder, hold_ns)

    def note_longest(self, holder: str, hold_ns: int) -> None:
        """Keep the longest hold and its holder."""
        self.longest_holder, self.longest_ns = holder, hold_ns

    def statistics(self, name: str) -> LockStatistics:
        """Return the times as the statistics of the lock ``name``. O(buckets)."""
        waits, holds = summarize(self.waits), summarize(self.holds)
        return LockStatistics(name, waits, holds, self.longest_holder, self.longest_ns)
