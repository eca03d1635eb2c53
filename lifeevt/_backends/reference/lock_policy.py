"""LockPolicy, the reference: which thread enters a read-write lock next.

Two counts bound every wait: that is bounded bypass (Lynch, Distributed Algorithms, chapter 10). Writers go first, so a
stream of them could starve readers: after PASSES writers the readers that wait get tickets and enter together, in a
phase of their own, as in phase-fair locks (Brandenburg and Anderson, 2010). A lock that is handed over in strict order
idles while the next thread wakes up, so a newcomer may barge in: at most PASSES times between two writers in line.
"""

from __future__ import annotations

import threading
import time

from ...errors import LockOrderError
from ..contract import PASSES
from .uncopyable import Uncopyable


class Waiter:
    """The place of one thread in the queue."""

    __slots__ = ("entered", "has_ticket", "thread", "writing")

    def __init__(self, thread: int, writing: bool) -> None:
        self.thread, self.writing = thread, writing
        self.has_ticket = self.entered = False


class LockPolicy(Uncopyable):
    """The threads inside a lock, the queue of those that wait, and the rules by which they enter.

    Its methods are called under the mutex.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._mutex = threading.RLock()  # a signal handler may ask for the lock while this thread is in here
        self._changed = threading.Condition(self._mutex)
        self._since_ns: dict[int, int] = {}  # by thread, of the readers inside
        self._writer: int | None = None
        self._writing_since_ns = 0
        self._readers: list[Waiter] = []
        self._writers: list[Waiter] = []  # in line
        self._passed = 0  # writers that entered since the first reader waits
        self._barged = 0  # newcomers that entered past the first writer in line

    def _enter_as_newcomer(self, writing: bool) -> bool:
        self._refuse_reentry()
        if not self._newcomer_may_enter(writing):
            return False
        self._enter(writing, newcomer=True)
        return True

    def _newcomer_may_enter(self, writing: bool) -> bool:
        """Return whether a newcomer may enter: a reader while no writer waits, a writer PASSES times past others."""
        if not writing:
            return self._writer is None and not self._writers
        may_barge = not self._writers or self._barged < PASSES
        return may_barge and self._is_empty() and not (self._readers and self._is_readers_phase())

    def _may_enter(self, waiter: Waiter) -> bool:
        if waiter.writing:
            return self._writers[0] is waiter and self._is_empty() and not self._is_readers_phase()
        if self._writer is not None:
            return False
        if self._passed >= PASSES and not self._tickets_are_out():
            self._give_tickets()  # the first reader of a phase opens it for all that wait now
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

    def _join(self, writing: bool) -> Waiter:
        waiter = Waiter(threading.get_ident(), writing)
        if writing:
            self._barged = self._barged if self._writers else 0
        else:
            self._passed = self._passed if self._readers else 0
        (self._writers if writing else self._readers).append(waiter)
        return waiter

    def _leave_queue(self, waiter: Waiter) -> None:
        (self._writers if waiter.writing else self._readers).remove(waiter)
        self._wake_waiting()  # the threads that it held back may enter

    def _wake_waiting(self) -> None:
        if self._readers or self._writers:
            self._changed.notify_all()

    def _refuse_reentry(self) -> None:
        me = threading.get_ident()
        if me in self._since_ns or me == self._writer:
            raise LockOrderError(f"this thread holds {self._name} already")

    def _refuse_to_wait_twice(self) -> None:
        """Refuse a signal handler that interrupts the wait of its own thread: neither could ever end."""
        me = threading.get_ident()
        if any(each.thread == me for each in self._readers + self._writers):
            raise LockOrderError(f"this thread waits for {self._name} already")
