"""LifeTick: the work of one tick of Life's loop, in its order, each duty for itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

__all__ = ["LifeTick", "Subsystems", "Switches"]

Access = Callable[[str], AbstractContextManager[Any]]  # by the duty's name: the bare state, for as long as the block
Take = Callable[[Callable[[list[Any]], None]], list[Any]]
VITALS = ("energy", "integrity", "stability")
FLOORS = {"energy": 0.001, "integrity": 0.0001, "stability": 0.0001}
TOPS = {"energy": 100.0, "integrity": 1.0, "stability": 1.0}
REPAIR_TICKS = METRICS_TICKS = ADAPTATION_TICKS = 100
LEARNING_TICKS, DECAY_TICKS, CONSOLIDATION_TICKS, MONITOR_TICKS = 75, 50, 25, 10
INTENSITY_DECAY = 0.7
WEAK = 0.05
WEAKNESS = {"energy": -0.02, "stability": -0.04, "integrity": -0.04}  # a second
PAIN, PAIN_SHARE, PAIN_FLOOR = 0.05, 0.1, 0.01
TIDE = 0.3  # how much the time of day sways subjective time
BATCH = 25
RECENT = 1000
NUMBERS = attrgetter(
    "subjective_time_base_rate", "subjective_time_intensity_coeff", "last_event_intensity",
    "subjective_time_stability_coeff", "stability", "subjective_time_energy_coeff", "energy",
    "circadian_phase", "recovery_efficiency", "subjective_time_rate_min", "subjective_time_rate_max",
)  # fmt: skip


@dataclass(frozen=True)
class Subsystems:
    """What Life's loop calls around its events; None is left out. ``state`` is always the bare one, in a turn.

    ``sinks`` get each event's ``to_dict()``, or its ``str``. ``clarity`` and ``adaptive_processing(state,
    event_queue)``; ``feedback(state, pending_actions, event_queue)``; ``after_events(state, events)``; ``echo(state)``
    returns an event or None; the others are called with the state, each in its tick.
    """

    sinks: Sequence[Callable[[Any], Any]] = ()
    tick_started: Callable[[int, int], Any] | None = None  # ticks, events queued
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
        """Return those alone that change a state and nothing else."""
        return replace(
            self, sinks=(), tick_started=None, metrics=None, clarity=None, after_events=None, echo=None,
            semantic_monitor=None, flush_log=None, save_snapshot=None,
        )  # fmt: skip


@dataclass(frozen=True)
class Switches:
    """The switches of Life's loop, by their names there."""

    snapshot_period: int = 10
    disable_weakness_penalty: bool = False
    disable_learning: bool = False
    disable_adaptation: bool = False
    disable_adaptive_processing: bool = False
    enable_memory_hierarchy: bool | None = None
    log_flush_period_ticks: int = 10


