"""Life's engines as the stages of an engine of ours, and an engine that is made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import AsyncEventProcessor, Event, EventScheduler, EventTypes, Handler, ThreadSafeSelfState
from ..processor import ANY_TYPE
from .event import CarriedEvent, set_waits
from .event_queue import EventQueue
from .pipeline import Engines, EventPipeline, Outcome

__all__ = ["IN_ORDER", "handlers", "processor"]

HOLDER = "an event"  # stands in what those are told who wait for the turn
IN_ORDER = "in_order"


class Stages:
    """The three stages of one engine; one thread at a time calls them.

    All that happens happens in the first, in one turn on the wrapped state; the others tell what it was.
    """

    def __init__(self, pipeline: EventPipeline) -> None:
        self._answer = pipeline.answer
        self._underway: dict[int, Outcome] = {}  # by the event, which lives until its last stage

    def meaning(self, event: Event, state: ThreadSafeSelfState) -> Any:
        """Answer the event in one atomic step, and return Life's meaning of it."""
        given: Any = event
        if type(event) is CarriedEvent:
            set_waits(event, False)
            given = event.original
        with state.turn(HOLDER, event=event) as live:
            outcome = self._answer(live, given)
        self._underway[id(event)] = outcome
        return outcome[0]

    def decision(self, event: Event, meaning: Any, state: ThreadSafeSelfState) -> str | None:
        """Return the pattern; None when the event meant nothing."""
        return self._underway[id(event)][1]

    def action(self, event: Event, pattern: Any, state: ThreadSafeSelfState) -> dict[str, float] | None:
        """Return the impact that was applied; None when nothing was."""
        return self._underway.pop(id(event))[2]


def handlers(
    meaning_engine: Any,
    decide_response: Callable[..., str],
    execute_action: Callable[..., Any],
    *,
    pending_actions: list[Any] | None = None,
    **around: Any,
) -> dict[str, Handler]:
    """Return Life's three engines as the handlers of ``AsyncEventProcessor(wrapped_state, [], handlers)``.

    ``around`` are the further fields of ``Engines``. Each event is one turn on the state, from the dictionary form
    of its status to its memory; one that raises is one dead-lettered result. Give the engine no reflexes: they
    would answer as well. The handlers are for one engine.
    """
    return _handlers(EventPipeline(Engines(meaning_engine, decide_response, execute_action, **around), pending_actions))


def processor(
    state: ThreadSafeSelfState, queue: EventQueue, pipeline: EventPipeline, strategy: str = IN_ORDER, **given: Any
) -> AsyncEventProcessor:
    """Return an engine that answers the queue's events as Life does, on a worker beside the loop.

    ``strategy``: ``in_order`` (one level, equal budgets: Life's own order), or any of an EventScheduler, by Life's
    levels. ``given`` goes to AsyncEventProcessor.
    """
    if strategy == IN_ORDER:
        scheduler = EventScheduler("deadline", EventTypes([]))
    else:
        scheduler = EventScheduler(strategy, EventTypes.life())
    return AsyncEventProcessor(state, [], _handlers(pipeline), queue.by_urgency, scheduler, **given)


def _handlers(pipeline: EventPipeline) -> dict[str, Handler]:
    stages = Stages(pipeline)
    return {ANY_TYPE: Handler(stages.meaning, stages.decision, stages.action)}
