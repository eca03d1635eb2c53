"""EventPipeline: the work of Life's loop on one event; and Life's engines as handlers of an AsyncEventProcessor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from .. import AsyncEventProcessor, Event, EventScheduler, EventTypes, Handler, ThreadSafeSelfState
from ..processor import ANY_TYPE
from .event import taken
from .event_queue import EventQueue

__all__ = ["IN_ORDER", "Engines", "EventPipeline", "MemoryEntry", "Outcome", "handlers", "processor"]

IGNORE, DAMPEN, RECOVERY = "ignore", "dampen", "recovery"
DAMPENING = 0.5  # of every impact, on top of the dampening in the meaning
VITAL_NAMES = ("energy", "stability", "integrity")
VITALS = attrgetter(*VITAL_NAMES)
USUAL, FAST, SLOW = 3, 5, 2  # how many memories an event activates, by how fast time seems to pass
FAST_RATIO, SLOW_RATIO = 1.1, 0.9
HOLDER = "an event"  # names the holder of exclusive access in a LockTimeout
IN_ORDER = "in_order"


@dataclass
class MemoryEntry:
    """A memory of an event: the default of ``Engines.memory_entry``."""

    event_type: str
    meaning_significance: float
    timestamp: float
    weight: float = 1.0
    subjective_timestamp: float | None = None


def strongest_of_type(event_type: str, memory: Iterable[Any], self_state: Any) -> list[Any]:
    """Return the most significant memories of a type: 3 of them, 5 when time runs fast, 2 when it runs slow."""
    age = self_state.age
    ratio = self_state.subjective_time / age if age > 0 else 1.0
    count = FAST if ratio >= FAST_RATIO else SLOW if ratio <= SLOW_RATIO else USUAL
    same = [entry for entry in memory if entry.event_type == event_type]
    return sorted(same, key=attrgetter("meaning_significance"), reverse=True)[:count]


@dataclass(frozen=True)
class Engines:
    """Life's engines, and the functions that its loop calls around them, all with Life's own signatures.

    Args:
        meaning_engine: has ``process(event, status)``, which returns a meaning.
        decide_response: called with (state, meaning); returns the pattern.
        execute_action: called with (pattern, state).
        activate_memory: called with (type, memory, self_state=state).
        register_action: called with (action_id, pattern, state_before, timestamp, pending_actions), or None.
        memory_entry: called with event_type=, meaning_significance=, timestamp= and subjective_timestamp=.
    """

    meaning_engine: Any
    decide_response: Callable[..., str]
    execute_action: Callable[..., Any]
    activate_memory: Callable[..., list[Any]] = strongest_of_type
    register_action: Callable[..., Any] | None = None
    memory_entry: Callable[..., Any] = MemoryEntry

    def __post_init__(self) -> None:
        if not callable(getattr(self.meaning_engine, "process", None)):
            raise TypeError(f"a meaning engine has a method process; a {type(self.meaning_engine).__name__} has none")
        for name in ("decide_response", "execute_action", "activate_memory", "memory_entry"):
            if not callable(getattr(self, name)):
                raise TypeError(f"{name} must be callable, not a {type(getattr(self, name)).__name__}")


class Outcome(NamedTuple):
    """The outcome of one event. ``pattern`` is None without significance, ``impact`` when none was applied."""

    meaning: Any
    pattern: str | None = None
    impact: dict[str, float] | None = None


class EventPipeline:
    """Takes one event from meaning to memory, in the order of Life's loop. Call it in exclusive access.

    Args:
        engines: Life's engines.
        pending_actions: the list that the feedback of later ticks reads.
        now: returns wall seconds.
    """

    def __init__(
        self, engines: Engines, pending_actions: list[Any] | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._engines, self._now = engines, now
        self._process = engines.meaning_engine.process
        self.pending_actions: list[Any] = [] if pending_actions is None else pending_actions

    def process(self, live: Any, event: Any) -> Outcome:
        """Apply the event to the bare state. Exceptions of the engines propagate."""
        engines = self._engines
        meaning = self._process(event, live.get_safe_status_dict(include_optional=False))
        if meaning.significance <= 0:
            return Outcome(meaning)
        live.activated_memory = engines.activate_memory(event.type, live.memory, self_state=live)
        live.last_pattern = pattern = engines.decide_response(live, meaning)
        if pattern == IGNORE:
            return Outcome(meaning, pattern)
        impact = meaning.impact = self._impact(live, event.type, meaning, pattern)
        before = VITALS(live)
        live.apply_delta(impact)
        engines.execute_action(pattern, live)
        self._remember(live, event.type, meaning, pattern, before)
        return Outcome(meaning, pattern, impact)

    def _impact(self, live: Any, event_type: str, meaning: Any, pattern: str) -> dict[str, float]:
        impact: dict[str, float] = meaning.impact
        if pattern == DAMPEN:
            impact = {name: amount * DAMPENING for name, amount in impact.items()}
        if event_type == RECOVERY and "energy" in impact:
            impact = {**impact, "energy": impact["energy"] * live.recovery_efficiency}
        return impact

    def _remember(self, live: Any, event_type: str, meaning: Any, pattern: str, before: tuple[float, ...]) -> None:
        engines, now = self._engines, self._now()
        if engines.register_action is not None:
            vitals = dict(zip(VITAL_NAMES, before, strict=True))
            action_id = f"action_{live.ticks}_{pattern}_{int(now * 1000)}"
            engines.register_action(action_id, pattern, vitals, now, self.pending_actions)
        live.recent_events.append(event_type)
        live.last_significance = meaning.significance
        live.memory.append(
            engines.memory_entry(
                event_type=event_type, meaning_significance=meaning.significance, timestamp=now,
                subjective_timestamp=live.subjective_time,
            )
        )  # fmt: skip


def handlers(
    meaning_engine: Any,
    decide_response: Callable[..., str],
    execute_action: Callable[..., Any],
    *,
    pending_actions: list[Any] | None = None,
    **others: Any,
) -> dict[str, Handler]:
    """Return Life's three engines as the handlers of ``AsyncEventProcessor(wrapped_state, [], handlers)``.

    Each event is one exclusive access, from Life's status dict to its memory. An event that raises gives one
    dead-lettered result. Give the engine no reflexes: they would process the events as well. The handlers are for one
    engine.

    Args:
        meaning_engine: as in ``Engines``.
        decide_response: as in ``Engines``.
        execute_action: as in ``Engines``.
        pending_actions: the list that Life's feedback reads.
        others: the other fields of ``Engines``.
    """
    return _handlers(EventPipeline(Engines(meaning_engine, decide_response, execute_action, **others), pending_actions))


def processor(
    state: ThreadSafeSelfState, queue: EventQueue, pipeline: EventPipeline, strategy: str = IN_ORDER, **given: Any
) -> AsyncEventProcessor:
    """Return an engine that processes the queue's events as Life does, on a worker beside the loop.

    Args:
        state: a wrapped state.
        queue: the events.
        pipeline: processes each event.
        strategy: ``in_order`` is Life's own order: one level, equal budgets. Any other is a strategy of an
            EventScheduler, with Life's levels.
        given: passed to AsyncEventProcessor.
    """
    if strategy == IN_ORDER:
        scheduler = EventScheduler("deadline", EventTypes([]))
    else:
        scheduler = EventScheduler(strategy, EventTypes.life())
    return AsyncEventProcessor(state, [], _handlers(pipeline), queue.by_urgency, scheduler, **given)


def _handlers(pipeline: EventPipeline) -> dict[str, Handler]:
    """Return a pipeline as the three stages of a handler, for one thread at a time.

    The first stage processes the event, in one exclusive access; the other two return parts of its outcome.
    """
    process = pipeline.process
    outcomes: dict[int, Outcome] = {}  # by the id of the event, which lives until its last stage

    def meaning(event: Event, state: ThreadSafeSelfState) -> Any:
        original = taken(event)
        with state.exclusive(HOLDER, event=event) as live:
            outcome = outcomes[id(event)] = process(live, original)
        return outcome[0]

    def decision(event: Event, meaning: Any, state: ThreadSafeSelfState) -> str | None:
        return outcomes[id(event)][1]

    def action(event: Event, pattern: Any, state: ThreadSafeSelfState) -> dict[str, float] | None:
        return outcomes.pop(id(event))[2]

    return {ANY_TYPE: Handler(meaning, decision, action)}
