"""LifeTick: the work of one tick of Life's loop, duty by duty in Life's order, and the two sources of its events."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from .. import AsyncEventProcessor, EventProcessingResult, Status
from ..clock import Clock
from .event import original_of
from .life_state import LifeState
from .pipeline import Engines, EventPipeline, Outcome

__all__ = ["LifeTick", "Parts", "ProcessedEvents", "QueuedEvents", "Subsystems", "access_to"]

logger = logging.getLogger("lifeevt.life")
Access = Callable[[str], AbstractContextManager[Any]]  # by the name of a duty: the bare state, within the block
Begin = Callable[[list[Any]], None]
OnProcessed = Callable[[Any, Outcome | None], Any]  # called with each event and its outcome, None when it failed
STARTED = frozenset({Status.PROCESSED, Status.IGNORED, Status.DEAD_LETTERED})
VITALS = {"energy": (0.001, 100.0), "integrity": (0.0001, 1.0), "stability": (0.0001, 1.0)}  # floor and top
HOLDERS = {"flush_log": "log", "save_snapshot": "snapshot"}  # of exclusive access; the others have the duty's name
REPAIR_TICKS = METRICS_TICKS = ADAPTATION_TICKS = 100
LEARNING_TICKS, DECAY_TICKS, CONSOLIDATION_TICKS, MONITOR_TICKS = 75, 50, 25, 10
INTENSITY_DECAY = 0.7
WEAK = 0.05
WEAKNESS = {"energy": -0.02, "stability": -0.04, "integrity": -0.04}  # a second
MAX_PENALTY, PENALTY_SHARE, PENALTY_FLOOR = 0.05, 0.1, 0.01  # of integrity, for a failed tick
CIRCADIAN_SWING = 0.3  # of subjective time
BATCH = 25
RECENT = 1000
SUBJECTIVE_TIME = attrgetter(
    "subjective_time_base_rate", "subjective_time_intensity_coeff", "last_event_intensity",
    "subjective_time_stability_coeff", "stability", "subjective_time_energy_coeff", "energy",
    "circadian_phase", "recovery_efficiency", "subjective_time_rate_min", "subjective_time_rate_max",
)  # fmt: skip


@dataclass(frozen=True)
class Subsystems:
    """The functions that Life's loop calls around its events, each in its ticks; None is left out.

    All but ``sinks`` and ``tick_started`` get the bare state first, in exclusive access.

    Args:
        sinks: each called with an event's ``to_dict()``, or its ``str``.
        tick_started: called with the ticks and the number of queued events.
        metrics, adaptation: called with the state, every 100 ticks.
        clarity, adaptive_processing: called with (state, event_queue).
        feedback: called with (state, pending_actions, event_queue).
        after_events: called with (state, events) in a tick that had events.
        echo: called with the state; returns an event or None.
        learning, memory_decay, consolidation: called with the state, every 75, 50 and 25 ticks.
        semantic_monitor: called with the state, like all that follow; every tick.
        flush_log: every ``log_flush_period_ticks``, after a failed tick and after a snapshot.
        save_snapshot: every ``snapshot_period`` ticks.
    """

    sinks: Sequence[Callable[[Any], Any]] = ()
    tick_started: Callable[[int, int], Any] | None = None
    metrics: Callable[[Any], Any] | None = None
    clarity: Callable[[Any, Any], Any] | None = None
    adaptive_processing: Callable[[Any, Any], Any] | None = None
    feedback: Callable[[Any, list[Any], Any], Any] | None = None
    after_events: Callable[[Any, list[Any]], Any] | None = None
    echo: Callable[[Any], Any] | None = None
    learning: Callable[[Any], Any] | None = None
    memory_decay: Callable[[Any], Any] | None = None
    consolidation: Callable[[Any], Any] | None = None
    adaptation: Callable[[Any], Any] | None = None
    semantic_monitor: Callable[[Any], Any] | None = None
    flush_log: Callable[[Any], Any] | None = None
    save_snapshot: Callable[[Any], Any] | None = None

    def for_a_copy(self) -> Subsystems:
        """Return the functions that change a state and nothing else."""
        return replace(
            self, sinks=(), tick_started=None, metrics=None, clarity=None, after_events=None, echo=None,
            semantic_monitor=None, flush_log=None, save_snapshot=None,
        )  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """The parts of a loop besides its state; the periods are in ticks."""

    engines: Engines | None
    subsystems: Subsystems
    queue: Any
    pending: list[Any]  # actions that the feedback reads
    clock: Clock
    monitor: Callable[[Any], Any] | None
    weakens: bool
    snapshot_period: int
    log_period: int

    def pipeline(self) -> EventPipeline:
        """Return the pipeline of the engines."""
        assert self.engines is not None
        return EventPipeline(self.engines, self.pending, self.clock.wall_time)


def access_to(state: Any) -> Access:
    """Return the exclusive access of a wrapped state; a bare state is given as it is."""
    return state.exclusive if isinstance(state, LifeState) else lambda _: nullcontext(state)


class LifeTick:
    """Runs the duties of a tick on one state, bare or wrapped. For one thread."""

    def __init__(self, parts: Parts, state: Any, source: QueuedEvents | ProcessedEvents) -> None:
        self.state, self.source = state, source
        self._parts, self._subsystems, self._queue = parts, parts.subsystems, parts.queue
        self._access = access_to(state)
        self.ticks = 0
        self.echo_due = False

    def run(self, dt: float, echo_due: bool = False) -> None:
        """Run one tick of ``dt`` seconds; ``echo_due`` is true when the tick of another state had an echo."""
        self._begin(dt)
        self._duty("clarity", self._queue)
        self._duty("metrics", every=METRICS_TICKS)
        self._duty("adaptive_processing", self._queue)
        self._duty("feedback", self._parts.pending, self._queue)
        self.take_events()
        self._echo(echo_due)
        self._duty("learning", every=LEARNING_TICKS)
        self._trim_recent_events()
        self._duty("memory_decay", every=DECAY_TICKS)
        self._duty("consolidation", every=CONSOLIDATION_TICKS)
        self._duty("adaptation", every=ADAPTATION_TICKS)
        self._weaken(dt)
        self._duty("semantic_monitor")
        if self._parts.monitor is not None and self.ticks % MONITOR_TICKS == 0:
            self._parts.monitor(self.state)
        self._duty("flush_log", every=self._parts.log_period)
        if self._duty("save_snapshot", every=self._parts.snapshot_period):
            self._duty("flush_log")

    def penalize(self) -> None:
        """Repair the vitals and lower integrity a little, after a failure."""
        with self._access("error penalty") as live:
            _repair(live)
            if live.integrity > PENALTY_FLOOR:
                live.apply_delta({"integrity": -min(MAX_PENALTY, PENALTY_SHARE * live.integrity)})
            if self._subsystems.flush_log is not None:
                self._subsystems.flush_log(live)

    def take_events(self) -> None:
        """Take the events of this tick."""
        events = self.source.take(self._smooth_intensity)
        if events:
            self._duty("after_events", events)

    def _begin(self, dt: float) -> None:
        with self._access("time") as live:
            if live.ticks and live.ticks % REPAIR_TICKS == 0:
                _repair(live)
            if self._subsystems.tick_started is not None:
                self._subsystems.tick_started(live.ticks, _size(self._queue))
            live.apply_delta({"ticks": 1, "age": dt, "subjective_time": subjective_seconds(live, dt)})
            live.update_circadian_rhythm(dt)
            self.ticks = live.ticks

    def _smooth_intensity(self, events: list[Any]) -> None:
        with self._access("intensity") as live:
            live.last_event_intensity = smoothed(live, events)

    def _echo(self, echo_due: bool) -> None:
        with self._access("echo") as live:
            echo = None if self._subsystems.echo is None else self._subsystems.echo(live)
            self.echo_due = echo_due or echo is not None
            if not self.echo_due:
                live.last_event_intensity = live.last_event_intensity * INTENSITY_DECAY
        if echo is not None:
            self._queue.push(echo)

    def _trim_recent_events(self) -> None:
        """Keep the last 1000 of the recent events; in Life the list grows without bound."""
        with self._access("recent events") as live:
            if len(live.recent_events) > RECENT:
                del live.recent_events[:-RECENT]

    def _weaken(self, dt: float) -> None:
        if not self._parts.weakens:
            return
        with self._access("weakness") as live:
            if any(getattr(live, name) < WEAK for name in VITALS):
                live.apply_delta({name: rate * dt for name, rate in WEAKNESS.items()})

    def _duty(self, name: str, *given: Any, every: int = 1) -> bool:
        """Call a subsystem's function in its ticks, in exclusive access; return whether it was called."""
        duty = getattr(self._subsystems, name)
        if duty is None or every <= 0 or self.ticks % every:
            return False
        with self._access(HOLDERS.get(name) or name.replace("_", " ")) as live:
            duty(live, *given)
        return True


