"""TurnGate: who has a wrapped object to itself now, under which name and since when; others stand in line."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any

from . import at_fork
from .errors import LockOrderError, LockTimeout
from .wait_graph import GRAPH

__all__ = ["TurnGate"]

RECHECK_SECONDS = 1.0  # an exception of a signal may hit who leaves before it has called the next


class TurnGate(at_fork.Forked):
    """Lets one thread in at a time, in the order of asking; free, it costs a try of one lock.

    A wait lets other threads run, can time out and answers Ctrl-C.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._holder, self._since_ns = "", 0
        self._lock: Any = threading.RLock()  # it knows its owner, from the very instant it is taken
        self._thread = 0  # who is inside; 0 when that is nobody, or not noted yet
        self._line: deque[_Place] = deque()
        at_fork.keep(self)

    def acquire(self, holder: str, timeout_seconds: float | None = None) -> None:
        """Enter; LockOrderError at once when this thread is inside, LockTimeout when the time is over."""
        if self.is_mine():
            raise LockOrderError(f"this thread is in the turn of {self.name} already, as {self._holder}")
        if self._line or not self._lock.acquire(blocking=False):
            self._wait(math.inf if timeout_seconds is None else timeout_seconds)
        self._holder, self._since_ns = holder, time.monotonic_ns()
        self._thread = threading.get_ident()

    def release(self) -> None:
        """Leave and call the next one; RuntimeError when this thread is not inside."""
        if self.is_mine():
            self._thread = 0
        self._lock.release()
        if self._line:
            self._call_first()

    def leave(self) -> None:
        """Leave, if this thread is inside: for whoever cannot know, after an exception from anywhere."""
        if self.is_mine():
            self.release()

    def is_mine(self) -> bool:
        """Return whether this thread is inside."""
        mine: bool = self._lock._is_owned()
        return mine

    def _wait(self, timeout_seconds: float) -> None:
        """Stand in line until this is the first one and the lock is free."""
        place, until = _Place(), time.monotonic() + timeout_seconds
        self._line.append(place)
        try:
            if timeout_seconds > 0:
                GRAPH.begin(self, "take the turn of")
            while not (self._line[0] is place and self._lock.acquire(blocking=False)):
                left = until - time.monotonic()
                if left <= 0:
                    raise LockTimeout(self._late(timeout_seconds))
                place.called.acquire(timeout=min(left, RECHECK_SECONDS))
        finally:
            GRAPH.end(self)
            self._line.remove(place)
            if not self.is_mine():
                self._call_first()  # it may be its turn

    def _call_first(self) -> None:
        with suppress(IndexError, RuntimeError):  # nobody is there, or it was called already
            self._line[0].called.release()

    def _late(self, timeout_seconds: float) -> str:
        held_seconds = (time.monotonic_ns() - self._since_ns) / 1e9
        told = f"{self._holder} has had it for {held_seconds:.3g} s"
        return f"the turn of {self.name} was not free within {timeout_seconds:g} s; {told}"

    def blockers(self, thread: int) -> tuple[int, ...]:
        """Return the threads that keep ``thread`` waiting here; none when it does not, or not any more."""
        line = [place.thread for place in list(self._line)]
        holder = self._thread
        if thread not in line or holder == thread:
            return ()
        return (*((holder,) if holder else ()), *line[: line.index(thread)])

    def _after_fork_in_child(self) -> None:
        """The threads that were inside or in line are not here."""
        self._line = deque()
        if not self.is_mine():
            self._lock, self._thread = threading.RLock(), 0


class _Place:
    """A thread's place in line."""

    __slots__ = ("called", "thread")

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.called = threading.Lock()  # released by whoever leaves before this one
        self.called.acquire()
