"""What does Life gain by its engine, and what does it pay?

Stages of Life's cost (about 94 us an event, memory included, by its own measurement) on a state of Life's shape. The
price: processor time of all threads for each event that a worker processes under exclusive access to the wrapped
state, above that of the bare synchronous pipeline in a plain loop. The gain: 1000 events a second beside a loop of
0.1 s ticks, in Life's own way and in ours: from a push to the end of the action; dropped events; how far a tick's
period is off.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any

from lifeevt import Event, life

from . import measure, workloads
from .bars import AT_MOST, BELOW, Bar
from .environment import BACKEND
from .handlers import arithmetic
from .life_loop import LifeState, MeaningEngine, MemoryEntry, decide_response, execute_action

NAME = "life"
BARE, BARE_THREAD = "bare pipeline", "bare pipeline in a thread"
MODES = {BACKEND: "async", "sync": "sync"}  # by column
LIFE_NS = 94_000.0  # the cost of an event in Life, by its own loop
TICK_SECONDS, EVENTS_PER_SECOND, CAPACITY = 0.1, 1000, 100
RESULTS = 128  # kept for the loop, which takes them at every tick; more would measure memory that is never warm
Stage = Callable[..., Any]


class Being(LifeState):
    """The peer's state by the names that a wrapped one is asked by."""

    subjective_time_intensity_smoothing = 0.3
    subjective_time_base_rate, subjective_time_rate_min, subjective_time_rate_max = 1.0, 0.1, 3.0
    subjective_time_intensity_coeff, subjective_time_stability_coeff, subjective_time_energy_coeff = 1.0, 0.5, 0.5

    def get_safe_status_dict(self, include_optional: bool = True, limits: Any = None) -> dict[str, Any]:
        return self.status()

    def update_circadian_rhythm(self, dt: float) -> None:
        self.circadian_phase = (self.circadian_phase + dt / 86_400.0) % 6.28


class Working(MeaningEngine):
    """The peer's meaning, and so many steps of arithmetic as make the whole as dear as Life's."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps = steps

    def process(self, event: Event, status: dict[str, Any]) -> Any:
        arithmetic(self._steps)
        return super().process(event, status)


def remember(**given: Any) -> MemoryEntry:
    return MemoryEntry(**given)


def engines(steps: int, act: Stage = execute_action) -> life.Engines:
    return engines_of(Working(steps), act)


def engines_of(meaning: Working, act: Stage) -> life.Engines:
    return life.Engines(meaning, decide_response, act, memory_entry=remember)


# the price


def bare_cpu_ns(made: life.Engines, events: Sequence[Event]) -> float:
    """Processor time for each event of the pipeline in a plain loop on the bare state."""
    process, being = life.EventPipeline(made).process, Being()
    started = time.process_time_ns()
    for event in events:
        process(being, event)
    return (time.process_time_ns() - started) / len(events)


def threaded_cpu_ns(made: life.Engines, events: Sequence[Event]) -> float:
    """The same in another thread than the first, as the worker is."""
    seen: list[float] = []
    thread = threading.Thread(target=lambda: seen.append(bare_cpu_ns(made, events)))
    thread.start()
    thread.join()
    return seen[0]


def engine_cpu_ns(made: life.Engines, events: Sequence[Event]) -> float:
    """Processor time of all threads for each event that the worker processes on the wrapped state."""
    queue = life.EventQueue(False, maxsize=len(events))
    state = life.wrap_state(Being())
    engine = life.processor(state, queue, life.EventPipeline(made), result_capacity=RESULTS)
    for event in events:
        queue.push(event)
    started = time.process_time_ns()
    engine.start()
    engine.wait_idle()
    spent = (time.process_time_ns() - started) / len(events)
    engine.close()
    return spent


def steps_of_lifes_cost(events: Sequence[Event]) -> int:
    """Return the steps of arithmetic that make an event as dear as in Life, on this machine."""
    plain = min(bare_cpu_ns(engines(0), events) for _ in range(3))
    stepped = min(bare_cpu_ns(engines(1000), events) for _ in range(3))
    return max(0, round((LIFE_NS - plain) / max(stepped - plain, 1.0) * 1000))


def price_rows(events: Sequence[Event], steps: int, rounds: int) -> list[measure.Row]:
    made, ways = engines(steps), {BACKEND: engine_cpu_ns, BARE: bare_cpu_ns, BARE_THREAD: threaded_cpu_ns}
    seen = measure.in_turns({name: partial(way, made, events) for name, way in ways.items()}, rounds)
    bare_ns = median(seen[BARE])
    above = {
        name: [(ours - bare) / bare_ns * 100.0 for ours, bare in zip(seen[name], seen[BARE], strict=True)]
        for name in (BACKEND, BARE_THREAD)
    }
    case = "an event of Life's cost behind wrap_state"
    return [
        measure.Row(case, "ns of processor time per event", BACKEND, seen),
        measure.Row(f"{case}, above the bare pipeline", "percent", BACKEND, above, bars=[Bar("", 5.0, AT_MOST)]),
    ]


# the gain


@dataclass
class Seen:
    """The figures of one way over all rounds; times in us."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    off: list[float] = field(default_factory=list)
    dropped: list[float] = field(default_factory=list)

    def add(self, watch: Watch, dropped: int) -> None:
        self.p50.append(measure.percentile(watch.latencies_us, 50.0))
        self.p99.append(measure.percentile(watch.latencies_us, 99.0))
        self.off.append(measure.percentile(watch.periods_off_us(), 95.0))
        self.dropped.append(float(dropped))


