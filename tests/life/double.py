"""A being of Life's shape, written from its contract alone: the state's facade, its memory, queue and loop.

With the weaknesses that the contract names: calls are locked one by one, containers leave as they are, a full
queue is emptied to be written down. The engines of its events are in ``engines``.
"""

from __future__ import annotations

import math
import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

CAP = 50
VITALS = {"energy": 100.0, "stability": 1.0, "integrity": 1.0}
UNIT = {"integrity", "stability", "last_event_intensity", "subjective_time_intensity_smoothing"}
NOT_NEGATIVE = {
    "fatigue", "tension", "age", "subjective_time", "ticks",
    "subjective_time_base_rate", "subjective_time_rate_min", "subjective_time_rate_max",
}  # fmt: skip
NUMBERS: dict[str, float] = {
    "energy": 100.0, "integrity": 1.0, "stability": 1.0, "fatigue": 0.0, "tension": 0.0, "age": 0.0,
    "subjective_time": 0.0, "ticks": 0, "last_event_intensity": 0.0, "subjective_time_intensity_smoothing": 0.3,
    "subjective_time_base_rate": 1.0, "subjective_time_rate_min": 0.1, "subjective_time_rate_max": 3.0,
    "subjective_time_intensity_coeff": 1.0, "subjective_time_stability_coeff": 0.5,
    "subjective_time_energy_coeff": 0.5, "last_significance": 0.0, "circadian_phase": 0.0,
    "circadian_period": 86400.0, "circadian_adaptivity": 0.5, "day_length_modifier": 1.0,
    "recovery_efficiency": 1.0, "stability_modifier": 1.0, "echo_count": 0, "last_echo_time": 0.0,
}  # fmt: skip
OPTIONAL = {
    "life_id", "learning_params", "adaptation_params", "planning", "intelligence",
    *(name for name in NUMBERS if "_rate" in name or name.endswith("_coeff")),
}  # fmt: skip
UNLOCKED = {"activated_memory", "last_pattern", "parameter_history"}
CACHE_SECONDS = 0.1
LEARNABLE = ("noise", "decay", "recovery", "shock", "idle")


@dataclass
class Event:
    type: str
    intensity: float
    timestamp: float
    metadata: dict[str, Any] | None = None
    event_type: str | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        self.metadata = {} if self.metadata is None else self.metadata
        if self.event_type is None:
            self.event_type = self.type
        self.type = self.event_type

    @property
    def data(self) -> dict[str, Any]:
        assert self.metadata is not None
        return self.metadata


@dataclass
class MemoryEntry:
    event_type: str
    meaning_significance: float
    timestamp: float
    weight: float = 1.0
    subjective_timestamp: float | None = None


class Memory(list):  # type: ignore[type-arg]
    """Sorts itself by weight, in place, when it is full."""

    def append(self, entry: MemoryEntry) -> None:
        super().append(entry)
        if len(self) > CAP:
            self.sort(key=lambda entry: -entry.weight)  # stable, and it calls Python
            del self[CAP:]

    def total_weight(self) -> float:
        return float(sum(entry.weight for entry in self))


@dataclass
class Body:
    """Where the facade keeps the numbers."""

    numbers: dict[str, float] = field(default_factory=lambda: dict(NUMBERS))


