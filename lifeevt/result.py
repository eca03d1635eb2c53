"""EventProcessingResult: the outcome of one event, immutable, with a form in JSON that loses no value."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ._public import publish
from .errors import SerializationError
from .event import Event, Priority
from .serialization import exact_json, parse_json, plain

__all__ = ["EventProcessingResult", "Status"]


class Status(IntEnum):
    """The end of an accepted event. Every accepted event ends in exactly one of these."""

    PROCESSED = 0
    """A reflex or a handler processed it."""
    IGNORED = 1
    """Its type has no reflex and no handler, or its significance was 0."""
    SHED = 2
    """A full queue dropped it for a newer event."""
    CANCELLED = 3
    """It was still queued when the engine stopped without draining."""
    DEAD_LETTERED = 4
    """Its handler raised an exception; ``error`` has its text."""
    DELIVERED = 5
    """``queue.get`` returned it to the caller."""
    COALESCED = 6
    """Another event of its key replaced it."""
    EXPIRED = 7
    """Its time to live, or its deadline, had passed before it could be processed."""


@dataclass(frozen=True, slots=True)
class EventProcessingResult:
    """The outcome of one event: immutable, so safe to share between threads.

    ``meaning``, ``decision`` and ``action`` are the values of the three stages. Times are nanoseconds of the engine's
    clock (monotonic, not wall time). ``state_version_before`` and ``state_version`` are the versions of the state
    before and after the event. ``sequence`` counts accepted events.
    """

    event: Event
    status: Status
    priority: Priority
    meaning: Any = None
    decision: Any = None
    action: Any = None
    attempts: int = 0
    error: str | None = None
    sequence: int = 0
    queued_ns: int = 0
    started_ns: int = 0
    finished_ns: int = 0
    state_version_before: int = 0
    state_version: int = 0

    __hash__ = None  # type: ignore[assignment]  # holds an event, which has none

    @property
    def waited_ns(self) -> int:
        """Nanoseconds from acceptance to the start of processing."""
        return self.started_ns - self.queued_ns

    @property
    def service_ns(self) -> int:
        """Nanoseconds from the start of processing to its end."""
        return self.finished_ns - self.started_ns

    @property
    def latency_ns(self) -> int:
        """Nanoseconds from acceptance to the end of processing."""
        return self.finished_ns - self.queued_ns

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in EventProcessingResult.__slots__)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; raise SerializationError when a stage's value has no such form. O(size)."""
        record = {name: getattr(self, name) for name in _PLAIN_FIELDS}
        record |= {name: plain(getattr(self, name), name) for name in ("meaning", "decision", "action")}
        return {"event": self.event.to_dict(), "status": self.status.name, "priority": self.priority.name, **record}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> EventProcessingResult:
        """Build the result that :meth:`to_dict` wrote; raise SerializationError for anything else."""
        try:
            values = dict(record)
            values["event"] = Event.from_dict(values["event"])
            values["status"] = Status[values["status"]]
            values["priority"] = Priority.named(values["priority"])
            return cls(**_checked(values))
        except KeyError as error:
            raise SerializationError(f"a result lacks or misnames {error}") from None
        except (TypeError, ValueError) as error:
            raise SerializationError(f"not a result: {error}") from None

    def to_json(self) -> str:
        """Return one line of JSON that :meth:`from_json` turns into an equal result."""
        return exact_json(self.to_dict(), "result")

    @classmethod
    def from_json(cls, text: str) -> EventProcessingResult:
        """Build the result that :meth:`to_json` wrote; raise SerializationError for anything else."""
        return cls.from_dict(parse_json(text, "result"))


class _Unfrozen:
    """A result whose slots are assigned; a frozen class would take a slower call for each."""

    __slots__ = EventProcessingResult.__slots__


def _filled(
    event: Event, status: Status, priority: Priority, meaning: Any, decision: Any, action: Any, attempts: int,
    error: str | None, sequence: int, queued_ns: int, started_ns: int, finished_ns: int,
    state_version_before: int, state_version: int,
) -> EventProcessingResult:  # fmt: skip
    made: Any = _new(_Unfrozen)
    made.event, made.status, made.priority = event, status, priority
    made.meaning, made.decision, made.action = meaning, decision, action
    made.attempts, made.error, made.sequence = attempts, error, sequence
    made.queued_ns, made.started_ns, made.finished_ns = queued_ns, started_ns, finished_ns
    made.state_version_before, made.state_version = state_version_before, state_version
    made.__class__ = EventProcessingResult  # which has the same slots; from here on it is frozen
    result: EventProcessingResult = made
    return result


_new = object.__new__
# On a free-threaded build a change of class stops all threads, for a millisecond beside two busy ones: call the class.
_FREE_THREADED = "free-threading" in sys.version
filled: Callable[..., EventProcessingResult] = EventProcessingResult if _FREE_THREADED else _filled
"""Makes a result as EventProcessingResult does, from all fields in their order, at a quarter of the cost."""

_PLAIN_FIELDS = (
    "attempts", "error", "sequence", "queued_ns", "started_ns", "finished_ns", "state_version_before", "state_version",
)  # fmt: skip
_NUMBERS = tuple(name for name in _PLAIN_FIELDS if name != "error")


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    for name in _NUMBERS:
        if type(values.get(name, 0)) is not int:
            raise ValueError(f"{name} is {values[name]!r}, which is no whole number")
    if not isinstance(values.get("error"), (str, type(None))):
        raise ValueError(f"error is {values['error']!r}, which is no text")
    return values


__dir__ = publish(__name__)
