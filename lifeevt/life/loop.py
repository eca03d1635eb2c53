"""run_loop: Life's loop by its own signature, with its events processed in the tick or beside it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from .._backends import Histogram
from ..clock import NS_PER_SECOND, Clock, SystemClock
from ..metrics import LatencySummary, summarize
from .copying import copy_with_new_locks
from .event_queue import EventQueue
from .life_state import wrap_state
from .pipeline import IN_ORDER, Engines, processor
from .shadow import Shadow, ShadowReport
from .tick import LifeTick, Parts, ProcessedEvents, QueuedEvents, Subsystems, access_to

__all__ = ["LoopReport", "run_loop"]

logger = logging.getLogger("lifeevt.life")
SYNC, ASYNC, SHADOW = MODES = ("sync", "async", "shadow")
MODE_VARIABLE = "LIFEEVT_LIFE_MODE"
TOLERANCE = 1e-3
SHORTEST_SECONDS, LONGEST_SECONDS = 0.001, 10.0  # the bounds of a tick's dt


@dataclass(frozen=True)
class LoopReport:
    """The counts and times of a loop.

    ``failed_events`` and ``failed_ticks`` raised an exception. ``period`` is from start to start of a tick.
    ``lateness`` is from a tick's deadline to its start; it is empty in the synchronous modes, which have no deadlines.
    """

    mode: str
    ticks: int
    events: int
    failed_events: int
    failed_ticks: int
    period: LatencySummary
    lateness: LatencySummary
    shadow: ShadowReport | None = None


def run_loop(
    self_state: Any,
    monitor: Callable[[Any], Any] | None,
    tick_interval: float = 1.0,
    snapshot_period: int = 10,
    stop_event: threading.Event | None = None,
    event_queue: Any = None,
    disable_weakness_penalty: bool = False,
    disable_learning: bool = False,
    disable_adaptation: bool = False,
    disable_adaptive_processing: bool = False,
    enable_memory_hierarchy: bool | None = None,
    enable_silence_detection: bool = True,
    log_flush_period_ticks: int = 10,
    enable_profiling: bool = False,
    structured_logger: Any = None,
    semantic_monitor: Callable[[Any], Any] | None = None,
    *,
    mode: str | None = None,
    engines: Engines | None = None,
    subsystems: Subsystems | None = None,
    pending_actions: list[Any] | None = None,
    strategy: str = IN_ORDER,
    ticks: int | None = None,
    clock: Clock | None = None,
    wait: Callable[[float], Any] | None = None,
    copy_state: Callable[[Any], Any] = copy_with_new_locks,
    shadow_tolerance: float = TOLERANCE,
) -> LoopReport:
    """Run Life's loop in this thread until ``stop_event`` is set, or for ``ticks``; return its report. Blocks.

    An exception in an event or a duty costs integrity and is logged; it does not end the loop. Three arguments of
    Life's are accepted and not used: ``enable_silence_detection``, which Life does not use either, and
    ``enable_profiling`` and ``structured_logger``: use ``subsystems`` instead.

    Args:
        self_state: Life's state, bare or wrapped.
        monitor: called with the state every 10 ticks; in ``async`` with the wrapped one.
        tick_interval: seconds between ticks.
        snapshot_period: as in Life, like all up to ``semantic_monitor``.
        stop_event: ends the loop when it is set.
        event_queue: the events; ``async`` and ``shadow`` need a ``lifeevt.life.EventQueue``.
        semantic_monitor: called with the bare state each tick.
        mode: ``sync`` processes events in the tick, as Life does, and sleeps for the rest of the interval. ``async``
            processes them on a worker and ticks on absolute deadlines. ``shadow`` is ``sync``, with ``async`` on a
            copy and a comparison of the two. None: the environment's LIFEEVT_LIFE_MODE, else ``sync``.
        engines: process the events.
        subsystems: the other calls of Life's loop.
        pending_actions: the list that the feedback reads.
        strategy: the order of events in ``async``.
        ticks: how many ticks to run; None: no limit.
        clock: the time, for tests.
        wait: sleeps for some seconds; None: waits for ``stop_event``.
        copy_state: copies the bare state for ``shadow``.
        shadow_tolerance: how far numbers may differ in ``shadow``.
    """
    chosen = _chosen(mode, event_queue, engines, tick_interval)
    disabled = {
        "learning": disable_learning, "adaptation": disable_adaptation,
        "adaptive_processing": disable_adaptive_processing, "consolidation": enable_memory_hierarchy is False,
    }  # fmt: skip
    left_out: dict[str, Any] = {name: None for name, is_so in disabled.items() if is_so}
    duties = replace(subsystems or Subsystems(), **left_out)
    if callable(semantic_monitor):
        duties = replace(duties, semantic_monitor=semantic_monitor)
    stopped, time = stop_event or threading.Event(), clock or SystemClock()
    parts = Parts(
        engines, duties, event_queue, [] if pending_actions is None else pending_actions, time, monitor,
        not disable_weakness_penalty, snapshot_period, log_flush_period_ticks,
    )  # fmt: skip
    pace = Pace(time, tick_interval, wait or stopped.wait, on_deadlines=chosen == ASYNC)
    with ExitStack() as ending:
        if chosen == ASYNC:
            loop = _asynchronous(parts, self_state, pace, strategy, ending)
        else:
            shadow = _shadow(parts, self_state, copy_state, shadow_tolerance, ending) if chosen == SHADOW else None
            source = QueuedEvents(parts, self_state, shadow.on_processed if shadow else None)
            loop = LifeLoop(LifeTick(parts, self_state, source), pace, shadow)
        loop.run(stopped, ticks)
    if chosen == ASYNC:
        loop.take_last_events()
    return loop.report(chosen)


def _asynchronous(parts: Parts, state: Any, pace: Pace, strategy: str, ending: ExitStack) -> LifeLoop:
    """Return the loop with a worker, which processes events between the ticks until ``ending``."""
    wrapped = wrap_state(state)
    engine = processor(wrapped, parts.queue, parts.pipeline(), strategy)
    engine.start()
    ending.callback(parts.queue.release)  # for the next loop, after the engine has stopped
    ending.callback(engine.stop)
    return LifeLoop(LifeTick(parts, wrapped, ProcessedEvents(engine, parts.subsystems.sinks)), pace)


def _shadow(parts: Parts, state: Any, copy_state: Callable[[Any], Any], tolerance: float, ending: ExitStack) -> Shadow:
    """Return the asynchronous mode on a copy: it runs until ``ending``, on all events pushed from now on."""
    with access_to(state)("a copy") as live:
        copied = wrap_state(copy_state(live))
    shadow = Shadow(parts, copied, tolerance)
    ending.callback(shadow.stop)
    shadow.start()
    return shadow


class Pace:
    """The times of the ticks: when each starts, and the seconds since the last one.

    ``on_deadlines``: each tick starts on an absolute deadline; deadlines that passed meanwhile are skipped. Otherwise
    as in Life: after a tick it sleeps for the rest of the interval, and after a failed tick not at all.
    """

    def __init__(
        self, clock: Clock, interval_seconds: float, wait: Callable[[float], Any], *, on_deadlines: bool
    ) -> None:
        self._clock, self._interval, self._wait, self._on_deadlines = clock, interval_seconds, wait, on_deadlines
        self._interval_ns = max(round(interval_seconds * NS_PER_SECOND), 1)
        self._started_ns: int | None = None
        self._due_ns = clock.now_ns()
        self.period, self.lateness = Histogram(), Histogram()

    def begin(self) -> float:
        """Note the start of a tick; return the seconds since the last one."""
        now_ns, before_ns = self._clock.now_ns(), self._started_ns
        self._started_ns = now_ns
        if self._on_deadlines:
            self.lateness.record(max(now_ns - self._due_ns, 0))
        if before_ns is None:
            return self._interval
        self.period.record(now_ns - before_ns)
        return min(max((now_ns - before_ns) / NS_PER_SECOND, SHORTEST_SECONDS), LONGEST_SECONDS)

    def rest(self, failed: bool) -> None:
        """Wait until the next tick is due, or the loop is stopped."""
        now_ns = self._clock.now_ns()
        if self._on_deadlines:
            passed = max(0, (now_ns - self._due_ns) // self._interval_ns)
            self._due_ns += (passed + 1) * self._interval_ns
        elif failed or self._started_ns is None:
            return
        else:
            self._due_ns = self._started_ns + self._interval_ns
        if self._due_ns > now_ns:
            self._wait((self._due_ns - now_ns) / NS_PER_SECOND)


class LifeLoop:
    """Runs ticks at their pace until it is stopped, and counts them. For one thread."""

    def __init__(self, tick: LifeTick, pace: Pace, shadow: Shadow | None = None) -> None:
        self._tick, self._source, self._pace, self._shadow = tick, tick.source, pace, shadow
        self._count = self._failed = 0

    def run(self, stopped: threading.Event, ticks: int | None) -> None:
        """Run until ``stopped`` is set, or so many ticks. No exception of a tick ends it."""
        while not stopped.is_set() and (ticks is None or self._count < ticks):
            self._count += 1
            failed = not self._succeeds(self._one_tick)
            if failed:
                self._failed += 1
                self._succeeds(self._tick.penalize)
            if ticks is None or self._count < ticks:
                self._pace.rest(failed)

    def take_last_events(self) -> None:
        """Take the events that the worker processed after the last tick."""
        self._succeeds(self._tick.take_events)

    def report(self, mode: str) -> LoopReport:
        """Return the counts and times."""
        source, pace = self._source, self._pace
        return LoopReport(
            mode, self._count, source.events, source.failed, self._failed, summarize(pace.period),
            summarize(pace.lateness), None if self._shadow is None else self._shadow.report(),
        )  # fmt: skip

    def _one_tick(self) -> None:
        dt, failed = self._pace.begin(), self._source.failed
        self._tick.run(dt)
        if self._source.failed > failed:
            self._tick.penalize()  # as in Life, where a failed event fails the tick
        if self._shadow is not None:
            self._shadow.after_tick(self._tick, dt)

    def _succeeds(self, step: Callable[[], None]) -> bool:
        try:
            step()
        except Exception:
            logger.exception("tick %d failed", self._count)
            return False
        return True


def _chosen(mode: str | None, event_queue: Any, engines: Engines | None, tick_interval: float) -> str:
    """Return the mode; refuse arguments that it cannot use."""
    chosen = mode or os.environ.get(MODE_VARIABLE) or SYNC
    if chosen not in MODES:
        raise ValueError(f"unknown mode {chosen!r}; choose {', '.join(MODES)}")
    if engines is None and event_queue is not None:
        raise TypeError("an event queue needs engines to process its events: give engines=Engines(...)")
    if chosen != SYNC and not isinstance(event_queue, EventQueue):
        raise TypeError(f"mode {chosen!r} needs a lifeevt.life.EventQueue, not a {type(event_queue).__name__}")
    if not 0.0 < tick_interval < 1e9:  # also refuses NaN
        raise ValueError(f"tick_interval is {tick_interval}; it must be a positive number of seconds")
    return chosen
