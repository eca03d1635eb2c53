"""Strategies: the order of events, and how much may run before the next tick."""

from __future__ import annotations

from .._public import publish
from .adaptive import AdaptiveBounds, AdaptiveStrategy, Decision
from .codel import DelayShedder
from .load_balancing import LoadBalancingStrategy
from .scheduler import EventScheduler, LevelStatistics, SchedulerStatistics
from .strategies import strategy_names
from .strategy import (
    LARGEST_BATCH as LARGEST_BATCH,
    OPEN as OPEN,
    DeadlineStrategy,
    Gate,
    LevelLoad,
    Load,
    PriorityStrategy,
    Strategy,
)

__all__ = [
    "AdaptiveBounds",
    "AdaptiveStrategy",
    "DeadlineStrategy",
    "Decision",
    "DelayShedder",
    "EventScheduler",
    "Gate",
    "LevelLoad",
    "LevelStatistics",
    "Load",
    "LoadBalancingStrategy",
    "PriorityStrategy",
    "SchedulerStatistics",
    "Strategy",
    "strategy_names",
]

__dir__ = publish(__name__)
