"""Watched, the reference: a condition on which threads wait for changes of a heap."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

from .. import fork
from .numbers import int64
from .uncopyable import Uncopyable

LONGEST_WAIT_NS = 3600 * 10**9  # a condition cannot wait for centuries; its caller looks again and goes on
NO_FILE = -1
ONE = (1).to_bytes(8, sys.byteorder)  # an eventfd adds it; a pipe keeps it to be read


class Watched(Uncopyable, fork.Mutexed):
    """A heap that tells of its changes.

    The epoch counts the changes that were told. A thread reads it, looks at the heap, and waits for another one: so no
    change between its look and its wait is lost (Reed and Kanodia, eventcounts, 1979).
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._changed = threading.Condition(self._mutex)
        self._epoch = 0
        self._watchers = self._idle_watchers = 0  # of both kinds, and of those the ones that watch for idleness alone
        self._signal = NO_FILE
        self._limited = 0
        fork.keep(self)

    @property
    def limited(self) -> int:
        """How many events the limits of their types refused; no part of the counts."""
        return self._limited

    def watch(self, idle: bool) -> int:
        """Begin to watch for changes, or for idleness alone, and return what to ``wait`` for."""
        with self._mutex:
            self._watchers += 1
            self._idle_watchers += idle
            return self._epoch

    def unwatch(self, idle: bool) -> None:
        """End a watch."""
        with self._mutex:
            self._watchers -= 1
            self._idle_watchers -= idle

    def wait(self, epoch: int, timeout_ns: int | None) -> int:
        """Block until something changed since ``epoch``, or for ``timeout_ns`` (None: no limit).

        May come back early. Returns what to wait for next.
        """
        wait_ns = LONGEST_WAIT_NS if timeout_ns is None else min(max(int64(timeout_ns), 0), LONGEST_WAIT_NS)
        with self._mutex:
            if self._epoch == epoch:
                self._changed.wait(wait_ns / 1e9)
            return self._epoch

    def wake_all(self) -> None:
        """Wake all waiting threads, which check again."""
        with self._mutex:
            self._epoch += 1
            self._changed.notify_all()
            if self._watchers > self._idle_watchers:
                self._tell_file()

    def signal(self, file: int | None) -> None:
        """Write 1 to an eventfd or a pipe (None: to none) whenever the watching threads are woken."""
        with self._mutex:
            self._signal = NO_FILE if file is None else file

    def _announce(self) -> None:
        """Tell the threads that watch of a change, inside the mutex."""
        if self._watchers > self._idle_watchers or (self._watchers and self._is_idle()):
            self._epoch += 1
            self._changed.notify_all()
            self._tell_file()

    def _tell_file(self) -> None:
        if self._signal != NO_FILE:
            with suppress(OSError):  # one that is closed, or full, is left alone
                os.write(self._signal, ONE)

    def _is_idle(self) -> bool:
        """Return whether nothing is queued or running; inside the mutex."""
        raise NotImplementedError

    def _after_fork_in_child(self) -> None:
        fork.renew(self._changed)  # and with it the mutex
        self._watchers = self._idle_watchers = 0
