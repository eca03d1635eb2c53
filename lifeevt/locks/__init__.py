"""Locks that are fair, named and ranked, and the graph of waits."""

from __future__ import annotations

from .._public import publish
from .fair_lock import Turn, TurnLock
from .place import Place as Place
from .rwlock import Holding, LockStatistics, ReadWriteLock, Times as Times, WatchedLock, limit_in_ns as limit_in_ns

__all__ = ["Holding", "LockStatistics", "ReadWriteLock", "Turn", "TurnLock", "WatchedLock"]

__dir__ = publish(__name__)
