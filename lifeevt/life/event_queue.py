"""EventQueue: Life's queue, first in, first out, which an engine may empty by urgency; and its SilenceDetector."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from .. import AsyncEventQueue, Event
from ..clock import Clock
from .arrival_order import ArrivalOrder
from .event import PARTS, parts_of

__all__ = ["EventQueue", "SilenceDetector"]

logger = logging.getLogger("lifeevt.life")
CAPACITY = 100
COMPONENT = "EventQueue"
FORMAT_VERSION = "4.0"
TIMEOUT_SECONDS = 0.5  # Life's limit for a serialization; here none waits

SILENCE_SECONDS = 30.0
CHECK_SECONDS = 5.0  # at least this long between two checks
PAUSE_SECONDS = 300.0  # at least this long between two silences
HOUR_SECONDS = 3600.0
MAX_PER_HOUR = 12
MAX_COMFORT = 0.7  # the highest probability that a silence is a pleasant one
COMFORT_SECONDS = 300.0
PLEASANT, UNPLEASANT = (0.1, 0.6), (-0.4, -0.05)


class EventQueue:
    """Accepts any object as an event, from any thread, and returns the same objects in the order of arrival.

    A full queue drops the new event, counts it and logs a warning. No call blocks. The queue is true when empty, too.

    Args:
        enable_silence_detection: whether the queue has a SilenceDetector.
        maxsize: how many events it holds.
        event_class: makes the events of silence; called with type, intensity, timestamp and metadata.
        clock: the time, for tests.
    """

    def __init__(
        self,
        enable_silence_detection: bool = True,
        *,
        maxsize: int = CAPACITY,
        event_class: Callable[..., Any] = Event,
        clock: Clock | None = None,
    ) -> None:
        order = ArrivalOrder(maxsize, clock)
        self._queue: Any = order  # Life's own tests replace it, or patch its methods
        self._order, self._clock = order, order.by_urgency.clock
        self._dropped_events_count = 0
        self._pushed = 0
        self._counting = threading.Lock()
        self.silence_detector: Any = None
        if enable_silence_detection:
            self.silence_detector = SilenceDetector(self._clock.wall_time, event_class)

    @property
    def by_urgency(self) -> AsyncEventQueue:
        """The same events, most urgent first: pass it to ``AsyncEventProcessor(state, queue=...)``."""
        return self._order.by_urgency

    def set_listener(self, listener: Callable[[Any], object] | None) -> None:
        """Call one listener with each accepted LifeEvent, in order, in the pushing thread; None removes it.

        The call comes before the event can be popped here. An engine may take the event earlier.
        """
        self._order.on_put = listener

    def release(self) -> None:
        """Move the queued events to a new ``by_urgency`` for the next engine; the old one is closed.

        Stop the engine first.
        """
        self._order.release()

    # --- pushing

    def push(self, event: Any) -> None:
        """Queue an event; a full queue drops it, counts it and logs a warning. O(log n)."""
        self.offer(event)

    def put_nowait(self, event: Any) -> None:
        """Queue an event as ``push`` does. A full queue raises no error, as Life's callers expect none."""
        self.offer(event)

    def offer(self, event: Any) -> bool:
        """Queue an event as ``push`` does, and return whether it was accepted."""
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self._drop(event)
            return False
        with self._counting:
            self._pushed += 1
        self._note_times((event,))
        return True

    # --- taking

    def pop(self) -> Any:
        """Take the oldest event, or None."""
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            return None

    def pop_all(self) -> list[Any]:
        """Take all queued events, oldest first."""
        held = self._queue
        found = held.get_all() if _is_unpatched(held) else _pop_one_by_one(held)
        self._note_times(found)
        return found

    get_all = pop_all

    # --- counting

    def is_empty(self) -> bool:
        """Return whether no event is queued."""
        return bool(self._queue.empty())

    def size(self) -> int:
        """Return how many events are queued."""
        return int(self._queue.qsize())

    qsize = size

    def __len__(self) -> int:
        return self.size()

    def __bool__(self) -> bool:
        return True  # Life writes `if event_queue` for `is not None`

    def get_dropped_events_count(self) -> int:
        """Return how many events a full queue dropped since the last reset."""
        return self._dropped_events_count

    def reset_dropped_events_count(self) -> None:
        """Set the count of dropped events to 0."""
        self._dropped_events_count = 0

    # --- silence

    def is_silence_detection_enabled(self) -> bool:
        """Return whether the queue has a detector."""
        return self.silence_detector is not None

    def check_and_generate_silence(self) -> Any:
        """Return an event of type ``silence`` when one is due, else None; do not queue it."""
        return None if self.silence_detector is None else self.silence_detector.check()

    def get_silence_status(self) -> dict[str, Any]:
        """Return the status of the detector, with the key ``silence_detection_enabled``."""
        known = {} if self.silence_detector is None else self.silence_detector.status()
        return {**known, "silence_detection_enabled": self.silence_detector is not None}

    # --- serialization

    def to_dict(self) -> dict[str, Any]:
        """Return the queued events and their number as plain values; take none. O(n)."""
        started = time.perf_counter()
        events = [dict(zip(PARTS, parts_of(each), strict=True)) for each in self._contents()]
        enabled = self.is_silence_detection_enabled()
        metadata = {
            "version": FORMAT_VERSION, "timestamp": self._clock.wall_time(), "component_type": COMPONENT,
            "event_count": len(events), "dropped_events": self._dropped_events_count,
            "silence_detection_enabled": enabled, "serialization_duration": time.perf_counter() - started,
            "serialization_timeout": TIMEOUT_SECONDS, "state_version": self._pushed, "thread_safe": True,
        }  # fmt: skip
        return {"metadata": metadata, "data": {"events": events, "silence_detection_enabled": enabled}}

    def get_serialization_metadata(self) -> dict[str, Any]:
        """Return the format, the version and the counts of the queue, without its events."""
        return {
            "version": FORMAT_VERSION, "component_type": COMPONENT, "thread_safe": True,
            "current_state_version": self._pushed, "capacity": self._order.maxsize, "current_size": self.size(),
            "dropped_events": self._dropped_events_count, "serialization_timeout": TIMEOUT_SECONDS,
            "silence_detection_enabled": self.is_silence_detection_enabled(),
        }  # fmt: skip

    def _drop(self, event: Any) -> None:
        with self._counting:
            self._dropped_events_count += 1
        logger.warning("the queue is full: %r was dropped, %d so far", parts_of(event)[0], self._dropped_events_count)

    def _note_times(self, events: Iterable[Any]) -> None:
        times = [each for each in (parts_of(event)[2] for event in events) if _is_time(each)]
        if times and self.silence_detector is not None:
            self.silence_detector.update_last_event_time(max(times))

    def _contents(self) -> list[Any]:
        held = self._queue
        return held.contents() if isinstance(held, ArrivalOrder) else list(held.queue)


