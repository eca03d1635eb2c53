"""The peer of Life's shape: its synchronous way of an event, written down anew as plain Python.

A queue that never blocks, a status dict for each event, meaning, activated memory, decision, one delta under a
reentrant lock, an action that reads, computes and writes, a register of pending actions, a memory of fifty.
Logs, change records and sinks are left out: a loop works without them, and they would only make the peer slower.
One tick processes all queued events. For one thread.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from lifeevt import Event
from lifeevt.processor import ReflexSet

MEMORY_CAP = 50
VITALS = {"energy": 100.0, "stability": 1.0, "integrity": 1.0}  # the defaults, which are the upper bounds, too
OPEN_ENDED = ("fatigue", "tension", "age", "subjective_time")
RESPONSE_COEFFICIENTS = {"dampen": 0.5, "absorb": 1.0, "amplify": 1.5, "ignore": 0.0}
CIRCADIAN = (0.7, 1.3, 0.9, 0.6)  # by quadrant of the phase
GLAD = frozenset({"joy", "hope", "love", "curiosity", "insight"})
SAD = frozenset({"fear", "anger", "sadness", "confusion", "void"})


@dataclass
class Meaning:
    significance: float
    impact: dict[str, float]
    primary_emotion: str = "neutral"


@dataclass
class MemoryEntry:
    event_type: str
    meaning_significance: float
    timestamp: float
    subjective_timestamp: float
    weight: float = 1.0


@dataclass
class PendingAction:
    action_id: str
    pattern: str
    state_before: dict[str, float]
    timestamp: float


class Memory(list[MemoryEntry]):
    """Keeps the heaviest entries; among equals the youngest."""

    def append(self, entry: MemoryEntry) -> None:
        super().append(entry)
        if len(self) > MEMORY_CAP:
            self.sort(key=attrgetter("weight"))
            del self[0]


class LifeQueue:
    """First in, first out; a full queue drops the new event and counts it."""

    def __init__(self, capacity: int) -> None:
        self._waiting: queue.Queue[Event] = queue.Queue(capacity)
        self.dropped = 0

    def push(self, event: Event) -> None:
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self.dropped += 1

    def pop_all(self) -> list[Event]:
        found = []
        while True:
            try:
                found.append(self._waiting.get_nowait())
            except queue.Empty:
                return found


@dataclass
class LifeState:
    """The numbers of a being, its memory and its scratch fields, under one reentrant lock."""

    energy: float = 100.0
    stability: float = 1.0
    integrity: float = 1.0
    fatigue: float = 0.0
    tension: float = 0.0
    age: float = 0.0
    subjective_time: float = 0.0
    ticks: int = 0
    last_event_intensity: float = 0.0
    last_significance: float = 0.0
    circadian_phase: float = 0.0
    recovery_efficiency: float = 1.0
    stability_modifier: float = 1.0
    last_pattern: str = ""
    activated_memory: list[MemoryEntry] = field(default_factory=list)
    recent_events: list[str] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    lock: Any = field(default_factory=threading.RLock)

    def status(self) -> dict[str, Any]:
        """Return the status for the meaning: a shallow copy with the live containers."""
        with self.lock:
            known = dict(self.__dict__)
        del known["lock"]
        return known

    def apply_delta(self, deltas: dict[str, float]) -> None:
        with self.lock:
            for name, amount in deltas.items():
                if hasattr(self, name):
                    setattr(self, name, self._clamped(name, getattr(self, name) + amount))

    def update_energy(self, energy: float) -> None:
        if not 0.0 <= energy <= VITALS["energy"]:
            raise ValueError(f"energy is {energy}")
        with self.lock:
            self.energy = energy

    @staticmethod
    def _clamped(name: str, number: float) -> float:
        if name in VITALS:
            return min(max(number, 0.0), VITALS[name])
        return max(number, 0.0) if name in OPEN_ENDED else number


class MeaningEngine:
    """Compute an event's significance and its impact on the state."""

    def __init__(self) -> None:
        self._known = {each.type: (each.weight, dict(each.impact)) for each in ReflexSet.life().reflexes}

    def process(self, event: Event, status: dict[str, Any]) -> Meaning:
        weight, base = self._known.get(event.type) or self._known["*"]
        strength = abs(event.intensity)
        significance = self._significance(strength * weight, event.type, status)
        coefficient = self._coefficient(significance, status)
        impact = {name: amount * strength * significance * coefficient for name, amount in base.items()}
        return Meaning(significance, impact)

    def _significance(self, significance: float, event_type: str, status: dict[str, Any]) -> float:
        significance *= self._sensitivity(event_type, status)
        if status["integrity"] < 0.3:
            significance *= 1.5
        if status["stability"] < 0.5:
            significance *= 1.2
        if status.get("clarity_state"):
            significance *= status.get("clarity_modifier", 1.5)
        return min(max(significance, 0.0), 1.0)

    @staticmethod
    def _sensitivity(event_type: str, status: dict[str, Any]) -> float:
        learned = status.get("learning_params", {}).get("event_type_sensitivity", {}).get(event_type, 1.0)
        adapted = status.get("adaptation_params", {}).get("behavior_sensitivity", {}).get(event_type, 1.0)
        return float(min(1.5, ((0.5 + 0.5 * learned) + (0.5 + 0.5 * adapted)) / 2))

    @staticmethod
    def _coefficient(significance: float, status: dict[str, Any]) -> float:
        threshold = status.get("learning_params", {}).get("significance_threshold", 0.1)
        if significance < threshold:
            return 0.0
        if status["stability"] > 0.8:
            return 0.5
        return 1.5 if status["stability"] < 0.3 else 1.0


