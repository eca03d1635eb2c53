"""The reference backend: plain Python, written to be read. It is the contract of the native one.

Each class here has a sibling of the same name in the native backend, with the same signatures and errors.
"""

from __future__ import annotations

from .account import Account
from .bucket import Bucket
from .cells import StateCells
from .codel import CoDel
from .engine import ProcessorBase
from .heap import EventHeap
from .histogram import Histogram
from .lock_guard import LockEntry, LockGuard
from .queue import QueueBase
from .reactor import Reactor
from .reflex import ReflexTable
from .rwlock import RWLock
from .state import StateBase
from .submitter import Submitter
from .type_table import TypeTable

__all__ = [
    "FORM", "TRACED", "Account", "Bucket", "CoDel", "EventHeap", "Histogram", "LockEntry", "LockGuard", "ProcessorBase",
    "QueueBase", "RWLock", "Reactor", "ReflexTable", "StateBase", "StateCells", "Submitter", "TypeTable",
]  # fmt: skip

FORM = "pure"
TRACED = False
