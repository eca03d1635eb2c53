"""AsyncEventProcessor: one worker thread answers events between ticks and survives every handler."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from . import at_exit
from ._backend import load, resolve
from ._contract import Entry, Submitter, Task
from ._front import Fronted
from .answer import Answer, told
from .clock import NS_PER_SECOND, Clock, SystemClock
from .errors import EngineStopped, LifeEventError, StopTimeout
from .event import Event
from .handler import Handler, HandlerTable
from .metrics import LatencySummary, Ledger, summarize
from .queue import AsyncEventQueue, QueueStatistics
from .reflex import Reflex, ReflexSet
from .responders import Responders
from .result import EventProcessingResult, Status
from .scheduler import EventScheduler, SchedulerStatistics
from .state import StateStatistics, ThreadSafeSelfState
from .strategy import Strategy
from .switch_interval import SwitchInterval

__all__ = ["AsyncEventProcessor", "ProcessorStatistics"]

logger = logging.getLogger("lifeevt")
WORKER_NAME = "lifeevt-worker"
EVERYTHING = 2**31 - 1


@dataclass(frozen=True)
class ProcessorStatistics:
    """One look at the engine and its stages; each part is of one instant, the whole nearly so.

    ``gil_wait`` is how long ready events with a Python handler waited for the interpreter.
    """

    worker_running: bool
    ledger: Ledger
    handler_errors: int
    results_waiting: int
    results_overwritten: int
    gil_wait: LatencySummary
    queue: QueueStatistics
    scheduler: SchedulerStatistics
    state: StateStatistics


class AsyncEventProcessor(Fronted):
    """Takes events from any thread and answers them on one worker thread, most urgent first.

    An event's reflex changes the state in one atomic step; then its handler's stages run. The
    outcome waits in a ring of ``result_capacity`` results until ``results`` is called; a full ring
    overwrites the oldest and counts it. ``reflexes``: None for Life's (as far as the state has their
    fields), a ReflexSet, or an iterable of Reflex. ``handlers``: event type, family or ``*`` to a
    Handler or a callable ``(event, state)``. No thread before ``start``. All methods are thread-safe.
    The twin is the state's; ``backend`` may only repeat it. Events without a handler need no interpreter
    (native twin, system clock, the stock scheduler). ``switch_interval``, in seconds, is the
    interpreter's while the worker runs, for all its threads; None leaves it alone.
    """

    _FRONT = "EngineFront"

    def __init__(
        self,
        state: ThreadSafeSelfState,
        reflexes: ReflexSet | Iterable[Reflex] | None = None,
        handlers: Mapping[str, Handler | Callable[..., Any]] | None = None,
        queue: AsyncEventQueue | None = None,
        scheduler: str | Strategy | EventScheduler = "deadline",
        clock: Clock | None = None,
        *,
        result_capacity: int = 8192,
        switch_interval: float | None = None,
        backend: str | None = None,
    ) -> None:
        if result_capacity < 1:
            raise ValueError(f"result_capacity is {result_capacity}; it must be at least 1")
        if switch_interval is not None and not 0.0 < switch_interval < 1e3:
            raise ValueError(f"switch_interval is {switch_interval}; it must be a positive number of seconds")
        backend = _twin_of(state, backend)
        self.state = state
        self.scheduler = EventScheduler.of(scheduler, backend=backend)
        self.queue = queue if queue is not None else AsyncEventQueue(clock=clock, backend=backend)
        self.clock: Clock = clock or self.queue.clock
        self._reflexes = _reflex_set(reflexes, state).compile(list(state.fields), backend=backend)
        self._handlers = HandlerTable(handlers)
        self._handler_errors = 0
        self._control = threading.Lock()  # start and stop, one at a time
        self._turn = threading.Lock()  # whoever processes events holds it
        self._agreement = threading.Lock()  # between the worker that may leave and who starts it again
        self._interval = SwitchInterval(switch_interval)
        self._thread: threading.Thread | None = None
        self._answering: int | None = None  # the thread that processes events now
        self._accepting, self._stopping, self._closed = True, False, False
        self._attach(self.queue)
        self._working = self._ending = False
        self._adopt_queue()
        self._reactor = load(backend).Reactor(
            self.queue.heap, self.queue.kinds, self._reflexes.table, state.cells, self.scheduler.accounts,
            result_capacity, self._answers_natively(),
        )  # fmt: skip
        self._submitter = load(backend).Submitter(self.queue.heap, self.queue.kinds)
        self._be_open(True)
        self._responders = Responders(self._reactor, self.queue.kinds, self._reflexes, self._handlers)
        self._reactor.serve(state, *self._responders.helpers(), self._failed, self._process)
        self.queue.on_kind = self._responders.learn

    # --- events in, results out

    def submit(self, event: Event) -> bool:
        """Accept an event; False when the queue's dropping policy refused it.

        Blocks only when the queue's policy is ``block``, and never inside a handler, where a full
        queue raises QueueFull instead. EngineStopped after stop. O(log n).
        """
        if not self._accepting:  # each call that is not made here is a tenth of a submit
            self._refuse_stopped()
        kept = self.queue.put_nowait(event) if self._answering and self._in_handler() else self.queue.put(event)
        self._sweep()
        return kept

    def submit_many(self, events: Iterable[Event]) -> int:
        """Accept events in one atomic step, waking the worker once; return how many were taken in."""
        self._refuse_stopped()
        kept = self.queue.put_many(events)
        self._sweep()
        return kept

    def submit_arrays(self, types: Any, intensities: Any, timestamps: Any = None) -> int:
        """Accept events as numbers, without an object for any; return how many were taken in.

        ``types`` is a buffer of 32-bit numbers from :meth:`type_code`, ``intensities`` one of doubles,
        ``timestamps`` one of wall seconds or None: see :meth:`AsyncEventQueue.put_arrays`. Wakes the worker
        once. EngineStopped after stop; InvalidEvent takes none of them in. O(k).
        """
        self._refuse_stopped()
        kept = self.queue.put_arrays(types, intensities, timestamps)
        self._sweep()
        return kept

    def type_code(self, name: str) -> int:
        """Return the number of an event type for :meth:`submit_arrays`; it never changes. O(1)."""
        return self.queue.type_code(name)

    def submitter(self) -> Submitter:
        """Return the object by which this engine takes events as single numbers, without the GIL from Cython.

        A full queue refuses, whatever its policy, and so does a stopped engine. System clock.
        """
        return self._submitter

    def results(self, limit: int | None = None) -> list[EventProcessingResult]:
        """Take up to ``limit`` results (all when None), oldest first. Does not block. O(k)."""
        _check_limit(limit)
        return self._responders.results(limit)

    def results_buffer(self, limit: int | None = None) -> Any:
        """Take up to ``limit`` results (all when None), oldest first, as one buffer of plain records.

        ``memoryview`` and ``numpy.asarray`` read it without a copy; its fields are those of
        docs/reference/result.md. What handlers returned is not in it. Does not block. O(k).
        """
        _check_limit(limit)
        return self._reactor.take_buffer(limit)

    def process_pending(self, limit: int | None = None) -> int:
        """Answer up to ``limit`` queued events (those queued now when None) in the caller's thread.

        This is the synchronous mode. LifeEventError while the worker runs. Returns how many.
        """
        _check_limit(limit)
        if self.running or not self._turn.acquire(blocking=False):
            raise LifeEventError("the worker is running; it answers the events")
        self._answering = threading.get_ident()
        try:
            return self._process_up_to(self.queue.qsize() if limit is None else limit)
        finally:
            self._answering = None
            self._turn.release()

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Block until nothing is queued or running; False after ``timeout`` real seconds.

        EngineStopped when something is queued and no worker runs; LifeEventError inside a handler.
        """
        self._refuse_in_handler()
        return self.queue.wait_for_idleness(self._is_idle, timeout)

    # --- life of the worker

    @property
    def running(self) -> bool:
        """Whether the worker thread is alive."""
        return self._working and self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the worker thread; nothing happens when it runs. EngineStopped after close."""
        with self._control:
            if self._closed:
                raise EngineStopped("the engine was closed")
            with self._agreement:  # a worker that was told to stop, and is still busy, may as well stay
                self._stopping = False
                self._accept(True)
                self._reactor.halt(False)
                if self.running:
                    return
                self._working = True
            self._interval.set()
            self._thread = threading.Thread(target=self._work, name=WORKER_NAME, daemon=True)
            self._thread.start()
            at_exit.stop(self)

    def stop(self, drain: bool = True, timeout: float | None = None) -> int:
        """Stop the worker and return how many queued events were cancelled.

        With ``drain`` everything queued is answered first, for at most ``timeout`` real seconds; what
        is left is cancelled, counted and handed out as results. Blocks until the running handler
        returns; StopTimeout when that takes longer than ``timeout``. ``start`` starts again.
        """
        self._refuse_in_handler()
        with self._control:
            return self._end(drain, timeout)

    def close(self) -> None:
        """Stop for good, draining first; further submits raise EngineStopped. Idempotent."""
        self._refuse_in_handler()
        with self._control:
            if not self._closed:
                self._end(True, None)
                self._closed = True
                self.queue.close()

    def __enter__(self) -> AsyncEventProcessor:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> AsyncEventProcessor:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import asyncio  # lazy: most users have no event loop

        await asyncio.to_thread(self.close)

    def breathe(self, wait_seconds: float = 0.001) -> bool:
        """If an event waits for the interpreter, let the worker have it; return whether one did.

        For long computations in Python: costs well under a microsecond when nothing waits, else blocks
        for at most ``wait_seconds`` until the worker runs.
        """
        return self._reactor.breathe(round(wait_seconds * NS_PER_SECOND))

    # --- for those who watch

    def ledger(self) -> Ledger:
        """Return where every accepted event is, of one instant; it always balances."""
        return self.queue.ledger()

    def statistics(self) -> ProcessorStatistics:
        """Return a frozen snapshot of every stage. O(buckets)."""
        queue = self.queue.statistics()
        waiting, overwritten = self._reactor.counts()
        return ProcessorStatistics(
            worker_running=self.running,
            ledger=queue.ledger,
            handler_errors=self._handler_errors,
            results_waiting=waiting,
            results_overwritten=overwritten,
            gil_wait=summarize(self._reactor.gil_wait),
            queue=queue,
            scheduler=self.scheduler.statistics(),
            state=self.state.statistics(),
        )

    # --- the worker

    def _work(self) -> None:
        with self._turn:
            self._answering = threading.get_ident()
            while (task := self._reactor.run()) is not None or not self._leave():
                if task is not None:
                    self._process_surely(task)
            self._answering = None

    def _leave(self) -> bool:
        """Agree with start, under one lock, whether the worker goes; tell those who wait for it."""
        with self._agreement:
            leaves = self._stopping
            self._working = not leaves
            if leaves:
                self._interval.restore()  # before the next worker can set it
        self.queue.wake()
        return leaves

    def _process_surely(self, task: Task) -> None:
        try:
            self._process(task)
        except Exception:  # a clock or a scheduler of the user's own; the worker must not die of it
            logger.critical("the account of an event failed", exc_info=True)

    def _process_up_to(self, limit: int) -> int:
        left = limit
        while left > 0:
            answered, task = self._reactor.run_pending(left)
            left -= answered
            if task is None:
                break
            self._process(task)
            left -= 1
        return limit - left

    def _process(self, task: Task) -> None:
        self.queue.announce()
        answer = Answer(self.queue.event_of(task[:5]), task)
        if not answer.started_ns:
            answer.started_ns = self.clock.now_ns()
        try:
            self._respond(answer, task)
            self._handle(answer)
        except BaseException as error:
            self._handler_errors += 1
            answer.fail(error)
            if not isinstance(error, Exception) and not self._in_worker():
                raise  # Ctrl-C belongs to the caller of process_pending; SystemExit must not end the worker
        finally:
            self._finish(answer)

    def _respond(self, answer: Answer, task: Task) -> None:
        """Note what the reflex did, or let it answer here when it has not."""
        outcome, row = task[7], self._reflexes.row(answer.event.type)
        if row is None:
            answer.version_before = answer.version = self.state.version
            return
        answer.stage = "reflex"
        if outcome is None:
            outcome = self._reflexes.table.respond(self.state.cells, row, answer.event.intensity, 0.0, 0.0)
        answer.note(self._reflexes.teller(row)(outcome), outcome)

    def _handle(self, answer: Answer) -> None:
        handler = self._handlers.find(answer.event.type)
        if handler is None:
            return
        try:
            self._run_stages(handler, answer, answer.event)
        finally:
            answer.version = self.state.version

    def _run_stages(self, handler: Handler, answer: Answer, event: Event) -> None:
        answer.attempts, answer.status = 1, Status.PROCESSED
        if handler.meaning is not None:
            answer.stage = "meaning"
            answer.meaning = handler.meaning(event, self.state)
            self._let_pass(answer)
        if handler.decision is not None:
            answer.stage = "decision"
            answer.decision = handler.decision(event, answer.meaning, self.state)
            self._let_pass(answer)
        if handler.action is not None:
            answer.stage = "action"
            answer.action = handler.action(event, answer.decision, self.state)

    def _let_pass(self, answer: Answer) -> None:
        """Answer more important events first; each level only for the ones above it, so not deep."""
        while (task := self._reactor.run_pending(EVERYTHING, answer.level)[1]) is not None:
            self._process(task)

    def _finish(self, answer: Answer) -> None:
        try:
            answer.finished_ns = self.clock.now_ns()
            self.scheduler.observe(
                answer.event, answer.level, answer.queued_ns, answer.started_ns, answer.finished_ns
            )
        finally:
            self._record(answer, finishes=True)

    def _record(self, answer: Answer, finishes: bool) -> None:
        answer.put_into(self._reactor, finishes)
        self.queue.announce()

    def _failed(self, event: Event, stage: str, error: BaseException) -> str:
        self._handler_errors += 1
        return told(event, stage, error)

    def _is_idle(self) -> bool:
        ledger = self.ledger()
        if ledger.in_flight and not self.running and not self._ending:
            raise EngineStopped(f"{ledger.in_flight} events wait and no worker runs; start the engine")
        return not ledger.in_flight

    # --- stopping

    def _end(self, drain: bool, timeout: float | None) -> int:
        self._ending = True  # whoever waits for idleness may go on waiting: what is left will be cancelled
        try:
            return self._stop(drain, timeout)
        finally:
            self._ending = False

    def _stop(self, drain: bool, timeout: float | None) -> int:
        self._accept(False)
        if drain and self.running:
            self.queue.wait_for_idleness(lambda: not self.running or not self.ledger().in_flight, timeout)
        self._stopping = True
        self._reactor.halt(True)
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                raise StopTimeout(f"a handler still runs after {timeout} s; the worker ends when it returns")
            at_exit.forget(self)
        return self._cancel_rest()

    def _sweep(self) -> None:
        """End what was queued just as the engine stopped: the stop may have looked before it came."""
        if self._stopping and not self.running:
            self._cancel_rest()

    def _cancel_rest(self) -> int:
        entries = self.queue.cancel_all()
        for entry in entries:
            self._record_unanswered(entry, Status.CANCELLED)
        return len(entries)

    # --- small parts

    def _adopt_queue(self) -> None:
        if self.queue.clock is not self.clock:
            raise ValueError("the queue and the engine have different clocks")
        if self.queue.on_shed is not None:
            raise ValueError("the queue belongs to another engine already")
        self.queue.adopt(self.scheduler.rank, self.scheduler.types, self.scheduler.ranks_by_type)
        self.scheduler.steer(self.queue.heap)
        self.queue.on_shed = lambda entry: self._record_unanswered(entry, Status.SHED)

    def _attach(self, queue: AsyncEventQueue) -> None:
        """Let the twin's front serve this engine; the reference has none."""

    def _be_open(self, accepts: bool) -> None:
        """Let the front take events, or leave all to this class."""

    def _accept(self, accepts: bool) -> None:
        self._accepting = accepts
        self._submitter.accept(accepts)
        self._be_open(accepts)

    def _answers_natively(self) -> bool:
        """Whether time and account are the stock ones: another clock or scheduler must be asked in Python."""
        return self.scheduler.counts_alone and type(self.clock) is SystemClock

    def _record_unanswered(self, entry: Entry, status: Status) -> None:
        answer = Answer.unanswered(self.queue.event_of(entry), entry, status, self.clock.now_ns(), self.state.version)
        self._record(answer, finishes=False)

    def _in_worker(self) -> bool:
        return self._thread is threading.current_thread()

    def _in_handler(self) -> bool:
        return self._answering == threading.get_ident()

    def _refuse_in_handler(self) -> None:
        if self._in_handler():
            raise LifeEventError("a handler must not wait for its own engine")

    def _refuse_stopped(self) -> None:
        if not self._accepting:
            raise EngineStopped("the engine was closed" if self._closed else "the engine was stopped; start it again")


def _twin_of(state: ThreadSafeSelfState, backend: str | None) -> str:
    if backend is not None and resolve(backend) != state.backend:
        raise ValueError(f"the state is on the {state.backend} twin, the engine on {resolve(backend)}")
    return state.backend


def _reflex_set(reflexes: ReflexSet | Iterable[Reflex] | None, state: ThreadSafeSelfState) -> ReflexSet:
    if reflexes is None:
        return ReflexSet.life().restricted_to(state.fields)
    return reflexes if isinstance(reflexes, ReflexSet) else ReflexSet(reflexes)


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 0:
        raise ValueError(f"limit is {limit}; it must not be negative")
