"""Execution and BatchExecution: one or several events on their way through the stages of a handler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .._backends import Reactor
from .._backends.contract import MAX_LEVELS, Entry, Outcome, Task
from ..errors import LifeEventError, logger
from ..event import Event, Priority
from ..queue import Receipt, Tracked
from ..result import EventProcessingResult, Status, filled
from .handler import Handler
from .reflex import StageValues

PRIORITIES = tuple(map(Priority, range(MAX_LEVELS)))


class Execution:
    """An event that Python processes, its stage values and its end. One thread writes it."""

    __slots__ = (
        "action", "attempts", "decision", "error", "event", "failure", "finished_ns", "key", "level", "meaning",
        "outcome", "payload", "queued_ns", "receipt", "sequence", "stage", "started_ns", "status", "type_id", "version",
        "version_before",
    )  # fmt: skip

    def __init__(self, event: Event, task: Task) -> None:
        self.event = event
        (
            self.payload, self.key, self.level, self.queued_ns, self.sequence, self.type_id, self.started_ns,
            self.outcome,
        ) = task  # fmt: skip
        self.finished_ns = self.version_before = self.version = self.attempts = 0
        self.status = Status.IGNORED
        self.meaning: Any = None
        self.decision: Any = None
        self.action: Any = None
        self.error: str | None = None
        self.stage = ""
        self.receipt: Receipt | None = self.payload.receipt if type(self.payload) is Tracked else None
        self.failure: BaseException | None = None  # of a coroutine

    @property
    def entry(self) -> Entry:
        """The event's entry in the queue."""
        return Entry(self.payload, self.key, self.level, self.queued_ns, self.sequence)

    def note(self, words: StageValues, outcome: Outcome) -> None:
        """Note the outcome of the event's reflex, and its stage values."""
        self.meaning, self.decision, self.action = words
        self.status = Status.IGNORED if self.action is None else Status.PROCESSED
        _, _, _, _, self.version_before, self.version = outcome
        self.outcome = None

    def begin(self) -> None:
        """Note that the stages are called from now on."""
        self.attempts, self.status = 1, Status.PROCESSED

    def keep(self, value: Any) -> None:
        """Keep the return value of the present stage."""
        setattr(self, self.stage, value)

    def fail(self, error: BaseException) -> None:
        """End the event as dead-lettered, and log the error."""
        self.status = Status.DEAD_LETTERED
        self.error = log_failure(self.event, self.stage, error)

    def put_into(self, reactor: Reactor, finishes: bool) -> None:
        """Put the execution into the ring of results; ``finishes``: whether its event counts as running."""
        reactor.put(
            self, self.sequence, self.level, self.type_id, self.status, self.event.intensity, self.queued_ns,
            self.started_ns, self.finished_ns, self.version_before, self.version, finishes,
        )  # fmt: skip

    def result(self) -> EventProcessingResult:
        """Return the result of the event."""
        return filled(
            self.event, self.status, PRIORITIES[self.level], self.meaning, self.decision, self.action, self.attempts,
            self.error, self.sequence, self.queued_ns, self.started_ns, self.finished_ns,
            self.version_before, self.version,
        )  # fmt: skip


class BatchExecution:
    """The executions of one batch; each becomes a result. One thread writes it.

    The properties make a new list at each call, so a stage may change it.
    """

    def __init__(self, handler: Handler, executions: Sequence[Execution]) -> None:
        self.handler, self.executions = handler, executions
        self.level = min(execution.level for execution in executions)
        self.stage = "reflex"

    @property
    def event(self) -> list[Event]:
        """The events, in order."""
        return [execution.event for execution in self.executions]

    @property
    def meaning(self) -> list[Any]:
        """The meaning of each event."""
        return [execution.meaning for execution in self.executions]

    @property
    def decision(self) -> list[Any]:
        """The decision for each event."""
        return [execution.decision for execution in self.executions]

    def begin(self) -> None:
        """Note that the stages are called from now on."""
        for execution in self.executions:
            execution.begin()

    def keep(self, given: Any) -> None:
        """Keep the return value of the present stage: a list with the value of each event, or None.

        LifeEventError for anything else, or a list of another length.
        """
        count = len(self.executions)
        values = [None] * count if given is None else given
        if not isinstance(values, (list, tuple)):
            raise LifeEventError(f"it returned a {type(given).__name__}, not a list or None, for {count} events")
        if len(values) != count:
            raise LifeEventError(f"it returned {len(values)} values for {count} events")
        for execution, value in zip(self.executions, values, strict=True):
            setattr(execution, self.stage, value)

    def fail(self, error: BaseException) -> None:
        """End all events as dead-lettered, and log the error once."""
        text = _text_of(error)
        logger().error("a batch of %d events failed in %s: %s", len(self.executions), self.stage, text, exc_info=error)
        for execution in self.executions:
            execution.status, execution.error = Status.DEAD_LETTERED, f"{self.stage}: {text}"


def stage_calls(handler: Handler, execution: Execution | BatchExecution) -> Iterator[tuple[Callable[..., Any], Any]]:
    """Yield each stage of a handler and its arguments without the state, in order.

    The caller calls the stage, and ``execution.keep`` with its value, before it takes the next stage.
    """
    execution.begin()
    if handler.meaning is not None:
        execution.stage = "meaning"
        yield handler.meaning, (execution.event,)
    if handler.decision is not None:
        execution.stage = "decision"
        yield handler.decision, (execution.event, execution.meaning)
    if handler.action is not None:
        execution.stage = "action"
        yield handler.action, (execution.event, execution.decision)


def log_failure(event: Event, stage: str, error: BaseException) -> str:
    """Log the error of a stage and return its text for the result."""
    text = _text_of(error)
    logger().error("event %r failed in %s: %s", event, stage, text, exc_info=error)
    return f"{stage}: {text}"


def _text_of(error: BaseException) -> str:
    """Return the type and the message of an error."""
    import traceback  # lazy: most programs describe no error

    return "".join(traceback.format_exception_only(type(error), error)).strip()
