"""Locks that say who holds them, since when, and who waits for whom: ReadWriteLock, and WatchedLock for your own."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Protocol

from .._backends import Histogram, RWLock, fork
from ..errors import LockOrderError, StateError
from ..metrics import LatencySummary, summarize
from . import lock_order
from .wait_graph import GRAPH

__all__ = ["Holding", "LockStatistics", "ReadWriteLock", "WatchedLock"]


@dataclass(frozen=True)
class Holding:
    """Somebody holds a lock: a thread's name, or what a turn is taken for, and for how many seconds already."""

    holder: str
    seconds: float


@dataclass(frozen=True)
class LockStatistics:
    """How a lock fared: times in nanoseconds. ``waits`` are of those who found it taken; all zero unless measured."""

    name: str
    waits: LatencySummary
    holds: LatencySummary
    longest_holder: str | None
    longest_hold_ns: int


def limit_in_ns(timeout: float | None) -> int | None:
    """Return seconds as nanoseconds, None for no limit; ValueError for NaN, negative ones count as 0."""
    if timeout is None or timeout == math.inf:
        return None
    if math.isnan(timeout):
        raise ValueError("timeout is not a number")
    return max(round(timeout * 1e9), 0)


class ReadWriteLock:
    """Many readers or one writer: ``with lock.read(timeout): ...`` and ``with lock.write(timeout): ...``.

    Writers go first, in line, and no reader is passed by more than 2 of them. A thread may enter once, and only
    upwards in ``rank`` (None: no rank, not checked): LockOrderError at once. A wait that would close a circle of
    threads, over any locks of this module and turns, raises DeadlockError instead; one longer than ``timeout``
    seconds LockTimeout, which names the holders. An entry leaves when its block ends, however it does.
    ``measured``: keep times, at about 60 kB. Thread-safe. Free, it costs about a microsecond.
    """

    def __init__(
        self, name: str, rank: int | None = None, *, measured: bool = True
    ) -> None:
        self.name, self.rank = name, rank
        self._core = RWLock(name, measured)
        self._wait_to_read = partial(self._wait, "read")
        self._wait_to_write = partial(self._wait, "write")

    def read(self, timeout: float | None = None) -> Stay:
        """Return an entry as a reader, for ``with``: that blocks while a writer is inside or waits."""
        core = self._core
        return Stay(self, core.acquire_read, core.release_read, self._wait_to_read, limit_in_ns(timeout))

    def write(self, timeout: float | None = None) -> Stay:
        """Return an entry as the only holder, for ``with``: that blocks while anybody is inside."""
        core = self._core
        return Stay(self, core.acquire_write, core.release_write, self._wait_to_write, limit_in_ns(timeout))

    def holders(self) -> tuple[Holding, ...]:
        """Return who is inside now."""
        now_ns, names = time.monotonic_ns(), _names()
        held = self._core.holders().items()
        return tuple(Holding(names.get(thread, f"thread {thread}"), (now_ns - since) / 1e9) for thread, since in held)

    def waiting(self) -> tuple[int, int]:
        """Return how many readers and how many writers wait now."""
        return self._core.waiting()

    def statistics(self) -> LockStatistics:
        """Return how long was waited and held. O(buckets)."""
        longest = self._core.longest or (None, 0)
        return LockStatistics(self.name, summary_of(self._core.waits), summary_of(self._core.holds), *longest)

    def blockers(self, thread: int) -> tuple[int, ...]:
        """Return the threads that keep ``thread`` waiting here; none when it does not, or not any more."""
        return self._core.blockers(thread)

    def __repr__(self) -> str:
        readers, writers = self.waiting()
        return f"<ReadWriteLock {self.name}: {len(self._core.holders())} inside, {readers + writers} wait>"

    def _wait(self, wish: str, waits: bool) -> None:
        GRAPH.begin(self, wish) if waits else GRAPH.end(self)


class Stay:
    """One entry into a lock: inside from the begin of its block to the end, or until it is dropped."""

    __slots__ = ("_acquire", "_limit_ns", "_lock", "_on_wait", "_ranks", "_release", "_thread")

    def __init__(
        self,
        lock: ReadWriteLock,
        acquire: Callable[[int | None, Callable[[bool], None]], None],
        release: Callable[[], None],
        on_wait: Callable[[bool], None],
        limit_ns: int | None,
    ) -> None:
        self._lock, self._acquire, self._release = lock, acquire, release
        self._on_wait, self._limit_ns = on_wait, limit_ns
        self._thread: int | None = None
        self._ranks: list[lock_order.Ranked] = []

    def __enter__(self) -> None:
        lock = self._lock
        lock_order.check(lock.name, lock.rank)
        self._thread = threading.get_ident()
        try:
            self._acquire(self._limit_ns, self._on_wait)
            self._ranks = lock_order.note(lock.name, lock.rank)
        except StateError:
            self._thread = None
            raise
        except BaseException:  # a signal's, perhaps after we were inside
            self._leave_if_inside()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lock_order.forget(self._ranks, self._lock.name, self._lock.rank)
        self._release()
        self._thread = None

    def __del__(self) -> None:
        if self._thread is not None:  # an exception came between the entry and the block
            self._leave_if_inside()

    def _leave_if_inside(self) -> None:
        thread, self._thread = self._thread, None
        if thread == threading.get_ident() and thread in self._lock._core.holders():
            lock_order.forget(self._ranks, self._lock.name, self._lock.rank)
            self._release()


