"""Meaning, decision and action as the contract words them, and the loop's step for one event, for the double.

Each module-level function has the signature of Life's own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from life.double import VITALS, MemoryEntry, SelfState
from life_contract import CONTRACT

ECHO = {
    "recovery": (0.3, 0.05, 0.02), "social_harmony": (0.2, 0.08, 0.03), "learning_achievement": (0.25, 0.06, 0.04),
    "shock": (-0.2, -0.03, -0.01), "decay": (-0.15, -0.02, -0.02), "crisis": (-0.25, -0.04, -0.03),
    "disruption": (-0.1, -0.03, -0.01), "noise": (-0.05, 0.0, 0.0), "idle": (-0.03, 0.01, 0.0),
    "adaptation": (0.0, 0.02, 0.01), "routine": (0.0, 0.01, 0.0),
}  # fmt: skip
RESPONSE = {"dampen": 0.5, "absorb": 1.0, "amplify": 1.5, "ignore": 0.0}
COEFFICIENTS = {"response_coefficients": RESPONSE}
GLAD = {"joy", "hope", "love", "curiosity", "insight"}
SAD = {"fear", "anger", "sadness", "confusion", "void"}
IMPACTS = ("energy", "stability", "integrity")


@dataclass
class Meaning:
    event_id: str | None = None
    significance: float = 0.0
    impact: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0.0 <= self.significance <= 1.0:
            raise ValueError(f"significance is {self.significance}")


class MeaningEngine:
    def process(self, event: Any, state: Any) -> Meaning:
        known = _Seen(state)
        weight, *base = CONTRACT.get(event.type, (1.0, 0.0, 0.0, 0.0))
        strength = abs(event.intensity)
        significance = _significance(strength * weight, event.type, known)
        impact = self._echo(event, known, strength) or dict(
            zip(IMPACTS, (each * strength * significance for each in base), strict=True)
        )
        factor = _pattern_factor(significance, known)
        return Meaning(str(id(event)), significance, {name: each * factor for name, each in impact.items()})

    def _echo(self, event: Any, known: _Seen, strength: float) -> dict[str, float] | None:
        original = (event.metadata or {}).get("original_memory")
        if event.type != "memory_echo" or not original:
            return None
        felt = original.get("emotional_impact", {})
        added = ECHO.get(original.get("event_type"), (0.0, 0.0, 0.0))
        sums = {name: felt.get(name, 0.0) + each * strength for name, each in zip(IMPACTS, added, strict=True)}
        return {name: each * _context(each, known) for name, each in sums.items()}


class _Seen:
    """The status that the meaning reads: a dictionary's entries, or an instance's attributes."""

    def __init__(self, state: Any) -> None:
        self.instance = isinstance(state, SelfState)
        self._read = (lambda name, default: getattr(state, name, default)) if self.instance else state.get

    def __call__(self, name: str, default: Any = 0.0) -> Any:
        return self._read(name, default)


def _significance(significance: float, event_type: str, known: _Seen) -> float:
    learned = known("learning_params", {}).get("event_type_sensitivity", {}).get(event_type, 1.0)
    adapted = known("adaptation_params", {}).get("behavior_sensitivity", {}).get(event_type, 1.0)
    significance *= min(1.5, (0.5 + 0.5 * learned + 0.5 + 0.5 * adapted) / 2)
    significance *= 1.5 if known("integrity") < 0.3 else 1.0
    significance *= 1.2 if known("stability") < 0.5 else 1.0
    if known.instance and known("age") > 0:
        ratio = known("subjective_time") / known("age")
        if ratio > 1.1:
            significance *= min(1.3, 1 + (ratio - 1) / 2)
        elif ratio < 0.9:
            significance *= max(0.8, 1 - 0.3 * (1 - ratio))
    if known("clarity_state", False):
        significance *= known("clarity_modifier", 1.5)
    return min(max(significance, 0.0), 1.0)


def _pattern_factor(significance: float, known: _Seen) -> float:
    learned, adapted = known("learning_params", {}), known("adaptation_params", {})
    if significance < adapted.get("significance_threshold", learned.get("significance_threshold", 0.1)):
        return 0.0
    if known("stability") > 0.8:
        return 0.5
    return 1.5 if known("stability") < 0.3 else 1.0


def _context(impact: float, known: _Seen) -> float:
    stability, energy, fatigue = known("stability"), known("energy"), known("fatigue")
    factor = 1.0
    if stability < 0.3:
        factor *= 1.5 if impact > 0 else 0.7 if impact < 0 else 1.0
    if stability > 0.8:
        factor *= 0.9
    if energy < 30 and impact > 0:
        factor *= 1.3
    if energy > 80 and impact < 0:
        factor *= 0.8
    if fatigue > 0.7 and impact > 0:
        factor *= 1.2
    return min(max(factor, 0.5), 2.0)


def decide_response(
    self_state: Any, meaning: Any, enable_performance_monitoring: bool = False, adaptation_manager: Any = None
) -> str:
    recalled = [entry.meaning_significance for entry in self_state.activated_memory]
    highest, mean = max(recalled, default=0.0), sum(recalled) / len(recalled) if recalled else 0.0
    emotion = getattr(meaning, "primary_emotion", "neutral")
    glad, heavy, strong = emotion in GLAD, meaning.significance >= 0.5, highest > 0.5
    if self_state.energy < 30 and self_state.stability < 0.3 and not (glad and strong):
        return "dampen"
    if self_state.integrity < 0.3 and mean > 0.4:
        return "dampen"
    if glad and (strong or heavy):
        return "amplify"
    return "dampen" if emotion in SAD or heavy or strong else "absorb"


def execute_action(pattern: str, self_state: Any) -> None:
    self_state.memory.append(
        MemoryEntry("action", 0.0, time.time(), subjective_timestamp=self_state.subjective_time)
    )
    learned = self_state.learning_params.get("response_coefficients", RESPONSE)
    c = self_state.adaptation_params.get("behavior_coefficients", learned).get(pattern, 1.0)
    quarter = (0.7, 1.3, 0.9, 0.6)[int(self_state.circadian_phase / (math.pi / 2)) % 4]
    ratio = self_state.subjective_time / self_state.age if self_state.age > 0 else 1.0
    q = c * quarter * (1.2 if ratio > 1.1 else 0.8 if ratio < 0.9 else 1.0)
    if pattern == "dampen":
        self_state.update_energy(max(0.0, self_state.energy - 0.01 * (1 - c)))
    elif pattern == "absorb" and c < 0.8:
        self_state.update_energy(max(0.0, self_state.energy - 0.005 * (1 - c)))
    elif pattern == "amplify" and q > 1.2:
        self_state.update_energy(min(100.0, self_state.energy + 0.005 * (q - 1)))


def activate_memory(event_type: str, memory: Iterable[Any], self_state: Any) -> list[Any]:
    ratio = self_state.subjective_time / self_state.age if self_state.age > 0 else 1.0
    same = [entry for entry in memory if entry.event_type == event_type]
    top = 5 if ratio >= 1.1 else 2 if ratio <= 0.9 else 3
    return sorted(same, key=lambda entry: -entry.meaning_significance)[:top]


def handle(state: SelfState, event: Any, pending: list[Any] | None = None) -> None:
    """One event in Life's loop, in the contract's order."""
    meaning = MeaningEngine().process(event, state.get_safe_status_dict(include_optional=False))
    if meaning.significance <= 0:
        return
    state.activated_memory = activate_memory(event.type, state.memory, self_state=state)
    pattern = decide_response(state, meaning)
    state.last_pattern = pattern
    if pattern == "ignore":
        return
    if pattern == "dampen":
        meaning.impact = {name: each * 0.5 for name, each in meaning.impact.items()}
    if event.type == "recovery" and "energy" in meaning.impact:
        meaning.impact["energy"] *= state.recovery_efficiency
    before = {name: getattr(state, name) for name in VITALS}
    state.apply_delta(meaning.impact)
    execute_action(pattern, state)
    if pending is not None:
        pending.append((f"action_{state.ticks}_{pattern}", pattern, before))
    state.recent_events.append(event.type)
    state.last_significance = meaning.significance
    state.memory.append(MemoryEntry(event.type, meaning.significance, time.time()))


def tick(state: SelfState, events: list[Any], dt: float) -> None:
    """One tick of Life's loop, in the contract's order, with nothing optional in it."""
    rate = (
        state.subjective_time_base_rate
        + state.subjective_time_intensity_coeff * state.last_event_intensity
        + state.subjective_time_stability_coeff * (state.stability - 0.5)
        + state.subjective_time_energy_coeff * state.energy / 100
        + 0.3 * math.sin(state.circadian_phase) * state.recovery_efficiency
    )
    rate = min(max(rate, state.subjective_time_rate_min), state.subjective_time_rate_max)
    state.apply_delta({"ticks": 1, "age": dt, "subjective_time": dt * rate})
    state.update_circadian_rhythm(dt)
    if events:
        strongest = max((each.intensity for each in events if 0 <= each.intensity <= 1), default=0.0)
        state.last_event_intensity = 0.3 * strongest + 0.7 * state.last_event_intensity
        for event in events:
            handle(state, event)
    state.last_event_intensity *= 0.7
    if min(state.energy, state.stability, state.integrity) < 0.05:
        state.apply_delta({"energy": -0.02 * dt, "stability": -0.04 * dt, "integrity": -0.04 * dt})
