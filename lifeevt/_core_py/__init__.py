"""The reference twin: the contract as plain Python, written to be read, not to be fast.

Each class here has a sibling of the same name in `_core`; `_contract` says what both promise.
"""

from __future__ import annotations

from .cells import StateCells, StateFront
from .heap import EventHeap
from .histogram import Histogram
from .reflex import ReflexTable
from .rwlock import RWLock

__all__ = ["TRACED", "EventHeap", "Histogram", "RWLock", "ReflexTable", "StateCells", "StateFront"]

TRACED = False
