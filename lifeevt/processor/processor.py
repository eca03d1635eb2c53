"""AsyncEventProcessor: one worker thread that processes events between ticks and survives every handler."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._backends import ProcessorBase, Reactor, Submitter
from ..clock import NS_PER_SECOND, Clock, SystemClock
from ..errors import EngineStopped
from ..event import Event, Priority
from ..metrics import LatencySummary, Ledger, summarize
from ..queue import AsyncEventQueue, PeriodicTimer, QueueStatistics, Receipt
from ..result import EventProcessingResult
from ..scheduler import CoDel, EventScheduler, SchedulerStatistics, Strategy
from ..state import StateStatistics, ThreadSafeSelfState
from .executor import Executor
from .handler import Handler, HandlerTable
from .lifecycle import Lifecycle
from .reflex import Reflex, ReflexSet
from .result_builder import ResultBuilder
from .worker import ProcessingThread, Worker


@dataclass(frozen=True)
class ProcessorStatistics:
    """The statistics of an engine and its stages; each part is of one instant, the whole nearly so.

    ``gil_wait`` has the times for which ready events with a handler waited for the interpreter.
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


class AsyncEventProcessor(ProcessorBase):
    """Takes events from any thread and processes them on one worker thread, most urgent first. Thread-safe.

    The reflex of an event changes the state in one atomic step; then the stages of its handler run. Events without a
    handler need no interpreter on the native backend, with the system clock and the stock scheduler. No thread exists
    before ``start``.

    Args:
        state: the state that reflexes and handlers change.
        reflexes: a ReflexSet, or an iterable of Reflex. None: Life's, as far as the state has their fields.
        handlers: event type, family or ``*``, to a Handler or a callable ``(event, state)``.
        queue: a queue of the engine's own, with the same clock. None: one with the defaults.
        scheduler: a strategy, its name, or a scheduler.
        clock: None: the queue's.
        codel: sheds events below CRITICAL that wait too long (docs/adr/0019). None: only a full queue sheds.
        result_capacity: how many results wait for ``results``; a full ring overwrites the oldest and counts it.
        switch_interval: that of the interpreter, in seconds, while the worker runs. None leaves it unchanged.
    """

    def __init__(
        self,
        state: ThreadSafeSelfState,
        reflexes: ReflexSet | Iterable[Reflex] | None = None,
        handlers: Mapping[str, Handler | Callable[..., Any]] | None = None,
        queue: AsyncEventQueue | None = None,
        scheduler: str | Strategy | EventScheduler = "deadline",
        clock: Clock | None = None,
        *,
        codel: CoDel | None = None,
        result_capacity: int = 8192,
        switch_interval: float | None = None,
    ) -> None:
        if result_capacity < 1:
            raise ValueError(f"result_capacity is {result_capacity}; it must be at least 1")
        if switch_interval is not None and not 0.0 < switch_interval < 1e3:
            raise ValueError(f"switch_interval is {switch_interval}; it must be a positive number of seconds")
        self.state = state
        self.scheduler = EventScheduler.of(scheduler, codel)
        self.queue = queue if queue is not None else AsyncEventQueue(clock=clock)
        self.clock: Clock = clock or self.queue.clock
        self._reflexes = _reflex_set(reflexes, state).compile(state.numbers)
        self._attach(self.queue)
        self._adopt_queue()
        self._heap = self.queue.heap
        self._reactor = Reactor(
            self._heap, self.queue.type_table, self._reflexes.table, state.cells, self.scheduler.accounts,
            result_capacity, self.scheduler.counts_alone and type(self.clock) is SystemClock,
        )  # fmt: skip
        self._reactor.shed_by(self.scheduler.delay_controller)
        self._thread, table = ProcessingThread(), HandlerTable(handlers)
        self._executor = executor = Executor(
            state, self.queue, self.scheduler, self._reactor, self._reflexes, table, self._thread
        )
        self._results = built = ResultBuilder(self._reactor, self.queue.type_table, self._reflexes, table)
        self._reactor.set_helpers(state, built.make_event, built.stage_values, executor.failed, executor.process)
        self._worker = Worker(executor, switch_interval)
        self._lifecycle = Lifecycle(self._worker, executor, self._accept)
        self._sweep = self._lifecycle.sweep  # called by the fast path, too
        self._submitter = Submitter(self._heap, self.queue.type_table)
        self._follow_queue()
        self._accept(True)

    # --- events in, results out

    def submit_many(self, events: Iterable[Event]) -> int:
        """Accept events in one atomic step and wake the worker once; return how many were accepted.

        Does not block. EngineStopped after stop; InvalidEvent accepts none. O(k log n).
        """
        self._refuse_stopped()
        kept = self.queue.put_many(events)
        self._sweep()
        return kept

    def submit_tracked(self, event: Event, **options: Any) -> Receipt:
        """Accept an event and return its :class:`Receipt`, which is false when it was refused.

        ``options`` are those of :meth:`AsyncEventQueue.put_tracked`: ``key``, ``coalesce``, ``ttl``, ``deadline_ns``,
        ``delay``, ``at_ns`` and ``timeout``. The handler runs in a copy of the caller's context. Blocks as ``submit``,
        never inside a handler. EngineStopped after stop. O(log n), in Python.
        """
        self._refuse_stopped()
        if self._thread.is_here:
            options["timeout"] = 0.0
        receipt = self.queue.put_tracked(event, **options)
        self._sweep()
        return receipt

    async def submit_async(self, event: Event, **options: Any) -> Receipt:
        """Accept an event as ``submit_tracked`` does, waiting for room without blocking the event loop.

        Under the policy ``block`` it waits until it is cancelled (``asyncio.timeout``). EngineStopped after stop.
        """
        self._refuse_stopped()
        receipt = await self.queue.put_async(event, **options)
        self._sweep()
        return receipt

    def submit_every(
        self, event: Event | Callable[[], Event], seconds: float, *, misfire: str = "skip", **options: Any
    ) -> PeriodicTimer:
        """Accept an event, or that of a function, every so many seconds: see :meth:`AsyncEventQueue.put_every`.

        EngineStopped after stop.
        """
        self._refuse_stopped()
        made = self.queue.put_every(event, seconds, misfire=misfire, **options)
        self._sweep()
        return made

    def pause(self, level: Priority | None = None, type: str | None = None) -> None:
        """Pause all events, or those of a level or of a type, until ``resume``: see :meth:`AsyncEventQueue.pause`."""
        self.queue.pause(level, type)

    def resume(self, level: Priority | None = None, type: str | None = None) -> None:
        """End the pause by the same call of ``pause``: see :meth:`AsyncEventQueue.resume`."""
        self.queue.resume(level, type)

    def submit_arrays(self, types: Any, intensities: Any, timestamps: Any = None) -> int:
        """Accept events as numbers, without Event objects; return how many were accepted.

        ``types`` is a buffer of 32-bit numbers from :meth:`type_id`, ``intensities`` one of doubles, ``timestamps``
        one of wall seconds or None: see :meth:`AsyncEventQueue.put_arrays`. Wakes the worker once. EngineStopped
        after stop; InvalidEvent accepts none. O(k).
        """
        self._refuse_stopped()
        kept = self.queue.put_arrays(types, intensities, timestamps)
        self._sweep()
        return kept

    def type_id(self, name: str) -> int:
        """Return the number of an event type for :meth:`submit_arrays`; it never changes. O(1)."""
        return self.queue.type_id(name)

    def submitter(self) -> Submitter:
        """Return the object that takes single events as numbers, from Cython without the GIL.

        A full queue refuses them under every policy, and so does a stopped engine. It reads the system clock.
        """
        return self._submitter

    def results(self, limit: int | None = None) -> list[EventProcessingResult]:
        """Take up to ``limit`` results (all when None), oldest first. Does not block. O(k)."""
        if limit is not None:
            _check_limit(limit)
        return self._results.results(limit)

    def results_buffer(self, limit: int | None = None) -> Any:
        """Take up to ``limit`` results (all when None), oldest first, as one buffer of plain records.

        ``memoryview`` and ``numpy.asarray`` read it without a copy. docs/reference/result.md lists its fields; the
        return values of handlers are not among them. Does not block. O(k).
        """
        if limit is not None:
            _check_limit(limit)
        return self._reactor.take_buffer(limit)

    def process_pending(self, limit: int | None = None) -> int:
        """Process up to ``limit`` queued events (those queued now when None) in the caller's thread; return how many.

        This is the synchronous mode. It blocks for the handlers. LifeEventError while the worker runs.
        """
        if limit is not None:
            _check_limit(limit)
        return self._worker.process_here(limit)

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Block until nothing is queued or running; False after ``timeout`` real seconds.

        EngineStopped when something is queued and no worker runs; LifeEventError inside a handler.
        """
        self._lifecycle.refuse_in_handler()
        with self._executor.batches.all_due():
            return self.queue.waiting.until_idle(self._lifecycle.is_idle, timeout)

    # --- starting and stopping

    @property
    def running(self) -> bool:
        """Whether the worker thread is alive."""
        return self._worker.running

    def start(self) -> None:
        """Start the worker thread, unless it runs. EngineStopped after ``close``."""
        self._lifecycle.start()

    def stop(self, drain: bool = True, timeout: float | None = None) -> int:
        """Stop the worker and return how many queued events were cancelled.

        With ``drain`` the queued events are processed first, for at most ``timeout`` real seconds. A drain ends every
        pause, and sheds nothing for its delay. Events that are left, delayed ones too, are cancelled, counted and
        returned as results. Blocks until the running handler returns. ``start`` starts the worker again.

        Raises:
            StopTimeout: the handler still runs after ``timeout`` seconds; the worker ends when it returns.
            LifeEventError: a handler called it.
        """
        return len(self._lifecycle.stop(drain, timeout))

    def drain(self, timeout: float | None = None) -> list[Event]:
        """Stop as ``stop`` does, and return the cancelled events in their order; errors as ``stop``."""
        return [self.queue.event_of(entry) for entry in self._lifecycle.stop(True, timeout)]

    def close(self) -> None:
        """Stop for good, draining first; later submits raise EngineStopped. Idempotent. Blocks as ``stop``."""
        self._lifecycle.close()

    def __enter__(self) -> AsyncEventProcessor:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def loop(self) -> Any:
        """The asyncio loop of coroutine handlers, or None; ``async with`` sets it when there is none."""
        return self._executor.coroutines.loop

    @loop.setter
    def loop(self, loop: Any) -> None:
        self._executor.coroutines.loop = loop

    async def __aenter__(self) -> AsyncEventProcessor:
        import asyncio  # lazy: most users have no event loop

        if self.loop is None:
            self.loop = asyncio.get_running_loop()
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        import asyncio  # lazy: most users have no event loop

        await asyncio.to_thread(self.close)

    def yield_gil(self, wait_seconds: float = 0.001) -> bool:
        """Let the worker run if an event waits for the interpreter; return whether one did.

        Call it within long computations in Python. It takes well under a microsecond when no event waits, else
        blocks for at most ``wait_seconds`` until the worker runs.
        """
        return self._reactor.yield_gil(round(wait_seconds * NS_PER_SECOND))

    # --- observation

    def ledger(self) -> Ledger:
        """Return the counts of all accepted events at one instant; they always balance."""
        return self.queue.ledger()

    def statistics(self) -> ProcessorStatistics:
        """Return the statistics of every stage. O(buckets)."""
        queue = self.queue.statistics()
        waiting, overwritten = self._reactor.counts()
        return ProcessorStatistics(
            worker_running=self.running,
            ledger=queue.ledger,
            handler_errors=self._executor.errors,
            results_waiting=waiting,
            results_overwritten=overwritten,
            gil_wait=summarize(self._reactor.gil_wait),
            queue=queue,
            scheduler=self.scheduler.statistics(),
            state=self.state.statistics(),
        )

    # --- parts

    def _adopt_queue(self) -> None:
        if self.queue.clock is not self.clock:
            raise ValueError("the queue and the engine have different clocks")
        if self.queue.settlement.on_ended is not None:
            raise ValueError("the queue belongs to another engine already")
        self.queue.adopt(self.scheduler.rank, self.scheduler.types, self.scheduler.ranks_by_type)
        self.scheduler.attach(self.queue.heap, self.queue.type_table)

    def _follow_queue(self) -> None:
        """Record the events that the queue ends by itself, and learn new types."""
        self.queue.settlement.follow(
            self._executor.record_unprocessed, self._lifecycle.refuse_in_handler, self.scheduler.mean_service_ns
        )
        self.queue.type_ids.on_new = self._learn

    def _learn(self, name: str, type_id: int) -> None:
        self._results.learn(name, type_id)
        self.scheduler.learn(name, type_id)

    def _submit_slowly(self, event: Event) -> bool:
        if not self._accepting:
            self._refuse_stopped()
        processes_here = self._thread.ident == threading.get_ident()
        kept = self.queue.put_nowait(event) if processes_here else self.queue.put(event)
        if self._thread.stopping:
            self._sweep()
        return kept

    def _accept(self, accepts: bool) -> None:
        self._accepting = accepts
        self._submitter.accept(accepts)
        self._use_fast_path(accepts)

    def _refuse_stopped(self) -> None:
        if not self._accepting:
            closed = self._lifecycle.closed
            raise EngineStopped("the engine was closed" if closed else "the engine was stopped; start it again")


def _reflex_set(reflexes: ReflexSet | Iterable[Reflex] | None, state: ThreadSafeSelfState) -> ReflexSet:
    if reflexes is None:
        return ReflexSet.life().restricted_to(state.numbers)
    return reflexes if isinstance(reflexes, ReflexSet) else ReflexSet(reflexes)


def _check_limit(limit: int) -> None:
    if limit < 0:
        raise ValueError(f"limit is {limit}; it must not be negative")
