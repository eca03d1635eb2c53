"""The synchronous loop of Life's shape, as one writes it in Python: the peer of the whole engine.

A FIFO queue that the tick empties, and for each event: the state as a dictionary, meaning, activated memory,
decision, delta under a lock, action, memory. Numbers and order are those of Life's contract; what hangs on
files (logs, sinks, snapshots) is left out, so this peer is cheaper than the loop it stands for.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from typing import Any

from .. import Event, ReflexSet

MEMORY_CAP = 50
VITALS = {"energy": (0.0, 100.0), "stability": (0.0, 1.0), "integrity": (0.0, 1.0)}
POSITIVE = {"joy", "hope", "love", "curiosity", "insight"}
NEGATIVE = {"fear", "anger", "sadness", "confusion", "void"}


@dataclass
class MemoryEntry:
    event_type: str
    meaning_significance: float
    timestamp: float
    weight: float = 1.0


@dataclass
class Meaning:
    significance: float
    impact: dict[str, float] = field(default_factory=dict)


class LifeState:
    """The vitals under one lock, and the containers that hang on them."""

    def __init__(self) -> None:
        self.energy, self.stability, self.integrity = 100.0, 1.0, 1.0
        self.fatigue = self.tension = self.age = self.subjective_time = 0.0
        self.recovery_efficiency, self.circadian_phase = 1.0, 0.0
        self.memory: list[MemoryEntry] = []
        self.activated_memory: list[MemoryEntry] = []
        self.recent_events: list[str] = []
        self.last_pattern, self.last_significance, self.ticks = "", 0.0, 0
        self._lock = threading.RLock()

    def apply_delta(self, delta: dict[str, float]) -> None:
        with self._lock:
            for name, amount in delta.items():
                low, high = VITALS[name]
                setattr(self, name, max(low, min(high, getattr(self, name) + amount)))

    def update_energy(self, value: float) -> None:
        if not 0.0 <= value <= 100.0:
            raise ValueError(f"energy is {value}")
        with self._lock:
            self.energy = value

    def status(self) -> dict[str, Any]:
        with self._lock:
            return {
                "energy": self.energy, "stability": self.stability, "integrity": self.integrity,
                "fatigue": self.fatigue, "tension": self.tension, "age": self.age, "ticks": self.ticks,
                "subjective_time": self.subjective_time, "memory": self.memory, "recent_events": self.recent_events,
                "last_significance": self.last_significance, "recovery_efficiency": self.recovery_efficiency,
            }  # fmt: skip

    def remember(self, entry: MemoryEntry) -> None:
        self.memory.append(entry)
        self.memory.sort(key=lambda each: each.weight, reverse=True)
        del self.memory[MEMORY_CAP:]


class LifeLoop:
    """Push events from anywhere; one tick answers everything that has come."""

    def __init__(self, capacity: int) -> None:
        self.state = LifeState()
        self.answered = 0
        self._queue: queue.Queue[Event] = queue.Queue(capacity)
        self._reflexes = {each.type: (each.weight, dict(each.impact)) for each in ReflexSet.life().reflexes}

    def push(self, event: Event) -> None:
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            return

    def tick(self) -> None:
        self.state.ticks += 1
        for event in self._pop_all():
            self.answer(event)

    def answer(self, event: Event) -> None:
        """One event, in the order of the contract."""
        self.answered += 1
        state = self.state
        meaning = self._meaning(event, state.status())
        if meaning.significance <= 0.0:
            return
        state.activated_memory = self._activated(event.type)
        pattern = self._decide(meaning, "neutral")
        state.last_pattern = pattern
        if pattern == "ignore":
            return
        impact = meaning.impact
        if pattern == "dampen":
            impact = {name: amount * 0.5 for name, amount in impact.items()}
        if event.type == "recovery":
            impact["energy"] *= state.recovery_efficiency
        state.apply_delta(impact)
        self._act(pattern, event)
        state.recent_events.append(event.type)
        state.last_significance = meaning.significance
        state.remember(MemoryEntry(event.type, meaning.significance, event.timestamp))

    def _pop_all(self) -> list[Event]:
        found: list[Event] = []
        while True:
            try:
                found.append(self._queue.get_nowait())
            except queue.Empty:
                return found

    def _meaning(self, event: Event, status: dict[str, Any]) -> Meaning:
        weight, base = self._reflexes.get(event.type) or self._reflexes["*"]
        strength = abs(event.intensity)
        significance = strength * weight * self._sensitivity(event.type, status)
        if status["integrity"] < 0.3:
            significance *= 1.5
        if status["stability"] < 0.5:
            significance *= 1.2
        significance = max(0.0, min(1.0, significance))
        if significance < 0.1:
            return Meaning(significance, dict.fromkeys(base, 0.0))
        factor = 0.5 if status["stability"] > 0.8 else 1.5 if status["stability"] < 0.3 else 1.0
        return Meaning(significance, {name: each * strength * significance * factor for name, each in base.items()})

    def _sensitivity(self, event_type: str, status: dict[str, Any]) -> float:
        learned = status.get("learning_params", {}).get("event_type_sensitivity", {}).get(event_type, 1.0)
        adapted = status.get("adaptation_params", {}).get("behavior_sensitivity", {}).get(event_type, 1.0)
        return min(1.5, (0.5 + 0.5 * float(learned) + 0.5 + 0.5 * float(adapted)) / 2)

    def _activated(self, event_type: str) -> list[MemoryEntry]:
        alike = [entry for entry in self.state.memory if entry.event_type == event_type]
        return sorted(alike, key=lambda entry: entry.meaning_significance, reverse=True)[:3]

    def _decide(self, meaning: Meaning, emotion: str) -> str:
        remembered = [entry.meaning_significance for entry in self.state.activated_memory]
        strongest, mean = max(remembered, default=0.0), sum(remembered) / len(remembered) if remembered else 0.0
        weak, shaken, broken = self.state.energy < 30, self.state.stability < 0.3, self.state.integrity < 0.3
        positive, negative = emotion in POSITIVE, emotion in NEGATIVE
        if (weak and shaken and not (positive and strongest > 0.5)) or (broken and mean > 0.4):
            return "dampen"
        if positive and (strongest > 0.5 or meaning.significance >= 0.5):
            return "amplify"
        return "dampen" if negative or meaning.significance >= 0.5 or strongest > 0.5 else "absorb"

    def _act(self, pattern: str, event: Event) -> None:
        self.state.remember(MemoryEntry("action", 0.0, event.timestamp))
        coefficient = {"dampen": 0.5, "absorb": 1.0}.get(pattern, 1.0)
        if pattern == "dampen":
            self.state.update_energy(max(0.0, self.state.energy - 0.01 * (1.0 - coefficient)))
        elif pattern == "absorb" and coefficient < 0.8:
            self.state.update_energy(max(0.0, self.state.energy - 0.005 * (1.0 - coefficient)))
