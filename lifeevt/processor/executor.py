"""Attendant: answers in Python the events that the reactor leaves to it, stage by stage."""

from __future__ import annotations

from collections.abc import Callable

from .._backends import Reactor
from .._backends.contract import MAX_LEVELS, Entry, Task
from ..clock import Clock
from ..event import Event
from ..queue import AsyncEventQueue, Tracked
from ..result import Status
from ..scheduler import EventScheduler
from ..state import ThreadSafeSelfState
from .coroutines import Detached
from .execution import Answer, told
from .handler import Handler, HandlerTable
from .reflex import CompiledReflexes

__all__ = ["Attendant"]

EVERYTHING = 2**31 - 1


class Attendant:
    """Takes tasks through reflex, meaning, decision and action, and records what became of them.

    One thread at a time processes; recording what was never answered is thread-safe. ``is_worker()`` says
    whether the calling thread must survive whatever a handler raises.
    """

    def __init__(
        self,
        state: ThreadSafeSelfState,
        queue: AsyncEventQueue,
        scheduler: EventScheduler,
        clock: Clock,
        reactor: Reactor,
        reflexes: CompiledReflexes,
        handlers: HandlerTable,
        is_worker: Callable[[], bool],
    ) -> None:
        self.state, self.queue, self.scheduler, self.clock = state, queue, scheduler, clock
        self._reactor, self._reflexes, self._handlers, self._is_worker = reactor, reflexes, handlers, is_worker
        self.errors = 0
        self.detached = Detached(state, self._come_back)

    def process(self, task: Task) -> None:
        """Answer one event and record the outcome; only what is no Exception is raised, and never in the worker."""
        self.queue.announce()
        answer = self._begun(task)
        if answer.receipt is not None and answer.receipt.has_expired(self.clock.now_ns()):
            self._leave(answer, Status.EXPIRED)
        elif not self._is_shed(answer):
            self._answer(self._handlers.find(answer.event.type), answer, task)

    def _answer(self, handler: Handler | None, answer: Answer, task: Task) -> None:
        if not answer.started_ns:
            answer.started_ns = self.clock.now_ns()
        try:
            self._respond(answer, task)
            if self._detach(handler, answer):
                return
            self._handle(handler, answer)
        except BaseException as error:
            self.errors += 1
            answer.fail(error)
            self._finish(answer)
            if not isinstance(error, Exception) and not self._is_worker():
                raise  # Ctrl-C belongs to the caller of process_pending; SystemExit must not end the worker
        else:
            self._finish(answer)

    def process_up_to(self, limit: int) -> int:
        """Answer up to ``limit`` queued events, as far as the gate lets them; how many there were. Does not wait."""
        left = limit
        while left > 0:
            most, above = self._portion(left)
            if not self.give_next(above):
                done = self._answer_some(most, above)
                left -= done
                if not done:
                    break
        self.state.deliver_changes()
        return limit - left

    def give_next(self, above: int) -> bool:
        """Answer what goes before all that is queued, and is not queued itself; whether there was something."""
        return False

    def _portion(self, left: int) -> tuple[int, int]:
        """How many events may be answered before the gate is asked again, and below which level."""
        return (1, self.scheduler.above(self.clock.now_ns())) if self.scheduler.throttles else (left, MAX_LEVELS)

    def record_unanswered(self, entry: Entry, status: Status) -> None:
        """Record what became of an event that never started."""
        self.scheduler.record_unprocessed(entry[2], status)
        answer = Answer.unanswered(self.queue.event_of(entry), entry, status, self.clock.now_ns(), self.state.version)
        answer.receipt = entry[0].receipt if type(entry[0]) is Tracked else None
        self._record(answer, finishes=False)

    def failed(self, event: Event, stage: str, error: BaseException) -> str:
        """Count and log what a stage raised, and return it as text."""
        self.errors += 1
        return told(event, stage, error)

    def _begun(self, task: Task) -> Answer:
        answer = Answer(self.queue.event_of(task[:5]), task)
        answer.receipt = task[0].receipt if type(task[0]) is Tracked else None
        return answer

    def _is_shed(self, answer: Answer) -> bool:
        """End an event that no reactor has answered, if it waited too long; whether it did."""
        if answer.started_ns or self.scheduler.delay_controller is None:
            return False
        answer.started_ns = self.clock.now_ns()
        if self._reactor.admits(answer.level, answer.queued_ns, answer.started_ns):
            return False
        try:
            self.scheduler.shed(answer.event, answer.level)
        finally:
            self._end_unanswered(answer, Status.SHED)
        return True

    def _leave(self, answer: Answer, status: Status) -> None:
        """Count and end an event that left the queue and never ran."""
        self.scheduler.record_unprocessed(answer.level, status)
        self._end_unanswered(answer, status)

    def _end_unanswered(self, answer: Answer, status: Status) -> None:
        """Record an event that left the queue and never ran."""
        answer.status = status
        answer.started_ns = answer.finished_ns = self.clock.now_ns()
        answer.version_before = answer.version = self.state.version
        self._record(answer, finishes=True)

    def _respond(self, answer: Answer, task: Task) -> None:
        """Note what the reflex did, or let it answer here when it has not."""
        outcome, row = task[7], self._reflexes.row(answer.event.type)
        if row is None:
            answer.version_before = answer.version = self.state.version
            return
        answer.stage = "reflex"
        if outcome is None:
            outcome = self._reflexes.table.respond(self.state.cells, row, answer.event.intensity, cause=task[4])
        answer.note(self._reflexes.namer(row)(outcome), outcome)

    def _detach(self, handler: Handler | None, answer: Answer) -> bool:
        """Let an event loop run the event's stages, if they are coroutines; whether it does."""
        if handler is None or not handler.is_async:
            return False
        if answer.receipt is None:
            self.detached.run(handler, answer)
        else:
            answer.receipt.context.run(self.detached.run, handler, answer)
        return True

    def _come_back(self, answer: Answer) -> None:
        """Have the worker, which alone keeps the accounts, finish an event that ran on a loop."""
        self.queue.tracker.timers.add(self.clock.now_ns(), lambda: self._finish_detached(answer))

    def _finish_detached(self, answer: Answer) -> None:
        if not self.detached.take(answer):
            return
        if answer.failure is not None:
            self.errors += 1
            answer.fail(answer.failure)
        answer.version = self.state.version
        self._finish(answer)

    def give_up_detached(self) -> None:
        """End what still runs on a loop; for when no worker runs any more."""
        for answer in self.detached.give_up():
            self.errors += 1
            answer.version = self.state.version
            self._finish(answer)

    def _handle(self, handler: Handler | None, answer: Answer) -> None:
        if handler is None:
            return
        try:
            if answer.receipt is None:
                self._run_stages(handler, answer, answer.event)
            else:
                answer.receipt.context.run(self._run_stages, handler, answer, answer.event)
        finally:
            answer.version = self.state.version

    def _run_stages(self, handler: Handler, answer: Answer, event: Event) -> None:
        answer.attempts, answer.status = 1, Status.PROCESSED
        if handler.meaning is not None:
            answer.stage = "meaning"
            answer.meaning = handler.meaning(event, self.state)
            self._let_pass(answer.level)
        if handler.decision is not None:
            answer.stage = "decision"
            answer.decision = handler.decision(event, answer.meaning, self.state)
            self._let_pass(answer.level)
        if handler.action is not None:
            answer.stage = "action"
            answer.action = handler.action(event, answer.decision, self.state)

    def _let_pass(self, level: int) -> None:
        """Answer more important events first; each level only for the ones above it, so not deep."""
        while self.give_next(level) or self._answer_some(EVERYTHING, level):
            continue

    def _answer_some(self, most: int, above: int) -> int:
        """Answer up to so many events of a level below ``above``, one for Python being the last; how many."""
        answered, task = self._reactor.run_pending(most, above)
        if task is None:
            return answered
        self.process(task)
        return answered + 1

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
        if answer.receipt is not None:
            self.queue.tracker.ended(answer.receipt, answer.result())
