"""Lifecycle: the start and the stop of an engine, and its stop at the end of the process."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable

from .._backends import fork
from .._backends.contract import Entry
from ..errors import EngineStopped, LifeEventError, StopTimeout, logger
from ..result import Status
from .executor import Executor
from .worker import Worker

EXIT_SECONDS = 2.0  # how long a finishing interpreter waits for each worker


class Lifecycle:
    """Starts and stops the worker of one engine, and ends the events that a stop leaves behind.

    ``accept(accepts)`` lets events into the engine, or refuses them. Thread-safe; starts and stops wait for each other.
    """

    def __init__(self, worker: Worker, executor: Executor, accept: Callable[[bool], None]) -> None:
        self._worker, self._executor, self._accept = worker, executor, accept
        self._queue, self._scheduler, self._thread = executor.queue, executor.scheduler, executor.thread
        self._control = threading.Lock()
        fork.renew_locks(self, "_control")
        self._stopping = False
        self.closed = False

    def start(self) -> None:
        """Start the worker, unless it runs. EngineStopped after ``close``."""
        with self._control:
            if self.closed:
                raise EngineStopped("the engine was closed")
            self._accept(True)  # first: no event is refused while the thread begins
            if self._worker.start():
                _started.add(self)

    def stop(self, drain: bool, timeout: float | None) -> list[Entry]:
        """Stop the worker and return the cancelled entries: see :meth:`AsyncEventProcessor.stop`."""
        self.refuse_in_handler()
        with self._control:
            return self._stop(drain, timeout)

    def close(self) -> None:
        """Stop for good, draining first. Idempotent."""
        self.refuse_in_handler()
        with self._control:
            if not self.closed:
                self._stop(True, None)
                self.closed = True
                self._queue.close()

    def is_idle(self) -> bool:
        """Return whether no event is queued or running. EngineStopped if some are and no thread will process them."""
        in_flight = self._queue.ledger().in_flight
        if in_flight and not self._worker.running and not self._stopping:
            raise EngineStopped(f"{in_flight} events wait and no worker runs; start the engine")
        return not in_flight

    def sweep(self) -> None:
        """Cancel events that were queued while the worker ended, after it had cancelled the others."""
        if self._thread.stopping and not self._worker.running:
            self._cancel_rest()

    def refuse_in_handler(self) -> None:
        """Raise LifeEventError if the calling thread processes events of this engine."""
        if self._thread.is_here:
            raise LifeEventError("a handler must not wait for its own engine")

    # --- a stop

    def _stop(self, drain: bool, timeout: float | None) -> list[Entry]:
        self._stopping = True  # a wait for idleness goes on, since the rest will be cancelled
        try:
            self._accept(False)
            if drain:
                self._drain(timeout)
            if self._worker.stop(timeout):
                _started.discard(self)
            self._executor.give_up_coroutines()
            self._executor.state.deliver_changes()
            return self._cancel_rest()
        finally:
            self._stopping = False
            self._scheduler.throttle(True)
            self._executor.reactor.shed_by(self._scheduler.delay_controller)

    def _drain(self, timeout: float | None) -> None:
        """Wait until everything queued is processed; no pause, throttle or delay holds or sheds it meanwhile."""
        self._queue.transfer.resume_everything()
        self._scheduler.throttle(False)
        self._executor.reactor.shed_by(None)
        if self._worker.running:
            with self._executor.batches.all_due():
                self._queue.waiting.until_idle(
                    lambda: not self._worker.running or not self._queue.ledger().in_flight, timeout
                )

    def _cancel_rest(self) -> list[Entry]:
        entries = self._queue.transfer.cancel_all()
        for entry in entries:
            self._executor.record_unprocessed(entry, Status.CANCELLED)
        return self._executor.give_up_batches() + entries


# --- the end of the process

_started: weakref.WeakSet[Lifecycle] = weakref.WeakSet()


@atexit.register
def _stop_started() -> None:
    for lifecycle in list(_started):
        try:
            lifecycle.stop(False, EXIT_SECONDS)
        except StopTimeout as error:
            logger().warning("%s", error)
