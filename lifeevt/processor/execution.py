"""Answer: one event on its way through the stages, and what becomes a result when somebody reads it."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from .._backends import Reactor
from .._backends.contract import MAX_LEVELS, NO_KIND, UNSET, Entry, Outcome, Result, Task
from ..event import Event, Priority
from ..queue import Receipt
from ..result import EventProcessingResult, Status, filled
from .reflex import StageValues

__all__ = ["NO_VALUES", "Answer", "described", "result_of", "told"]

logger = logging.getLogger("lifeevt")


class Answer:
    """What Python knows of an event that it answers itself; written by one thread."""

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
    def unanswered(cls, event: Event, entry: Entry, status: Status, now_ns: int, version: int) -> Answer:
        """Return what became of an event that never started."""
        answer = cls(event, (*entry, NO_KIND, now_ns, None))
        answer.status, answer.finished_ns = status, now_ns
        answer.version_before = answer.version = version
        return answer

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
        """Hand it over to wait until somebody reads it; it ``finishes`` a running event, or none."""
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


def told(event: Event, stage: str, error: BaseException) -> str:
    """Log a failed stage and return the sentence for its result."""
    text = described(error)
    logger.error("event %r failed in %s: %s", event, stage, text, exc_info=error)
    return f"{stage}: {text}"


def described(error: BaseException) -> str:
    """Return what an error says of itself, without the traceback."""
    return "".join(traceback.format_exception_only(type(error), error)).strip()


def result_of(recorded: Result, event: Event, words: StageValues) -> EventProcessingResult:
    """Return the outcome of an event that the reactor answered; ``words`` are what its reflex said."""
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
