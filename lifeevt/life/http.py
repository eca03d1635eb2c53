"""The handlers of Life's two HTTP addresses, without a server: from bytes to a Reply."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from .. import Event
from ..clock import Clock, SystemClock
from ..errors import InvalidEvent, LifeEventError

__all__ = ["Reply", "get_status", "post_event"]

OK, BAD_REQUEST, FAILED, UNAVAILABLE = 200, 400, 500, 503
TEXT, JSON = "text/plain; charset=utf-8", "application/json"
LIMITS = ("memory_limit", "events_limit", "energy_history_limit", "stability_history_limit", "adaptation_history_limit")
LARGEST = sys.float_info.max
MAX_DIGITS = 12  # of a limit


@dataclass(frozen=True)
class Reply:
    """The reply to a request."""

    status: int
    body: bytes
    content_type: str = TEXT


def post_event(
    event_queue: Any,
    body: bytes | str,
    *,
    event_class: Callable[..., Any] = Event,
    clock: Clock | None = None,
    full_status: int = UNAVAILABLE,
) -> Reply:
    """Queue the event of a ``POST /event``: JSON with a type, and optionally intensity, timestamp and metadata.

    The reply is 200 when the event is queued; 400 ``Invalid JSON``, ``'type' is required`` or ``Invalid event: ...``;
    500 without a queue; ``full_status`` when a full queue dropped the event. Never raises or blocks.

    Args:
        event_queue: the queue, or None.
        body: the body of the request.
        event_class: called with type, intensity, timestamp and metadata.
        clock: the source of timestamps for events without one.
        full_status: the status when the queue is full; Life's own server replies 200.
    """
    if event_queue is None:
        return _text(FAILED, "No event queue")
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, Mapping):
        return _text(BAD_REQUEST, "Invalid JSON")
    if not record.get("type"):
        return _text(BAD_REQUEST, "'type' is required")
    try:
        event = event_class(*_parts(record, (clock or SystemClock()).wall_time()))
    except Exception as error:  # an adopter's class may raise anything
        return _text(BAD_REQUEST, f"Invalid event: {error}")
    offer = getattr(event_queue, "offer", None)
    if offer is None:
        event_queue.push(event)  # Life's own queue, which returns nothing
    elif not offer(event) and full_status != OK:
        return _text(full_status, "Event dropped: the queue is full")
    return _text(OK, "Event accepted")


def get_status(state: Any, query: str | Mapping[str, Any] = "") -> Reply:
    """Return the status of a ``GET /status`` as JSON.

    The reply is 400 for a limit that is no whole number from 0 on, 500 without a state, and 503 when exclusive access
    to the state timed out. NaN becomes null, and objects that JSON does not know become text. Waits for exclusive
    access, and copies the status in it.

    Args:
        state: a wrapped state, or one that no thread writes, such as that of a snapshot.
        query: the query of the address, with Life's five limits.
    """
    if state is None:
        return _text(FAILED, "No state")
    try:
        limits = _limits(query)
    except ValueError as error:
        return _text(BAD_REQUEST, str(error))
    try:
        status = state.get_safe_status_dict(limits=limits or None)
    except LifeEventError as error:  # such as LockTimeout
        return _text(UNAVAILABLE, str(error))
    return Reply(OK, json.dumps(_json_value(status)).encode(), JSON)


def _parts(record: Mapping[str, Any], now: float) -> tuple[str, float, float, Any]:
    type_name, metadata = record["type"], record.get("metadata")
    if not isinstance(type_name, str):
        raise InvalidEvent(f"type must be a string, not a {type(type_name).__name__}")
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InvalidEvent(f"metadata must be an object, not a {type(metadata).__name__}")
    return type_name, _number(record, "intensity", 0.0), _number(record, "timestamp", now), dict(metadata or {})


def _number(record: Mapping[str, Any], name: str, default: float) -> float:
    given = record.get(name, default)
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise InvalidEvent(f"{name} must be a number, not {json.dumps(given)}")
    if not abs(given) <= LARGEST:
        raise InvalidEvent(f"{name} must be a finite number")
    return float(given)


def _limits(query: str | Mapping[str, Any]) -> dict[str, int]:
    given = {name: values[-1] for name, values in parse_qs(query).items()} if isinstance(query, str) else query
    return {name: _limit(name, str(given[name])) for name in LIMITS if name in given}


def _limit(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise ValueError(f"{name} must be a whole number from 0 on, not {text!r}")
    return int(text)


def _json_value(value: Any) -> Any:
    """Return the value with null for numbers that are not finite, and with strings for keys."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _json_value(each) for name, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_json_value(each) for each in value]
    if value is None or isinstance(value, (str, int)):
        return value
    held = getattr(value, "__dict__", None)  # such as that of a memory entry
    return _json_value(held) if held else str(value)


def _text(status: int, text: str) -> Reply:
    return Reply(status, text.encode())