class QueuedEvents:
    """Life's own way: processes all queued events in the tick, one after another. An exception fails one event."""

    def __init__(self, parts: Parts, state: Any, on_processed: OnProcessed | None) -> None:
        self._pipeline = None if parts.engines is None else parts.pipeline()
        self._access, self._sinks, self._queue = access_to(state), parts.subsystems.sinks, parts.queue
        self._on_processed = on_processed
        self.events = self.failed = 0

    def take(self, begin: Begin) -> list[Any]:
        """Call ``begin`` with the queued events, process them, and return them."""
        if self._pipeline is None or self._queue is None or self._queue.is_empty():
            return []
        events: list[Any] = self._queue.pop_all()
        begin(events)
        for start in range(0, len(events), BATCH):
            batch = events[start : start + BATCH]
            for event in batch:
                _call_sinks(self._sinks, event)
            for event in batch:
                self._process(self._pipeline, event)
        return events

    def _process(self, pipeline: EventPipeline, event: Any) -> None:
        self.events += 1
        outcome = None
        try:
            with self._access("an event") as live:
                outcome = pipeline.process(live, event)
        except Exception:
            self.failed += 1
            logger.exception("an event failed: %r", event)
        if self._on_processed is not None:
            self._on_processed(event, outcome)


class ProcessedEvents:
    """The asynchronous way: takes the results of the events that the worker processed since the last tick."""

    def __init__(
        self,
        processor: AsyncEventProcessor,
        sinks: Sequence[Callable[[Any], Any]] = (),
        on_result: Callable[[EventProcessingResult], Any] | None = None,
    ) -> None:
        self._processor, self._sinks, self._on_result = processor, sinks, on_result
        self.events = self.failed = 0

    def take(self, begin: Begin) -> list[Any]:
        """Call ``begin`` with the events processed since the last tick, if there are any, and return them."""
        results = [each for each in self._processor.results() if each.status in STARTED]
        events = [original_of(each.event) for each in results]
        if events:
            begin(events)
        self.events += len(results)
        self.failed += sum(each.status is Status.DEAD_LETTERED for each in results)
        for event, result in zip(events, results, strict=True):
            _call_sinks(self._sinks, event)
            if self._on_result is not None:
                self._on_result(result)
        return events


