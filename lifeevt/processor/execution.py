"""Execution: one event, or a batch, on its way through the stages; it becomes a result when it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .._backends import Reactor
from .._backends.contract import MAX_LEVELS, NO_TYPE_ID, Entry, Outcome, Task
from ..errors import LifeEventError, logger
from ..event import Event, Priority
from ..queue import Receipt, Tracked
from ..result import EventProcessingResult, Status, filled
from .handler import Handler
from .reflex import StageValues

__all__ = ["PRIORITIES", "BatchExecution", "Execution", "described", "stage_calls", "told"]


class Execution:
    """The progress of an event that Python processes; written by one thread."""

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

    @classmethod
    def unprocessed(cls, event: Event, entry: Entry, status: Status, now_ns: int, version: int) -> Execution:
        """Return the execution of an event that never started."""
        execution = cls(event, Task(*entry, NO_TYPE_ID, now_ns, None))
        execution.status, execution.finished_ns = status, now_ns
        execution.version_before = execution.version = version
        return execution

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
        """Note that the stages are called now."""
        self.attempts, self.status = 1, Status.PROCESSED

    def keep(self, value: Any) -> None:
        """Keep the value that the present stage returned."""
        setattr(self, self.stage, value)

    def fail(self, error: BaseException) -> None:
        """End as dead-lettered, and log the reason."""
        self.status = Status.DEAD_LETTERED
        self.error = told(self.event, self.stage, error)

    def put_into(self, reactor: Reactor, finishes: bool) -> None:
        """Put the execution among the results to be read; it ``finishes`` a running event, or none."""
        reactor.put(
            self, self.sequence, self.level, self.type_id, self.status, self.event.intensity, self.queued_ns,
            self.started_ns, self.finished_ns, self.version_before, self.version, finishes,
        )  # fmt: skip

    def result(self) -> EventProcessingResult:
        """Return the event's outcome."""
        return filled(
            self.event, self.status, PRIORITIES[self.level], self.meaning, self.decision, self.action, self.attempts,
            self.error, self.sequence, self.queued_ns, self.started_ns, self.finished_ns,
            self.version_before, self.version,
        )  # fmt: skip


class BatchExecution:
    """The executions of one batch, each of which becomes a result; written by one thread."""

    def __init__(self, handler: Handler, executions: Sequence[Execution]) -> None:
        self.handler, self.executions = handler, executions
        self.level = min(execution.level for execution in executions)
        self.stage = "reflex"

    @property
    def event(self) -> list[Event]:
        """The events; like the next two a new list at each call, which a stage may change."""
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
        """Note that the stages are called now."""
        for execution in self.executions:
            execution.begin()

    def keep(self, given: Any) -> None:
        """Give each event its value of those that the present stage returned.

        Raises:
            LifeEventError: the stage returned no list, or one of another length.
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
        """End all of them as dead-lettered, and log the reason once."""
        text = described(error)
        logger().error("a batch of %d events failed in %s: %s", len(self.executions), self.stage, text, exc_info=error)
        for execution in self.executions:
            execution.status, execution.error = Status.DEAD_LETTERED, f"{self.stage}: {text}"


def stage_calls(handler: Handler, execution: Execution | BatchExecution) -> Iterator[tuple[Callable[..., Any], Any]]:
    """Yield each stage of a handler with its arguments but the state, in order.

    The caller calls the stage and has the execution ``keep`` the value, before it asks for the next stage.
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


def told(event: Event, stage: str, error: BaseException) -> str:
    """Log a failed stage and return the sentence for its result."""
    text = described(error)
    logger().error("event %r failed in %s: %s", event, stage, text, exc_info=error)
    return f"{stage}: {text}"


def described(error: BaseException) -> str:
    """Return what an error says of itself, without the traceback."""
    import traceback  # lazy: most programs describe no error

    return "".join(traceback.format_exception_only(type(error), error)).strip()


PRIORITIES = tuple(map(Priority, range(MAX_LEVELS)))
