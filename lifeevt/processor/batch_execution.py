"""BatchAnswer: several events on their way through the stages of one handler, together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import LifeEventError
from ..result import Status
from ..state import ThreadSafeSelfState
from .execution import Answer, described
from .handler import Handler

__all__ = ["BatchAnswer"]

logger = logging.getLogger("lifeevt")


class BatchAnswer:
    """The answers of a batch, each of which becomes a result; written by one thread."""

    def __init__(self, handler: Handler, answers: Sequence[Answer]) -> None:
        self.handler, self.answers = handler, answers
        self.level = min(answer.level for answer in answers)
        self.stage = "reflex"

    def run_stages(self, state: ThreadSafeSelfState, let_pass: Callable[[int], None]) -> None:
        """Call each stage once, for all; between two of them ``let_pass(level)`` answers what is more important."""
        handler = self.handler
        for answer in self.answers:
            answer.attempts, answer.status = 1, Status.PROCESSED
        if handler.meaning is not None:
            self.stage = "meaning"
            self._spread(handler.meaning(self._each("event"), state))
            let_pass(self.level)
        if handler.decision is not None:
            self.stage = "decision"
            self._spread(handler.decision(self._each("event"), self._each("meaning"), state))
            let_pass(self.level)
        if handler.action is not None:
            self.stage = "action"
            self._spread(handler.action(self._each("event"), self._each("decision"), state))

    def fail(self, error: BaseException) -> None:
        """Have all of them end as dead-lettered, and say why, once."""
        text = described(error)
        logger.error("a batch of %d events failed in %s: %s", len(self.answers), self.stage, text, exc_info=error)
        for answer in self.answers:
            answer.status, answer.error = Status.DEAD_LETTERED, f"{self.stage}: {text}"

    def _each(self, name: str) -> list[Any]:
        """A list of its own for each stage, which may change it."""
        return [getattr(answer, name) for answer in self.answers]

    def _spread(self, given: Any) -> None:
        """Give each event what its stage returned for it."""
        count = len(self.answers)
        values = [None] * count if given is None else given
        if not isinstance(values, (list, tuple)):
            raise LifeEventError(f"it returned a {type(given).__name__}, not a list or None, for {count} events")
        if len(values) != count:
            raise LifeEventError(f"it returned {len(values)} values for {count} events")
        for answer, value in zip(self.answers, values, strict=True):
            setattr(answer, self.stage, value)