class PlainLock(Protocol):
    """What ``threading.Lock`` and ``threading.RLock`` have in common."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it."""

    def release(self) -> None:
        """Give it back."""


class WatchedLock(fork.Forked):
    """A ``threading.Lock`` or ``RLock`` of your own, with its waits in the graph and its rank kept.

    Take and release it here and nowhere else, in one thread: it must be used as a mutex, not as a signal. Same
    calls and answers as the lock itself; besides, DeadlockError for a wait that would close a circle,
    LockOrderError for a rank out of order, and for a Lock that its holder takes again. Thread-safe.
    """

    def __init__(
        self,
        lock: PlainLock,
        name: str,
        rank: int | None = None,
        *,
        measured: bool = True,
    ) -> None:
        self.name, self.rank = name, rank
        self._lock, self._depth = lock, 0
        self._held: _Held | None = None
        self._times = Times(measured)
        fork.keep(self)

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock; False when that cannot be had at once, or within ``timeout`` seconds (-1: no limit)."""
        held = self._held
        again = held is not None and held.thread == threading.get_ident()
        if not again:
            lock_order.check(self.name, self.rank)
        if not self._lock.acquire(False) and not (blocking and self._wait(again, timeout)):
            return False
        if not again:
            self._held = _Held(lock_order.note(self.name, self.rank))
        self._depth += 1
        return True

    def release(self) -> None:
        """Give the lock back; RuntimeError when it is not held."""
        held, depth = self._held, self._depth
        if depth == 1:
            self._held = None  # before the next holder can write its own
        self._depth = max(depth - 1, 0)
        try:
            self._lock.release()
        except RuntimeError:
            self._held, self._depth = held, depth
            raise
        if depth == 1 and held is not None:
            lock_order.forget(held.ranks, self.name, self.rank)
            self._times.held(held.name, time.monotonic_ns() - held.since_ns)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def holders(self) -> tuple[Holding, ...]:
        """Return who holds it now: one, or nobody."""
        held = self._held
        return () if held is None else (Holding(held.name, (time.monotonic_ns() - held.since_ns) / 1e9),)

    def statistics(self) -> LockStatistics:
        """Return how long was waited and held. O(buckets)."""
        return self._times.statistics(self.name)

    def blockers(self, thread: int) -> tuple[int, ...]:
        """Return the threads that keep ``thread`` waiting here; none when it does not, or not any more."""
        held = self._held
        return () if held is None or held.thread == thread else (held.thread,)

    def _wait(self, again: bool, timeout: float) -> bool:
        if again:
            raise LockOrderError(f"this thread holds {self.name} already")
        asked_ns = time.monotonic_ns()
        try:
            GRAPH.begin(self, "take")
            return self._lock.acquire(True, timeout)
        finally:
            GRAPH.end(self)
            self._times.waited(time.monotonic_ns() - asked_ns)

    def _after_fork_in_child(self) -> None:
        if self._held is not None and self._held.thread != threading.get_ident():
            self._held, self._depth = None, 0
            fork.renew(self._lock)


class _Held:
    """Who has a watched lock, since when."""

    __slots__ = ("name", "ranks", "since_ns", "thread")

    def __init__(self, ranks: list[lock_order.Ranked]) -> None:
        self.thread, self.name = threading.get_ident(), threading.current_thread().name
        self.since_ns, self.ranks = time.monotonic_ns(), ranks


class Times:
    """Histograms of a lock's waits and holds, and the longest holder; nothing when it is not measured."""

    def __init__(self, measured: bool) -> None:
        self._waits: Histogram | None = Histogram() if measured else None
        self._holds: Histogram | None = Histogram() if measured else None
        self._longest: tuple[str | None, int] = (None, 0)

    def waited(self, wait_ns: int) -> None:
        """Count a wait."""
        if self._waits is not None:
            self._waits.record(wait_ns)

    def held(self, holder: str, hold_ns: int) -> None:
        """Count a hold."""
        if self._holds is not None:
            self._holds.record(hold_ns)
            if hold_ns > self._longest[1]:
                self._longest = holder, hold_ns

    def statistics(self, name: str) -> LockStatistics:
        """Return what was counted, of the lock of that name."""
        return LockStatistics(name, summary_of(self._waits), summary_of(self._holds), *self._longest)


def summary_of(histogram: Histogram | None) -> LatencySummary:
    """Return the summary of a histogram that may not be kept."""
    return LatencySummary() if histogram is None else summarize(histogram)


def _names() -> dict[int | None, str]:
    return {thread.ident: thread.name for thread in threading.enumerate()}
