"""The worker that answers events: as data, or as Python."""

from __future__ import annotations

from .batch_policy import BatchPolicy
from .handler import ANY_TYPE, Handler
from .processor import AsyncEventProcessor, ProcessorStatistics
from .reflex import Condition, Pattern, Reflex, ReflexSet, Rule, Temperament

__all__ = [
    "ANY_TYPE",
    "AsyncEventProcessor",
    "BatchPolicy",
    "Condition",
    "Handler",
    "Pattern",
    "ProcessorStatistics",
    "Reflex",
    "ReflexSet",
    "Rule",
    "Temperament",
]
