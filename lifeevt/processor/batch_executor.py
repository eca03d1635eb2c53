"""BatchAttendant: an attendant that also answers several events at once, for handlers that declare it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import Any

from .._backends.contract import Entry, Task
from ..result import Status
from .batch_execution import BatchAnswer
from .batches import Batches, Collected
from .execution import Answer
from .executor import Attendant
from .handler import Handler

__all__ = ["BatchAttendant"]


class BatchAttendant(Attendant):
    """Lets events whose handler has a batch wait for each other, and answers each batch in its turn (docs/adr/0020)."""

    def __init__(self, batches: Batches, *parts: Any) -> None:
        super().__init__(*parts)
        self.batches = batches

    def process_up_to(self, limit: int) -> int:
        """Answer up to ``limit`` queued events, as an attendant does; in the end none waits in a batch."""
        done = super().process_up_to(limit)
        while self.batches.waiting:
            self._answer_waiting()
            done += super().process_up_to(limit - done)  # what waited for one of its key
        return done

    def give_next(self, above: int) -> bool:
        """Answer the batch that goes before all that is queued, of a level below ``above``; whether there was one."""
        if not self.batches.waiting:  # a plain number, asked for every event
            return False
        handler = self.batches.next(above)
        if handler is not None:
            self._give(handler)
        return handler is not None

    def give_up_batches(self) -> list[Entry]:
        """Cancel what waits in batches, and return what it was, most urgent first. Thread-safe."""
        given_up = self.batches.give_up()
        _for_each([answer for answer, _ in given_up], lambda answer: self._leave(answer, Status.CANCELLED))
        return [each.entry for each in given_up]

    def _answer_waiting(self) -> None:
        while (handler := self.batches.first()) is not None:
            self._give(handler)

    def _answer_some(self, most: int, above: int) -> int:
        return super()._answer_some(1 if self.batches.waiting else most, above)

    def _answer(self, handler: Handler | None, answer: Answer, task: Task) -> None:
        if handler is None or handler.batch is None:
            super()._answer(handler, answer, task)
        elif self.batches.collect(handler, answer, task):
            self._give(handler)

    def _give(self, handler: Handler) -> None:
        """Answer what waits for a handler, but for those whose time is over: they end as expired."""
        collected, now_ns = self.batches.take(handler), self.clock.now_ns()
        over: list[Answer] = []
        living: list[Collected] = []
        for each in collected:
            receipt = each.answer.receipt
            if receipt is not None and receipt.has_expired(now_ns):
                over.append(each.answer)
            else:
                living.append(each)
        try:
            _for_each(over, lambda answer: self._leave(answer, Status.EXPIRED))
        finally:
            if living:
                self._answer_together(handler, living)

    def _answer_together(self, handler: Handler, living: list[Collected]) -> None:
        """Answer a batch and record it; only what is no Exception is raised, and never in the worker."""
        batch = BatchAnswer(handler, [answer for answer, _ in living])
        raised: BaseException | None = None
        try:
            self._respond_to(living)
            copy_context().run(batch.run_stages, self.state, self._let_pass)
        except BaseException as error:
            raised = error
            self.errors += len(living)
            batch.fail(error)
        self._finish_all(batch)
        if raised is not None and not isinstance(raised, Exception) and not self._is_worker():
            raise raised

    def _respond_to(self, living: list[Collected]) -> None:
        """Let the reflexes answer, in order."""
        started_ns = self.clock.now_ns()
        for answer, task in living:
            answer.started_ns = started_ns
            self._respond(answer, task)

    def _finish_all(self, batch: BatchAnswer) -> None:
        try:
            self._account(batch, self.clock.now_ns())
        finally:
            version = self.state.version
            _for_each(batch.answers, lambda answer: self._end(answer, version))

    def _end(self, answer: Answer, version: int) -> None:
        answer.version = version
        self._record(answer, finishes=True)

    def _account(self, batch: BatchAnswer, finished_ns: int) -> None:
        """Charge each event with its share of the service time; the rest of its latency counts as wait."""
        service_ns = finished_ns - batch.answers[0].started_ns
        self.batches.took(batch.handler, service_ns)
        share_ns, over = divmod(service_ns, len(batch.answers))
        for number, answer in enumerate(batch.answers):
            answer.finished_ns = finished_ns
            began_ns = finished_ns - share_ns - (number < over)
            self.scheduler.observe(answer.event, answer.level, answer.queued_ns, began_ns, finished_ns)


def _for_each(answers: Iterable[Answer], do: Callable[[Answer], None]) -> None:
    """Do it for each, whatever it raises for one; the last of that is raised."""
    failure: BaseException | None = None
    for answer in answers:
        try:
            do(answer)
        except BaseException as error:  # of who waits for a result
            failure = error
    if failure is not None:
        raise failure
