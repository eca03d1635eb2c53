"""RWLock, the reference: one mutex, the threads inside, and the queue of those that wait.

Two counts bound every wait: that is bounded bypass (Lynch, Distributed Algorithms, chapter 10). Writers go first, so a
stream of them could starve readers: after PASSES writers the readers that wait get tickets and enter together, in a
phase of their own, as in phase-fair locks (Brandenburg and Anderson, 2010). A lock that is handed over in strict order
idles while the next thread wakes up, so a newcomer may barge in: at most PASSES times between two writers in line.
"""

from __future__ import annotations

import threading
import time

from ...errors import LockOrderError, LockTimeout
from .. import fork
from ..contract import PASSES, OnWait
from .histogram import Histogram
from .numbers import int64
from .uncopyable import Uncopyable

LONGEST_WAIT_NS = 3600 * 10**9  # a condition cannot wait for centuries; it looks again and goes on


class RWLock(Uncopyable, fork.Forked):
    """A read-write lock that prefers writers, starves no reader and refuses re-entry.

    While a writer waits no new reader enters; but when PASSES writers have entered past readers who wait,
    all these enter before the next writer. Writers wait in line, and at most PASSES newcomers enter between
    two of them. A thread that holds the lock in any mode, or waits for it, gets LockOrderError at once when
    it asks again; LockTimeout, with the holders, after ``timeout_ns``. ``on_wait(True)`` is called when the lock
    is not free and this thread has joined the queue, ``on_wait(False)`` when it has left that, inside or
    not; what the first raises ends the wait. ``measured``: keep histograms.
    """

    def __init__(self, name: str = "the lock", measured: bool = False) -> None:
        self._name = name
        self._mutex = threading.RLock()  # a signal's handler may ask for the lock while this thread is in here
        self._changed = threading.Condition(self._mutex)
        self._since_ns: dict[int, int] = {}  # by thread, of the readers inside
        self._writer: int | None = None
        self._writing_since_ns = 0
        self._readers: list[_Waiter] = []
        self._writers: list[_Waiter] = []  # in line
        self._passed = 0  # writers that entered since the first reader waits
        self._barged = 0  # newcomers that entered past the first writer in line
        self._waits = Histogram() if measured else None
        self._holds = Histogram() if measured else None
        self._longest: tuple[str, int] | None = None
        fork.keep(self)

    @property
    def waits(self) -> Histogram | None:
        """How long those waited who had to, in nanoseconds, whether they got in or not; None when not measured."""
        return self._waits

    @property
    def holds(self) -> Histogram | None:
        """How long the lock was held, in nanoseconds; None when not measured."""
        return self._holds

    @property
    def longest(self) -> tuple[str, int] | None:
        """The longest stay that was measured: (the thread's name, nanoseconds), or None."""
        return self._longest

    def acquire_read(self, timeout_ns: int | None = None, on_wait: OnWait | None = None) -> None:
        """Enter as a reader; blocks while a writer holds the lock or waits for it."""
        self._acquire(False, timeout_ns, on_wait)

    def release_read(self) -> None:
        """Leave as a reader; LockOrderError when this thread is none."""
        with self._mutex:
            since_ns = self._since_ns.pop(threading.get_ident(), None)
            if since_ns is None:
                raise LockOrderError(f"this thread does not hold {self._name} for reading")
            self._wake_waiting()
        if self._holds is not None:
            self._note_hold(self._holds, since_ns)

    def acquire_write(self, timeout_ns: int | None = None, on_wait: OnWait | None = None) -> None:
        """Enter as the only holder; blocks while anybody holds the lock."""
        self._acquire(True, timeout_ns, on_wait)

    def release_write(self) -> None:
        """Leave as the writer; LockOrderError when this thread is not."""
        with self._mutex:
            if self._writer != threading.get_ident():
                raise LockOrderError(f"this thread does not hold {self._name} for writing")
            since_ns, self._writer = self._writing_since_ns, None
            if self._readers or self._writers:
                self._changed.notify_all()
        if self._holds is not None:
            self._note_hold(self._holds, since_ns)

    def holders(self) -> dict[int, int]:
        """Return who is inside: by thread, since which nanosecond of the monotonic clock. O(readers)."""
        writer = self._writer
        return self._since_ns.copy() if writer is None else {writer: self._writing_since_ns}

    def waiting(self) -> tuple[int, int]:
        """Return how many readers and how many writers wait."""
        return len(self._readers), len(self._writers)

    def blockers(self, thread: int) -> tuple[int, ...]:
        """Return the threads that keep ``thread`` waiting here; () when it does not wait or is about to enter.

        For a reader behind writers that wait, these. O(waiting + readers).
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

    def _wait(self, waiter: _Waiter, asked_ns: int, limit_ns: int | None, on_wait: OnWait | None) -> None:
        """Wait in the queue, and leave it, inside or not."""
        try:
            if on_wait is not None:
                on_wait(True)
            self._wait_to_enter(waiter, asked_ns, limit_ns)
        finally:
            self._give_up(waiter)
            self._end_wait(waiter, asked_ns, on_wait)

    def _wait_to_enter(self, waiter: _Waiter, asked_ns: int, limit_ns: int | None) -> None:
        with self._mutex:
            while not self._may_enter(waiter):
                left_ns = LONGEST_WAIT_NS if limit_ns is None else limit_ns - (time.monotonic_ns() - asked_ns)
                if left_ns <= 0:
                    raise self._timed_out(limit_ns or 0)
                self._changed.wait(min(left_ns, LONGEST_WAIT_NS) / 1e9)
            self._leave_queue(waiter)
            waiter.entered = True
            self._enter(waiter.writing, newcomer=False)

    def _end_wait(self, waiter: _Waiter, asked_ns: int, on_wait: OnWait | None) -> None:
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
        """Be new, and held by this thread alone if it held it before."""
        me = threading.get_ident()
        fork.renew(self._changed)
        self._since_ns = {me: self._since_ns[me]} if me in self._since_ns else {}
        self._writer = me if self._writer == me else None
        self._readers, self._writers = [], []

    # --- the policy, under the mutex

    def _enter_as_newcomer(self, writing: bool) -> bool:
        self._refuse_reentry()
        if not self._newcomer_may_enter(writing):
            return False
        self._enter(writing, newcomer=True)
        return True

    def _newcomer_may_enter(self, writing: bool) -> bool:
        """A reader only while no writer waits; a writer also past the first in line, up to PASSES times."""
        if not writing:
            return self._writer is None and not self._writers
        may_barge = not self._writers or self._barged < PASSES
        return may_barge and self._is_empty() and not (self._readers and self._is_readers_phase())

    def _may_enter(self, waiter: _Waiter) -> bool:
        if waiter.writing:
            return self._writers[0] is waiter and self._is_empty() and not self._is_readers_phase()
        if self._writer is not None:
            return False
        if self._passed >= PASSES and not self._tickets_are_out():
            self._give_tickets()  # the first reader of a phase opens it for all that wait at this moment
        return waiter.has_ticket or not self._writers

    def _is_empty(self) -> bool:
        return self._writer is None and not self._since_ns

    def _is_readers_phase(self) -> bool:
        """Whether the readers that wait enter before the next writer."""
        return (self._passed >= PASSES and bool(self._readers)) or self._tickets_are_out()

    def _tickets_are_out(self) -> bool:
        return any(each.has_ticket for each in self._readers)

    def _give_tickets(self) -> None:
        for each in self._readers:
            each.has_ticket = True
        self._passed = 0

    def _enter(self, writing: bool, newcomer: bool) -> None:
        if not writing:
            self._since_ns[threading.get_ident()] = time.monotonic_ns()
            return
        self._writing_since_ns, self._writer = time.monotonic_ns(), threading.get_ident()
        self._passed = self._passed + 1 if self._readers else 0
        self._barged = self._barged + 1 if self._writers and newcomer else 0

    def _join(self, writing: bool) -> _Waiter:
        waiter = _Waiter(threading.get_ident(), writing)
        if writing:
            self._barged = self._barged if self._writers else 0
        else:
            self._passed = self._passed if self._readers else 0
        (self._writers if writing else self._readers).append(waiter)
        return waiter

    def _give_up(self, waiter: _Waiter) -> None:
        if not waiter.entered:
            with self._mutex:
                self._leave_queue(waiter)

    def _leave_queue(self, waiter: _Waiter) -> None:
        (self._writers if waiter.writing else self._readers).remove(waiter)
        self._wake_waiting()  # those that it held back may enter

    def _wake_waiting(self) -> None:
        if self._readers or self._writers:
            self._changed.notify_all()

    def _refuse_reentry(self) -> None:
        me = threading.get_ident()
        if me in self._since_ns or me == self._writer:
            raise LockOrderError(f"this thread holds {self._name} already")

    def _refuse_to_wait_twice(self) -> None:
        """Refuse a signal's handler that interrupts this thread's own wait: neither could ever end."""
        me = threading.get_ident()
        if any(each.thread == me for each in self._readers + self._writers):
            raise LockOrderError(f"this thread waits for {self._name} already")

    def _timed_out(self, limit_ns: int) -> LockTimeout:
        return LockTimeout.of(self._name, limit_ns, self.holders(), time.monotonic_ns())

    def _note_hold(self, holds: Histogram, since_ns: int) -> None:
        hold_ns = time.monotonic_ns() - since_ns
        if hold_ns > holds.maximum:
            self._longest = threading.current_thread().name, hold_ns
        holds.record(hold_ns)


class _Waiter:
    """One thread's place in the queue."""

    __slots__ = ("entered", "has_ticket", "thread", "writing")

    def __init__(self, thread: int, writing: bool) -> None:
        self.thread, self.writing = thread, writing
        self.has_ticket = self.entered = False


class Reading:
    """The read side of a lock as a context manager."""

    def __init__(self, lock: RWLock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.acquire_read()

    def __exit__(self, *_: object) -> None:
        self._lock.release_read()


class Writing:
    """The write side of a lock as a context manager."""

    def __init__(self, lock: RWLock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.acquire_write()

    def __exit__(self, *_: object) -> None:
        self._lock.release_write()
