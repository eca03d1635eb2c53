"""Event, as frozen data, and Priority, its level of importance."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from numbers import Real
from types import MappingProxyType
from typing import Any, cast

from .._backends.contract import MAX_LEVELS
from ..errors import InvalidEvent
from ..serialization import plain

__all__ = ["Event", "Priority"]

# Years 1 to 9999, the range of datetime. A time outside is a mistake, such as one in milliseconds; a time inside is
# harmless, as scheduling reads no wall clock.
EARLIEST_TIMESTAMP = -62_135_596_800.0
LATEST_TIMESTAMP = 253_402_300_799.0


class Priority(IntEnum):
    """The level of an event; a smaller number is more important.

    Besides these four there are ``Priority(4)`` to ``Priority(15)``, for types with less important levels.
    """

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3

    @classmethod
    def _missing_(cls, value: object) -> Priority | None:
        """Return a level from 4 to 15: its name is LEVEL_4 to LEVEL_15, and iteration leaves it out."""
        if type(value) is not int or not len(cls) <= value < MAX_LEVELS:
            return None
        level = int.__new__(cls, value)
        level._name_, level._value_ = f"LEVEL_{value}", value
        return cast(Priority, cls._value2member_map_.setdefault(value, level))

    @classmethod
    def named(cls, name: str) -> Priority:
        """Return the level of a name in any case: CRITICAL to LOW, LEVEL_4 to LEVEL_15; raise KeyError for others."""
        for level in _LEVELS:
            if level.name == str(name).upper():
                return level
        raise KeyError(name)


_LEVELS = tuple(map(Priority, range(MAX_LEVELS)))


@dataclass(frozen=True)
class Event:
    """An event: immutable, compared by value, safe to share between threads. O(1).

    Args:
        type: the name of its type.
        intensity: a number in [-1, 1].
        timestamp: wall seconds; None: now.
        metadata: copied, and read-only.
        source: a label of its origin.
        priority: overrides the level of its type.
        urgency: in [0, 1]: the share of the latency budget that the event waives.
        event_type: another name for ``type``.
        data: another name for ``metadata``.

    Raises:
        InvalidEvent: a value is outside these bounds.

    >>> Event("shock", -0.9, timestamp=0.0).event_type
    'shock'
    """

    __slots__ = ("intensity", "metadata", "priority", "source", "timestamp", "type", "urgency")
    __hash__ = None  # type: ignore[assignment]  # equal by value, with a mapping inside

    type: str
    intensity: float
    timestamp: float
    metadata: Mapping[str, Any]
    source: str | None
    priority: Priority | None
    urgency: float

    def __init__(
        self,
        type: str | None = None,
        intensity: float = 0.0,
        timestamp: float | None = None,
        metadata: Mapping[str, Any] | None = None,
        source: str | None = None,
        *,
        priority: Priority | int | None = None,
        urgency: float = 0.0,
        event_type: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        # The setters of the slots are the fastest way to fill a frozen object. Urgency comes last: the native queue
        # reads the slots itself, and takes an event that has urgency for complete.
        _set_type(self, _name("type", type if event_type is None else event_type))
        _set_intensity(self, _number("intensity", intensity, -1.0, 1.0))
        now = time.time() if timestamp is None else timestamp
        _set_timestamp(self, _number("timestamp", now, EARLIEST_TIMESTAMP, LATEST_TIMESTAMP))
        _set_metadata(self, _mapping(data if metadata is None else metadata))
        _set_source(self, source if source is None else _name("source", source))
        _set_priority(self, priority if priority is None else _priority(priority))
        _set_urgency(self, _number("urgency", urgency, 0.0, 1.0))

    @property
    def event_type(self) -> str:
        """The type, by Life's name for it."""
        return self.type

    @property
    def data(self) -> Mapping[str, Any]:
        """The metadata, by Life's name for it."""
        return self.metadata

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; raise SerializationError when the metadata has any other value."""
        record: dict[str, Any] = {
            "type": self.type, "intensity": self.intensity, "timestamp": self.timestamp,
            "metadata": plain(self.metadata, "metadata"), "source": self.source,
        }  # fmt: skip
        if self.priority is not None:
            record["priority"] = int(self.priority)
        if self.urgency:
            record["urgency"] = self.urgency
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Event:
        """Build an event from the form of :meth:`to_dict`; InvalidEvent names a missing or wrong field.

        ``type``, ``intensity`` and ``timestamp`` are required; unknown keys are refused.
        """
        if not isinstance(record, Mapping):
            raise InvalidEvent(f"an event is a JSON object, not a {type(record).__name__}")
        for name in ("type", "intensity", "timestamp"):
            if name not in record:
                raise InvalidEvent(f"the field {name!r} is missing")
            if record[name] is None:
                raise InvalidEvent(f"{name} is null")
        unknown = sorted(map(str, record.keys() - set(cls.__slots__)))
        if unknown:
            raise InvalidEvent(f"unknown field {unknown[0]!r}")
        return cls(**record)

    def __repr__(self) -> str:
        return f"Event({self.type!r}, {self.intensity!r}, timestamp={self.timestamp!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {name: getattr(self, name) for name in Event.__slots__}
        return Event.from_dict, ({**fields, "metadata": dict(self.metadata)},)


_set_intensity, _set_metadata, _set_priority, _set_source, _set_timestamp, _set_type, _set_urgency = (
    vars(Event)[name].__set__ for name in Event.__slots__
)
NO_METADATA: Mapping[str, Any] = MappingProxyType({})


def _name(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidEvent(f"{field} must be a string, not a {type(value).__name__}")
    if not value.strip():
        raise InvalidEvent(f"{field} must not be empty")
    return value


def _number(field: str, value: object, low: float, high: float) -> float:
    if type(value) is float and low <= value <= high:
        return value
    if isinstance(value, bool) or not isinstance(value, Real):  # checks against an abstract class are slow
        raise InvalidEvent(f"{field} must be a number, not a {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not low <= number <= high:  # false for NaN as well
        raise InvalidEvent(f"{field} is {number}; it must lie in [{low:g}, {high:g}]")
    return number


def _mapping(value: object) -> Mapping[str, Any]:
    if value is None:
        return NO_METADATA
    if not isinstance(value, Mapping):
        raise InvalidEvent(f"metadata must be a mapping, not a {type(value).__name__}")
    return MappingProxyType(dict(value)) if value else NO_METADATA


def _priority(value: object) -> Priority:
    if not isinstance(value, bool):
        with suppress(ValueError):
            level = Priority(value)  # type: ignore[arg-type]
            if level <= Priority.LOW:  # the levels below are for types
                return level
    raise InvalidEvent(f"priority is {value!r}; it must be 0 (CRITICAL) to 3 (LOW)")
