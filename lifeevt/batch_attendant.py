"""BatchAttendant: an attendant that also answers several events at once, for handlers that declare it."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import copy_context
from typing import Any

from ._contract import Entry, Task
from .answer import Answer
from .attendant import Attendant
from .batch_answer import BatchAnswer
from .collecting import Batches, Collected
from .handler import Handler
from .result import Status

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
        handler = self.batches.next(above)
        if handler is not None:
            self._give(handler)
        return handler is not None

    def give_up_batches(self) -> list[Entry]:
        """Cancel what waits in batches, and return what it was, most urgent first. Thread-safe."""
        given_up = self.batches.give_up()
        for answer, _ in given_up:
            self._leave(answer, Status.CANCELLED)
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
        """Answer what waits for a handler; only what is no Exception is raised, and never in the worker."""
        living = self._living(self.batches.take(handler))
        if not living:
            return
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

    def _living(self, collected: list[Collected]) -> list[Collected]:
        """Those whose time is not over; the others end as expired."""
        now_ns = self.clock.now_ns()
        living = []
        for each in collected:
            receipt = each.answer.receipt
            if receipt is not None and receipt.has_expired(now_ns):
                self._leave(each.answer, Status.EXPIRED)
            else:
                each.answer.started_ns = now_ns
                living.append(each)
        return living

    def _respond_to(self, living: Iterable[Collected]) -> None:
        for answer, task in living:
            self._respond(answer, task)

    def _finish_all(self, batch: BatchAnswer) -> None:
        """Record all of them, whatever an account or a watcher of the user's own raises; the last of that is raised."""
        failure: BaseException | None = None
        try:
            self._account(batch, self.clock.now_ns())
        except BaseException as error:
            failure = error
        version = self.state.version
        for answer in batch.answers:
            answer.version = version
            try:
                self._record(answer, finishes=True)
            except BaseException as error:
                failure = error
        if failure is not None:
            raise failure

    def _account(self, batch: BatchAnswer, finished_ns: int) -> None:
        """Charge each event with its share of the service time; the rest of its latency counts as wait."""
        service_ns = finished_ns - batch.answers[0].started_ns
        self.batches.took(batch.handler, service_ns)
        share_ns, over = divmod(service_ns, len(batch.answers))
        for number, answer in enumerate(batch.answers):
            answer.finished_ns = finished_ns
            began_ns = finished_ns - share_ns - (number < over)
            self.scheduler.observe(answer.event, answer.level, answer.queued_ns, began_ns, finished_ns)
