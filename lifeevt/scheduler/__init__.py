"""Strategies: the order of events, and how much may run before the next tick."""

from __future__ import annotations

from .._public import publish
from .accounts import LevelStatistics, SchedulerStatistics
from .adaptive import AdaptiveBounds, AdaptiveDecision, AdaptiveStrategy
from .codel import CoDel
from .load_balancing import LoadBalancingStrategy
from .scheduler import EventScheduler
from .strategy import (
    LARGEST_BATCH as LARGEST_BATCH,
    OPEN as OPEN,
    DeadlineStrategy,
    LevelSample,
    LoadSample,
    PriorityStrategy,
    StartGate,
    Strategy,
    strategy_names,
)

__all__ = [
    "AdaptiveBounds", "AdaptiveDecision", "AdaptiveStrategy", "CoDel", "DeadlineStrategy", "EventScheduler",
    "LevelSample", "LevelStatistics", "LoadBalancingStrategy", "LoadSample", "PriorityStrategy", "SchedulerStatistics",
    "StartGate", "Strategy", "strategy_names",
]  # fmt: skip

__dir__ = publish(__name__)