class Watch(Working):
    """Notes when each event was pushed, and how long after that its action ended. For one worker."""

    def __init__(self, steps: int) -> None:
        super().__init__(steps)
        self.latencies_us: list[float] = []
        self.ticks_ns: list[int] = []
        self._pushed_ns: dict[int, int] = {}  # by the event, which lives as long as this
        self._event_id = 0

    def pushed(self, event: Any) -> None:
        self._pushed_ns[id(event)] = time.monotonic_ns()

    def process(self, event: Event, status: dict[str, Any]) -> Any:
        self._event_id = id(event)
        return super().process(event, status)

    def act(self, pattern: str, state: Any) -> None:
        execute_action(pattern, state)
        self.latencies_us.append((time.monotonic_ns() - self._pushed_ns[self._event_id]) / 1000)

    def tick_started(self, ticks: int, queued: int) -> None:
        self.ticks_ns.append(time.monotonic_ns())

    def periods_off_us(self) -> list[float]:
        begins, interval_ns = self.ticks_ns, TICK_SECONDS * 1e9
        return [abs(later - one - interval_ns) / 1000 for one, later in pairwise(begins)]


def push_steadily(queue: life.EventQueue, watch: Watch, events: Sequence[Event], per_second: int) -> None:
    """Push each event at its absolute time; one that is late is pushed at once."""
    start = time.monotonic()
    for place, event in enumerate(events):
        left = start + place / per_second - time.monotonic()
        if left > 0:
            time.sleep(left)
        watch.pushed(event)
        queue.push(event)


def live(mode: str, steps: int, events: Sequence[Event], per_second: int, seen: Seen) -> None:
    """Run a loop until all events have come and are processed; add its figures."""
    watch, stop = Watch(steps), threading.Event()
    queue = life.EventQueue(False, maxsize=CAPACITY)

    def feed() -> None:
        push_steadily(queue, watch, events, per_second)
        time.sleep(2 * TICK_SECONDS)
        stop.set()

    feeder = threading.Thread(target=feed)
    logging.getLogger("lifeevt.life").setLevel(logging.ERROR)  # counts the dropped events
    feeder.start()
    life.run_loop(
        Being(), None, TICK_SECONDS, stop_event=stop, event_queue=queue, mode=mode,
        engines=engines_of(watch, watch.act), subsystems=life.Subsystems(tick_started=watch.tick_started),
    )  # fmt: skip
    feeder.join()
    seen.add(watch, queue.get_dropped_events_count())


def gain_rows(steps: int, per_second: int, seconds: float, rounds: int) -> list[measure.Row]:
    """One run of each way a round, in turns."""
    events = telling(round(per_second * seconds))
    seen = {name: Seen() for name in MODES}
    for _ in range(rounds):
        for name, mode in MODES.items():
            live(mode, steps, events, per_second, seen[name])
    case = f"{per_second} events/s beside ticks of {TICK_SECONDS:g} s"

    def row(what: str, unit: str, figures: Callable[[Seen], list[float]], *bars: Bar) -> measure.Row:
        columns = {name: figures(each) for name, each in seen.items()}
        return measure.Row(f"{case}, {what}", unit, BACKEND, columns, bars=list(bars))

    return [
        row("push to the end of the action, p50", "us", lambda each: each.p50),
        row("push to the end of the action, p99", "us", lambda each: each.p99, Bar("", 5000.0, BELOW)),
        row("period off by, p95", "us", lambda each: each.off, Bar("", 1000.0, BELOW)),
        row("dropped", "events", lambda each: each.dropped, Bar("", 0.0, AT_MOST)),
    ]


def telling(count: int) -> list[Event]:
    """Events of Life's mix that all mean something, so that each has an action."""
    return [each for each in workloads.events(2 * count) if each.intensity][:count]


def rows(effort: measure.Effort) -> list[measure.Row]:
    events = telling(50 if effort.quick else 4000)
    steps = 10 if effort.quick else steps_of_lifes_cost(events[:2000])
    times = effort.rounds or (1 if effort.quick else 7)
    if effort.quick:
        return [*price_rows(events, steps, times), *gain_rows(steps, 500, 0.1, 1)]
    return [
        *price_rows(events, steps, times),
        *gain_rows(steps, 100, 3.0, min(times, 3)),
        *gain_rows(steps, EVENTS_PER_SECOND, 3.0, min(times, 3)),
    ]