def subjective_seconds(live: Any, dt: float) -> float:
    """Return ``dt`` seconds as subjective seconds."""
    values = SUBJECTIVE_TIME(live)
    base, by_intensity, intensity, by_stability, stability, by_energy, energy, phase, recovery, least, most = values
    rate = base + by_intensity * intensity + by_stability * (stability - 0.5) + by_energy * energy / 100.0
    return float(dt * min(max(rate + CIRCADIAN_SWING * math.sin(phase) * recovery, least), most))


def smoothed(live: Any, events: Sequence[Any]) -> float:
    """Return the smoothed intensity: a share of the strongest in [0, 1] of these events, the rest of the old value."""
    strongest = max((each for each in map(_intensity, events) if 0.0 <= each <= 1.0), default=0.0)
    share = live.subjective_time_intensity_smoothing
    return float(share * strongest + (1.0 - share) * live.last_event_intensity)


def _repair(live: Any) -> None:
    """Make each vital a finite number at or above its floor."""
    for name, (floor, top) in VITALS.items():
        held = getattr(live, name)
        sound = top if held == math.inf else held if held >= floor else floor
        if sound != held:
            setattr(live, name, sound)


def _call_sinks(sinks: Sequence[Callable[[Any], Any]], event: Any) -> None:
    for sink in sinks:
        try:
            sink(event.to_dict() if callable(getattr(event, "to_dict", None)) else str(event))
        except Exception:  # a user's sink may raise anything; the event goes on
            logger.exception("a sink failed at %r", event)


def _intensity(event: Any) -> float:
    intensity = getattr(event, "intensity", None)
    return float(intensity) if isinstance(intensity, (int, float)) else math.nan


def _size(event_queue: Any) -> int:
    """Return the size of a queue; Life's own class has no ``qsize``."""
    if event_queue is None:
        return 0
    return int((getattr(event_queue, "qsize", None) or event_queue.size)())
