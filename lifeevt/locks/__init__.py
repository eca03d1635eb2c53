"""Locks that are fair, named and ranked, and the graph of waits."""

from __future__ import annotations

from .fair_lock import Turn, TurnLock
from .place import Place
from .rwlock import Holding, LockStatistics, ReadWriteLock, Times, WatchedLock, limit_in_ns

__all__ = [
    "Holding",
    "LockStatistics",
    "Place",
    "ReadWriteLock",
    "Times",
    "Turn",
    "TurnLock",
    "WatchedLock",
    "limit_in_ns",
]
