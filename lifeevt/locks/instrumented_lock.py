"""InstrumentedLock: your own lock, with deadlock detection, a checked rank and times."""

from __future__ import annotations

import threading
import time

from .._backends import LockEntry, fork
from ..errors import LockOrderError
from .ranked_lock import LockHolder, LockTimes, RankedLock
from .wait_graph import GRAPH


class InstrumentedLock(RankedLock, fork.Forked):
    """Your own ``threading.Lock`` or ``RLock`` with deadlock detection, a checked rank and times. Thread-safe.

    It has the methods of the lock, with the same results. Use the lock through this object only, and as a mutex:
    the thread that takes it releases it. ``rank`` and ``measured`` are those of :class:`FairLock`.
    """

    def __init__(
        self, lock: threading.Lock | threading.RLock, name: str, rank: int | None = None, *, measured: bool = True
    ) -> None:
        self.name, self.rank = name, rank
        self._lock, self._depth = lock, 0
        self._entry: LockEntry | None = None  # of the holder
        self.times = LockTimes() if measured else None
        fork.keep(self)

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock; False if it is not free at once, or within ``timeout`` seconds (-1: no limit).

        Raises:
            DeadlockError: the wait would close a cycle of threads.
            LockOrderError: the rank is out of order, or this thread holds the lock and it is no ``RLock``.
        """
        entry = self._entry
        again = entry is not None and entry.thread == threading.get_ident()
        if not again:
            self.check_rank()
        if not self._lock.acquire(False) and not (blocking and self._wait(again, timeout)):
            return False
        if not again:
            entry = LockEntry(threading.current_thread().name)
            self.note_rank(entry)
            entry.enter()
            self._entry = entry
        self._depth += 1
        return True

    def release(self) -> None:
        """Release the lock; RuntimeError when it is not held."""
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
            self.forget_rank(entry)
            if self.times is not None:
                self.times.record_hold(entry.holder, entry.held_ns())

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def holders(self) -> tuple[LockHolder, ...]:
        """Return the present holder, or none."""
        entry = self._entry
        return () if entry is None else (LockHolder(entry.holder, entry.held_ns() / 1e9),)

    def blockers(self, thread: int) -> tuple[int, ...]:
        """Return the thread that holds the lock, unless that is ``thread``."""
        entry = self._entry
        return () if entry is None or entry.thread == thread else (entry.thread,)

    def _wait(self, again: bool, timeout: float) -> bool:
        if again:
            raise LockOrderError(f"this thread holds {self.name} already")
        asked_ns = time.monotonic_ns()
        try:
            GRAPH.begin(self, "take")
            return self._lock.acquire(True, timeout)
        finally:
            GRAPH.end(self)
            if self.times is not None:
                self.times.waits.record(time.monotonic_ns() - asked_ns)

    def _after_fork_in_child(self) -> None:
        if self._entry is not None and self._entry.thread != threading.get_ident():
            self._entry, self._depth = None, 0
            fork.renew(self._lock)
