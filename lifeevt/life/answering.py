"""How a tick comes by its events: answered in it, in order, or gathered from the worker that answered them before."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from .. import AsyncEventProcessor, EventProcessingResult, Status
from .event import original_of
from .pipeline import EventPipeline, Outcome
from .tick import Access, Subsystems, batches, told

__all__ = ["Answers", "Gathered", "InTick"]

logger = logging.getLogger("lifeevt.life")
STARTED = frozenset({Status.PROCESSED, Status.IGNORED, Status.DEAD_LETTERED})
Answers = Callable[[Any, Outcome | None], Any]  # told of each event and what became of it, None when it failed


class InTick:
    """Today's way: everything queued is answered in the tick, one after another; one exception fails one event."""

    def __init__(
        self, access: Access, around: Subsystems, pipeline: EventPipeline | None, event_queue: Any,
        on_answer: Answers | None,
    ) -> None:  # fmt: skip
        self._access, self._around, self._pipeline = access, around, pipeline
        self._queue, self._on_answer = event_queue, on_answer
        self.events = self.failed = 0

    def take(self, begin: Callable[[list[Any]], None]) -> list[Any]:
        """Answer what is queued, after ``begin`` was called with it, and return it."""
        if self._pipeline is None or self._queue is None or self._queue.is_empty():
            return []
        events: list[Any] = self._queue.pop_all()
        begin(events)
        for batch in batches(events):
            for event in batch:
                _sink(self._around, event)
            for event in batch:
                self._answer(self._pipeline, event)
        return events

    def _answer(self, pipeline: EventPipeline, event: Any) -> None:
        self.events += 1
        outcome = None
        try:
            with self._access("an event") as live:
                outcome = pipeline.answer(live, event)
        except Exception:
            self.failed += 1
            logger.exception("an event failed: %r", event)
        if self._on_answer is not None:
            self._on_answer(event, outcome)


class Gathered:
    """Our way: the worker has answered between the ticks; the tick takes the results."""

    def __init__(
        self,
        processor: AsyncEventProcessor,
        around: Subsystems,
        on_result: Callable[[EventProcessingResult], Any] | None = None,
    ) -> None:
        self._processor, self._around, self._on_result = processor, around, on_result
        self.events = self.failed = 0

    def take(self, begin: Callable[[list[Any]], None]) -> list[Any]:
        """Return the events that were answered since the last tick, and tell ``begin`` of them."""
        results = [each for each in self._processor.results() if each.status in STARTED]
        events = [original_of(each.event) for each in results]
        if events:
            begin(events)
        self.events += len(results)
        self.failed += sum(each.status is Status.DEAD_LETTERED for each in results)
        for event, result in zip(events, results, strict=True):
            _sink(self._around, event)
            if self._on_result is not None:
                self._on_result(result)
        return events


def _sink(around: Subsystems, event: Any) -> None:
    for sink in around.sinks:
        try:
            sink(told(event))
        except Exception:  # of the user's: no event is lost for that
            logger.exception("a sink failed at %r", event)
