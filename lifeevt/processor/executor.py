"""Executor: processes in Python the events that the reactor leaves to it: reflex, meaning, decision, action."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from contextvars import copy_context
from typing import TYPE_CHECKING

from .._backends import Reactor
from .._backends.contract import MAX_LEVELS, NO_TYPE_ID, Entry, Task
from ..event import Event
from ..queue import AsyncEventQueue
from ..result import Status
from ..scheduler import EventScheduler
from ..state import ThreadSafeSelfState
from .batches import Batches
from .coroutines import CoroutineRunner
from .handler import Handler, HandlerTable
from .reflex import CompiledReflexes
from .stages import BatchExecution, Execution, log_failure, stage_calls

if TYPE_CHECKING:
    from .worker import ProcessingThread

EVERYTHING = 2**31 - 1


class Executor:
    """Processes tasks by reflex, meaning, decision and action, and records their outcomes.

    One thread at a time processes; ``record_unprocessed`` is thread-safe. In the worker no exception of a handler is
    raised again; in a caller of ``process_pending`` those are that are no ``Exception``, like KeyboardInterrupt.
    """

    def __init__(
        self, state: ThreadSafeSelfState, queue: AsyncEventQueue, scheduler: EventScheduler, reactor: Reactor,
        reflexes: CompiledReflexes, handlers: HandlerTable, thread: ProcessingThread,
    ) -> None:  # fmt: skip
        self.state, self.queue, self.scheduler, self.clock = state, queue, scheduler, queue.clock
        self.reactor, self.thread = reactor, thread
        self._reflexes, self._handlers = reflexes, handlers
        self.batches = Batches(queue, scheduler, handlers, thread)
        self.coroutines = CoroutineRunner(state, self._coroutine_ended)
        self.errors = 0

    # --- events

    def process(self, task: Task) -> None:
        """Process one event and record the outcome."""
        self.queue.announce()
        execution = Execution(self.queue.event_of(task), task)
        if execution.receipt is not None and execution.receipt.has_expired(self.clock.now_ns()):
            self._count_unprocessed(execution, Status.EXPIRED)
        elif not self._is_shed(execution):
            handler = self._handlers.find(execution.event.type)
            if handler is None or handler.batch is None:
                self._execute(handler, execution)
            elif self.batches.collect(handler, execution):
                self._process_batch(handler)

    def process_up_to(self, limit: int) -> int:
        """Process up to ``limit`` queued events, as far as the gate allows, and all batches; return their number."""
        left = limit
        while True:
            while left > 0:
                most, above = left, MAX_LEVELS
                if self.scheduler.throttles:  # its gate decides before each event
                    most, above = 1, self.scheduler.above(self.clock.now_ns())
                if self.batches.waiting and self.process_due_batch(above):
                    continue
                done = self._process_some(most, above)
                left -= done
                if not done:
                    break
            self.state.deliver_changes()
            if not self.batches.waiting:
                return limit - left
            while (handler := self.batches.first()) is not None:  # the next events of their keys may come then
                self._process_batch(handler)

    def failed(self, event: Event, stage: str, error: BaseException) -> str:
        """Count and log the error of a stage, and return its text."""
        self.errors += 1
        return log_failure(event, stage, error)

    def _execute(self, handler: Handler | None, execution: Execution) -> None:
        if not execution.started_ns:
            execution.started_ns = self.clock.now_ns()
        try:
            self._apply_reflex(execution)
            if handler is not None and not self._handle(handler, execution):
                return
        except BaseException as error:
            self.errors += 1
            execution.fail(error)
            self._finish(execution)
            if not isinstance(error, Exception) and not self.thread.is_worker:
                raise  # Ctrl-C belongs to the caller of process_pending; SystemExit must not end the worker
        else:
            self._finish(execution)

    def _apply_reflex(self, execution: Execution) -> None:
        """Note the outcome of the event's reflex; apply the reflex here if the reactor did not."""
        outcome, row = execution.outcome, self._reflexes.row(execution.event.type)
        if row is None:
            execution.version_before = execution.version = self.state.version
            return
        execution.stage = "reflex"
        if outcome is None:
            cells, cause = self.state.cells, execution.sequence
            outcome = self._reflexes.table.respond(cells, row, execution.event.intensity, cause=cause)
        execution.note(self._reflexes.namers[row](outcome), outcome)

    def _handle(self, handler: Handler, execution: Execution) -> bool:
        """Run the stages of an event; return False if they are coroutines, which go on on an event loop."""
        run = self.coroutines.run if handler.is_async else self._run_stages
        try:
            if execution.receipt is None:
                run(handler, execution)
            else:
                execution.receipt.context.run(run, handler, execution)
        finally:
            execution.version = self.state.version
        return not handler.is_async

    def _run_stages(self, handler: Handler, execution: Execution | BatchExecution) -> None:
        for stage, given in stage_calls(handler, execution):
            execution.keep(stage(*given, self.state))
            if execution.stage != "action":
                self._run_more_urgent(execution.level)

    def _run_more_urgent(self, level: int) -> None:
        """Process more important events between two stages; nested at most once per level."""
        while self.process_due_batch(level) or self._process_some(EVERYTHING, level):
            continue

    def _process_some(self, most: int, above: int) -> int:
        """Process up to ``most`` events of a level below ``above``, the last one in Python; return their number.

        One at a time while events wait in batches: a batch may go before the next event.
        """
        done, task = self.reactor.run_pending(1 if self.batches.waiting else most, above)
        if task is None:
            return done
        self.process(task)
        return done + 1

    # --- coroutines

    def _coroutine_ended(self, execution: Execution) -> None:
        """Pass an event that ran on a loop to the worker, the only thread that records."""
        self.queue.tracker.timers.add(self.clock.now_ns(), lambda: self._finish_coroutine(execution))

    def _finish_coroutine(self, execution: Execution) -> None:
        if not self.coroutines.take(execution):
            return
        if execution.failure is not None:
            self.errors += 1
            execution.fail(execution.failure)
        execution.version = self.state.version
        self._finish(execution)

    def give_up_coroutines(self) -> None:
        """End the events that still run on a loop. No worker runs."""
        for execution in self.coroutines.give_up():
            self.errors += 1
            execution.version = self.state.version
            self._finish(execution)

    # --- batches

    def process_due_batch(self, above: int) -> bool:
        """Process a batch of a level below ``above`` that goes before all queued events; return False for none."""
        if not self.batches.waiting or (handler := self.batches.next(above)) is None:
            return False
        self._process_batch(handler)
        return True

    def give_up_batches(self) -> list[Entry]:
        """Cancel the events that wait in batches, and return their entries, most urgent first. Thread-safe."""
        given_up = self.batches.give_up()
        _for_each(given_up, lambda execution: self._count_unprocessed(execution, Status.CANCELLED))
        return [each.entry for each in given_up]

    def _process_batch(self, handler: Handler) -> None:
        """Process the batch of a handler; its expired events end as such."""
        collected, now_ns = self.batches.take(handler), self.clock.now_ns()
        over: list[Execution] = []
        living: list[Execution] = []
        for each in collected:
            expired = each.receipt is not None and each.receipt.has_expired(now_ns)
            (over if expired else living).append(each)
        try:
            _for_each(over, lambda execution: self._count_unprocessed(execution, Status.EXPIRED))
        finally:
            if living:
                self._execute_batch(handler, living)

    def _execute_batch(self, handler: Handler, living: list[Execution]) -> None:
        """Run a batch and record its events."""
        batch = BatchExecution(handler, living)
        try:
            started_ns = self.clock.now_ns()
            for execution in living:
                execution.started_ns = started_ns
                self._apply_reflex(execution)
            copy_context().run(self._run_stages, handler, batch)
        except BaseException as error:
            self.errors += len(living)
            batch.fail(error)
            if not isinstance(error, Exception) and not self.thread.is_worker:
                raise
        finally:
            self._finish_all(batch)

    def _finish_all(self, batch: BatchExecution) -> None:
        try:
            self._account(batch, self.clock.now_ns())
        finally:
            version = self.state.version
            for execution in batch.executions:
                execution.version = version
            _for_each(batch.executions, self._record)

    def _account(self, batch: BatchExecution, finished_ns: int) -> None:
        """Account each event its share of the service time; the rest of its latency counts as wait."""
        service_ns = finished_ns - batch.executions[0].started_ns
        self.batches.note_service(batch.handler, service_ns)
        share_ns, over = divmod(service_ns, len(batch.executions))
        for number, execution in enumerate(batch.executions):
            execution.finished_ns = finished_ns
            began_ns = finished_ns - share_ns - (number < over)
            self.scheduler.observe(execution.event, execution.level, execution.queued_ns, began_ns, finished_ns)

    # --- the end of an event

    def record_unprocessed(self, entry: Entry, status: Status) -> None:
        """Record the end of an event that the queue ended."""
        execution = Execution(self.queue.event_of(entry), Task(*entry, NO_TYPE_ID, 0, None))
        self._count_unprocessed(execution, status, finishes=False)

    def _is_shed(self, execution: Execution) -> bool:
        """Shed an event that waited too long; return False for an event that goes on, or that the reactor admitted."""
        if execution.started_ns or self.scheduler.delay_controller is None:
            return False
        execution.started_ns = self.clock.now_ns()
        if self.reactor.admits(execution.level, execution.queued_ns, execution.started_ns):
            return False
        try:
            self.scheduler.shed(execution.event, execution.level)
        finally:
            self._end_unprocessed(execution, Status.SHED)
        return True

    def _count_unprocessed(self, execution: Execution, status: Status, finishes: bool = True) -> None:
        """Count and record an event that left the queue and does not run."""
        self.scheduler.record_unprocessed(execution.level, status)
        self._end_unprocessed(execution, status, finishes)

    def _end_unprocessed(self, execution: Execution, status: Status, finishes: bool = True) -> None:
        execution.status = status
        execution.started_ns = execution.finished_ns = self.clock.now_ns()
        execution.version_before = execution.version = self.state.version
        self._record(execution, finishes)

    def _finish(self, execution: Execution) -> None:
        try:
            execution.finished_ns = self.clock.now_ns()
            self.scheduler.observe(
                execution.event, execution.level, execution.queued_ns, execution.started_ns, execution.finished_ns
            )
        finally:
            self._record(execution)

    def _record(self, execution: Execution, finishes: bool = True) -> None:
        execution.put_into(self.reactor, finishes)
        self.queue.announce()
        if execution.receipt is not None:
            self.queue.settlement.settle(execution.receipt, execution.result())


def _for_each(executions: Sequence[Execution], do: Callable[[Execution], None]) -> None:
    """Call ``do`` for each, in order, also after an error, as of a receipt's callback; raise the last error."""
    with ExitStack() as calls:  # it calls the last one first
        for execution in reversed(executions):
            calls.callback(do, execution)
