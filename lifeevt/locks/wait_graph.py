"""WaitGraph: which thread waits for which, so that a circle is found before it closes."""

from __future__ import annotations

import gc
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from .._backends import fork
from ..errors import DeadlockError, LockOrderError

__all__ = ["GRAPH", "Wait", "WaitGraph"]


class Waitable(Protocol):
    """A lock whose waits can be edges."""

    @property
    def name(self) -> str:
        """What errors call it."""

    def blockers(self, thread: int) -> Iterable[int]:
        """Return the threads that keep ``thread`` waiting here now; none when it does not wait, or not any more.

        Exact: a thread that is named is inside, or waits here ahead of ``thread``.
        """


@dataclass(frozen=True, eq=False)
class Wait:
    """A thread waits for a lock: ``wish`` is what it would do there, a verb."""

    thread: int
    thread_name: str
    lock: Waitable
    wish: str

    def told(self, blocker: Wait) -> str:
        """Say who waits for whom."""
        return f"{self.thread_name} waits to {self.wish} {self.lock.name} for {blocker.thread_name}"


class WaitGraph(fork.Forked):
    """Who waits for whom. Kept by those who wait alone: a lock that is free costs nothing here.

    One wait begins at a time, and is searched before it lasts. A thread that runs waits for nobody, so a circle
    can only be closed by a wait that begins: the one that finds it, and it is the youngest in it, for every
    other had begun, and had found nothing. Thread-safe.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._guarding: int | None = None
        self._waits: dict[int, list[Wait]] = {}  # by thread; the last is the one that lasts
        fork.keep(self)

    def begin(self, lock: Waitable, wish: str) -> None:
        """This thread has joined the queue of ``lock``, and will wait unless this raises DeadlockError.

        Whatever comes of it, ``end`` must follow. O(threads + holders).
        """
        wait = Wait(threading.get_ident(), threading.current_thread().name, lock, wish)
        if self._guarding == wait.thread:
            raise LockOrderError(f"a finalizer or a signal handler waits for {lock.name} inside the search of waits")
        with self._guard:
            self._guarding = wait.thread
            try:
                self._waits.setdefault(wait.thread, []).append(wait)
                circle = self._circle(wait)
                frames = _current_frames() if circle else {}
            finally:
                self._guarding = None
        if circle:
            raise _deadlock(circle, frames)

    def end(self, lock: Waitable) -> None:
        """This thread waits for ``lock`` no longer; nothing happens when it did not. Never blocks."""
        waits = self._waits.get(threading.get_ident(), [])
        if waits and waits[-1].lock is lock:
            waits.pop()
        if not waits:
            self._waits.pop(threading.get_ident(), None)

    def waits(self) -> tuple[Wait, ...]:
        """Return the waits that last now."""
        return tuple(last for waits in list(self._waits.values()) for last in waits[-1:])

    def _circle(self, start: Wait) -> list[Wait]:
        """The waits along a way from ``start`` back to its thread, or none. Depth first, each thread once."""
        way, seen = [start], {start.thread}
        branches: list[Iterator[int]] = [iter(start.lock.blockers(start.thread))]
        while branches:
            thread = next(branches[-1], None)
            if thread is None:
                branches.pop()
                way.pop()
            elif thread == start.thread:
                return way
            elif thread not in seen:
                seen.add(thread)
                self._follow(thread, way, branches)
        return []

    def _follow(self, thread: int, way: list[Wait], branches: list[Iterator[int]]) -> None:
        """Go on with what ``thread`` waits for, if it does, and did all the while we looked."""
        wait = self._wait_of(thread)
        if wait is None:
            return
        blockers = tuple(wait.lock.blockers(thread))
        if self._wait_of(thread) is wait:
            way.append(wait)
            branches.append(iter(blockers))

    def _wait_of(self, thread: int) -> Wait | None:
        last = self._waits.get(thread, [])[-1:]  # one look: its thread may end it between two
        return last[0] if last else None

    def _before_fork(self) -> None:
        self._guard.acquire()

    def _after_fork_in_parent(self) -> None:
        self._guard.release()

    def _after_fork_in_child(self) -> None:
        me = threading.get_ident()
        fork.renew(self._guard)
        self._guarding = None
        self._waits = {me: self._waits[me]} if me in self._waits else {}


def _current_frames() -> dict[int, FrameType]:
    """Return the frame of each thread, without a garbage collection meanwhile. Call it under one lock.

    The interpreter makes the frames while it holds its own list of threads, and a collection may begin there. A
    finalizer then runs inside that lock, may give the GIL away, and every other thread that asks for the list waits
    with the GIL held, for good (cpython issue 106883).
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return sys._current_frames()
    finally:
        if collects:
            gc.enable()


def _deadlock(circle: list[Wait], frames: Mapping[int, FrameType]) -> DeadlockError:
    stacks = {
        wait.thread_name: "".join(traceback.format_stack(frames[wait.thread]))
        for wait in circle
        if wait.thread in frames
    }
    words = tuple(wait.told(blocker) for wait, blocker in zip(circle, circle[1:] + circle[:1], strict=True))
    return DeadlockError(f"a deadlock: {'; '.join(words)}", words, stacks)


GRAPH = WaitGraph()  # of the process, as its threads are
