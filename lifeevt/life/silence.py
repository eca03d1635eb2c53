"""SilenceDetector: notices that nothing has happened for a while, and makes an event of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from .. import Event

__all__ = ["SilenceDetector"]

SILENCE_SECONDS = 30.0
CHECK_SECONDS = 5.0  # at most one look in so long
PAUSE_SECONDS = 300.0  # between two silences
HOUR_SECONDS = 3600.0
MAX_PER_HOUR = 12
MOST_COMFORTABLE = 0.7  # the highest probability that a silence is a pleasant one
COMFORT_SECONDS = 300.0
PLEASANT, UNPLEASANT = (0.1, 0.6), (-0.4, -0.05)


class SilenceDetector:
    """Told of every event, asked for silence. Thread-safe; nothing blocks.

    ``now`` returns wall seconds; ``make_event`` is called as ``Event`` is: type, intensity, timestamp, metadata.
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
        """Note when something happened; an older time than the noted one changes nothing."""
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
            if duration < SILENCE_SECONDS or not self._may_speak(now):
                return None
            self._silences.append(now)
        return self._event(now, duration)

    def status(self) -> dict[str, Any]:
        """Return what it knows now."""
        now = self._now()
        with self._lock:
            return {
                "last_event_timestamp": self.last_event_timestamp,
                "silence_duration": max(0.0, now - self.last_event_timestamp),
                "is_silent": now - self.last_event_timestamp >= SILENCE_SECONDS,
                "silences_this_hour": sum(now - each < HOUR_SECONDS for each in self._silences),
            }

    def _may_speak(self, now: float) -> bool:
        if self._silences and now - self._silences[-1] < PAUSE_SECONDS:
            return False
        return len(self._silences) < MAX_PER_HOUR or now - self._silences[0] >= HOUR_SECONDS

    def _event(self, now: float, duration: float) -> Any:
        probability = min(MOST_COMFORTABLE, duration / COMFORT_SECONDS)
        comfortable = self._chance.random() < probability
        metadata = {
            "silence_duration": duration, "is_comfortable": comfortable, "comfort_probability": probability,
            "detector_generated": True, "source": "silence_detector",
        }  # fmt: skip
        intensity = self._chance.uniform(*(PLEASANT if comfortable else UNPLEASANT))
        return self._make_event("silence", intensity, now, metadata)
