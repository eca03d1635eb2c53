"""RWLock, the reference: a read-write lock for threads, with time limits and measurements."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import LockOrderError, LockTimeout
from .. import fork
from ..contract import OnWait
from .histogram import Histogram
from .lock_policy import LockPolicy, Waiter
from .numbers import int64

LONGEST_WAIT_NS = 3600 * 10**9  # a condition cannot wait for centuries; the loop waits again


class RWLock(LockPolicy, fork.Forked):
    """A read-write lock that prefers writers, starves no reader and refuses re-entry.

    While a writer waits no new reader enters; but when PASSES writers have entered past waiting readers, all these
    enter before the next writer. Writers wait in line, and at most PASSES newcomers enter between two of them.

    ``on_wait(True)`` is called when the lock is not free and this thread has joined the queue, ``on_wait(False)`` when
    it has left the queue, inside or not; an exception of the first ends the wait. ``measured``: keep histograms.

    Raises:
        LockOrderError: a thread asks again that holds the lock in any mode, or waits for it.
        LockTimeout: the lock was not free within ``timeout_ns``; names the holders.
    """

    def __init__(self, name: str = "the lock", measured: bool = False) -> None:
        super().__init__(name)
        self._waits = Histogram() if measured else None
        self._holds = Histogram() if measured else None
        self._longest: tuple[str, int] | None = None
        fork.keep(self)

    @property
    def waits(self) -> Histogram | None:
        """The waits in nanoseconds, of threads that entered and of others; None when not measured."""
        return self._waits

    @property
    def holds(self) -> Histogram | None:
        """The holds in nanoseconds; None when not measured."""
        return self._holds

    @property
    def longest(self) -> tuple[str, int] | None:
        """The longest hold that was measured: (name of the thread, nanoseconds), or None."""
        return self._longest

    def acquire_read(self, timeout_ns: int | None = None, on_wait: OnWait | None = None) -> None:
        """Enter as a reader; blocks while a writer holds the lock or waits for it."""
        self._acquire(False, timeout_ns, on_wait)

    def release_read(self) -> None:
        """Leave as a reader; LockOrderError when this thread is no reader."""
        with self._mutex:
            since_ns = self._since_ns.pop(threading.get_ident(), None)
            if since_ns is None:
                raise LockOrderError(f"this thread does not hold {self._name} for reading")
            self._wake_waiting()
        if self._holds is not None:
            self._note_hold(self._holds, since_ns)

    def acquire_write(self, timeout_ns: int | None = None, on_wait: OnWait | None = None) -> None:
        """Enter as the only holder; blocks while another thread holds the lock."""
        self._acquire(True, timeout_ns, on_wait)

    def release_write(self) -> None:
        """Leave as the writer; LockOrderError when this thread is not the writer."""
        with self._mutex:
            if self._writer != threading.get_ident():
                raise LockOrderError(f"this thread does not hold {self._name} for writing")
            since_ns, self._writer = self._writing_since_ns, None
            if self._readers or self._writers:
                self._changed.notify_all()
        if self._holds is not None:
            self._note_hold(self._holds, since_ns)

    def holders(self) -> dict[int, int]:
        """Return the threads inside, each with its entry in monotonic nanoseconds. O(readers)."""
        writer = self._writer
        return self._since_ns.copy() if writer is None else {writer: self._writing_since_ns}

    def waiting(self) -> tuple[int, int]:
        """Return the numbers of readers and of writers that wait."""
        return len(self._readers), len(self._writers)

    def blockers(self, thread: int) -> tuple[int, ...]:
        """Return the threads that ``thread`` waits for; () when it does not wait or is about to enter.

        A reader behind waiting writers waits for these. O(waiting + readers).
        """
        with self._mutex:
            waiter = next((each for each in self._readers + self._writers if each.thread == thread), None)
            if waiter is None:
                return ()
            if self._writer is not None:
                return (self._writer,)
            if waiter.writing:
                return tuple(self._since_ns)
            return () if waiter.has_ticket else tuple(each.thread for each in self._writers)

    def _acquire(self, writing: bool, timeout_ns: int | None, on_wait: OnWait | None) -> None:
        limit_ns = None if timeout_ns is None else max(int64(timeout_ns), 0)
        asked_ns = time.monotonic_ns()
        with self._mutex:
            if self._enter_as_newcomer(writing):
                return
            self._refuse_to_wait_twice()
            if limit_ns == 0:
                raise self._timed_out(0)
            waiter = self._join(writing)
        self._wait(waiter, asked_ns, limit_ns, on_wait)

    def _try_to_write(self) -> bool:
        """Enter as the only holder if that is possible at once; return whether it was."""
        with self._mutex:
            if self._writer is not None or self._since_ns or self._readers or self._writers:
                return self._enter_as_newcomer(writing=True)
            self._writing_since_ns, self._writer = time.monotonic_ns(), threading.get_ident()
            self._passed = self._barged = 0
            return True

    def _wait(self, waiter: Waiter, asked_ns: int, limit_ns: int | None, on_wait: OnWait | None) -> None:
        """Wait in the queue, and leave it, inside or not."""
        try:
            if on_wait is not None:
                on_wait(True)
            self._wait_to_enter(waiter, asked_ns, limit_ns)
        finally:
            if not waiter.entered:
                with self._mutex:
                    self._leave_queue(waiter)
            self._end_wait(waiter, asked_ns, on_wait)

    def _wait_to_enter(self, waiter: Waiter, asked_ns: int, limit_ns: int | None) -> None:
        with self._mutex:
            while not self._may_enter(waiter):
                left_ns = LONGEST_WAIT_NS if limit_ns is None else limit_ns - (time.monotonic_ns() - asked_ns)
                if left_ns <= 0:
                    raise self._timed_out(limit_ns or 0)
                self._changed.wait(min(left_ns, LONGEST_WAIT_NS) / 1e9)
            self._leave_queue(waiter)
            waiter.entered = True
            self._enter(waiter.writing, newcomer=False)

    def _end_wait(self, waiter: Waiter, asked_ns: int, on_wait: OnWait | None) -> None:
        if self._waits is not None:
            self._waits.record(time.monotonic_ns() - asked_ns)
        try:
            if on_wait is not None:
                on_wait(False)
        except BaseException:
            if waiter.entered:
                self.release_write() if waiter.writing else self.release_read()
            raise

    def _after_fork_in_child(self) -> None:
        """Renew the lock; this thread alone still holds it if it did before."""
        me = threading.get_ident()
        fork.renew(self._changed)
        self._since_ns = {me: self._since_ns[me]} if me in self._since_ns else {}
        self._writer = me if self._writer == me else None
        self._readers, self._writers = [], []

    def _timed_out(self, limit_ns: int) -> LockTimeout:
        return LockTimeout.of(self._name, limit_ns, self.holders(), time.monotonic_ns())

    def _note_hold(self, holds: Histogram, since_ns: int) -> None:
        hold_ns = time.monotonic_ns() - since_ns
        if hold_ns > holds.maximum:
            self._longest = threading.current_thread().name, hold_ns
        holds.record(hold_ns)


@contextmanager
def reading(lock: RWLock) -> Iterator[None]:
    """Hold a lock as a reader."""
    lock.acquire_read()
    try:
        yield
    finally:
        lock.release_read()


@contextmanager
def writing(lock: RWLock) -> Iterator[None]:
    """Hold a lock as the writer."""
    lock.acquire_write()
    try:
        yield
    finally:
        lock.release_write()
