"""FairLock: a mutual exclusion lock with one holder, in the order of requests, each held for a named purpose."""

from __future__ import annotations

import threading
import time

from .._backends import LockEntry, LockGuard, fork
from ..clock import limit_in_ns
from ..errors import LockOrderError, LockTimeout
from .ranked_lock import LockHolder, LockTimes, RankedLock
from .wait_graph import GRAPH

RECHECK_SECONDS = 1.0  # a thread that leaves may be interrupted by a signal handler before it wakes the next one


class FairLock(RankedLock, fork.Forked):
    """A lock with one holder at a time, in the order of requests; the holder, its purpose and its time are visible.

    ``with lock.acquire("the engine", timeout=1.0): ...``. It is not re-entrant. Thread-safe.

    Args:
        name: the lock's name in errors and statistics.
        rank: a thread takes ranked locks only in ascending order. None is not checked.
        measured: keep the times of waits and holds, at about 60 kB.
    """

    def __init__(self, name: str, rank: int | None = None, *, measured: bool = True) -> None:
        self.name, self.rank = name, rank
        self.times = LockTimes() if measured else None
        # The first entry holds the lock. Each change is one call of C, which no exception can interrupt.
        # A list, since a deque cannot be copied while it changes without a GIL.
        self.line: list[LockEntry] = []
        fork.keep(self)

    def acquire(self, holder: str, timeout: float | None = None) -> FairLockGuard:
        """Wait for the lock, up to ``timeout`` seconds, and return its guard. O(waiting).

        ``holder`` stands in the errors of threads that wait.

        Raises:
            LockTimeout: the lock was not free in time; names the holder.
            LockOrderError: at once, when this thread holds the lock already, or a lock of the same or a higher rank.
            DeadlockError: the wait would close a cycle of threads.
        """
        return FairLockGuard(self, holder, limit_in_ns(timeout))

    def holders(self) -> tuple[LockHolder, ...]:
        """Return the present holder, or none."""
        return tuple(LockHolder(entry.holder, entry.held_ns() / 1e9) for entry in self.line[:1])

    def is_mine(self) -> bool:
        """Return whether this thread holds the lock."""
        first = next(iter(self.line), None)
        return first is not None and first.thread == threading.get_ident()

    def waiting(self) -> int:
        """Return the number of threads that wait now."""
        return max(len(self.line) - 1, 0)

    def blockers(self, thread: int) -> tuple[int, ...]:
        """Return the threads before ``thread`` in line; none when it does not wait. O(waiting)."""
        before: list[int] = []
        for entry in list(self.line):
            if entry.thread == thread:
                return tuple(before)
            before.append(entry.thread)
        return ()

    def __repr__(self) -> str:
        held = "".join(f" held by {each.holder}," for each in self.holders())
        return f"<FairLock {self.name}:{held} {self.waiting()} wait>"

    # --- the line of a LockGuard

    def check_order(self) -> None:
        """Raise LockOrderError if this thread holds the lock, waits for it, or holds one of a higher rank."""
        me = threading.get_ident()
        for entry in list(self.line):
            if entry.thread == me:
                does = "holds" if entry.since_ns else "waits for"
                raise LockOrderError(f"this thread {does} {self.name} already, as {entry.holder}")
        self.check_rank()

    def wait(self, entry: LockEntry, limit_ns: int | None) -> None:
        """Wait until ``entry`` is the first in line; LockTimeout and DeadlockError as in ``acquire``."""
        asked_ns = time.monotonic_ns()
        entry.bell = bell = threading.Lock()
        bell.acquire()
        try:
            if limit_ns != 0:
                GRAPH.begin(self, "take")
            while self.line[0] is not entry:  # compared only after the bell is set, so that no wake-up is lost
                bell.acquire(timeout=self._patience_seconds(limit_ns, asked_ns))
        finally:
            GRAPH.end(self)
            if self.times is not None:
                self.times.waits.record(time.monotonic_ns() - asked_ns)

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
    """A hold on a FairLock, from ``acquire`` until ``release``, the end of its block, or its last reference."""

    __slots__ = ("holder",)

    def __init__(self, lock: FairLock, holder: str, limit_ns: int | None) -> None:
        super().__init__(lock, f"{holder} ({threading.current_thread().name})", limit_ns)
        self.holder = holder
        self._acquire()

    @property
    def held(self) -> bool:
        """Whether the guard still holds the lock."""
        return next(iter(self._lock.line), None) is self._entry

    def release(self) -> None:
        """Release the lock and wake the next thread in line. Idempotent; any thread may call it; never blocks."""
        self._release()

    def __enter__(self) -> FairLockGuard:
        return self
