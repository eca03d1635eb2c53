"""LifeEvent: an Event made of any object that Life uses as an event, which it keeps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from .. import Event
from ..errors import InvalidEvent

__all__ = ["PARTS", "LifeEvent", "original_of", "parts_of", "taken"]

UNNAMED = "unknown"  # the type of an event without one; unknown to Life's engines
PARTS = ("type", "intensity", "timestamp", "metadata", "source")


class LifeEvent(Event):
    """An Event made of any object that Life uses as an event; ``original`` is that object.

    Life validates nothing. A type that is no string, an intensity outside [-1, 1] or an impossible time is replaced
    here and stays unchanged in ``original``. ``queued`` is true while the event is in a queue.
    """

    __slots__ = ("original", "queued")

    original: Any
    queued: bool

    def __init__(self, original: Any, now: float) -> None:
        type_name, intensity, timestamp, metadata, source = parts_of(original)
        name, strength = str(type_name) if type_name else UNNAMED, min(max(_number(intensity, 0.0), -1.0), 1.0)
        known = metadata if isinstance(metadata, Mapping) else None
        try:
            super().__init__(name, strength, _number(timestamp, now), known, str(source) if source else None)
        except InvalidEvent:  # of a time or of metadata that no event can have
            super().__init__(name, strength, now)
        _set_original(self, original)
        _set_queued(self, True)


# The setters of the slots get past the frozen class, as in Event.
_set_original: Callable[[LifeEvent, Any], None] = vars(LifeEvent)["original"].__set__
_set_queued: Callable[[LifeEvent, bool], None] = vars(LifeEvent)["queued"].__set__


def parts_of(original: Any) -> list[Any]:
    """Return type, intensity, timestamp, metadata and source of an event, or of a dict used as one."""
    if isinstance(original, Mapping):
        return [*(original.get(name) for name in PARTS[:3]), original.get("metadata", original.get("data")),
                original.get("source")]  # fmt: skip
    return [getattr(original, name, None) for name in PARTS]


def original_of(event: Any) -> Any:
    """Return Life's own object, or the event itself when it is not a LifeEvent."""
    return event.original if type(event) is LifeEvent else event


def taken(event: Any) -> Any:
    """Note that the event has left its queue; return its original, or the event itself when it is not a LifeEvent."""
    if type(event) is not LifeEvent:
        return event
    _set_queued(event, False)
    return event.original


def _number(value: Any, default: float) -> float:
    number = value if isinstance(value, (int, float)) else default
    return float(number) if math.isfinite(number) else default
