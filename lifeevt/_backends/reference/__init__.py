"""The reference twin: the contract as plain Python, written to be read, not to be fast.

Each class here has a sibling of the same name in `_core`; `_contract` says what both promise.
"""

from __future__ import annotations

from .account import Account
from .bucket import Bucket
from .cells import StateCells, StateFront
from .codel import CoDel
from .engine import EngineFront
from .heap import EventHeap
from .histogram import Histogram
from .kinds import KindTable
from .lock_guard import LockGuard
from .queue import QueueFront
from .reactor import Reactor
from .reflex import ReflexTable
from .rwlock import RWLock
from .submitter import Submitter

__all__ = [
    "TRACED", "Account", "Bucket", "CoDel", "EngineFront", "EventHeap", "Histogram", "KindTable", "LockGuard",
    "QueueFront", "RWLock", "Reactor", "ReflexTable", "StateCells", "StateFront", "Submitter",
]  # fmt: skip

TRACED = False
