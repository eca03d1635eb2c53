"""The named peers of the engine: the same reflexes, as one writes them without lifeevt."""

from __future__ import annotations

import itertools
import queue
import threading
import time

from lifeevt import Event, EventTypes
from lifeevt.processor import ReflexSet

DEFAULTS = {"energy": 100.0, "stability": 1.0, "integrity": 1.0}
LIMITS = {"energy": 100.0, "stability": 1.0, "integrity": 1.0}


class PlainBeing:
    """Life's reflexes as plain Python on a dict: appraise, decide, apply, clamp, with the same numbers."""

    def __init__(self) -> None:
        self.state = dict(DEFAULTS)
        self._reflexes = {each.type: (each.weight, dict(each.impact)) for each in ReflexSet.life().reflexes}

    def process(self, event: Event) -> None:
        state = self.state
        weight, impact = self._reflexes.get(event.type) or self._reflexes["*"]
        strength = abs(event.intensity)
        significance = self._appraise(strength * weight)
        if significance <= 0.0:
            return
        pattern, factor, cost = self._decide(significance)
        if pattern == "ignore":
            return
        scale = strength * significance * self._damping(significance) * factor
        for name, base in impact.items():
            state[name] = min(max(state[name] + base * scale, 0.0), LIMITS[name])
        state["energy"] = min(max(state["energy"] - cost, 0.0), LIMITS["energy"])

    def _appraise(self, significance: float) -> float:
        if self.state["integrity"] < 0.3:
            significance *= 1.5
        if self.state["stability"] < 0.5:
            significance *= 1.2
        return min(significance, 1.0)

    def _damping(self, significance: float) -> float:
        if significance < 0.1:
            return 0.0
        if self.state["stability"] > 0.8:
            return 0.5
        return 1.5 if self.state["stability"] < 0.3 else 1.0

    def _decide(self, significance: float) -> tuple[str, float, float]:
        tired = self.state["energy"] < 30.0 and self.state["stability"] < 0.3
        return ("dampen", 0.5, 0.005) if tired or significance >= 0.5 else ("absorb", 1.0, 0.0)


class PriorityQueueWorker:
    """A thread, a ``queue.PriorityQueue`` by virtual deadline, and an RLock around the state."""

    def __init__(self, being: PlainBeing) -> None:
        self._being = being
        self._queue: queue.PriorityQueue[tuple[int, int, Event | None]] = queue.PriorityQueue()
        self._number, self._rank, self._lock = itertools.count(), EventTypes.life().rank, threading.RLock()
        self.finished_ns: list[int] = []
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def submit(self, event: Event) -> None:
        key, _ = self._rank(event, time.monotonic_ns())
        self._queue.put((key, next(self._number), event))

    def unfinished(self) -> int:
        return self._queue.unfinished_tasks

    def wait_idle(self) -> None:
        self._queue.join()

    def close(self) -> None:
        self._queue.put((2**63, next(self._number), None))
        self.thread.join()

    def _work(self) -> None:
        while (event := self._queue.get()[2]) is not None:
            with self._lock:
                self._being.process(event)
            self.finished_ns.append(time.monotonic_ns())
            self._queue.task_done()
