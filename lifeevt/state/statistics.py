"""What a state says of itself: DeltaReport of one delta, StateStatistics of all reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..locks import LockStatistics
from ..metrics import LatencySummary

__all__ = ["DeltaReport", "StateStatistics"]

NO_TIMES = LatencySummary()


@dataclass(frozen=True)
class DeltaReport:
    """What a delta did: its ``version``, the amounts ``asked`` for, and by how much each field changed."""

    version: int
    asked: Mapping[str, float]
    applied: Mapping[str, float]


@dataclass(frozen=True)
class StateStatistics:
    """How often the state was read and written, its version, conflicts of commits, errors of watchers.

    ``waits`` are those of writers that did not find the lock free, ``holds`` the times that writes from Python
    held it: each 64th is measured, and none by a state that is not ``measured``. ``exclusive`` is of the exclusive
    access to a wrapped object, its single writes included.
    """

    version: int
    reads: int
    writes: int
    conflicts: int = 0
    watcher_errors: int = 0
    waits: LatencySummary = field(default=NO_TIMES, compare=False)
    holds: LatencySummary = field(default=NO_TIMES, compare=False)
    exclusive: LockStatistics | None = field(default=None, compare=False)