class LifeTick:
    """Does the duties of a tick on one state; ``access`` gives it the bare state for each. For one thread.

    ``take_events(begin)`` answers, or gathers, what the tick integrates, and returns the events; it calls ``begin``
    with them, if there are any, before it answers the first.
    """

    def __init__(
        self,
        access: Access,
        around: Subsystems,
        switches: Switches,
        pending_actions: list[Any],
        event_queue: Any,
        take_events: Take,
        monitor: Callable[[], Any] | None,
    ) -> None:
        self._access, self._around, self._switches = access, around, switches
        self._pending, self._queue = pending_actions, event_queue
        self._take_events, self._monitor = take_events, monitor
        self.ticks = 0
        self.echo_due = False

    def run(self, dt: float, echo_due: bool = False) -> None:
        """Do one tick that stands for ``dt`` seconds; ``echo_due``: that of another one counts as this one's."""
        self._begin(dt)
        self._before_events()
        self.integrate()
        self._echo(echo_due)
        self._after_events()
        self._weaken(dt)
        self._tell()

    def hurt(self) -> None:
        """What a failure costs: a little integrity, never the last of it."""
        with self._access("pain") as live:
            self._repair(live)
            if live.integrity > PAIN_FLOOR:
                live.apply_delta({"integrity": -min(PAIN, PAIN_SHARE * live.integrity)})
            self._call(self._around.flush_log, live)

    def integrate(self) -> None:
        """Take the events of this tick."""
        events = self._take_events(self._feel)
        if events:
            self._duty("after events", self._around.after_events, events)

    # --- the parts of a tick, in order

    def _begin(self, dt: float) -> None:
        around = self._around
        with self._access("time") as live:
            if live.ticks and live.ticks % REPAIR_TICKS == 0:
                self._repair(live)
            if around.tick_started is not None:
                around.tick_started(live.ticks, _size(self._queue))
            live.apply_delta({"ticks": 1, "age": dt, "subjective_time": subjective_seconds(live, dt)})
            live.update_circadian_rhythm(dt)
            self.ticks = live.ticks

    def _before_events(self) -> None:
        around = self._around
        self._duty("clarity", around.clarity, self._queue)
        self._duty("metrics", self._every(METRICS_TICKS, around.metrics))
        if not self._switches.disable_adaptive_processing:
            self._duty("adaptive processing", around.adaptive_processing, self._queue)
        self._duty("feedback", around.feedback, self._pending, self._queue)

    def _feel(self, events: list[Any]) -> None:
        with self._access("intensity") as live:
            live.last_event_intensity = smoothed(live, events)

    def _echo(self, echo_due: bool) -> None:
        with self._access("echo") as live:
            echo = None if self._around.echo is None else self._around.echo(live)
            self.echo_due = echo_due or echo is not None
            if not self.echo_due:
                live.last_event_intensity = live.last_event_intensity * INTENSITY_DECAY
        if echo is not None:
            self._queue.push(echo)

    def _after_events(self) -> None:
        around, switches = self._around, self._switches
        if not switches.disable_learning:
            self._duty("learning", self._every(LEARNING_TICKS, around.learning))
        self._forget()
        self._duty("memory decay", self._every(DECAY_TICKS, around.memory_decay))
        if switches.enable_memory_hierarchy is not False:
            self._duty("consolidation", self._every(CONSOLIDATION_TICKS, around.consolidation))
        if not switches.disable_adaptation:
            self._duty("adaptation", self._every(ADAPTATION_TICKS, around.adaptation))

    def _forget(self) -> None:
        """Keep the list of recent events within bounds, which Life's loop does not."""
        with self._access("recent events") as live:
            if len(live.recent_events) > RECENT:
                del live.recent_events[:-RECENT]

    def _weaken(self, dt: float) -> None:
        if self._switches.disable_weakness_penalty:
            return
        with self._access("weakness") as live:
            if any(getattr(live, name) < WEAK for name in VITALS):
                live.apply_delta({name: rate * dt for name, rate in WEAKNESS.items()})

    def _tell(self) -> None:
        around, switches = self._around, self._switches
        self._duty("semantic monitor", around.semantic_monitor)
        if self._monitor is not None and self.ticks % MONITOR_TICKS == 0:
            self._monitor()
        self._duty("log", self._every(switches.log_flush_period_ticks, around.flush_log))
        saving = self._every(switches.snapshot_period, around.save_snapshot)
        self._duty("snapshot", saving)
        self._duty("log", around.flush_log if saving is not None else None)

    # --- small parts

    def _every(self, period: int, duty: Callable[..., Any] | None) -> Callable[..., Any] | None:
        return duty if period > 0 and self.ticks % period == 0 else None

    def _duty(self, name: str, duty: Callable[..., Any] | None, *given: Any) -> None:
        if duty is not None:
            with self._access(name) as live:
                duty(live, *given)

    @staticmethod
    def _call(duty: Callable[..., Any] | None, live: Any) -> None:
        if duty is not None:
            duty(live)

    @staticmethod
    def _repair(live: Any) -> None:
        """Make each vital a number above its floor again."""
        for name in VITALS:
            held = getattr(live, name)
            sound = TOPS[name] if held == math.inf else held if held >= FLOORS[name] else FLOORS[name]
            if sound != held:
                setattr(live, name, sound)


def subjective_seconds(live: Any, dt: float) -> float:
    """Return how long ``dt`` seconds seem."""
    base, by_intensity, intensity, by_stability, stability, by_energy, energy, phase, recovery, *bounds = NUMBERS(live)
    rate = base + by_intensity * intensity + by_stability * (stability - 0.5) + by_energy * energy / 100.0
    return float(dt * min(max(rate + TIDE * math.sin(phase) * recovery, bounds[0]), bounds[1]))


def smoothed(live: Any, events: Sequence[Any]) -> float:
    """Return the next intensity of events: the strongest in [0, 1] of those that came, and what there was before."""
    strongest = max((each for each in map(_intensity, events) if 0.0 <= each <= 1.0), default=0.0)
    share = live.subjective_time_intensity_smoothing
    return float(share * strongest + (1.0 - share) * live.last_event_intensity)


def batches(events: Sequence[Any], size: int = BATCH) -> list[Sequence[Any]]:
    """Return the events in portions."""
    return [events[start : start + size] for start in range(0, len(events), size)]


def told(event: Any) -> Any:
    """Return what a sink is given of an event."""
    return event.to_dict() if callable(getattr(event, "to_dict", None)) else str(event)


def _intensity(event: Any) -> float:
    intensity = getattr(event, "intensity", None)
    return float(intensity) if isinstance(intensity, (int, float)) else math.nan


def _size(event_queue: Any) -> int:
    """Ask a queue by the name that it has: Life's own class has no ``qsize``."""
    if event_queue is None:
        return 0
    return int((getattr(event_queue, "qsize", None) or event_queue.size)())
