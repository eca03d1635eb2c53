"""RankedLock: a lock with a name and a rank; LockHolder and LockStatistics: the reports of a lock.

A thread may take only a lock of a higher rank than those it holds. Without ranks out of order no cycle of waits can
arise: Havender, "Avoiding deadlock in multitasking systems" (1968).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from .._backends import Histogram
from ..errors import LockOrderError
from ..metrics import LatencySummary, summarize

Ranked = tuple[str, int]  # a lock's name and rank
NO_TIMES = LatencySummary()


class _Held(threading.local):
    def __init__(self) -> None:
        self.locks: list[Ranked] = []


_held = _Held()


class RankedLock:
    """A lock that a thread takes in the order of ranks. A hold keeps the list of its thread in its ``ranks``."""

    name: str
    rank: int | None
    times: LockTimes | None

    def statistics(self) -> LockStatistics:
        """Return the times of waits and holds. O(buckets)."""
        return LockStatistics(self.name) if self.times is None else self.times.statistics(self.name)

    def check_rank(self) -> None:
        """Raise LockOrderError unless the rank is above that of every lock that this thread holds. None: no check."""
        if self.rank is None:
            return
        for other, held in _held.locks:
            if held >= self.rank:
                raise LockOrderError(
                    f"{self.name} has rank {self.rank} and this thread holds {other} of rank {held}: take it first"
                )

    def note_rank(self, hold: Any) -> None:
        """Note that this thread, which is that of ``hold``, holds a lock of this rank."""
        hold.ranks = _held.locks
        if self.rank is not None:
            hold.ranks.append((self.name, self.rank))

    def forget_rank(self, hold: Any) -> None:
        """Note that the thread of ``hold`` no longer holds a lock of this rank. Any thread may call it."""
        if self.rank is not None and hold.ranks and (self.name, self.rank) in hold.ranks:
            hold.ranks.remove((self.name, self.rank))


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
