"""What happened, as frozen data, and what each type of it is worth."""

from __future__ import annotations

from .event import NO_METADATA, Event, Priority
from .event_type import COALESCING, EventType
from .files import Row, load_table, read_table
from .rate_limit import RateLimit, RateLimiter, TokenBucket
from .registry import EventTypes

__all__ = [
    "COALESCING",
    "NO_METADATA",
    "Event",
    "EventType",
    "EventTypes",
    "Priority",
    "RateLimit",
    "RateLimiter",
    "Row",
    "TokenBucket",
    "load_table",
    "read_table",
]
