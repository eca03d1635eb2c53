"""FairLock: exclusive, first come first served, each time held for a named purpose."""

from __future__ import annotations

import threading
import time

from .._backends import LockEntry, LockGuard, fork
from ..clock import limit_in_ns
from ..errors import LockOrderError, LockTimeout
from . import lock_order
from .statistics import LockHolder, LockStatistics, LockTimes
from .wait_graph import GRAPH

__all__ = ["FairLock", "FairLockGuard"]

RECHECK_SECONDS = 1.0  # a signal handler may raise in a thread that has left the line and not yet rung the next bell


class FairLock(fork.Forked):
    """A lock with one holder at a time, in the order of asking; the holder, its purpose and its time are visible.

    ``with lock.acquire("the engine", timeout=1.0): ...``. Thread-safe.

    A thread holds it once, and takes it only upwards in ``rank`` (None: not checked); else LockOrderError at once.
    A wait that would close a circle of threads raises DeadlockError. A wait longer than ``timeout`` seconds raises
    LockTimeout, which names the holder. ``measured``: keep times, at about 60 kB.
    """

    def __init__(self, name: str, rank: int | None = None, *, measured: bool = True) -> None:
        self.name, self.rank = name, rank
        self.times = LockTimes() if measured else None
        # The first entry has the lock. Each change is one call of C, so no exception comes between its halves.
        # No deque: without a GIL one cannot be copied while it changes.
        self.line: list[LockEntry] = []
        fork.keep(self)

    def acquire(self, holder: str, timeout: float | None = None) -> FairLockGuard:
        """Wait for the lock and return its guard; other threads read ``holder`` in their errors. O(waiting)."""
        return FairLockGuard(self, holder, limit_in_ns(timeout))

    def holders(self) -> tuple[LockHolder, ...]:
        """Return the holder now, or nothing."""
        return tuple(LockHolder(entry.holder, entry.held_ns() / 1e9) for entry in self.line[:1])

    def is_mine(self) -> bool:
        """Return whether this thread holds the lock."""
        first = next(iter(self.line), None)
        return first is not None and first.thread == threading.get_ident()

    def waiting(self) -> int:
        """Return how many threads wait now."""
        return max(len(self.line) - 1, 0)

    def statistics(self) -> LockStatistics:
        """Return how long threads waited and held. O(buckets)."""
        return LockStatistics(self.name) if self.times is None else self.times.statistics(self.name)

    def blockers(self, thread: int) -> tuple[int, ...]:
        """Return the threads that keep ``thread`` waiting here: all before it in line. O(waiting)."""
        before: list[int] = []
        for entry in list(self.line):
            if entry.thread == thread:
                return tuple(before)
            before.append(entry.thread)
        return ()

    def __repr__(self) -> str:
        held = "".join(f" held by {each.holder}," for each in self.holders())
        return f"<FairLock {self.name}:{held} {self.waiting()} wait>"

    # --- for a LockGuard, which changes the line

    def check_order(self) -> None:
        """Raise LockOrderError when this thread holds the lock, waits for it, or holds one of a higher rank."""
        me = threading.get_ident()
        for entry in list(self.line):
            if entry.thread == me:
                does = "holds" if entry.since_ns else "waits for"
                raise LockOrderError(f"this thread {does} {self.name} already, as {entry.holder}")
        lock_order.check(self.name, self.rank)

    def wait(self, entry: LockEntry, limit_ns: int | None) -> None:
        """Wait until ``entry``, which is in line, is the first.

        Raises:
            LockTimeout: that takes longer than the limit.
            DeadlockError: the wait would close a circle of threads.
        """
        asked_ns = time.monotonic_ns()
        entry.bell = bell = threading.Lock()
        bell.acquire()
        try:
            if limit_ns != 0:
                GRAPH.begin(self, "take")
            while self.line[0] is not entry:  # asked with the bell in place: the leaving thread rings it from now on
                bell.acquire(timeout=self._patience_seconds(limit_ns, asked_ns))
        finally:
            GRAPH.end(self)
            if self.times is not None:
                self.times.waits.record(time.monotonic_ns() - asked_ns)

    def note_rank(self, entry: LockEntry) -> None:
        """Note that the thread of ``entry``, this one, holds a lock of this rank."""
        entry.ranks = lock_order.note(self.name, self.rank)

    def forget_rank(self, entry: LockEntry) -> None:
        """Note that the thread of ``entry`` does not hold it any more. Any thread may call it."""
        lock_order.forget(entry.ranks, self.name, self.rank)

    def _patience_seconds(self, limit_ns: int | None, asked_ns: int) -> float:
        if limit_ns is None:
            return RECHECK_SECONDS
        left_ns = limit_ns - (time.monotonic_ns() - asked_ns)
        if left_ns <= 0:
            raise LockTimeout.held_by(self.name, limit_ns, [(each.holder, each.seconds) for each in self.holders()])
        return min(RECHECK_SECONDS, left_ns / 1e9)

    def _after_fork_in_child(self) -> None:
        me = threading.get_ident()
        self.line[:] = [entry for entry in self.line if entry.thread == me]


class FairLockGuard(LockGuard):
    """A hold on a FairLock: from ``acquire`` until ``release``, the end of its block, or its last reference."""

    __slots__ = ("holder",)

    def __init__(self, lock: FairLock, holder: str, limit_ns: int | None) -> None:
        super().__init__(lock, f"{holder} ({threading.current_thread().name})", limit_ns)
        self.holder = holder
        self._acquire()

    @property
    def held(self) -> bool:
        """Whether the hold lasts."""
        return next(iter(self._lock.line), None) is self._entry

    def release(self) -> None:
        """End the hold and wake the next thread in line. Idempotent, from any thread; does not block."""
        self._release()

    def __enter__(self) -> FairLockGuard:
        return self
