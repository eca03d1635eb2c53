"""Watched, the reference: a condition that those wait on who want to hear of changes."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from .. import fork
from .numbers import Rooted, int64

LONGEST_WAIT_NS = 3600 * 10**9  # a condition cannot wait for centuries; its caller looks again and goes on


class Watched(Rooted, fork.Mutexed):
    """A heap that says when it changes."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._changed = threading.Condition(self._mutex)
        self._inside = _Stay(self)
        self._epoch = self._watchers = self._idle_watchers = 0
        self._signal = -1
        self._limited = 0
        fork.keep(self)

    @property
    def limited(self) -> int:
        """How many events the limits of their kinds refused; no part of the counts."""
        return self._limited

    def watch(self, idle: bool) -> int:
        """Begin to watch for changes, or for idleness alone, and return what to ``wait`` for."""
        only_idle = bool(idle)
        with self._mutex:
            self._idle_watchers += only_idle
            self._watchers += not only_idle
            return self._epoch

    def unwatch(self, idle: bool) -> None:
        """End a watch."""
        only_idle = bool(idle)
        with self._mutex:
            self._idle_watchers -= only_idle
            self._watchers -= not only_idle

    def wait(self, epoch: int, timeout_ns: int | None) -> int:
        """Block until something changed since ``epoch``, or for ``timeout_ns`` (None: no limit).

        May come back early. Returns what to wait for next.
        """
        seen = int64(epoch)
        wait_ns = LONGEST_WAIT_NS if timeout_ns is None else min(max(int64(timeout_ns), 0), LONGEST_WAIT_NS)
        with self._mutex:
            if self._epoch == seen:
                self._changed.wait(wait_ns / 1e9)
            return self._epoch

    def nudge(self) -> None:
        """Wake everybody who waits here, to look again."""
        with self._mutex:
            self._epoch += 1
            self._changed.notify_all()
            if self._watchers:
                self._tell_file()

    def _announce(self) -> None:
        """Tell those who watch, from inside."""
        idle = self._idle_watchers and self._is_idle()
        if self._watchers or idle:
            self._epoch += 1
            self._changed.notify_all()
            self._tell_file()

    def signal(self, file: int | None) -> None:
        """Add one to an event file (None: to none) whenever those who ``watch`` are woken."""
        number = -1 if file is None else int64(file)
        if not -1 <= number < 2**31 - 1:
            raise ValueError(f"{number} is no file")
        with self._mutex:
            self._signal = number

    def _tell_file(self) -> None:
        if self._signal >= 0:
            with suppress(OSError):  # one that is closed, or full, is left alone
                os.eventfd_write(self._signal, 1)

    def _is_idle(self) -> bool:
        """Whether nothing is queued or running; from inside."""
        raise NotImplementedError

    def _after_fork_in_child(self) -> None:
        fork.renew(self._changed)  # and with it the mutex
        self._watchers = self._idle_watchers = 0


class _Stay:
    """Inside the heap, as a context manager: who leaves tells those who watch."""

    def __init__(self, heap: Watched) -> None:
        self._heap = heap

    def __enter__(self) -> None:
        self._heap._mutex.acquire()

    def __exit__(self, *_: object) -> None:
        self._heap._announce()
        self._heap._mutex.release()