class Activation:
    """The strongest memories of an event's type, kept until the memory's size has changed by ten."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], list[MemoryEntry]] = {}

    def of(self, event_type: str, memory: Memory) -> list[MemoryEntry]:
        key = (event_type, len(memory) // 10)
        found = self._kept.get(key)
        if found is None:
            same = [entry for entry in memory if entry.event_type == event_type]
            found = self._kept[key] = sorted(same, key=attrgetter("meaning_significance"), reverse=True)[:3]
        return found


def decide_response(state: LifeState, meaning: Meaning) -> str:
    """Return the pattern of the first rule that holds."""
    remembered = [entry.meaning_significance for entry in state.activated_memory]
    strongest = max(remembered, default=0.0)
    mean = sum(remembered) / len(remembered) if remembered else 0.0
    emotion = getattr(meaning, "primary_emotion", "neutral")
    if state.energy < 30.0 and state.stability < 0.3 and not (emotion in GLAD and strongest > 0.5):
        return "dampen"
    if state.integrity < 0.3 and mean > 0.4:
        return "dampen"
    if emotion in GLAD and (strongest > 0.5 or meaning.significance >= 0.5):
        return "amplify"
    if emotion in SAD or meaning.significance >= 0.5 or strongest > 0.5:
        return "dampen"
    return "absorb"


def execute_action(pattern: str, state: LifeState) -> None:
    """Remember that there was an action, and pay for it: read, compute, write."""
    state.memory.append(MemoryEntry("action", 0.0, time.time(), state.subjective_time))
    coefficient = RESPONSE_COEFFICIENTS.get(pattern, 1.0)
    modified = coefficient * _circadian(state) * _pace(state)
    if pattern == "dampen":
        state.update_energy(max(0.0, state.energy - 0.01 * (1.0 - coefficient)))
    elif pattern == "absorb" and coefficient < 0.8:
        state.update_energy(max(0.0, state.energy - 0.005 * (1.0 - coefficient)))
    elif pattern == "amplify" and modified > 1.2:
        state.update_energy(min(100.0, state.energy + 0.005 * (modified - 1.0)))


def _circadian(state: LifeState) -> float:
    return CIRCADIAN[int(state.circadian_phase / (math.pi / 2)) % 4]


def _pace(state: LifeState) -> float:
    ratio = state.subjective_time / state.age if state.age > 0.0 else 1.0
    if ratio > 1.1:
        return 1.2
    return 0.8 if ratio < 0.9 else 1.0


class LifeLoop:
    """One being: events are pushed at any time and processed by the next tick."""

    def __init__(self, capacity: int) -> None:
        self.state, self.queue = LifeState(), LifeQueue(capacity)
        self.pending: list[PendingAction] = []
        self._meaning, self._activation = MeaningEngine(), Activation()

    def tick(self) -> int:
        """Process all queued events; return their number."""
        waiting = self.queue.pop_all()
        self.pending.clear()
        for event in waiting:
            self.process(event)
        return len(waiting)

    def process(self, event: Event) -> None:
        state = self.state
        meaning = self._meaning.process(event, state.status())
        if meaning.significance <= 0.0:
            return
        state.activated_memory = self._activation.of(event.type, state.memory)
        pattern = state.last_pattern = decide_response(state, meaning)
        if pattern != "ignore":
            self._respond(event, meaning, pattern)

    def _respond(self, event: Event, meaning: Meaning, pattern: str) -> None:
        state, impact = self.state, meaning.impact
        if pattern == "dampen":
            impact = {name: amount * 0.5 for name, amount in impact.items()}
        if event.type == "recovery" and "energy" in impact:
            impact["energy"] *= state.recovery_efficiency
        before = {name: getattr(state, name) for name in VITALS}
        state.apply_delta(impact)
        execute_action(pattern, state)
        now = time.time()
        self.pending.append(PendingAction(f"action_{state.ticks}_{pattern}_{int(now * 1000)}", pattern, before, now))
        state.recent_events.append(event.type)
        state.last_significance = meaning.significance
        state.memory.append(MemoryEntry(event.type, meaning.significance, now, state.subjective_time))
