"""Events as frozen data, their types, and rate limits."""

from __future__ import annotations

from .._public import publish
from .event import NO_METADATA as NO_METADATA, Event, Priority
from .event_type import COALESCING as COALESCING, EventType
from .files import Row as Row, load_table as load_table, read_table as read_table
from .rate_limit import RateLimit
from .registry import EventTypes

__all__ = ["Event", "EventType", "EventTypes", "Priority", "RateLimit"]

__dir__ = publish(__name__)
