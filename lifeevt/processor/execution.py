"""Execution: one event, or a batch, on its way through the stages; it becomes a result when it is read."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from .._backends import Reactor
from .._backends.contract import MAX_LEVELS, NO_KIND, UNSET, Entry, Outcome, Result, Task
from ..errors import LifeEventError
from ..event import Event, Priority
from ..queue import Receipt
from ..result import EventProcessingResult, Status, filled
from ..state import ThreadSafeSelfState
from .handler import Handler
from .reflex import StageValues

__all__ = ["NO_VALUES", "Execution", "described", "result_of", "told"]

logger = logging.getLogger("lifeevt")


class Execution:
    """The progress of an event that Python processes; written by one thread."""

    __slots__ = (
        "action", "attempts", "decision", "error", "event", "failure", "finished_ns", "kind", "level", "meaning",
        "queued_ns", "receipt", "sequence", "stage", "started_ns", "status", "version", "version_before",
    )  # fmt: skip

    def __init__(self, event: Event, task: Task) -> None:
        self.event = event
        _, _, self.level, self.queued_ns, self.sequence, self.kind, self.started_ns, _ = task
        self.finished_ns = self.version_before = self.version = self.attempts = 0
        self.status = Status.IGNORED
        self.meaning: Any = None
        self.decision: Any = None
        self.action: Any = None
        self.error: str | None = None
        self.stage = ""
        self.receipt: Receipt | None = None
        self.failure: BaseException | None = None  # of a coroutine

    @classmethod
    def unprocessed(cls, event: Event, entry: Entry, status: Status, now_ns: int, version: int) -> Execution:
        """Return what became of an event that never started."""
        execution = cls(event, (*entry, NO_KIND, now_ns, None))
        execution.status, execution.finished_ns = status, now_ns
        execution.version_before = execution.version = version
        return execution

    def note(self, words: StageValues, outcome: Outcome) -> None:
        """Take over what the event's reflex did: its outcome, and that in words."""
        self.meaning, self.decision, self.action = words
        self.status = Status.IGNORED if self.action is None else Status.PROCESSED
        self.version_before, self.version = outcome[4], outcome[5]

    def fail(self, error: BaseException) -> None:
        """End as dead-lettered, and say why."""
        self.status = Status.DEAD_LETTERED
        self.error = told(self.event, self.stage, error)

    def put_into(self, reactor: Reactor, finishes: bool) -> None:
        """Put the execution among the results to be read; it ``finishes`` a running event, or none."""
        reactor.put(
            self, self.sequence, self.level, self.kind, self.status, self.event.intensity, self.queued_ns,
            self.started_ns, self.finished_ns, self.version_before, self.version, finishes,
        )  # fmt: skip

    def result(self) -> EventProcessingResult:
        """Return the event's outcome."""
        return filled(
            self.event, self.status, _PRIORITIES[self.level], self.meaning, self.decision, self.action, self.attempts,
            self.error, self.sequence, self.queued_ns, self.started_ns, self.finished_ns,
            self.version_before, self.version,
        )  # fmt: skip


class BatchExecution:
    """The executions of one batch, each of which becomes a result; written by one thread."""

    def __init__(self, handler: Handler, executions: Sequence[Execution]) -> None:
        self.handler, self.executions = handler, executions
        self.level = min(execution.level for execution in executions)
        self.stage = "reflex"

    def run_stages(self, state: ThreadSafeSelfState, run_more_urgent: Callable[[int], None]) -> None:
        """Call each stage once, for all; between two, ``run_more_urgent(level)`` lets more important events pass."""
        handler = self.handler
        for execution in self.executions:
            execution.attempts, execution.status = 1, Status.PROCESSED
        if handler.meaning is not None:
            self.stage = "meaning"
            self._spread(handler.meaning(self._each("event"), state))
            run_more_urgent(self.level)
        if handler.decision is not None:
            self.stage = "decision"
            self._spread(handler.decision(self._each("event"), self._each("meaning"), state))
            run_more_urgent(self.level)
        if handler.action is not None:
            self.stage = "action"
            self._spread(handler.action(self._each("event"), self._each("decision"), state))

    def fail(self, error: BaseException) -> None:
        """Have all of them end as dead-lettered, and say why, once."""
        text = described(error)
        logger.error("a batch of %d events failed in %s: %s", len(self.executions), self.stage, text, exc_info=error)
        for execution in self.executions:
            execution.status, execution.error = Status.DEAD_LETTERED, f"{self.stage}: {text}"

    def _each(self, name: str) -> list[Any]:
        """A list of its own for each stage, which may change it."""
        return [getattr(execution, name) for execution in self.executions]

    def _spread(self, given: Any) -> None:
        """Give each event what its stage returned for it."""
        count = len(self.executions)
        values = [None] * count if given is None else given
        if not isinstance(values, (list, tuple)):
            raise LifeEventError(f"it returned a {type(given).__name__}, not a list or None, for {count} events")
        if len(values) != count:
            raise LifeEventError(f"it returned {len(values)} values for {count} events")
        for execution, value in zip(self.executions, values, strict=True):
            setattr(execution, self.stage, value)


def told(event: Event, stage: str, error: BaseException) -> str:
    """Log a failed stage and return the sentence for its result."""
    text = described(error)
    logger.error("event %r failed in %s: %s", event, stage, text, exc_info=error)
    return f"{stage}: {text}"


def described(error: BaseException) -> str:
    """Return what an error says of itself, without the traceback."""
    return "".join(traceback.format_exception_only(type(error), error)).strip()


def result_of(recorded: Result, event: Event, words: StageValues) -> EventProcessingResult:
    """Return the outcome of an event that the reactor processed; ``words`` are the stage values of its reflex."""
    payload, sequence, level, _, status, _, _, queued_ns, started_ns, finished_ns, outcome = recorded
    attempts, error = 0, None
    if type(payload) is list:
        attempts, error, words = 1, payload[4], _merged(payload, words)
    meaning, decision, action = words
    return filled(
        event, _STATUSES[status], _PRIORITIES[level], meaning, decision, action, attempts, error, sequence,
        queued_ns, started_ns, finished_ns, outcome[4], outcome[5],
    )  # fmt: skip


def _merged(handled: list[Any], words: StageValues) -> StageValues:
    """What the stages gave; where there was none, what the reflex said."""
    meaning, decision, action = (
        word if given is UNSET else given for given, word in zip(handled[1:4], words, strict=True)
    )
    return meaning, decision, action


_STATUSES, _PRIORITIES = tuple(Status), tuple(map(Priority, range(MAX_LEVELS)))
NO_VALUES: StageValues = (None, None, None)
