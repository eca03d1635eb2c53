"""Worker: the one thread that answers an engine's events, and who answers them when it does not run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from .._backends import Reactor, fork
from .._backends.contract import Task
from ..errors import LifeEventError, StopTimeout
from ..result import Status
from .switch_interval import SwitchInterval

__all__ = ["Worker"]

logger = logging.getLogger("lifeevt")
WORKER_NAME = "lifeevt-worker"


class Worker(fork.Forked):
    """Runs a reactor in a thread of its own, from ``start`` until it is told to stop.

    ``next_task()`` gives what the reactor leaves to Python, or None when it is time to ``look_around()``;
    ``process(task)`` answers it; ``wake()`` is called when the thread goes, or must look whether to go.
    Start and stop it one at a time; the rest is thread-safe.
    """

    def __init__(
        self, reactor: Reactor, process: Callable[[Task], None], wake: Callable[[], None], interval: SwitchInterval
    ) -> None:
        self._reactor, self._process, self._wake, self._interval = reactor, process, wake, interval
        self.next_task: Callable[[], Task | None] = reactor.run
        self.look_around: Callable[[], None] = wake
        self._turn = threading.Lock()  # whoever processes events holds it
        self._agreement = threading.Lock()  # between the thread that may leave and who starts it again
        self._thread: threading.Thread | None = None
        self._answering: int | None = None  # the thread that processes events now
        self._working = self._stopping = False
        fork.keep(self, depth=-1)  # comes last in the child, when the heap is free again

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        return self._working and self._thread is not None and self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop since it was started."""
        return self._stopping

    @property
    def answers_here(self) -> bool:
        """Whether the calling thread processes events now."""
        return self._answering is not None and self._answering == threading.get_ident()

    @property
    def is_current(self) -> bool:
        """Whether the calling thread is the worker's."""
        return self._thread is threading.current_thread()

    def start(self) -> bool:
        """Start the thread; False when it runs."""
        with self._agreement:  # a worker that was told to stop, and is still busy, may as well stay
            self._stopping = False
            self._reactor.halt(False)
            if self.running:
                return False
            self._working = True
        self._interval.set()
        self._thread = threading.Thread(target=self._work, name=WORKER_NAME, daemon=True)
        self._thread.start()
        return True

    def stop(self, timeout: float | None) -> bool:
        """Tell the thread to stop and wait for it; StopTimeout after ``timeout`` seconds. Whether there was one."""
        self._stopping = True
        self._reactor.halt(True)
        self._wake()
        if self._thread is None:
            return False
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise StopTimeout(f"a handler still runs after {timeout} s; the worker ends when it returns")
        return True

    def stand_in(self, process_up_to: Callable[[int | None], int], limit: int | None) -> int:
        """Process events in the calling thread; LifeEventError while another one does."""
        if self.running or not self._turn.acquire(blocking=False):
            raise LifeEventError("the worker is running; it answers the events")
        self._answering = threading.get_ident()
        try:
            return process_up_to(limit)
        finally:
            self._answering = None
            self._turn.release()

    def _after_fork_in_child(self) -> None:
        """The thread is gone, unless it is this one; what it had taken and not recorded is cancelled."""
        here = self.answers_here
        fork.renew(self._agreement)
        fork.renew(self._turn)
        if here:
            self._turn.acquire()
            return
        if self._working:
            self._interval.restore()
        self._thread, self._answering, self._working = None, None, False
        for _ in range(self._reactor.heap.counts()[3]):
            self._reactor.heap.finish(Status.CANCELLED)

    def _work(self) -> None:
        with self._turn:
            self._answering = threading.get_ident()
            while (task := self.next_task()) is not None or not self._leave():
                if task is not None:
                    self._process_surely(task)
                else:
                    self._look_around_surely()
            self._answering = None

    def _leave(self) -> bool:
        """Agree with start, under one lock, whether the thread goes; tell those who wait for it."""
        with self._agreement:
            leaves = self._stopping
            self._working = not leaves
            if leaves:
                self._interval.restore()  # before the next worker can set it
        if leaves:
            self._wake()
        return leaves

    def _process_surely(self, task: Task) -> None:
        try:
            self._process(task)
        except Exception:  # a clock or a scheduler of the user's own; the worker must not die of it
            logger.critical("the account of an event failed", exc_info=True)

    def _look_around_surely(self) -> None:
        try:
            self.look_around()
        except BaseException:  # of a clock, a merge, a maker of events or a watcher of the user's own
            logger.critical("what was due failed", exc_info=True)
