"""Ticking: ticks one after another at their pace, whatever happens in them, and the count of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._backends import Histogram
from ..clock import NS_PER_SECOND, Clock
from ..metrics import LatencySummary, summarize
from .answering import Gathered, InTick
from .shadow import Shadow, ShadowReport
from .tick import LifeTick

__all__ = ["LoopReport", "Pace", "Ticking"]

logger = logging.getLogger("lifeevt.life")
SHORTEST_SECONDS, LONGEST_SECONDS = 0.001, 10.0  # what a tick may stand for


@dataclass(frozen=True)
class LoopReport:
    """What a loop has done. ``failed_events`` raised, as did ``failed_ticks``; ``period`` is start to start.

    ``lateness`` is a tick's start behind its deadline; without deadlines, in the synchronous modes, it is empty.
    """

    mode: str
    ticks: int
    events: int
    failed_events: int
    failed_ticks: int
    period: LatencySummary
    lateness: LatencySummary
    shadow: ShadowReport | None = None


class Pace:
    """When a tick begins, and for how many seconds it stands.

    ``steady``: on absolute deadlines, those that passed meanwhile left out. Else as Life does: after each tick it
    sleeps what is left of the interval, and not at all after a failed one.
    """

    def __init__(
        self, clock: Clock, interval_seconds: float, wait: Callable[[float], Any], *, steady: bool
    ) -> None:
        self._clock, self._interval, self._wait, self._steady = clock, interval_seconds, wait, steady
        self._interval_ns = max(round(interval_seconds * NS_PER_SECOND), 1)
        self._started_ns: int | None = None
        self._due_ns = clock.now_ns()
        self.period, self.lateness = Histogram(), Histogram()

    def begin(self) -> float:
        """Note that a tick begins; return the seconds that it stands for."""
        now_ns, before_ns = self._clock.now_ns(), self._started_ns
        self._started_ns = now_ns
        if self._steady:
            self.lateness.record(max(now_ns - self._due_ns, 0))
        if before_ns is None:
            return self._interval
        self.period.record(now_ns - before_ns)
        return min(max((now_ns - before_ns) / NS_PER_SECOND, SHORTEST_SECONDS), LONGEST_SECONDS)

    def rest(self, failed: bool) -> None:
        """Wait until the next tick shall begin, or the loop shall stop."""
        now_ns = self._clock.now_ns()
        if self._steady:
            passed = max(0, (now_ns - self._due_ns) // self._interval_ns)
            self._due_ns += (passed + 1) * self._interval_ns
            self._sleep(self._due_ns - now_ns)
        elif not failed and self._started_ns is not None:
            self._sleep(self._started_ns + self._interval_ns - now_ns)

    def _sleep(self, left_ns: int) -> None:
        if left_ns > 0:
            self._wait(left_ns / NS_PER_SECOND)


class Ticking:
    """Runs ticks until told to stop. For one thread."""

    def __init__(
        self, tick: LifeTick, taker: InTick | Gathered, pace: Pace, state: Any, shadow: Shadow | None
    ) -> None:
        self._tick, self._taker, self._pace, self._state, self._shadow = tick, taker, pace, state, shadow
        self._count = self._failed = 0

    def run(self, stopped: threading.Event, ticks: int | None) -> None:
        """Tick until ``stopped`` is set, or so many times. No exception of a tick ends it."""
        while not stopped.is_set() and (ticks is None or self._count < ticks):
            self._count += 1
            failed = not self._survived(self._once)
            if failed:
                self._failed += 1
                self._survived(self._tick.hurt)
            if ticks is None or self._count < ticks:
                self._pace.rest(failed)

    def finish(self) -> None:
        """Integrate what was answered after the last tick."""
        self._survived(self._tick.integrate)

    def report(self, mode: str) -> LoopReport:
        """Return the count."""
        taker, pace = self._taker, self._pace
        return LoopReport(
            mode, self._count, taker.events, taker.failed, self._failed, summarize(pace.period),
            summarize(pace.lateness), None if self._shadow is None else self._shadow.report(),
        )  # fmt: skip

    def _once(self) -> None:
        dt, failed = self._pace.begin(), self._taker.failed
        self._tick.run(dt)
        if self._taker.failed > failed:
            self._tick.hurt()  # as in Life, where one failed event was a failed tick
        if self._shadow is not None:
            self._shadow.after_tick(self._tick, self._state, dt)

    def _survived(self, step: Callable[[], None]) -> bool:
        try:
            step()
        except Exception:
            logger.exception("tick %d failed", self._count)
            return False
        return True
