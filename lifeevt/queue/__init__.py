"""The bounded queue by urgency, with receipts, overflow policies, timers and limits."""

from __future__ import annotations

from .._public import publish
from .overflow import BLOCK as BLOCK
from .queue import AsyncEventQueue, QueueStatistics
from .rate_limit import RateLimiter, TokenBucket
from .receipt import Admission, Receipt, Tracked as Tracked
from .timers import PeriodicTimer

__all__ = ["Admission", "AsyncEventQueue", "PeriodicTimer", "QueueStatistics", "RateLimiter", "Receipt", "TokenBucket"]

__dir__ = publish(__name__)
