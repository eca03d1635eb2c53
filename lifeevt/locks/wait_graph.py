"""WaitGraph: the waits of threads for each other's locks; a wait that would close a cycle of them fails.

The wait-for graph is that of Holt, "Some deadlock properties of computer systems" (1972).
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from .._backends import fork
from ..errors import DeadlockError, LockOrderError


class Waitable(Protocol):
    """A lock whose waits can be edges of the graph."""

    name: str

    def blockers(self, thread: int) -> Iterable[int]:
        """Return the threads that keep ``thread`` waiting for this lock now; none when it does not wait.

        Each of them holds the lock, or waits for it ahead of ``thread``.
        """


@dataclass(frozen=True, eq=False)
class Wait:
    """A thread's wait for a lock; ``wish`` is the verb of the errors: read, write or take."""

    thread: int
    thread_name: str
    lock: Waitable
    wish: str


class WaitGraph(fork.Forked):
    """The wait-for graph of all threads. Only threads that wait enter it, so a free lock pays nothing. Thread-safe.

    One wait begins at a time, and the graph is searched before that wait blocks. A running thread has no edge to
    another, so only a wait that begins can close a cycle. That wait is the youngest of the cycle, and it fails.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._guarding: int | None = None
        self._waits: dict[int, list[Wait]] = {}  # by thread; only the last of each blocks
        fork.keep(self)

    def begin(self, lock: Waitable, wish: str) -> None:
        """Note that this thread waits for ``lock`` from now on. ``end`` must follow, also after an error.

        O(threads + holders).

        Raises:
            DeadlockError: the wait would close a cycle of threads.
            LockOrderError: a finalizer or a signal handler interrupted a search of this thread.
        """
        wait = Wait(threading.get_ident(), threading.current_thread().name, lock, wish)
        if self._guarding == wait.thread:
            raise LockOrderError(f"a finalizer or a signal handler waits for {lock.name} inside the search of waits")
        with self._guard:
            self._guarding = wait.thread
            try:
                self._waits.setdefault(wait.thread, []).append(wait)
                cycle = self._cycle(wait)
                frames = _current_frames() if cycle else {}
            finally:
                self._guarding = None
        if cycle:
            raise _deadlock(cycle, frames)

    def end(self, lock: Waitable) -> None:
        """Note that this thread no longer waits for ``lock``, if it did. Never blocks."""
        waits = self._waits.get(threading.get_ident(), [])
        if waits and waits[-1].lock is lock:
            waits.pop()
        if not waits:
            self._waits.pop(threading.get_ident(), None)

    def waits(self) -> tuple[Wait, ...]:
        """Return the present wait of each thread that waits."""
        return tuple(last for waits in list(self._waits.values()) for last in waits[-1:])

    def _cycle(self, start: Wait) -> list[Wait]:
        """Return the waits on a path from ``start`` back to its thread, or none. Depth first, each thread once."""
        path, seen = [start], {start.thread}
        branches: list[Iterator[int]] = [iter(start.lock.blockers(start.thread))]
        while branches:
            thread = next(branches[-1], None)
            if thread is None:
                branches.pop()
                path.pop()
            elif thread == start.thread:
                return path
            elif thread not in seen:
                seen.add(thread)
                self._follow(thread, path, branches)
        return []

    def _follow(self, thread: int, path: list[Wait], branches: list[Iterator[int]]) -> None:
        """Extend the path by the wait of ``thread``, if that wait lasted while its blockers were read."""
        wait = self._wait_of(thread)
        if wait is None:
            return
        blockers = tuple(wait.lock.blockers(thread))
        if self._wait_of(thread) is wait:
            path.append(wait)
            branches.append(iter(blockers))

    def _wait_of(self, thread: int) -> Wait | None:
        last = self._waits.get(thread, [])[-1:]  # one atomic read: its thread may end the wait at any time
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
    """Return the frame of each thread, with the garbage collector off meanwhile. The caller holds a lock.

    The interpreter makes the frames under the lock of its list of threads, where a collection may begin. A finalizer
    would then run inside that lock and may release the GIL. Another thread that needs the list would wait with
    the GIL held, for good (cpython issue 106883).
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return sys._current_frames()
    finally:
        if collects:
            gc.enable()


def _deadlock(cycle: list[Wait], frames: Mapping[int, FrameType]) -> DeadlockError:
    import traceback  # lazy: most programs have no deadlock

    stacks = {wait.thread_name: "".join(traceback.format_stack(frames[wait.thread]))
              for wait in cycle if wait.thread in frames}  # fmt: skip
    sentences = tuple(
        f"{wait.thread_name} waits to {wait.wish} {wait.lock.name} for {blocker.thread_name}"
        for wait, blocker in zip(cycle, cycle[1:] + cycle[:1], strict=True)
    )
    return DeadlockError(f"a deadlock: {'; '.join(sentences)}", sentences, stacks)


GRAPH = WaitGraph()  # one per process, as threads belong to the process
