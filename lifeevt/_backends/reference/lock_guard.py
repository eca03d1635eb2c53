"""LockEntry and LockGuard, the reference: a place in the line of a fair lock, and a ``with`` block inside the lock."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any

from ...errors import StateError


class LockEntry:
    """The place of a thread in the line of a lock; the first entry of a line has the lock."""

    __slots__ = ("bell", "holder", "ranks", "since_ns", "thread")

    def __init__(self, holder: str) -> None:
        self.holder, self.thread = holder, threading.get_ident()
        self.since_ns = 0  # 0 until the thread is inside
        self.bell: threading.Lock | None = None  # of a waiting thread: released to wake it
        self.ranks: list[tuple[str, int]] | None = None  # the ranks that the thread holds, if the lock has one

    def enter(self) -> None:
        """Note that the thread is inside from now on."""
        self.since_ns = time.monotonic_ns()

    def held_ns(self) -> int:
        """Return how long the thread has been inside; 0 before."""
        return time.monotonic_ns() - self.since_ns if self.since_ns else 0

    def ring(self) -> None:
        """Wake the thread, now or as soon as it waits. Takes no lock, so a finalizer may call it."""
        if self.bell is not None:
            with suppress(RuntimeError):  # it was rung already
                self.bell.release()


class LockGuard:
    """One ``with`` block inside a fair lock; subclasses add work at its ends by the hooks.

    The block leaves the lock however it ends. On the native backend that also holds when a signal handler raises on
    the way in or out. On the reference such a block leaves the lock when its last reference goes.
    """

    __slots__ = ("_entry", "_lock", "_limit_ns", "_open", "_holder")  # noqa: RUF023

    def __init__(self, lock: Any, holder: str, limit_ns: int | None) -> None:
        self._lock, self._holder, self._limit_ns = lock, holder, limit_ns
        self._entry: LockEntry | None = None
        self._open = False

    def __enter__(self) -> Any:
        """Enter the lock and return the value of ``_opened``.

        Raises:
            LockOrderError: this thread has the lock already, or one of a higher rank.
            LockTimeout: the lock was not free within the limit.
            DeadlockError: the wait would close a cycle of threads.
            StateError: the guard has had its block.
        """
        if self._entry is not None:
            raise StateError("a guard is for one block; make another one")
        self._admit()
        self._acquire()
        try:
            return self._opened()
        except BaseException:
            self._release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Run ``_finish`` inside the lock, leave it, and run ``_settle`` when ``_finish`` asked for it."""
        settles = False
        try:
            settles = self._finish()
        finally:
            self._release()
        if settles:
            self._settle(error)

    def __del__(self) -> None:
        """Leave the lock when the block could not: a signal handler raised, or ``__exit__`` was never called."""
        if getattr(self, "_open", False):
            self._release()

    # --- hooks

    def _admit(self) -> None:
        """Raise the error that forbids this block, before any wait."""

    def _opened(self) -> Any:
        """Do the first work inside the lock and return the target of ``with … as``."""

    def _finish(self) -> bool:
        """Do the last work inside the lock; return whether ``_settle`` must follow."""
        return False

    def _settle(self, error: BaseException | None) -> None:
        """Work outside the lock, after a block that ended with ``error``."""

    # --- inside

    def _acquire(self) -> None:
        """Join the line and wait for the first place in it. Each change of the line is one call of C."""
        lock = self._lock
        if lock.rank is not None or lock.line:
            lock.check_order()
        self._entry, self._open = entry, _ = LockEntry(self._holder), True
        try:
            lock.line.append(entry)
            if lock.line[0] is not entry:
                lock.wait(entry, self._limit_ns)
            if lock.rank is not None:
                lock.note_rank(entry)
            entry.enter()
        except BaseException:
            self._release()
            raise

    def _release(self) -> None:
        """Leave the line before anything else: an exception that comes afterwards finds the lock free."""
        lock, entry = self._lock, self._entry
        assert entry is not None
        try:
            lock.line.remove(entry)
        except ValueError:  # it has left already
            return
        finally:
            self._open = False
        for first in lock.line[:1]:
            first.ring()
        if lock.rank is not None:
            lock.forget_rank(entry)
        if entry.since_ns and lock.times is not None:
            lock.times.record_hold(entry.holder, entry.held_ns())
