"""Watched, the reference: a condition on which threads wait for changes of a heap."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

from .. import fork
from .numbers import int64
from .uncopyable import Uncopyable

LONGEST_WAIT_NS = 3600 * 10**9  # a condition cannot wait for centuries; the caller waits again
NO_FILE = -1
ONE = (1).to_bytes(8, sys.byteorder)  # an eventfd adds it; a pipe keeps it to be read


class Watched(Uncopyable, fork.Mutexed):
    """A heap that announces its changes.

    The epoch counts the announced changes. A thread reads it, checks the heap, and waits for another epoch: no change
    between check and wait is lost (Reed and Kanodia, eventcounts, 1979).
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._changed = threading.Condition(self._mutex)
        self._epoch = 0
        self._watchers = self._idle_watchers = 0  # all, and those that watch for idleness alone
        self._signal = NO_FILE
        self._limited = 0
        fork.keep(self)

    @property
    def limited(self) -> int:
        """The number of events refused by the limits of their types, which the counts do not have."""
        return self._limited

    def watch(self, idle: bool) -> int:
        """Begin to watch for changes, or for idleness alone, and return the epoch for ``wait``."""
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

        May return early. Returns the epoch for the next wait.
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
                self._write_to_file()

    def signal(self, file: int | None) -> None:
        """Write 1 to an eventfd or a pipe (None: to none) whenever the watching threads are woken."""
        with self._mutex:
            self._signal = NO_FILE if file is None else file

    def _announce(self) -> None:
        """Wake the watching threads after a change, inside the mutex."""
        if self._watchers > self._idle_watchers or (self._watchers and self._is_idle()):
            self._epoch += 1
            self._changed.notify_all()
            self._write_to_file()

    def _write_to_file(self) -> None:
        if self._signal != NO_FILE:
            with suppress(OSError):  # it is closed, or full
                os.write(self._signal, ONE)

    def _is_idle(self) -> bool:
        """Return whether nothing is queued or running; inside the mutex."""
        raise NotImplementedError

    def _after_fork_in_child(self) -> None:
        fork.renew(self._changed)  # and with it the mutex
        self._watchers = self._idle_watchers = 0
