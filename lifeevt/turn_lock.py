"""TurnLock: who has a wrapped object to itself now, under which name and since when."""

from __future__ import annotations

import os
import threading
import time
from typing import Any
from weakref import WeakSet

from .errors import LockOrderError, LockTimeout

__all__ = ["TurnLock"]

LONGEST_WAIT_SECONDS = 3600.0  # a lock cannot wait for centuries


class TurnLock:
    """Lets one thread in at a time. A wait lets other threads run, can time out and answers Ctrl-C."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._holder, self._since_ns = "", 0
        self._lock: Any = threading.RLock()  # it knows its owner, from the very instant it is taken
        _ALL.add(self)

    def acquire(self, holder: str, timeout_seconds: float | None = None) -> None:
        """Enter; LockOrderError at once when this thread is inside, LockTimeout when the time is over."""
        if self.is_mine():
            raise LockOrderError(f"this thread is in the turn of {self.name} already, as {self._holder}")
        if not self._lock.acquire(blocking=False) and not self._waited(timeout_seconds):
            raise LockTimeout(f"the turn of {self.name} was not free within {timeout_seconds:g} s; {self._told()}")
        self._holder, self._since_ns = holder, time.monotonic_ns()

    def release(self) -> None:
        """Leave; RuntimeError when this thread is not inside."""
        self._lock.release()

    def is_mine(self) -> bool:
        """Return whether this thread is inside."""
        mine: bool = self._lock._is_owned()
        return mine

    def _waited(self, timeout_seconds: float | None) -> bool:
        if timeout_seconds is None:
            taken: bool = self._lock.acquire()
        else:
            taken = self._lock.acquire(timeout=min(max(timeout_seconds, 0.0), LONGEST_WAIT_SECONDS))
        return taken

    def _told(self) -> str:
        return f"{self._holder} has had it for {(time.monotonic_ns() - self._since_ns) / 1e9:.3g} s"

    def free_of_other_threads(self) -> None:
        """In a child of a fork: the threads that held or awaited it are not here."""
        if not self.is_mine():
            self._lock = threading.RLock()


_ALL: WeakSet[TurnLock] = WeakSet()


def _in_child() -> None:
    for lock in list(_ALL):
        lock.free_of_other_threads()


os.register_at_fork(after_in_child=_in_child)
