"""The plan's loads as data, shared by every script here: the same events for all columns of a table."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from lifeevt import Event, Field

SEED = 20_000

# How often each type occurs among 20,000 events recorded from Life's generator.
LIFE_MIX = {
    "noise": 4975, "decay": 3627, "recovery": 2607, "connection": 655, "idle": 606, "shock": 564,
    "insight": 494, "isolation": 477, "curiosity": 461, "confusion": 380, "calm": 347, "joy": 330,
    "meaning_found": 320, "inspiration": 313, "comfort": 282, "fatigue": 277, "anticipation": 277,
    "discomfort": 244, "acceptance": 243, "void": 236, "sadness": 222, "social_presence": 210,
    "cognitive_confusion": 209, "cognitive_doubt": 205, "boredom": 203, "creative_dissonance": 194,
    "fear": 191, "social_conflict": 130, "social_harmony": 122, "cognitive_clarity": 118,
    "existential_finitude": 114, "existential_void": 111, "existential_purpose": 94,
    "memory_echo": 89, "silence": 73,
}  # fmt: skip


@dataclass(frozen=True)
class Load:
    """Events a second over some seconds; a burst arrives at once, at the start of every second."""

    name: str
    events_per_second: int
    seconds: float
    burst: bool = False


AVERAGE = Load("average", 100, 1.0)
SUSTAINED = Load("sustained", 1000, 1.0)
BURST = Load("burst", 1000, 1.0, burst=True)
TEN_FOLD = Load("ten-fold", 10_000, 1.0)
LOADS = (AVERAGE, SUSTAINED, BURST, TEN_FOLD)


def events(count: int, seed: int = SEED) -> list[Event]:
    """Events in Life's mix; the same ones for the same arguments."""
    chance = random.Random(seed)
    types = chance.choices(list(LIFE_MIX), weights=list(LIFE_MIX.values()), k=count)
    intensities = [round(chance.uniform(-1.0, 1.0), 6) for _ in types]
    return [Event(type_id, intensities[place], timestamp=float(place)) for place, type_id in enumerate(types)]


def key_steps(count: int, seed: int = SEED) -> list[int]:
    """By how many ns each next key of a heap lies behind the one just taken: budgets of 10 to 200 ms."""
    chance = random.Random(seed)
    return [chance.choice((10, 50, 200)) * 1_000_000 + chance.randrange(1_000_000) for _ in range(count)]


def fields(count: int) -> dict[str, Field]:
    """A state of ``count`` fields between 0 and 100."""
    return {f"field_{number}": Field(50.0, low=0.0, high=100.0) for number in range(count)}


def pauses(count: int, mean_seconds: float, seed: int = SEED) -> Iterator[float]:
    """Irregular pauses, so that a periodic task of the machine does not meet every sample."""
    chance = random.Random(seed)
    return (chance.uniform(0.5, 1.5) * mean_seconds for _ in range(count))
