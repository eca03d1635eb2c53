"""AsyncWaiting: lets coroutines wait for a change of a queue, without a thread and without blocking their loop."""

from __future__ import annotations

import os
import threading
import weakref
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from .._backends import EventHeap
from ..clock import NS_PER_SECOND, Clock
from .timers import Timers

if TYPE_CHECKING:
    import asyncio

__all__ = ["AsyncWaiting", "wake"]

Found = TypeVar("Found")
_READ_BYTES = 65_536  # all that a pipe holds; an eventfd gives 8


def _open_eventfd() -> tuple[int, int]:
    file = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    return file, file


def _open_pipe() -> tuple[int, int]:
    files = os.pipe()
    for file in files:
        os.set_blocking(file, False)
    return files


open_files = _open_eventfd if hasattr(os, "eventfd") else _open_pipe  # the end to read, and the end to write


class AsyncWaiting:
    """Lets coroutines of any event loops wait until an attempt succeeds. Thread-safe.

    While a coroutine waits, the heap writes to an eventfd, or a pipe, at each change, also from a thread without the
    GIL. The event loops watch the file. A timer that falls due wakes them on the system's clock only.
    """

    def __init__(self, heap: EventHeap, clock: Clock, timers: Timers) -> None:
        self._heap, self._clock, self._timers = heap, clock, timers
        self._lock = threading.Lock()
        self._files: tuple[int, int] | None = None  # open from the first wait on: the heap may write at any moment
        self._loops: Counter[asyncio.AbstractEventLoop] = Counter()
        self._waiting: set[asyncio.Future[None]] = set()

    async def until(self, attempt: Callable[[], Found | None]) -> Found:
        """Call ``attempt()`` now and after every change; return its first result that is not None.

        A cancelled wait takes nothing: an attempt and its return are one step of the loop.
        """
        import asyncio  # lazy: most users have no event loop

        loop = asyncio.get_running_loop()
        readable = self._enter(loop)
        try:
            while True:
                changed = loop.create_future()
                with self._lock:  # before the attempt, so that no change after it is missed
                    self._waiting.add(changed)
                found = attempt()
                if found is not None:
                    return found
                due_ns = self._timers.next_ns()
                seconds = None if due_ns is None else max(due_ns - self._clock.now_ns(), 0) / NS_PER_SECOND
                await asyncio.wait([changed], timeout=seconds)
        finally:
            self._leave(loop, readable, changed)

    def _enter(self, loop: asyncio.AbstractEventLoop) -> int:
        with self._lock:
            if self._files is None:
                self._files = open_files()
                weakref.finalize(self, _close, self._heap, self._files)
            readable, writable = self._files
            if not self._loops:
                self._heap.signal(writable)
                self._heap.watch(False)
            if not self._loops[loop]:
                loop.add_reader(readable, self._change, readable)
            self._loops[loop] += 1
            return readable

    def _leave(self, loop: asyncio.AbstractEventLoop, readable: int, changed: asyncio.Future[None]) -> None:
        with self._lock:
            self._waiting.discard(changed)
            self._loops[loop] -= 1
            if not self._loops[loop]:
                del self._loops[loop]
                loop.remove_reader(readable)
            if not self._loops:
                self._heap.unwatch(False)
                self._heap.signal(None)

    def _change(self, readable: int) -> None:
        """Wake every waiting coroutine, of all loops, for another attempt."""
        with suppress(BlockingIOError):  # another loop was faster, and wakes ours
            os.read(readable, _READ_BYTES)
        with self._lock:
            waiting, self._waiting = self._waiting, set()
        for changed in waiting:
            wake(changed)


def wake(future: asyncio.Future[None]) -> None:
    """End the wait for a future, from any thread."""
    with suppress(RuntimeError):  # its loop has ended
        future.get_loop().call_soon_threadsafe(_set, future)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _close(heap: EventHeap, files: tuple[int, int]) -> None:
    heap.signal(None)
    for file in set(files):
        os.close(file)
