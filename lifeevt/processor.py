"""AsyncEventProcessor: one worker thread answers events between ticks and survives every handler."""

from __future__ import annotations

import atexit
import logging
import threading
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ._backend import resolve
from ._contract import Entry
from .clock import Clock
from .errors import EngineStopped, LifeEventError, StopTimeout
from .event import Event, Priority
from .handler import Handler, HandlerTable
from .metrics import Ledger
from .queue import AsyncEventQueue, QueueStatistics
from .reflex import Reflex, ReflexSet
from .result import EventProcessingResult, Status
from .scheduler import EventScheduler, SchedulerStatistics
from .state import StateStatistics, ThreadSafeSelfState

__all__ = ["AsyncEventProcessor", "ProcessorStatistics"]

logger = logging.getLogger("lifeevt")
EXIT_SECONDS = 2.0  # how long a finishing interpreter waits for the worker
WORKER_NAME = "lifeevt-worker"


@dataclass(frozen=True)
class ProcessorStatistics:
    """One look at the engine and its stages; each part is of one instant, the whole nearly so."""

    worker_running: bool
    ledger: Ledger
    handler_errors: int
    results_waiting: int
    results_overwritten: int
    queue: QueueStatistics
    scheduler: SchedulerStatistics
    state: StateStatistics


class AsyncEventProcessor:
    """Takes events from any thread and answers them on one worker thread, most urgent first.

    An event's reflex changes the state in one atomic step; then its handler's stages run. The
    outcome waits in a ring of ``result_capacity`` results until ``results`` is called; a full ring
    overwrites the oldest and counts it. ``reflexes``: None for Life's (as far as the state has their
    fields), a ReflexSet, or an iterable of Reflex. ``handlers``: event type, family or ``*`` to a
    Handler or a callable ``(event, state)``. No thread before ``start``. All methods are thread-safe.
    The twin is the state's; ``backend`` may only repeat it.
    """

    def __init__(
        self,
        state: ThreadSafeSelfState,
        reflexes: ReflexSet | Iterable[Reflex] | None = None,
        handlers: Mapping[str, Handler | Callable[..., Any]] | None = None,
        queue: AsyncEventQueue | None = None,
        scheduler: str | EventScheduler = "deadline",
        clock: Clock | None = None,
        *,
        result_capacity: int = 8192,
        backend: str | None = None,
    ) -> None:
        if result_capacity < 1:
            raise ValueError(f"result_capacity is {result_capacity}; it must be at least 1")
        backend = _twin_of(state, backend)
        self.state = state
        self.scheduler = EventScheduler(scheduler, backend=backend) if isinstance(scheduler, str) else scheduler
        self.queue = queue if queue is not None else AsyncEventQueue(clock=clock, backend=backend)
        self.clock: Clock = clock or self.queue.clock
        self._reflexes = _reflex_set(reflexes, state).compile(list(state.fields), backend=backend)
        self._handlers = HandlerTable(handlers)
        self._results = _ResultRing(result_capacity)
        self._handler_errors = 0
        self._control = threading.Lock()  # start and stop, one at a time
        self._turn = threading.Lock()  # whoever processes events holds it
        self._idle = threading.Condition()
        self._idle_waiting = 0
        self._thread: threading.Thread | None = None
        self._answering: int | None = None  # the thread that processes events now
        self._accepting, self._stopping, self._closed = True, False, False
        self._working = self._ending = False
        self._adopt_queue()

    # --- events in, results out

    def submit(self, event: Event) -> bool:
        """Accept an event; False when the queue's dropping policy refused it.

        Blocks only when the queue's policy is ``block``, and never inside a handler, where a full
        queue raises QueueFull instead. EngineStopped after stop. O(log n).
        """
        self._refuse_stopped()
        kept = self.queue.put_nowait(event) if self._in_handler() else self.queue.put(event)
        self._sweep()
        return kept

    def submit_many(self, events: Iterable[Event]) -> int:
        """Accept events in one atomic step, waking the worker once; return how many were taken in."""
        self._refuse_stopped()
        kept = self.queue.put_many(events)
        self._sweep()
        return kept

    def results(self, limit: int | None = None) -> list[EventProcessingResult]:
        """Take up to ``limit`` results (all when None), oldest first. Does not block. O(k)."""
        return self._results.take(limit)

    def process_pending(self, limit: int | None = None) -> int:
        """Answer up to ``limit`` queued events (those queued now when None) in the caller's thread.

        This is the synchronous mode. LifeEventError while the worker runs. Returns how many.
        """
        if limit is not None and limit < 0:
            raise ValueError(f"limit is {limit}; it must not be negative")
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
        return self._wait_idle(self._is_idle, timeout)

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
            with self._idle:  # a worker that was told to stop, and is still busy, may as well stay
                self._accepting, self._stopping = True, False
                if self.running:
                    return
                self._working = True
            self._thread = threading.Thread(target=self._work, name=WORKER_NAME, daemon=True)
            self._thread.start()
            _started.add(self)

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

    # --- for those who watch

    def ledger(self) -> Ledger:
        """Return where every accepted event is, of one instant; it always balances."""
        return self.queue.ledger()

    def statistics(self) -> ProcessorStatistics:
        """Return a frozen snapshot of every stage. O(buckets)."""
        queue = self.queue.statistics()
        waiting, overwritten = self._results.counts()
        return ProcessorStatistics(
            worker_running=self.running,
            ledger=queue.ledger,
            handler_errors=self._handler_errors,
            results_waiting=waiting,
            results_overwritten=overwritten,
            queue=queue,
            scheduler=self.scheduler.statistics(),
            state=self.state.statistics(),
        )

    # --- the worker

    def _work(self) -> None:
        with self._turn:
            self._answering = threading.get_ident()
            while (entry := self.queue.take(self._must_stop)) is not None or not self._leave():
                if entry is not None:
                    self._process_surely(entry)
            self._answering = None

    def _leave(self) -> bool:
        """Agree with start, under one lock, whether the worker goes; tell those who wait for it."""
        with self._idle:
            self._working = not self._stopping
            self._idle.notify_all()
            return self._stopping

    def _process_surely(self, entry: Entry) -> None:
        try:
            self._process(entry)
        except Exception:  # a clock or a scheduler of the user's own; the worker must not die of it
            logger.critical("the account of an event failed", exc_info=True)

    def _process_up_to(self, limit: int) -> int:
        for done in range(limit):
            entry = self.queue.take_nowait()
            if entry is None:
                return done
            self._process(entry)
        return limit

    def _process(self, entry: Entry) -> None:
        answer = _Answer(entry, self.clock.now_ns())
        try:
            self._respond(answer)
            self._handle(answer)
        except BaseException as error:
            self._handler_errors += 1
            answer.fail(error)
            if not isinstance(error, Exception) and not self._in_worker():
                raise  # Ctrl-C belongs to the caller of process_pending; SystemExit must not end the worker
        finally:
            self._finish(answer)

    def _respond(self, answer: _Answer) -> None:
        row = self._reflexes.row(answer.event.type)
        if row is None:
            answer.version_before = answer.version = self.state.version
            return
        answer.stage = "reflex"
        reflex = self._reflexes.respond(self.state.cells, row, answer.event.intensity)
        answer.status = Status.IGNORED if reflex.ignored else Status.PROCESSED
        answer.meaning = {"significance": reflex.significance, "impact": dict(reflex.impact)}
        answer.decision = reflex.pattern
        answer.action = None if reflex.ignored else dict(reflex.applied)
        answer.version_before, answer.version = reflex.version_before, reflex.version

    def _handle(self, answer: _Answer) -> None:
        handler = self._handlers.find(answer.event.type)
        if handler is None:
            return
        try:
            self._run_stages(handler, answer, answer.event)
        finally:
            answer.version = self.state.version

    def _run_stages(self, handler: Handler, answer: _Answer, event: Event) -> None:
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

    def _let_pass(self, answer: _Answer) -> None:
        """Answer more important events first; each level only for the ones above it, so not deep."""
        while (entry := self.queue.take_above(answer.level)) is not None:
            self._process(entry)

    def _finish(self, answer: _Answer) -> None:
        try:
            finished_ns = self.clock.now_ns()
            self._results.put(answer.result(finished_ns))
            self.scheduler.observe(answer.event, answer.level, answer.queued_ns, answer.started_ns, finished_ns)
        finally:
            self.queue.finish(answer.status)
            self._announce_idle()

    def _wait_idle(self, done: Callable[[], bool], timeout: float | None) -> bool:
        with self._idle:
            self._idle_waiting += 1
            try:
                return self._idle.wait_for(done, timeout)
            finally:
                self._idle_waiting -= 1

    def _announce_idle(self) -> None:
        # A waiter raises _idle_waiting before it reads the ledger under the heap's lock, which
        # orders that look against our change: if we read 0 here, it sees what we did.
        if self._idle_waiting:
            with self._idle:
                self._idle.notify_all()

    def _is_idle(self) -> bool:
        ledger = self.ledger()
        if ledger.in_flight and not self.running and not self._ending:
            raise EngineStopped(f"{ledger.in_flight} events wait and no worker runs; start the engine")
        return not ledger.in_flight

    # --- stopping

    def _must_stop(self) -> bool:
        return self._stopping

    def _end(self, drain: bool, timeout: float | None) -> int:
        self._ending = True  # whoever waits for idleness may go on waiting: what is left will be cancelled
        try:
            return self._stop(drain, timeout)
        finally:
            self._ending = False

    def _stop(self, drain: bool, timeout: float | None) -> int:
        self._accepting = False
        if drain and self.running:
            self._wait_idle(lambda: not self.running or not self.ledger().in_flight, timeout)
        self._stopping = True
        self.queue.wake()
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                raise StopTimeout(f"a handler still runs after {timeout} s; the worker ends when it returns")
            _started.discard(self)
        return self._cancel_rest()

    def _sweep(self) -> None:
        """End what was queued just as the engine stopped: the stop may have looked before it came."""
        if self._stopping and not self.running:
            self._cancel_rest()

    def _cancel_rest(self) -> int:
        entries = self.queue.cancel_all()
        for entry in entries:
            self._record_unanswered(entry, Status.CANCELLED)
        self._announce_idle()
        return len(entries)

    # --- small parts

    def _adopt_queue(self) -> None:
        if self.queue.clock is not self.clock:
            raise ValueError("the queue and the engine have different clocks")
        if self.queue.on_shed is not None:
            raise ValueError("the queue belongs to another engine already")
        self.queue.rank = self.scheduler.rank
        self.queue.on_shed = lambda entry: self._record_unanswered(entry, Status.SHED)

    def _record_unanswered(self, entry: Entry, status: Status) -> None:
        now_ns = self.clock.now_ns()
        answer = _Answer(entry, now_ns)
        answer.status = status
        answer.version_before = answer.version = self.state.version
        self._results.put(answer.result(now_ns))

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


