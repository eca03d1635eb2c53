"""Worker: the thread that processes an engine's events, its timer, its switch interval, and its end at exit."""

from __future__ import annotations

import atexit
import sys
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from .._backends import Reactor, fork
from .._backends.contract import MAX_LEVELS, Task
from ..clock import SystemClock
from ..errors import LifeEventError, StopTimeout, logger
from ..queue import AsyncEventQueue
from ..result import Status
from ..scheduler import OPEN, EventScheduler
from .batches import Batches
from .executor import Executor
from .thread import ProcessingThread

if TYPE_CHECKING:
    from .processor import AsyncEventProcessor

__all__ = ["SwitchInterval", "Worker", "WorkerTimer", "forget_at_exit", "stop_at_exit"]

WORKER_NAME = "lifeevt-worker"
LONG_AGO = -(2**63)
ROUNDING_SECONDS = 1e-6  # the interpreter keeps whole microseconds
EXIT_SECONDS = 2.0  # the time that a finishing interpreter waits for each worker


class Worker(fork.Forked):
    """Runs a reactor in a thread of its own, from ``start`` until it is told to stop.

    The timer gives the tasks that the reactor leaves to Python, and the executor processes them. ``wake()`` is called
    when the thread ends, or must check whether to end. Start and stop it one at a time; the rest is thread-safe.
    """

    def __init__(
        self,
        reactor: Reactor,
        executor: Executor,
        timer: WorkerTimer,
        thread: ProcessingThread,
        wake: Callable[[], None],
        interval: SwitchInterval,
    ) -> None:
        self._reactor, self._executor, self._timer = reactor, executor, timer
        self._thread, self._wake, self._interval = thread, wake, interval
        self._turn = threading.Lock()  # held by the thread that processes events
        self._agreement = threading.Lock()  # between the thread that may end and the one that starts it again
        self._working = False
        fork.keep(self, depth=-1)  # comes last in the child, when the heap is free again

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        return self._working and self._thread.worker is not None and self._thread.worker.is_alive()

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop since it was started."""
        return self._thread.stopping

    @property
    def processes_here(self) -> bool:
        """Whether the calling thread processes events now."""
        return self._thread.is_here

    def start(self) -> bool:
        """Start the thread; False when it runs."""
        with self._agreement:  # a worker that was told to stop, and is still busy, may as well stay
            self._thread.stopping = False
            self._reactor.halt(False)
            if self.running:
                return False
            self._working = True
        self._interval.set()
        self._thread.worker = threading.Thread(target=self._work, name=WORKER_NAME, daemon=True)
        self._thread.worker.start()
        return True

    def stop(self, timeout: float | None) -> bool:
        """Tell the thread to stop, wait for it, and return whether there was one. StopTimeout after ``timeout`` s."""
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

    def stand_in(self, process_up_to: Callable[[int | None], int], limit: int | None) -> int:
        """Process events in the calling thread; LifeEventError while another one does."""
        if (self._working and self.running) or not self._turn.acquire(blocking=False):
            raise LifeEventError("the worker is running; it processes the events")
        self._thread.ident = threading.get_ident()
        try:
            return process_up_to(limit)
        finally:
            self._thread.ident = None
            self._turn.release()

    def _after_fork_in_child(self) -> None:
        """Forget the thread, unless it is this one, and cancel the events that it had taken and not recorded."""
        here = self.processes_here
        fork.renew(self._agreement)
        fork.renew(self._turn)
        if here:
            self._turn.acquire()
            return
        if self._working:
            self._interval.restore()
        self._thread.worker, self._thread.ident, self._working = None, None, False
        for _ in range(self._reactor.heap.counts()[3]):
            self._reactor.heap.finish(Status.CANCELLED)

    def _work(self) -> None:
        with self._turn:
            self._thread.ident = threading.get_ident()
            while (task := self._timer.next_task()) is not None or not self._leave():
                if task is not None:
                    self._process_surely(task)
                else:
                    self._look_around_surely()
            self._thread.ident = None

    def _leave(self) -> bool:
        """Agree with start, under one lock, whether the thread ends; wake the threads that wait for that."""
        with self._agreement:
            leaves = self._thread.stopping
            self._working = not leaves
            if leaves:
                self._interval.restore()  # before the next worker can set it
        if leaves:
            self._wake()
        return leaves

    def _process_surely(self, task: Task) -> None:
        try:
            self._executor.process(task)
        except Exception:  # a clock or a scheduler of the user's own; the worker must not die of it
            logger().critical("the account of an event failed", exc_info=True)

    def _look_around(self) -> None:
        """Let in what is due, process the batch whose turn it is, and deliver changes of the state."""
        self._timer.look_around()
        self._executor.process_due_batch(self._timer.above())
        self._executor.state.deliver_changes()

    def _look_around_surely(self) -> None:
        try:
            self._look_around()
        except BaseException:  # of a clock, a merge, a maker of events or a watcher of the user's own
            logger().critical("what was due failed", exc_info=True)


class WorkerTimer:
    """Gives the worker its tasks, and lets in what is due between them.

    On the system's clock the reactor itself sleeps until then. Another clock cannot wake a reactor: while something
    is to come on one, the worker waits on that clock. So it does while a strategy throttles it, event by event.
    ``stopping()`` says when it must not wait any longer.
    """

    def __init__(
        self,
        reactor: Reactor,
        queue: AsyncEventQueue,
        scheduler: EventScheduler,
        batches: Batches,
        thread: ProcessingThread,
    ) -> None:
        self._batches = batches
        self._reactor, self._queue, self._scheduler, self._thread = reactor, queue, scheduler, thread
        self._timers = queue.tracker.timers
        self._telling = threading.Lock()  # what the reactor is told last must be what is true
        fork.renew_locks(self, "_telling")
        self._on_system_clock = type(queue.clock) is SystemClock
        for source in (self._timers, batches, scheduler):
            source.follow(self._tell)

    def next_task(self) -> Task | None:
        """Return the next event for Python; None when it is time to look around, or to leave. Blocks."""
        if self._runs_alone():
            return self._reactor.run()
        above = self.above()
        if self._thread.stopping or self._must_look() or self._batches.next(above) is not None:
            return None  # a batch is processed between the tasks, too
        answered, task = self._reactor.run_pending(1, above)
        if task is None and not answered:
            self._queue.waiting.for_work(self._look_again_ns(), self._may_not_wait)
        return task

    def look_around(self) -> None:
        """Let in what is due, and say when to come back."""
        self._queue.tracker.fire()
        self._tell()

    def _tell(self) -> None:
        with self._telling:
            next_ns = self._next_ns()
            native = not self._scheduler.throttles and (self._on_system_clock or next_ns is None)
            self._reactor.wake_at(next_ns if native else LONG_AGO)
        if not self._on_system_clock:
            self._queue.waiting.wake()

    def _runs_alone(self) -> bool:
        """Whether the reactor may run and sleep by itself: no gate, no clock but its own, no batch that is due."""
        if self._scheduler.throttles:
            return False
        if not self._on_system_clock:
            return self._next_ns() is None
        return not self._batches.waiting or not _is_past(self._batches.due_ns(), self._queue.clock.now_ns())

    def _must_look(self) -> bool:
        """Whether a timer is due, however many events wait."""
        return _is_past(self._timers.next_ns(), self._queue.clock.now_ns())

    def _may_not_wait(self) -> bool:
        above = self.above()
        next_ns = self._next_ns(above)
        if self._thread.stopping or not (self._scheduler.throttles or next_ns is not None):
            return True
        head = self._queue.heap.head()
        return _is_past(next_ns, self._queue.clock.now_ns()) or (head is not None and head[1] < above)

    def _next_ns(self, above: int = MAX_LEVELS) -> int | None:
        """When the next timer is due, or the next batch of a level that may start."""
        return _first(self._timers.next_ns(), self._batches.due_ns(above))

    def above(self) -> int:
        """Return the level below which events may start now."""
        return self._scheduler.above(self._queue.clock.now_ns())

    def _look_again_ns(self) -> int | None:
        """When a gate that is shut opens, or something comes by itself."""
        gate = self._scheduler.gate(self._queue.clock.now_ns()) if self._scheduler.throttles else OPEN
        return _first(None if gate.allowance_ns > 0 else gate.until_ns, self._next_ns(self.above()))


def _is_past(instant_ns: int | None, now_ns: int) -> bool:
    return instant_ns is not None and instant_ns <= now_ns


def _first(*instants: int | None) -> int | None:
    return min((each for each in instants if each is not None), default=None)


class SwitchInterval:
    """The interpreter's switch interval for as long as something runs; None leaves it alone.

    It is one for the whole process. A shorter one lets a waiting thread run sooner and costs throughput.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._before: float | None = None

    def set(self) -> None:
        """Set it, and remember what it was."""
        if self._seconds is not None:
            self._before = sys.getswitchinterval()
            sys.setswitchinterval(self._seconds)

    def restore(self) -> None:
        """Restore the previous interval, unless other code has set another one since."""
        before, self._before = self._before, None
        ours = self._seconds is not None and abs(sys.getswitchinterval() - self._seconds) <= ROUNDING_SECONDS
        if before is not None and ours:
            sys.setswitchinterval(before)


# --- the end of the process

_started: weakref.WeakSet[AsyncEventProcessor] = weakref.WeakSet()


def stop_at_exit(engine: AsyncEventProcessor) -> None:
    """Stop ``engine`` when the process ends, without draining; it is not kept alive for that."""
    _started.add(engine)


def forget_at_exit(engine: AsyncEventProcessor) -> None:
    """Leave ``engine`` alone when the process ends."""
    _started.discard(engine)


@atexit.register
def _stop_started() -> None:
    for engine in list(_started):
        try:
            engine.stop(drain=False, timeout=EXIT_SECONDS)
        except StopTimeout as error:
            logger().warning("%s", error)
