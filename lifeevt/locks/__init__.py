"""Fair, named and ranked locks, and the graph of waits that detects deadlocks."""

from __future__ import annotations

from .._public import publish
from .fair_lock import FairLock, FairLockGuard
from .instrumented_lock import InstrumentedLock
from .ranked_lock import LockHolder, LockStatistics
from .rwlock import ReadWriteLock

__all__ = ["FairLock", "FairLockGuard", "InstrumentedLock", "LockHolder", "LockStatistics", "ReadWriteLock"]

__dir__ = publish(__name__)
