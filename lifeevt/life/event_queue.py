"""EventQueue: Life's queue, first in, first out, over one that an engine empties by urgency."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from .. import AsyncEventQueue, Event
from ..clock import Clock
from .arrival_order import Lane
from .event import parts_of
from .silence import SilenceDetector

__all__ = ["EventQueue"]

logger = logging.getLogger("lifeevt.life")
CAPACITY = 100
COMPONENT = "EventQueue"
FORMAT_VERSION = "4.0"
TIMEOUT_SECONDS = 0.5  # what Life grants a serialization; here nothing waits


class EventQueue:
    """Takes any object for an event, from any thread, and gives the same objects back in the order of arrival.

    A full queue drops the newcomer, counts it and warns. ``by_urgency`` is the same queue for an engine, which
    takes the most urgent first: ``AsyncEventProcessor(state, queue=events.by_urgency)``. Always true. No call
    blocks. ``event_class`` makes the events of silence: called with type, intensity, timestamp and metadata.
    """

    def __init__(
        self,
        enable_silence_detection: bool = True,
        *,
        maxsize: int = CAPACITY,
        event_class: Callable[..., Any] = Event,
        clock: Clock | None = None,
    ) -> None:
        lane = Lane(maxsize, clock)
        self._queue: Any = lane  # Life's own tests put other queues here, or patch its methods
        self._lane, self._clock = lane, lane.by_urgency.clock
        self._dropped_events_count = 0
        self._pushed = 0
        self._counting = threading.Lock()
        detector = SilenceDetector(lane.by_urgency.clock.wall_time, event_class) if enable_silence_detection else None
        self.silence_detector: Any = detector

    @property
    def by_urgency(self) -> AsyncEventQueue:
        """The same events, most urgent first: for an engine."""
        return self._lane.by_urgency

    def tell_of_puts(self, listener: Callable[[Any], object] | None) -> None:
        """Have one listener called with each CarriedEvent taken in, in order, by whoever pushes; None ends it.

        Who pops here gets no event of which the listener has not heard; an engine may be faster.
        """
        self._lane.on_put = listener

    def release(self) -> None:
        """Belong to no engine any more: ``by_urgency`` is another queue then, with the same events, for the next one.

        Stop the engine first; its queue is closed.
        """
        self._lane.release()

    # --- bringing events

    def push(self, event: Any) -> None:
        """Queue an event; a full queue drops it, counts that and logs a warning. O(log n)."""
        self._push(event)

    def put_nowait(self, event: Any) -> None:
        """As push: it does not raise when the queue is full, for Life's caller does not expect it to."""
        self._push(event)

    def offer(self, event: Any) -> bool:
        """As push, and say whether it was taken in."""
        return self._push(event)

    # --- taking them

    def pop(self) -> Any:
        """Take the oldest event, or None."""
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            return None

    def pop_all(self) -> list[Any]:
        """Take everything that is there, oldest first."""
        held = self._queue
        found = held.get_all() if _is_untouched(held) else _one_by_one(held)
        times = [each for each in map(_time_of, found) if each is not None]
        if times:
            self._tell_detector(max(times))
        return found

    get_all = pop_all

    # --- watching

    def is_empty(self) -> bool:
        """Return whether nothing is queued."""
        return bool(self._queue.empty())

    def size(self) -> int:
        """Return how many events are queued."""
        return int(self._queue.qsize())

    qsize = size

    def __len__(self) -> int:
        return self.size()

    def __bool__(self) -> bool:
        return True  # `if event_queue` asks whether there is one

    def get_dropped_events_count(self) -> int:
        """Return how many events a full queue has dropped since the last reset."""
        return self._dropped_events_count

    def reset_dropped_events_count(self) -> None:
        """Count from 0 again."""
        self._dropped_events_count = 0

    def is_silence_detection_enabled(self) -> bool:
        """Return whether there is a detector."""
        return self.silence_detector is not None

    def check_and_generate_silence(self) -> Any:
        """Return an event of type ``silence`` when it is time for one, else None; it is not queued."""
        return None if self.silence_detector is None else self.silence_detector.check()

    def get_silence_status(self) -> dict[str, Any]:
        """Return what the detector knows, and whether there is one."""
        known = {} if self.silence_detector is None else self.silence_detector.status()
        return {**known, "silence_detection_enabled": self.silence_detector is not None}

    # --- on paper

    def to_dict(self) -> dict[str, Any]:
        """Return what is queued as plain values; only looks. O(n)."""
        started = time.perf_counter()
        events = [dict(zip(("type", "intensity", "timestamp", "metadata", "source"), parts_of(each), strict=True))
                  for each in self._contents()]  # fmt: skip
        enabled = self.is_silence_detection_enabled()
        metadata = {
            "version": FORMAT_VERSION, "timestamp": self._clock.wall_time(), "component_type": COMPONENT,
            "event_count": len(events), "dropped_events": self._dropped_events_count,
            "silence_detection_enabled": enabled, "serialization_duration": time.perf_counter() - started,
            "serialization_timeout": TIMEOUT_SECONDS, "state_version": self._pushed, "thread_safe": True,
        }  # fmt: skip
        return {"metadata": metadata, "data": {"events": events, "silence_detection_enabled": enabled}}

    def get_serialization_metadata(self) -> dict[str, Any]:
        """Return how :meth:`to_dict` writes."""
        return {
            "version": FORMAT_VERSION, "component_type": COMPONENT, "thread_safe": True,
            "current_state_version": self._pushed, "capacity": self._lane.maxsize, "current_size": self.size(),
            "dropped_events": self._dropped_events_count, "serialization_timeout": TIMEOUT_SECONDS,
            "silence_detection_enabled": self.is_silence_detection_enabled(),
        }  # fmt: skip

    def _push(self, event: Any) -> bool:
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self._drop(event)
            return False
        with self._counting:
            self._pushed += 1
        timestamp = _time_of(event)
        if timestamp is not None:
            self._tell_detector(timestamp)
        return True

    def _drop(self, event: Any) -> None:
        with self._counting:
            self._dropped_events_count += 1
        logger.warning("the queue is full: %r was dropped, %d so far", parts_of(event)[0], self._dropped_events_count)

    def _tell_detector(self, timestamp: float) -> None:
        if self.silence_detector is not None:
            self.silence_detector.update_last_event_time(timestamp)

    def _contents(self) -> list[Any]:
        held = self._queue
        return held.contents() if isinstance(held, Lane) else list(held.queue)


def _is_untouched(held: Any) -> bool:
    """Whether it is ours, with no method that a test of Life's has put on it."""
    return type(held) is Lane and not {"get_nowait", "empty"} & vars(held).keys()


def _one_by_one(held: Any) -> list[Any]:
    found = []
    while not held.empty():
        try:
            found.append(held.get_nowait())
        except queue.Empty:
            break
    return found


def _time_of(event: Any) -> float | None:
    timestamp = parts_of(event)[2]
    return timestamp if isinstance(timestamp, (int, float)) and math.isfinite(timestamp) else None
