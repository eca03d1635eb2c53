"""Answer: one event on its way through the stages, and what becomes a result when somebody reads it."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from ._contract import NO_KIND, Entry, Reactor, Result, Task
from .event import Event, Priority
from .reflex import ReflexAnswer
from .result import EventProcessingResult, Status

__all__ = ["Answer"]

logger = logging.getLogger("lifeevt")


class Answer:
    """What Python knows of an event that it answers itself; written by one thread."""

    __slots__ = (
        "action", "attempts", "decision", "error", "event", "finished_ns", "kind", "level", "meaning", "queued_ns",
        "sequence", "stage", "started_ns", "status", "version", "version_before",
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

    @classmethod
    def unanswered(cls, event: Event, entry: Entry, status: Status, now_ns: int, version: int) -> Answer:
        """Return what became of an event that never started."""
        answer = cls(event, (*entry, NO_KIND, now_ns, None))
        answer.status, answer.finished_ns = status, now_ns
        answer.version_before = answer.version = version
        return answer

    def note(self, reflex: ReflexAnswer) -> None:
        """Take over what the event's reflex did."""
        self.status = Status.IGNORED if reflex.ignored else Status.PROCESSED
        self.meaning, self.decision, self.action = reflex.meaning, reflex.pattern, reflex.action
        self.version_before, self.version = reflex.version_before, reflex.version

    def fail(self, error: BaseException) -> None:
        """End as dead-lettered, and say why."""
        self.status = Status.DEAD_LETTERED
        text = "".join(traceback.format_exception_only(type(error), error)).strip()
        self.error = f"{self.stage}: {text}"
        logger.error("event %r failed in %s", self.event, self.error, exc_info=error)

    def put_into(self, reactor: Reactor, finishes: bool) -> None:
        """Hand it over to wait until somebody reads it; it ``finishes`` a running event, or none."""
        reactor.put(
            self, self.sequence, self.level, self.kind, self.status, self.event.intensity, self.queued_ns,
            self.started_ns, self.finished_ns, self.version_before, self.version, finishes,
        )  # fmt: skip

    def result(self) -> EventProcessingResult:
        """Return the event's outcome."""
        return EventProcessingResult(
            event=self.event, status=self.status, priority=Priority(self.level),
            meaning=self.meaning, decision=self.decision, action=self.action,
            attempts=self.attempts, error=self.error, sequence=self.sequence,
            queued_ns=self.queued_ns, started_ns=self.started_ns, finished_ns=self.finished_ns,
            state_version_before=self.version_before, state_version=self.version,
        )  # fmt: skip


def result_of(recorded: Result, event: Event, reflex: ReflexAnswer | None) -> EventProcessingResult:
    """Return the outcome of an event that was answered without Python."""
    _, sequence, level, _, status, _, _, queued_ns, started_ns, finished_ns, outcome = recorded
    return EventProcessingResult(
        event=event, status=Status(status), priority=Priority(level),
        meaning=reflex.meaning if reflex else None, decision=reflex.pattern if reflex else None,
        action=reflex.action if reflex else None, sequence=sequence,
        queued_ns=queued_ns, started_ns=started_ns, finished_ns=finished_ns,
        state_version_before=outcome[4], state_version=outcome[5],
    )  # fmt: skip
