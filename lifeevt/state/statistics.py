"""DeltaReport of one delta, and StateStatistics of all reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..locks import LockStatistics
from ..metrics import LatencySummary

__all__ = ["DeltaReport", "StateStatistics"]

NO_TIMES = LatencySummary()


@dataclass(frozen=True)
class DeltaReport:
    """The effect of a delta: its ``version``, the amounts ``asked`` for, and the amounts ``applied``, by field."""

    version: int
    asked: Mapping[str, float]
    applied: Mapping[str, float]


@dataclass(frozen=True)
class StateStatistics:
    """Counts of reads, writes, conflicts of commits and errors of watchers, and the lock's times.

    ``waits`` has the waits of writers that found the lock taken, ``holds`` the times for which writes from Python
    held it: each 64th is measured, or none with ``measured=False``. ``exclusive`` has the times of exclusive access
    to a wrapped object, its single writes included.
    """

    version: int
    reads: int
    writes: int
    conflicts: int = 0
    watcher_errors: int = 0
    waits: LatencySummary = field(default=NO_TIMES, compare=False)
    holds: LatencySummary = field(default=NO_TIMES, compare=False)
    exclusive: LockStatistics | None = field(default=None, compare=False)
