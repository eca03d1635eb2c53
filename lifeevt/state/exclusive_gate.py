"""TurnGate: which thread has a wrapped object to itself, under which name and since when."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

from .._backends import fork
from ..errors import LockOrderError, LockTimeout
from ..locks import LockStatistics, Place, Times, limit_in_ns

__all__ = ["TurnGate"]


class TurnGate(fork.Forked):
    """Lets one thread in at a time, in the order of asking; free, it costs a try of one lock.

    A wait lets other threads run, can time out and answers Ctrl-C. Enter by a ``LockGuard``.
    """

    def __init__(self, name: str, measured: bool = True) -> None:
        self.name = name
        self.times = Times(measured)
        self.longest_ns: int | None = 0 if measured else None
        self.holder, self.since_ns = "", 0
        self.lock: Any = threading.RLock()  # it knows its owner, from the very instant it is taken
        self.thread = 0  # who is inside; 0 when that is nobody, or not noted yet
        self.line: list[Place] = []  # no deque: without a GIL one cannot be copied while it changes
        fork.keep(self)

    def acquire(self, holder: str, timeout_seconds: float | None = None) -> None:
        """Enter; LockTimeout when the time is over. Not for who is inside: see :meth:`refuse_inside`."""
        if self.line or not self.lock.acquire(False):
            self._wait(limit_in_ns(timeout_seconds))
        self.holder, self.since_ns = holder, time.monotonic_ns()
        self.thread = threading.get_ident()

    def note_stay(self, holder: str, stay_ns: int) -> None:
        """Record how long a stay was that has ended."""
        self.longest_ns = max(stay_ns, self.longest_ns or 0)
        self.times.held(holder, stay_ns)

    def is_mine(self) -> bool:
        """Return whether this thread is inside."""
        mine: bool = self.lock._is_owned()
        return mine

    def refuse_inside(self) -> None:
        """LockOrderError when this thread is inside."""
        if self.lock._is_owned():
            raise LockOrderError(f"this thread is in the turn of {self.name} already, as {self.holder}")

    def statistics(self) -> LockStatistics:
        """Return how long was waited, and stayed by about each 16th and whoever stayed longest so far. O(buckets)."""
        return self.times.statistics(self.name)

    def call_first(self) -> None:
        """Let the first in line look whether it may enter."""
        with suppress(IndexError):  # nobody is there
            self.line[0].call()

    def _wait(self, limit_ns: int | None) -> None:
        """Stand in line until this is the first one and the lock is free."""
        place = Place()
        self.line.append(place)
        try:
            place.wait(self, "take the turn of", lambda: self._lets_in(place), limit_ns, self._late, self.times)
        finally:
            self.line.remove(place)
            if not self.is_mine():
                self.call_first()  # it may be its turn

    def _lets_in(self, place: Place) -> bool:
        return self.line[0] is place and bool(self.lock.acquire(False))

    def _late(self, limit_ns: int) -> LockTimeout:
        held = self.holder, (time.monotonic_ns() - self.since_ns) / 1e9
        return LockTimeout.held_by(f"the turn of {self.name}", limit_ns, [held])

    def blockers(self, thread: int) -> tuple[int, ...]:
        """Return the threads that keep ``thread`` waiting here; none when it does not, or not any more."""
        line = [place.thread for place in list(self.line)]
        holder = self.thread
        if thread not in line or holder == thread:
            return ()
        return (*((holder,) if holder else ()), *line[: line.index(thread)])

    def _after_fork_in_child(self) -> None:
        """The threads that were inside or in line are not here."""
        self.line = []
        if not self.is_mine():
            self.lock, self.thread = threading.RLock(), 0