class SelfState:
    """The facade: plain attributes that validate, each call under ``_api_lock``, no call together with another."""

    def __init__(self) -> None:
        put = super().__setattr__
        put("_api_lock", threading.RLock())
        put("_body", Body())
        put("_cache", {})
        put("life_id", str(uuid.UUID(int=7)))
        put("birth_timestamp", 0.0)
        put("active", True)
        for name in ("activated_memory", "archive_memory", "parameter_history", "recent_events", "energy_history"):
            put(name, [])
        put("memory", Memory())
        put("last_pattern", "")
        for name in ("planning", "intelligence"):
            put(name, {})
        put("learning_params", {"event_type_sensitivity": dict.fromkeys(LEARNABLE, 0.2)})
        put("adaptation_params", {"behavior_sensitivity": dict.fromkeys(LEARNABLE, 0.2)})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in NUMBERS:
            raise AttributeError(name)
        return self._body.numbers[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("life_id", "birth_timestamp"):
            raise AttributeError(f"{name} is immutable")
        if name.startswith("_") or name in UNLOCKED:
            super().__setattr__(name, value)
            return
        with self._api_lock:
            self._store(name, value)
            self._cache.clear()

    def _store(self, name: str, value: Any) -> None:
        if name not in NUMBERS:
            super().__setattr__(name, value)
            return
        low, high = _range(name)
        if not low <= value <= high:
            raise ValueError(f"{name} is {value}; it must lie in [{low}, {high}]")
        self._body.numbers[name] = int(value) if name == "ticks" else value

    def apply_delta(self, deltas: dict[str, float]) -> None:
        with self._api_lock:
            for name, amount in deltas.items():
                if name in NUMBERS:
                    self._body.numbers[name] = _clamped(name, self._body.numbers[name] + amount)
                elif hasattr(self, name):
                    raise TypeError(f"{name} is no number")

    def update_energy(self, value: float) -> None:
        self.energy = value

    def update_integrity(self, value: float) -> None:
        self.integrity = value

    def update_stability(self, value: float) -> None:
        self.stability = value

    def update_vital_params(
        self, energy: float | None = None, integrity: float | None = None, stability: float | None = None
    ) -> None:
        for name, value in (("energy", energy), ("integrity", integrity), ("stability", stability)):
            if value is not None:
                setattr(self, name, value)

    def is_active(self) -> bool:
        return bool(self.active) and not any(math.isnan(getattr(self, name)) for name in VITALS)

    def is_viable(self) -> bool:
        return bool(self.energy > 10 and self.integrity > 0.1 and self.stability > 0.1)

    def set_active(self, active: bool) -> None:
        self.active = active

    def get_safe_status_dict(self, include_optional: bool = True, limits: dict[str, int] | None = None) -> Any:
        """A shallow dict with the live containers."""
        key = (include_optional, tuple(sorted((limits or {}).items())))
        known = self._cache.get(key)
        if known is None or time.monotonic() - known[0] > CACHE_SECONDS:
            known = self._cache[key] = (time.monotonic(), self._status(include_optional, limits or {}))
        return known[1]

    def _status(self, include_optional: bool, limits: dict[str, int]) -> dict[str, Any]:
        hidden = set() if include_optional else OPTIONAL
        held = {name: each for name, each in vars(self).items() if not name.startswith("_")}
        shown = {name: each for name, each in {**self._body.numbers, **held}.items() if name not in hidden}
        names = {"memory_limit": "memory", "events_limit": "recent_events"}
        return {**shown, **{names[key]: shown[names[key]][-limit:] for key, limit in limits.items() if key in names}}

    def update_circadian_rhythm(self, dt: float) -> None:
        factor = (_between(1 / max(0.1, self.stability), 0.5, 2.0) + _between(100 / max(10.0, self.energy), 0.5, 2)) / 2
        period = 86400.0 * (1 + self.circadian_adaptivity * (factor - 1)) * self.day_length_modifier
        period = _between(period, 6 * 3600.0, 72 * 3600.0)
        phase = (self.circadian_phase + 2 * math.pi * dt / period) % (2 * math.pi)
        quarter, way = int(phase / (math.pi / 2)) % 4, phase / (math.pi / 2) % 1
        ramps = ((0.5, 0.8), (0.8, 1.0), (1.0, 0.7), (0.7, 0.4))
        self.circadian_period, self.circadian_phase = period, phase
        self.recovery_efficiency = ramps[quarter][0] + way * (ramps[quarter][1] - ramps[quarter][0])


class EventQueue:
    """Life's queue: first in, first out, a hundred at most; written down by emptying and filling it again."""

    def __init__(self, enable_silence_detection: bool = True) -> None:
        self._queue: queue.Queue[Any] = queue.Queue(maxsize=100)
        self._dropped_events_count = 0
        self.silence_detector = None

    def push(self, event: Any) -> None:
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self._dropped_events_count += 1

    def pop(self) -> Any:
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            return None

    def pop_all(self) -> list[Any]:
        found = []
        while not self._queue.empty():
            found.append(self._queue.get_nowait())
        return found

    def size(self) -> int:
        return self._queue.qsize()

    def is_empty(self) -> bool:
        return self._queue.empty()

    def to_dict(self) -> dict[str, Any]:
        events = self.pop_all()
        for event in events:
            self.push(event)
        return {"data": {"events": [{"type": event.type} for event in events]}}


def _range(name: str) -> tuple[float, float]:
    if name in VITALS or name in UNIT:
        return 0.0, VITALS.get(name, 1.0)
    return (0.0 if name in NOT_NEGATIVE else -math.inf), math.inf


def _clamped(name: str, number: float) -> float:
    if name in VITALS:
        return max(0.0, min(VITALS[name], number))  # NaN: the upper bound
    if name == "ticks":
        return max(0, int(number))
    return max(0.0, number) if name in NOT_NEGATIVE - {"subjective_time_base_rate"} else number


def _between(number: float, low: float, high: float) -> float:
    return min(max(number, low), high)
