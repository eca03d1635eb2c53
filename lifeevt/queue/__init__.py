"""The bounded queue by urgency, and all that an event can be while it waits."""

from __future__ import annotations

from .overflow import BLOCK
from .queue import AsyncEventQueue, QueueStatistics
from .receipt import Admission, Receipt, Tracked
from .timers import Periodic

__all__ = [
    "BLOCK",
    "Admission",
    "AsyncEventQueue",
    "Periodic",
    "QueueStatistics",
    "Receipt",
    "Tracked",
]
