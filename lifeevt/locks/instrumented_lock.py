"""InstrumentedLock: a lock of your own, with its waits in the graph, its rank checked and its times kept."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from .._backends import LockEntry, fork
from ..errors import LockOrderError
from . import lock_order
from .statistics import LockHolder, LockStatistics, LockTimes
from .wait_graph import GRAPH

__all__ = ["InstrumentedLock"]


class PlainLock(Protocol):
    """The calls that ``threading.Lock`` and ``threading.RLock`` have in common."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it."""

    def release(self) -> None:
        """Give it back."""


class InstrumentedLock(fork.Forked):
    """A ``threading.Lock`` or ``RLock`` of your own, with its waits in the graph and its rank checked. Thread-safe.

    It has the calls and the results of the lock itself. It also raises DeadlockError for a wait that would close a
    circle of threads, and LockOrderError for a rank out of order or a Lock that its holder takes again.

    Use the lock through this object only and as a mutex: one thread takes and releases it.
    """

    def __init__(self, lock: PlainLock, name: str, rank: int | None = None, *, measured: bool = True) -> None:
        self.name, self.rank = name, rank
        self._lock, self._depth = lock, 0
        self._entry: LockEntry | None = None  # of the holder
        self._times = LockTimes() if measured else None
        fork.keep(self)

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock; False when that cannot be had at once, or within ``timeout`` seconds (-1: no limit)."""
        entry = self._entry
        again = entry is not None and entry.thread == threading.get_ident()
        if not again:
            lock_order.check(self.name, self.rank)
        if not self._lock.acquire(False) and not (blocking and self._wait(again, timeout)):
            return False
        if not again:
            self._enter()
        self._depth += 1
        return True

    def release(self) -> None:
        """Give the lock back; RuntimeError when it is not held."""
        entry, depth = self._entry, self._depth
        if depth == 1:
            self._entry = None  # before the next holder can write its own
        self._depth = max(depth - 1, 0)
        try:
            self._lock.release()
        except RuntimeError:
            self._entry, self._depth = entry, depth
            raise
        if depth == 1 and entry is not None:
            self._note_end(entry)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def holders(self) -> tuple[LockHolder, ...]:
        """Return the holder now, or nothing."""
        entry = self._entry
        return () if entry is None else (LockHolder(entry.holder, entry.held_ns() / 1e9),)

    def statistics(self) -> LockStatistics:
        """Return how long threads waited and held. O(buckets)."""
        return LockStatistics(self.name) if self._times is None else self._times.statistics(self.name)

    def blockers(self, thread: int) -> tuple[int, ...]:
        """Return the threads that keep ``thread`` waiting here; none when it does not wait, or not any more."""
        entry = self._entry
        return () if entry is None or entry.thread == thread else (entry.thread,)

    def _enter(self) -> None:
        entry = LockEntry(threading.current_thread().name)
        entry.ranks = lock_order.note(self.name, self.rank)
        entry.enter()
        self._entry = entry

    def _note_end(self, entry: LockEntry) -> None:
        lock_order.forget(entry.ranks, self.name, self.rank)
        if self._times is not None:
            self._times.record_hold(entry.holder, entry.held_ns())

    def _wait(self, again: bool, timeout: float) -> bool:
        if again:
            raise LockOrderError(f"this thread holds {self.name} already")
        asked_ns = time.monotonic_ns()
        try:
            GRAPH.begin(self, "take")
            return self._lock.acquire(True, timeout)
        finally:
            GRAPH.end(self)
            if self._times is not None:
                self._times.waits.record(time.monotonic_ns() - asked_ns)

    def _after_fork_in_child(self) -> None:
        if self._entry is not None and self._entry.thread != threading.get_ident():
            self._entry, self._depth = None, 0
            fork.renew(self._lock)
