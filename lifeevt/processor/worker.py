"""Worker: the thread that processes an engine's events, and its timer."""

from __future__ import annotations

import sys
import threading

from .._backends import fork
from .._backends.contract import MAX_LEVELS, NO_TYPE_ID, Head, Task
from ..clock import SystemClock
from ..errors import LifeEventError, StopTimeout, logger
from ..result import Status
from ..scheduler import OPEN
from .executor import Executor

WORKER_NAME = "lifeevt-worker"
LONG_AGO = -(2**63)
NO_HEAD = Head(0, MAX_LEVELS, NO_TYPE_ID)  # of an empty queue: below every level
ROUNDING_SECONDS = 1e-6  # the interpreter keeps whole microseconds


class ProcessingThread:
    """The thread that processes the events of one engine: its worker, or a caller of ``process_pending``.

    Written by the Worker alone; read from any thread.
    """

    def __init__(self) -> None:
        self.worker: threading.Thread | None = None
        self.ident: int | None = None  # of the thread that processes now
        self.stopping = False  # since a stop, until the next start

    @property
    def is_here(self) -> bool:
        """Whether the calling thread processes events now."""
        return self.ident == threading.get_ident()

    @property
    def is_worker(self) -> bool:
        """Whether the calling thread is the worker."""
        return self.worker is threading.current_thread()


class Worker(fork.Forked):
    """A thread that runs a reactor, from ``start`` until ``stop``.

    The timer returns the tasks that the reactor leaves to Python, and the executor processes them. The switch interval
    is that of all threads of the process. Starts and stops come one at a time; the rest is thread-safe.
    """

    def __init__(self, executor: Executor, switch_interval: float | None) -> None:
        self._executor, self._reactor, self._thread = executor, executor.reactor, executor.thread
        self._wake, self._timer = executor.queue.waiting.wake, WorkerTimer(executor)
        self._interval = switch_interval
        self._interval_before: float | None = None
        self._processing = threading.Lock()  # held by the thread that processes events
        self._ending = threading.Lock()  # between the thread that ends and a thread that starts it again
        self._working = False
        fork.keep(self, depth=-1)  # last in the child, after the locks of the heap are free

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        return self._working and self._thread.worker is not None and self._thread.worker.is_alive()

    def start(self) -> bool:
        """Start the thread; return False if it runs. A thread that is stopping, but still busy, goes on."""
        with self._ending:
            self._thread.stopping = False
            self._reactor.halt(False)
            if self.running:
                return False
            self._working = True
        if self._interval is not None:
            self._interval_before = sys.getswitchinterval()
            sys.setswitchinterval(self._interval)
        self._thread.worker = threading.Thread(target=self._work, name=WORKER_NAME, daemon=True)
        self._thread.worker.start()
        return True

    def stop(self, timeout: float | None) -> bool:
        """Stop the thread, wait for its end, and return whether there was one. StopTimeout after ``timeout`` s."""
        self._thread.stopping = True
        self._reactor.halt(True)
        self._wake()
        worker = self._thread.worker
        if worker is None:
            return False
        worker.join(timeout)
        if worker.is_alive():
            raise StopTimeout(f"a handler still runs after {timeout} s; the worker ends when it returns")
        return True

    def process_here(self, limit: int | None) -> int:
        """Process pending events in this thread, in place of the worker; LifeEventError while another thread does."""
        if (self._working and self.running) or not self._processing.acquire(blocking=False):
            raise LifeEventError("the worker is running; it processes the events")
        self._thread.ident, queue = threading.get_ident(), self._executor.queue
        try:
            if queue.tracker.timers.living:
                queue.tracker.fire()
            return self._executor.process_up_to(len(queue.heap) if limit is None else limit)
        finally:
            self._thread.ident = None
            self._processing.release()

    def _after_fork_in_child(self) -> None:
        """Forget the thread, unless it is this one, and cancel the running events of the lost thread."""
        here = self._thread.is_here
        fork.renew(self._ending)
        fork.renew(self._processing)
        if here:
            self._processing.acquire()
            return
        if self._working:
            self._restore_interval()
        self._thread.worker, self._thread.ident, self._working = None, None, False
        _, _, _, running, _, _ = self._reactor.heap.counts()
        for _ in range(running):
            self._reactor.heap.finish(Status.CANCELLED)

    def _work(self) -> None:
        with self._processing:
            self._thread.ident = threading.get_ident()
            while (task := self._timer.next_task()) is not None or not self._leave():
                if task is not None:
                    self._process(task)
                else:
                    self._process_due()
            self._thread.ident = None

    def _leave(self) -> bool:
        """Decide, under one lock with ``start``, whether the thread ends; then wake the threads that wait for it."""
        with self._ending:
            leaves = self._thread.stopping
            self._working = not leaves
            if leaves:
                self._restore_interval()  # before the next worker sets it
        if leaves:
            self._wake()
        return leaves

    def _restore_interval(self) -> None:
        """Restore the previous switch interval, unless other code has set another one since."""
        before, self._interval_before = self._interval_before, None
        ours = self._interval is not None and abs(sys.getswitchinterval() - self._interval) <= ROUNDING_SECONDS
        if before is not None and ours:
            sys.setswitchinterval(before)

    def _process(self, task: Task) -> None:
        try:
            self._executor.process(task)
        except Exception:  # of the user's clock or scheduler; the worker survives it
            logger().critical("the account of an event failed", exc_info=True)

    def _process_due(self) -> None:
        """Queue due events, process the first due batch, and deliver changes of the state."""
        try:
            self._timer.fire()
            self._executor.process_due_batch(self._timer.above())
            self._executor.state.deliver_changes()
        except BaseException:  # of the user's clock, merge function, event function or watcher
            logger().critical("what was due failed", exc_info=True)


