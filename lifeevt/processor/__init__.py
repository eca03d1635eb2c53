"""The engine, its worker, and the two kinds of response: reflexes as data and handlers in Python."""

from __future__ import annotations

from .._public import publish
from .handler import ANY_TYPE as ANY_TYPE, BatchPolicy, Handler
from .processor import AsyncEventProcessor, ProcessorStatistics
from .reflex import Reflex, ReflexSet
from .rules import ReflexCondition, ReflexPattern, ReflexRule, ReflexRules

__all__ = [
    "AsyncEventProcessor", "BatchPolicy", "Handler", "ProcessorStatistics", "Reflex", "ReflexCondition",
    "ReflexPattern", "ReflexRule", "ReflexRules", "ReflexSet",
]  # fmt: skip

__dir__ = publish(__name__)