def _is_unpatched(held: Any) -> bool:
    """Return whether it is an ArrivalOrder of which no test of Life's has patched a method."""
    return type(held) is ArrivalOrder and not {"get_nowait", "empty"} & vars(held).keys()


def _pop_one_by_one(held: Any) -> list[Any]:
    found = []
    while not held.empty():
        try:
            found.append(held.get_nowait())
        except queue.Empty:
            break
    return found


def _is_time(timestamp: Any) -> bool:
    return isinstance(timestamp, (int, float)) and math.isfinite(timestamp)


class SilenceDetector:
    """Returns an event of type ``silence`` when no event has come for 30 s. Thread-safe; no call blocks.

    It checks at most every 5 s, and gives at most one silence in 300 s and 12 in an hour.

    Args:
        now: returns wall seconds.
        make_event: called as ``Event`` is, with type, intensity, timestamp and metadata.
        chance: the source of random numbers.
    """

    def __init__(
        self, now: Callable[[], float], make_event: Callable[..., Any] = Event, chance: Random | None = None
    ) -> None:
        self._now, self._make_event, self._chance = now, make_event, chance or Random()
        self._lock = threading.Lock()
        self.last_event_timestamp = now()
        self._checked = -CHECK_SECONDS
        self._silences: deque[float] = deque(maxlen=MAX_PER_HOUR)

    def update_last_event_time(self, timestamp: float) -> None:
        """Note the time of an event; a time before the last one changes nothing."""
        with self._lock:
            self.last_event_timestamp = max(self.last_event_timestamp, timestamp)

    def check(self) -> Any:
        """Return an event of type ``silence``, or None when it is too early for one."""
        now = self._now()
        with self._lock:
            if now - self._checked < CHECK_SECONDS:
                return None
            self._checked = now
            duration = now - self.last_event_timestamp
            if duration < SILENCE_SECONDS or not self._may_report(now):
                return None
            self._silences.append(now)
        return self._silence(now, duration)

    def status(self) -> dict[str, Any]:
        """Return the last event's time, the length of the silence, and the silences of the last hour."""
        now = self._now()
        with self._lock:
            return {
                "last_event_timestamp": self.last_event_timestamp,
                "silence_duration": max(0.0, now - self.last_event_timestamp),
                "is_silent": now - self.last_event_timestamp >= SILENCE_SECONDS,
                "silences_this_hour": sum(now - each < HOUR_SECONDS for each in self._silences),
            }

    def _may_report(self, now: float) -> bool:
        if self._silences and now - self._silences[-1] < PAUSE_SECONDS:
            return False
        return len(self._silences) < MAX_PER_HOUR or now - self._silences[0] >= HOUR_SECONDS

    def _silence(self, now: float, duration: float) -> Any:
        probability = min(MAX_COMFORT, duration / COMFORT_SECONDS)
        comfortable = self._chance.random() < probability
        metadata = {
            "silence_duration": duration, "is_comfortable": comfortable, "comfort_probability": probability,
            "detector_generated": True, "source": "silence_detector",
        }  # fmt: skip
        intensity = self._chance.uniform(*(PLEASANT if comfortable else UNPLEASANT))
        return self._make_event("silence", intensity, now, metadata)