class WorkerTimer:
    """Returns the worker's tasks one by one, and queues delayed and periodic events when they are due.

    On the system clock the reactor itself sleeps until the next due event. Another clock cannot wake a reactor, so the
    worker waits on that clock while an event is to come. It also does so, event by event, while a strategy throttles.
    """

    def __init__(self, executor: Executor) -> None:
        self._queue, self._scheduler, self._batches = executor.queue, executor.scheduler, executor.batches
        self._reactor, self._thread, self._timers = executor.reactor, executor.thread, executor.queue.tracker.timers
        self._setting = threading.Lock()  # orders the calls of ``wake_at``, so that the last one is the true one
        fork.renew_locks(self, "_setting")
        self._on_system_clock = type(executor.clock) is SystemClock
        for source in (self._timers, self._batches, self._scheduler):
            source.follow(self._set_wake_up)

    def next_task(self) -> Task | None:
        """Return the next event for Python; None when an event or a batch is due, or the thread shall end. Blocks."""
        if self._runs_alone():
            return self._reactor.run()
        above = self.above()
        timer_is_due = _is_past(self._timers.next_ns(), self._queue.clock.now_ns())
        if self._thread.stopping or timer_is_due or self._batches.next(above) is not None:
            return None
        processed, task = self._reactor.run_pending(1, above)
        if task is None and not processed:
            self._queue.waiting.for_work(self._wake_up_ns(), self._may_not_wait)
        return task

    def fire(self) -> None:
        """Queue the events that are due, and set the next wake-up."""
        self._queue.tracker.fire()
        self._set_wake_up()

    def above(self) -> int:
        """Return the level below which events may start now."""
        return self._scheduler.above(self._queue.clock.now_ns())

    def _set_wake_up(self) -> None:
        with self._setting:
            next_ns = self._next_ns()
            native = not self._scheduler.throttles and (self._on_system_clock or next_ns is None)
            self._reactor.wake_at(next_ns if native else LONG_AGO)
        if not self._on_system_clock:
            self._queue.waiting.wake()

    def _runs_alone(self) -> bool:
        """Return whether the reactor may run and sleep by itself: unthrottled, on its own clock, no batch due."""
        if self._scheduler.throttles:
            return False
        if not self._on_system_clock:
            return self._next_ns() is None
        return not self._batches.waiting or not _is_past(self._batches.due_ns(), self._queue.clock.now_ns())

    def _may_not_wait(self) -> bool:
        above = self.above()
        next_ns = self._next_ns(above)
        if self._thread.stopping or not (self._scheduler.throttles or next_ns is not None):
            return True
        _, level, _ = self._queue.heap.head() or NO_HEAD
        return _is_past(next_ns, self._queue.clock.now_ns()) or level < above

    def _next_ns(self, above: int = MAX_LEVELS) -> int | None:
        """Return when the next timer is due, or the next batch of a level below ``above``."""
        return _first(self._timers.next_ns(), self._batches.due_ns(above))

    def _wake_up_ns(self) -> int | None:
        """Return when a closed gate opens, or the next event or batch is due."""
        gate = self._scheduler.gate(self._queue.clock.now_ns()) if self._scheduler.throttles else OPEN
        return _first(None if gate.allowance_ns > 0 else gate.until_ns, self._next_ns(self.above()))


def _is_past(instant_ns: int | None, now_ns: int) -> bool:
    return instant_ns is not None and instant_ns <= now_ns


def _first(*instants: int | None) -> int | None:
    return min((each for each in instants if each is not None), default=None)
