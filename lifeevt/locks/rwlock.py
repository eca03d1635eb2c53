"""ReadWriteLock: many readers or one writer, writers first, with visible holders and waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from .._backends import RWLock
from .._backends.contract import OnWait
from ..clock import limit_in_ns
from ..errors import StateError
from ..metrics import summarize
from .ranked_lock import LockHolder, LockStatistics, Ranked, RankedLock
from .wait_graph import GRAPH


class ReadWriteLock(RankedLock):
    """Many readers or one writer: ``with lock.read(timeout): ...`` and ``with lock.write(timeout): ...``. Thread-safe.

    Writers enter first, in the order of requests, and at most 2 of them pass a waiting reader. It is not re-entrant. A
    free lock costs about a microsecond. ``name``, ``rank`` and ``measured`` are those of :class:`FairLock`.

    Raises:
        LockTimeout: the lock was not free within ``timeout`` seconds; names the holders.
        LockOrderError: at once, when this thread holds the lock already, or a lock of the same or a higher rank.
        DeadlockError: the wait would close a cycle of threads, over any locks of this package and exclusive access.
    """

    def __init__(self, name: str, rank: int | None = None, *, measured: bool = True) -> None:
        self.name, self.rank = name, rank
        self._core = core = RWLock(name, measured)
        self._reading = core.acquire_read, core.release_read, partial(self._wait, "read")
        self._writing = core.acquire_write, core.release_write, partial(self._wait, "write")

    def read(self, timeout: float | None = None) -> ReadWriteGuard:
        """Return the guard of a reader, for ``with``; its block waits while a writer holds the lock or waits."""
        return ReadWriteGuard(self, *self._reading, limit_in_ns(timeout))

    def write(self, timeout: float | None = None) -> ReadWriteGuard:
        """Return the guard of a writer, for ``with``; its block waits while another thread holds the lock."""
        return ReadWriteGuard(self, *self._writing, limit_in_ns(timeout))

    def holders(self) -> tuple[LockHolder, ...]:
        """Return the present holders."""
        now_ns, names = time.monotonic_ns(), {thread.ident: thread.name for thread in threading.enumerate()}
        held = self._core.holders().items()
        return tuple(LockHolder(names.get(each, f"thread {each}"), (now_ns - since) / 1e9) for each, since in held)

    def waiting(self) -> tuple[int, int]:
        """Return the numbers of readers and of writers that wait now."""
        return self._core.waiting()

    def statistics(self) -> LockStatistics:
        """Return the times of waits and holds. O(buckets)."""
        core = self._core
        if core.waits is None or core.holds is None:
            return LockStatistics(self.name)
        return LockStatistics(self.name, summarize(core.waits), summarize(core.holds), *(core.longest or ()))

    def blockers(self, thread: int) -> tuple[int, ...]:
        """Return the threads that keep ``thread`` waiting; none when it does not wait."""
        return self._core.blockers(thread)

    def __repr__(self) -> str:
        readers, writers = self.waiting()
        return f"<ReadWriteLock {self.name}: {len(self._core.holders())} inside, {readers + writers} wait>"

    def _wait(self, wish: str, waits: bool) -> None:
        GRAPH.begin(self, wish) if waits else GRAPH.end(self)


class ReadWriteGuard:
    """A hold on a ReadWriteLock, from the begin of its block to the end, or until the guard is dropped."""

    __slots__ = ("_acquire", "_limit_ns", "_lock", "_on_wait", "_release", "_thread", "ranks")

    def __init__(
        self, lock: ReadWriteLock, acquire: Callable[[int | None, OnWait], None], release: Callable[[], None],
        on_wait: OnWait, limit_ns: int | None,
    ) -> None:  # fmt: skip
        self._lock, self._acquire, self._release = lock, acquire, release
        self._on_wait, self._limit_ns = on_wait, limit_ns
        self._thread: int | None = None
        self.ranks: list[Ranked] = []

    def __enter__(self) -> None:
        lock = self._lock
        lock.check_rank()
        self._thread = threading.get_ident()
        try:
            self._acquire(self._limit_ns, self._on_wait)
            lock.note_rank(self)
        except StateError:
            self._thread = None
            raise
        except BaseException:  # of a signal handler, perhaps after the lock was taken
            self._leave_if_inside()
            raise

    def __exit__(self, *_: object) -> None:
        self._lock.forget_rank(self)
        self._release()
        self._thread = None

    def __del__(self) -> None:
        if self._thread is not None:  # a signal handler raised between the entry and the block
            self._leave_if_inside()

    def _leave_if_inside(self) -> None:
        thread, self._thread = self._thread, None
        if thread == threading.get_ident() and thread in self._lock._core.holders():
            self._lock.forget_rank(self)
            self._release()