class _Answer:
    """One event on its way through the stages."""

    __slots__ = (
        "action", "attempts", "decision", "error", "event", "level", "meaning", "queued_ns",
        "sequence", "stage", "started_ns", "status", "version", "version_before",
    )  # fmt: skip

    def __init__(self, entry: Entry, started_ns: int) -> None:
        self.event, _, self.level, self.queued_ns, self.sequence = entry
        self.started_ns = started_ns
        self.version_before = self.version = 0
        self.status, self.attempts = Status.IGNORED, 0
        self.meaning: Any = None
        self.decision: Any = None
        self.action: Any = None
        self.error: str | None = None
        self.stage = ""

    def fail(self, error: BaseException) -> None:
        self.status = Status.DEAD_LETTERED
        text = "".join(traceback.format_exception_only(type(error), error)).strip()
        self.error = f"{self.stage}: {text}"
        logger.error("event %r failed in %s", self.event, self.error, exc_info=error)

    def result(self, finished_ns: int) -> EventProcessingResult:
        return EventProcessingResult(
            event=self.event, status=self.status, priority=Priority(self.level),
            meaning=self.meaning, decision=self.decision, action=self.action,
            attempts=self.attempts, error=self.error, sequence=self.sequence,
            queued_ns=self.queued_ns, started_ns=self.started_ns, finished_ns=finished_ns,
            state_version_before=self.version_before, state_version=self.version,
        )  # fmt: skip


