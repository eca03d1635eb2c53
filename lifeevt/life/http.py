"""What stands behind Life's two addresses, without a server: bytes in, a reply out."""

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
ACCEPTED, DROPPED = "Event accepted", "Event dropped: the queue is full"
NO_QUEUE, NO_STATE = "No event queue", "No state"
LIMITS = ("memory_limit", "events_limit", "energy_history_limit", "stability_history_limit", "adaptation_history_limit")
MOST = sys.float_info.max
MOST_DIGITS = 12  # of a limit


@dataclass(frozen=True)
class Reply:
    """What to answer a request with."""

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
    """Take in the event of a ``POST /event``: JSON with a type, and if wanted intensity, timestamp and metadata.

    200 when it is queued; 400 ``Invalid JSON``, ``'type' is required`` or ``Invalid event: ...``; 500 without a queue;
    ``full_status`` when a full queue dropped it (200: the answer of Life's own server, which says so of any).
    ``event_class`` is called with type, intensity, timestamp and metadata. Never raises, does not block.
    """
    if event_queue is None:
        return _text(FAILED, NO_QUEUE)
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        return _text(BAD_REQUEST, "Invalid JSON")
    if not isinstance(record, Mapping):
        return _text(BAD_REQUEST, "Invalid JSON")
    if not record.get("type"):
        return _text(BAD_REQUEST, "'type' is required")
    try:
        event = event_class(*_parts(record, (clock or SystemClock()).wall_time()))
    except Exception as error:  # whatever an adopter's class says
        return _text(BAD_REQUEST, f"Invalid event: {error}")
    return _pushed(event_queue, event, full_status)


def get_status(state: Any, query: str | Mapping[str, Any] = "") -> Reply:
    """Return the status of a ``GET /status`` as JSON: of a wrapped state, or of a snapshot's that nobody writes.

    ``query``: the address's, with Life's five limits; 400 for one that is no whole number from 0 on. What JSON cannot
    say stands as text, NaN as null. 500 without a state. Waits for the turn that goes on, and copies under it.
    """
    if state is None:
        return _text(FAILED, NO_STATE)
    try:
        limits = _limits(query)
    except ValueError as error:
        return _text(BAD_REQUEST, str(error))
    try:
        status = state.get_safe_status_dict(limits=limits or None)
    except LifeEventError as error:  # somebody has had the turn for too long
        return _text(UNAVAILABLE, str(error))
    return Reply(OK, json.dumps(_sayable(status)).encode(), JSON)


def _pushed(event_queue: Any, event: Any, full_status: int) -> Reply:
    offer = getattr(event_queue, "offer", None)
    if offer is not None:
        return _text(OK, ACCEPTED) if offer(event) or full_status == OK else _text(full_status, DROPPED)
    event_queue.push(event)  # a queue of Life's, which does not say
    return _text(OK, ACCEPTED)


def _parts(record: Mapping[str, Any], now: float) -> tuple[str, float, float, Any]:
    kind, metadata = record["type"], record.get("metadata")
    if not isinstance(kind, str):
        raise InvalidEvent(f"type must be a string, not a {type(kind).__name__}")
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InvalidEvent(f"metadata must be an object, not a {type(metadata).__name__}")
    return kind, _number(record, "intensity", 0.0), _number(record, "timestamp", now), dict(metadata or {})


def _number(record: Mapping[str, Any], name: str, otherwise: float) -> float:
    given = record.get(name, otherwise)
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise InvalidEvent(f"{name} must be a number, not {json.dumps(given)}")
    if not abs(given) <= MOST:
        raise InvalidEvent(f"{name} must be a finite number")
    return float(given)


def _limits(query: str | Mapping[str, Any]) -> dict[str, int]:
    given = {name: values[-1] for name, values in parse_qs(query).items()} if isinstance(query, str) else query
    return {name: _limit(name, str(given[name])) for name in LIMITS if name in given}


def _limit(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise ValueError(f"{name} must be a whole number from 0 on, not {text!r}")
    return int(text)


def _sayable(value: Any) -> Any:
    """Return the value with null for each number that JSON has no word for, and strings for keys."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _sayable(each) for name, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_sayable(each) for each in value]
    return value if value is None or isinstance(value, (str, int)) else _record(value)


def _record(value: Any) -> Any:
    """Return an object, such as a memory entry, by its attributes."""
    held = getattr(value, "__dict__", None)
    return _sayable(held) if held else str(value)


def _text(status: int, text: str) -> Reply:
    return Reply(status, text.encode())

