"""How late do the ticks of a loop start under 0 to 100,000 events a second?

A loop of 0.1 s ticks, fed by a thread with arrays of numbers every 10 ms. Async: the worker processes events between
ticks. Sync: each tick processes the events since the last one, as Life's loop does. Late: from a tick's deadline to
its start. Busy: from its start to the call of ``on_tick``; the sync mode pays here. Both modes keep the default number
of results for the loop. The numbers of processed and of refused events stand under the tables.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from lifeevt import AsyncEventProcessor, AsyncEventQueue, RuntimeLoop, ThreadSafeSelfState
from lifeevt.runtime import Tick

from . import measure, workloads
from .bars import AT_MOST, Bar

NAME = "jitter"
MODES = ("async", "sync")
TICK_SECONDS = 0.1
BATCH_SECONDS = 0.01
RATES = (0, 1000, 10_000, 100_000)
CAPACITY = 32_768
PERCENTILES = (50.0, 99.0)
FLAT = 2.0  # times the p99 without any event; the machine's own noise is about that


@dataclass
class Ticks:
    """The measured ticks of a mode under a load, over all rounds."""

    late_us: list[float] = field(default_factory=list)
    busy_us: list[float] = field(default_factory=list)
    ended: int = 0
    refused: int = 0

    def on_tick(self, tick: Tick) -> None:
        self.busy_us.append((time.monotonic_ns() - tick.started_ns) / 1000)
        self.late_us.append(tick.lateness_ns / 1000)

    def told(self) -> str:
        return f"{self.ended:,} events processed in {len(self.late_us)} ticks, {self.refused:,} refused"


class Feeder:
    """A thread that hands over a batch of numbers every 10 ms, at absolute times, until it is closed."""

    def __init__(self, made: AsyncEventProcessor, events_per_second: int) -> None:
        events = workloads.events(max(round(events_per_second * BATCH_SECONDS), 1))
        self._types = array("i", [made.type_id(event.type) for event in events])
        self._intensities = array("d", [event.intensity for event in events])
        self._queue, self._over = made.queue, threading.Event()
        self._thread = threading.Thread(target=self._feed if events_per_second else self._over.wait)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def _feed(self) -> None:
        due = time.monotonic()
        while not self._over.wait(max(due - time.monotonic(), 0.0)):
            self._queue.put_arrays(self._types, self._intensities)  # past the engine's door, which closes sooner
            due += BATCH_SECONDS


def run(mode: str, events_per_second: int, ticks: int, seen: Ticks) -> None:
    """Run a loop for so many ticks and add their figures."""
    state = ThreadSafeSelfState.life()
    waiting = AsyncEventQueue(CAPACITY, overflow="reject")
    made = AsyncEventProcessor(state, queue=waiting)
    loop = RuntimeLoop(state, made, TICK_SECONDS, seen.on_tick, mode)
    feeder = Feeder(made, events_per_second)
    try:
        loop.run(ticks)
        seen.ended += sum(made.ledger().ends.values())
        seen.refused += made.ledger().refused
    finally:
        feeder.close()
        made.close()


def measured(rates: Sequence[int], ticks: int, rounds: int) -> dict[int, dict[str, Ticks]]:
    """Every load in both modes, in turns."""
    seen = {rate: {mode: Ticks() for mode in MODES} for rate in rates}
    for turn in range(rounds):
        for rate in rates:
            for mode in MODES if turn % 2 == 0 else MODES[::-1]:
                run(mode, rate, ticks, seen[rate][mode])
    return seen


def rate_rows(rate: int, seen: dict[str, Ticks]) -> list[measure.Row]:
    """Both modes beside each other; their processed events stand under the last row."""
    case = f"{rate:,} events/s, tick of {TICK_SECONDS * 1000:g} ms"
    found = []
    for percent in PERCENTILES:
        late = {mode: [measure.percentile(each.late_us, percent)] for mode, each in seen.items()}
        busy = {mode: [measure.percentile(each.busy_us, percent)] for mode, each in seen.items()}
        found.append(measure.Row(f"{case}, late, p{percent:g}", "us", "async", late))
        found.append(measure.Row(f"{case}, busy, p{percent:g}", "us", "async", busy))
    found[-1].notes = {mode: each.told() for mode, each in seen.items()}
    return found


def flat_row(seen: dict[int, dict[str, Ticks]]) -> measure.Row:
    """The async mode over the loads: whether its ticks stay as punctual as without any event."""
    late = {f"{rate:,} events/s": [measure.percentile(each["async"].late_us, 99.0)] for rate, each in seen.items()}
    unloaded, *loaded = late
    bars = [Bar(unloaded, FLAT, AT_MOST, ours=name) for name in loaded]
    return measure.Row("late, p99, async, by load", "us", loaded[-1], late, bars=bars)


def rows(effort: measure.Effort) -> list[measure.Row]:
    rates, ticks, turns = (RATES[:2], 2, 1) if effort.quick else (RATES, 40, 3)
    seen = measured(rates, ticks, effort.rounds or turns)
    return [row for rate in rates for row in rate_rows(rate, seen[rate])] + [flat_row(seen)]