class _ResultRing:
    """Results that wait to be read, oldest first; a full ring overwrites and counts."""

    def __init__(self, capacity: int) -> None:
        self._results: deque[EventProcessingResult] = deque(maxlen=capacity)
        self._overwritten = 0
        self._mutex = threading.Lock()

    def put(self, result: EventProcessingResult) -> None:
        with self._mutex:
            self._overwritten += len(self._results) == self._results.maxlen
            self._results.append(result)

    def take(self, limit: int | None) -> list[EventProcessingResult]:
        if limit is not None and limit < 0:
            raise ValueError(f"limit is {limit}; it must not be negative")
        with self._mutex:
            count = len(self._results) if limit is None else min(limit, len(self._results))
            return [self._results.popleft() for _ in range(count)]

    def counts(self) -> tuple[int, int]:
        with self._mutex:
            return len(self._results), self._overwritten


# Only for the end of the process: engines whose worker an exiting interpreter would freeze midway.
_started: weakref.WeakSet[AsyncEventProcessor] = weakref.WeakSet()


@atexit.register
def _stop_started() -> None:
    for engine in list(_started):
        try:
            engine.stop(drain=False, timeout=EXIT_SECONDS)
        except StopTimeout as error:
            logger.warning("%s", error)


def _twin_of(state: ThreadSafeSelfState, backend: str | None) -> str:
    if backend is not None and resolve(backend) != state.backend:
        raise ValueError(f"the state is on the {state.backend} twin, the engine on {resolve(backend)}")
    return state.backend


def _reflex_set(reflexes: ReflexSet | Iterable[Reflex] | None, state: ThreadSafeSelfState) -> ReflexSet:
    if reflexes is None:
        return ReflexSet.life().restricted_to(state.fields)
    return reflexes if isinstance(reflexes, ReflexSet) else ReflexSet(reflexes)
