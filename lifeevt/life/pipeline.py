"""EventPipeline: what Life's loop does with one event, step by step, on the bare state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

__all__ = ["Engines", "EventPipeline", "MemoryEntry", "Outcome"]

IGNORE, DAMPEN, RECOVERY = "ignore", "dampen", "recovery"
DAMPENING = 0.5  # of every impact, on top of what the meaning did itself
VITALS = attrgetter("energy", "stability", "integrity")
USUAL, QUICK, SLOW = 3, 5, 2  # how many memories an event wakes, by how fast time seems to pass
QUICK_RATIO, SLOW_RATIO = 1.1, 0.9


@dataclass
class MemoryEntry:
    """What is remembered of an event, for adopters without a class of their own."""

    event_type: str
    meaning_significance: float
    timestamp: float
    weight: float = 1.0
    subjective_timestamp: float | None = None


def strongest_of_type(event_type: str, memory: Iterable[Any], self_state: Any) -> list[Any]:
    """Return the most significant memories of a type: 3 of them, 5 when time runs fast, 2 when it runs slow."""
    age = self_state.age
    ratio = self_state.subjective_time / age if age > 0 else 1.0
    count = QUICK if ratio >= QUICK_RATIO else SLOW if ratio <= SLOW_RATIO else USUAL
    same = [entry for entry in memory if entry.event_type == event_type]
    return sorted(same, key=attrgetter("meaning_significance"), reverse=True)[:count]


@dataclass(frozen=True)
class Engines:
    """Life's engines by their own signatures, and what its loop calls around them.

    ``meaning_engine.process(event, status)``, ``decide_response(state, meaning)``, ``execute_action(pattern, state)``,
    ``activate_memory(type, memory, self_state=state)``; ``register_action(action_id, pattern, state_before, timestamp,
    pending_actions)`` or None; ``memory_entry(event_type=, meaning_significance=, timestamp=, subjective_timestamp=)``.
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
    """What became of one event: ``pattern`` is None when it meant nothing, ``impact`` when nothing was applied."""

    meaning: Any
    pattern: str | None = None
    impact: dict[str, float] | None = None


class EventPipeline:
    """Takes one event from meaning to memory, in the order of Life's loop. For whoever has the state to itself.

    ``pending_actions`` is the list that the feedback of later ticks reads; ``now`` returns wall seconds.
    """

    def __init__(
        self, engines: Engines, pending_actions: list[Any] | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._engines, self._now = engines, now
        self._process = engines.meaning_engine.process
        self.pending_actions: list[Any] = [] if pending_actions is None else pending_actions

    def answer(self, live: Any, event: Any) -> Outcome:
        """Let the event do to the state what it means; whatever an engine raises comes through."""
        engines = self._engines
        meaning = self._process(event, live.get_safe_status_dict(include_optional=False))
        if meaning.significance <= 0:
            return Outcome(meaning)
        live.activated_memory = engines.activate_memory(event.type, live.memory, self_state=live)
        live.last_pattern = pattern = engines.decide_response(live, meaning)
        if pattern == IGNORE:
            return Outcome(meaning, pattern)
        impact = meaning.impact = self._impact(live, event.type, meaning, pattern)
        energy, stability, integrity = VITALS(live)
        live.apply_delta(impact)
        engines.execute_action(pattern, live)
        self._remember(live, event.type, meaning, pattern, energy, stability, integrity)
        return Outcome(meaning, pattern, impact)

    def _impact(self, live: Any, event_type: str, meaning: Any, pattern: str) -> dict[str, float]:
        impact: dict[str, float] = meaning.impact
        if pattern == DAMPEN:
            impact = {name: amount * DAMPENING for name, amount in impact.items()}
        if event_type == RECOVERY and "energy" in impact:
            impact = {**impact, "energy": impact["energy"] * live.recovery_efficiency}
        return impact

    def _remember(
        self, live: Any, event_type: str, meaning: Any, pattern: str, energy: float, stability: float, integrity: float
    ) -> None:
        engines, now = self._engines, self._now()
        if engines.register_action is not None:
            before = {"energy": energy, "stability": stability, "integrity": integrity}
            action_id = f"action_{live.ticks}_{pattern}_{int(now * 1000)}"
            engines.register_action(action_id, pattern, before, now, self.pending_actions)
        live.recent_events.append(event_type)
        live.last_significance = meaning.significance
        live.memory.append(
            engines.memory_entry(
                event_type=event_type, meaning_significance=meaning.significance, timestamp=now,
                subjective_timestamp=live.subjective_time,
            )
        )  # fmt: skip
