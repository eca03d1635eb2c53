"""TurnLock: exclusive turns, first come first served, each taken for a named purpose."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from .._backends import fork
from ..errors import LockOrderError, LockTimeout
from . import lock_order
from .place import Place
from .rwlock import Holding, LockStatistics, Times, limit_in_ns

__all__ = ["Turn", "TurnLock"]


class TurnLock(fork.Forked):
    """One holder at a time, in the order of asking; who holds it, what for and since when is seen.

    ``with lock.acquire("the engine", timeout=1.0): ...``. A thread may hold one turn here, and only takes it
    upwards in ``rank`` (None: not checked): LockOrderError at once. A wait that would close a circle of threads
    raises DeadlockError, one longer than ``timeout`` seconds LockTimeout, which names the holder. A turn may be
    released by any thread, and is when it is dropped. ``measured``: keep times, at about 60 kB. Thread-safe.
    """

    def __init__(
        self, name: str, rank: int | None = None, *, measured: bool = True
    ) -> None:
        self.name, self.rank = name, rank
        self._line: list[_Turning] = []  # the first one has the turn; every change is one call of C
        self._times = Times(measured)
        fork.keep(self)

    def acquire(self, holder: str, timeout: float | None = None) -> Turn:
        """Wait for a turn and return it; ``holder`` says to others who has it. O(waiting)."""
        limit_ns = limit_in_ns(timeout)
        lock_order.check(self.name, self.rank)
        place = _Turning(holder)
        turn = Turn(self, place)
        try:
            self._stand_in(place)
            if self._line[0] is not place:
                self._wait(place, limit_ns)
            place.begin(self)
        except BaseException:
            turn.release()
            raise
        return turn

    def holders(self) -> tuple[Holding, ...]:
        """Return who has the turn now: one, or nobody."""
        return tuple(Holding(place.told(), place.held_ns() / 1e9) for place in self._first())

    def waiting(self) -> int:
        """Return how many wait for a turn now."""
        return max(len(self._line) - 1, 0)

    def statistics(self) -> LockStatistics:
        """Return how long was waited and held. O(buckets)."""
        return self._times.statistics(self.name)

    def blockers(self, thread: int) -> tuple[int, ...]:
        """Return the threads that keep ``thread`` waiting here: all before it in line. O(waiting)."""
        before: list[int] = []
        for place in list(self._line):
            if place.thread == thread:
                return tuple(before)
            before.append(place.thread)
        return ()

    def __repr__(self) -> str:
        held = "".join(f" held by {holding.holder}," for holding in self.holders())
        return f"<TurnLock {self.name}:{held} {self.waiting()} wait>"

    def _stand_in(self, place: _Turning) -> None:
        if any(each.thread == place.thread for each in list(self._line)):
            raise LockOrderError(f"this thread holds {self.name} already")
        self._line.append(place)

    def _wait(self, place: _Turning, limit_ns: int | None) -> None:
        place.wait(self, "take", lambda: self._line[0] is place, limit_ns, self._late, self._times)

    def _leave(self, place: _Turning) -> None:
        """Be in line no longer; nothing happens when this was so. Takes no lock, so a finalizer may call it."""
        try:
            self._line.remove(place)
        except ValueError:
            return
        self._call_next()
        lock_order.forget(place.ranks, self.name, self.rank)
        if place.since_ns is not None:
            self._times.held(place.told(), place.held_ns())

    def _call_next(self) -> None:
        for place in self._first():
            place.call()

    def _first(self) -> list[_Turning]:
        try:
            return [self._line[0]]
        except IndexError:
            return []

    def _late(self, limit_ns: int) -> LockTimeout:
        held = [(place.told(), place.held_ns() / 1e9) for place in self._first()]
        return LockTimeout.held_by(self.name, limit_ns, held)

    def _after_fork_in_child(self) -> None:
        me = threading.get_ident()
        self._line = [place for place in self._line if place.thread == me]


class Turn:
    """A turn on a lock, from ``acquire`` until ``release``, the end of its block, or its last reference."""

    __slots__ = ("_lock", "_place")

    def __init__(self, lock: TurnLock, place: _Turning) -> None:
        self._lock, self._place = lock, place

    @property
    def holder(self) -> str:
        """Who has it."""
        return self._place.holder

    @property
    def held(self) -> bool:
        """Whether it lasts."""
        return self._place.since_ns is not None and self._place in self._lock._first()

    def release(self) -> None:
        """End the turn and call the next in line. Idempotent, from any thread; does not block."""
        self._lock._leave(self._place)

    def __enter__(self) -> Turn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


class _Turning(Place):
    """The place of a thread that has the turn, or will have it."""

    __slots__ = ("holder", "ranks", "since_ns", "thread_name")

    def __init__(self, holder: str) -> None:
        super().__init__()
        self.holder, self.thread_name = holder, threading.current_thread().name
        self.since_ns: int | None = None
        self.ranks: list[lock_order.Ranked] = []

    def begin(self, lock: TurnLock) -> None:
        """Note that the turn has come."""
        self.ranks = lock_order.note(lock.name, lock.rank)
        self.since_ns = time.monotonic_ns()

    def told(self) -> str:
        """Say who that is."""
        return f"{self.holder} ({self.thread_name})"

    def held_ns(self) -> int:
        """For how long the turn has lasted; 0 when its holder is just on the way in."""
        return 0 if self.since_ns is None else time.monotonic_ns() - self.since_ns
