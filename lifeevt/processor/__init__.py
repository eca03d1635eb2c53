"""The worker, and the two kinds of response: reflexes as data, handlers in Python."""

from __future__ import annotations

from .batch_policy import BatchPolicy
from .handler import ANY_TYPE, Handler
from .processor import AsyncEventProcessor, ProcessorStatistics
from .reflex import Reflex, ReflexResponse, ReflexSet
from .rules import ReflexCondition, ReflexPattern, ReflexRule, ReflexRules

__all__ = [
    "ANY_TYPE",
    "AsyncEventProcessor",
    "BatchPolicy",
    "Handler",
    "ProcessorStatistics",
    "Reflex",
    "ReflexCondition",
    "ReflexPattern",
    "ReflexResponse",
    "ReflexRule",
    "ReflexRules",
    "ReflexSet",
]
