"""RWLock, the reference: one condition, a set of readers and one writer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ..errors import LockOrderError, LockTimeout
from .numbers import Rooted, int64

LONGEST_WAIT_NS = 3600 * 10**9  # a condition cannot wait for centuries; it looks again and goes on


class RWLock(Rooted):
    """A read-write lock that prefers writers and refuses re-entry.

    While a writer waits no new reader enters. A thread that holds the lock in any mode gets
    LockOrderError at once when it asks again; LockTimeout after ``timeout_ns``.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers: set[int] = set()
        self._writer: int | None = None
        self._writers_waiting = 0

    def acquire_read(self, timeout_ns: int | None = None) -> None:
        """Enter as a reader; blocks while a writer holds the lock or waits for it."""
        timeout_ns = _checked_timeout(timeout_ns)
        with self._changed:
            self._refuse_reentry()
            self._wait(lambda: self._writer is None and not self._writers_waiting, timeout_ns)
            self._readers.add(threading.get_ident())

    def release_read(self) -> None:
        """Leave as a reader; LockOrderError when this thread is none."""
        with self._changed:
            if threading.get_ident() not in self._readers:
                raise LockOrderError("this thread does not hold the lock for reading")
            self._readers.remove(threading.get_ident())
            self._changed.notify_all()

    def acquire_write(self, timeout_ns: int | None = None) -> None:
        """Enter as the only holder; blocks while anybody holds the lock."""
        timeout_ns = _checked_timeout(timeout_ns)
        with self._changed:
            self._refuse_reentry()
            self._writers_waiting += 1
            try:
                self._wait(lambda: self._writer is None and not self._readers, timeout_ns)
                self._writer = threading.get_ident()
            finally:
                self._writers_waiting -= 1
                self._changed.notify_all()  # after a time-out the readers held back may enter

    def release_write(self) -> None:
        """Leave as the writer; LockOrderError when this thread is not."""
        with self._changed:
            if self._writer != threading.get_ident():
                raise LockOrderError("this thread does not hold the lock for writing")
            self._writer = None
            self._changed.notify_all()

    def _refuse_reentry(self) -> None:
        me = threading.get_ident()
        if me in self._readers or me == self._writer:
            raise LockOrderError("this thread holds the lock already")

    def _wait(self, free: Callable[[], bool], timeout_ns: int | None) -> None:
        until_ns = None if timeout_ns is None else time.monotonic_ns() + max(timeout_ns, 0)
        while not free():
            left_ns = LONGEST_WAIT_NS if until_ns is None else until_ns - time.monotonic_ns()
            if left_ns <= 0:
                raise LockTimeout(f"the lock was not free within {(timeout_ns or 0) / 1e9:g} s")
            self._changed.wait(min(left_ns, LONGEST_WAIT_NS) / 1e9)


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


def _checked_timeout(timeout_ns: int | None) -> int | None:
    return None if timeout_ns is None else int64(timeout_ns)
