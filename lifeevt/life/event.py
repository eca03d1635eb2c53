"""CarriedEvent: an event of Life's on its way through the engine, with Life's own object aboard."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from .. import Event
from ..errors import InvalidEvent

__all__ = ["CarriedEvent", "original_of", "parts_of", "set_waits"]

NAMELESS = "unknown"  # an event without a type; Life's engines treat it as any unknown one
PARTS = ("type", "intensity", "timestamp", "metadata", "source")


class CarriedEvent(Event):
    """What the engine needs to know of any object that Life calls an event; ``original`` is that object.

    Life validates nothing: a type that is no string, an intensity outside [-1, 1] and a time that is none are
    made to fit here, and stay what they are in ``original``. ``waits`` says whether it is in a queue still.
    """

    __slots__ = ("original", "waits")

    original: Any
    waits: bool

    def __init__(self, original: Any, now: float) -> None:
        kind, intensity, timestamp, metadata, source = parts_of(original)
        super().__init__(
            str(kind) if kind else NAMELESS,
            min(max(_number(intensity, 0.0), -1.0), 1.0),
            _number(timestamp, now),
            metadata if isinstance(metadata, Mapping) else None,
            str(source) if source else None,
        )
        carry(self, original)
        set_waits(self, True)

    @classmethod
    def of(cls, original: Any, now: float) -> CarriedEvent:
        """Return the event for an object of Life's; metadata and times that no event can have are left out."""
        try:
            return cls(original, now)
        except InvalidEvent:
            kind, intensity, *_ = parts_of(original)
            made = cls({"type": kind, "intensity": intensity, "timestamp": now}, now)
            carry(made, original)
            return made


# Past the frozen class by the slots' own setters, as Event does.
carry: Callable[[CarriedEvent, Any], None] = vars(CarriedEvent)["original"].__set__
set_waits: Callable[[CarriedEvent, bool], None] = vars(CarriedEvent)["waits"].__set__


def parts_of(original: Any) -> list[Any]:
    """Return type, intensity, timestamp, metadata and source of an event, or of the dict that stands for one."""
    if isinstance(original, Mapping):
        return [*(original.get(name) for name in PARTS[:3]), original.get("metadata", original.get("data")),
                original.get("source")]  # fmt: skip
    return [getattr(original, name, None) for name in PARTS]


def original_of(event: Any) -> Any:
    """Return Life's own object, or an event that never was one."""
    return event.original if type(event) is CarriedEvent else event


def _number(value: Any, otherwise: float) -> float:
    number = value if isinstance(value, (int, float)) else otherwise
    return float(number) if math.isfinite(number) else otherwise
