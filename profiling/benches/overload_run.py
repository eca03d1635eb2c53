"""One engine under one load: the senders, the service rate, and the ends of all events."""

from __future__ import annotations

import itertools
import os
import threading
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from statistics import median
from typing import Any

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    Event,
    EventScheduler,
    EventType,
    EventTypes,
    Handler,
    Priority,
    RateLimit,
    ThreadSafeSelfState,
)
from lifeevt.processor import ProcessorStatistics
from lifeevt.scheduler import CoDel

from . import measure, workloads
from .handlers import arithmetic
from .latency import WORKER, core_wait_ns, native_id

WORK_SECONDS = 0.02  # of work in a full queue: less than the difference of the budgets
TARGET_SECONDS, INTERVAL_SECONDS = 0.005, 0.01  # of CoDel: it takes 2 s to learn of 10,000 a second too many
RESULTS = 1024  # never taken
SWITCH_SECONDS = 0.0005  # the longest wait for the interpreter beside a handler or a sender
CRITICAL_PER_SECOND = 50
PAUSE_SECONDS = 0.001  # between two looks at the due events
AT_ONCE = 1 << 15  # in one call, or after one look, at most
LOOK_SECONDS = 0.05  # between two looks at the ledger
MS = 1_000_000
ALARM, NEWS, GOSSIP, FLOOD = "alarm", "news", "gossip", "flood"
OF_LEVEL = {Priority.CRITICAL: ALARM, Priority.NORMAL: NEWS, Priority.LOW: GOSSIP}
FLOOD_SHARE = 10  # the flood's limit is this part of the service rate


@dataclass(frozen=True)
class Processing:
    """How events are processed, by handlers or reflexes, and submitted, as objects or as numbers."""

    name: str
    steps: int  # of arithmetic in the handler; 0: reflexes
    calibrated_by: int  # events

    def cut(self) -> Processing:
        return replace(self, steps=min(self.steps, 10), calibrated_by=200)


HANDLERS = Processing("handlers", 3000, 2000)
REFLEXES = Processing("reflexes", 0, 50_000)


@dataclass(frozen=True)
class Load:
    """The multiple of the service rate for each type, and the settings of the engine."""

    news: float
    gossip: float
    flood: float = 0.0
    strategy: str = "deadline"
    work_seconds: float = WORK_SECONDS
    sheds: bool = False  # by CoDel


@dataclass
class Seen:
    """The figures of one engine's events."""

    rate: float  # of service
    seconds: float
    sent: dict[str, int]
    late_us: list[float]
    statistics: ProcessorStatistics
    grown_mb: float
    core_wait_percent: float
    unaccounted: int

    @property
    def came(self) -> float:
        """Events a second."""
        return sum(self.sent.values()) / self.seconds

    @property
    def processed(self) -> float:
        """Events a second, with those still queued at the end."""
        return sum(each.finished for each in self.statistics.scheduler.types.values()) / self.seconds

    def took_us(self, level: Priority, what: str, percent: int) -> float:
        """Return the time of a level's events from acceptance to their start (wait) or end (total)."""
        of_type = self.statistics.scheduler.types.get(OF_LEVEL[level])
        if of_type is None:
            return nan
        summary = of_type.wait if what == "wait" else of_type.latency
        return (summary.p50_ns if percent == 50 else summary.p99_ns) / 1000

    def lost_percent(self, of: Priority | str) -> float:
        name = OF_LEVEL[of] if isinstance(of, Priority) else of
        kept = self.statistics.scheduler.types.get(name)
        sent = self.sent.get(name, 0)
        return 100.0 * (1.0 - (kept.finished if kept else 0) / sent) if sent else nan

    def sent_late_us(self, percent: float) -> float:
        return measure.percentile(self.late_us, percent)


def service_rate(processing: Processing) -> float:
    """Return how many events a second are processed without other load."""
    return median(_rate_of_a_full_queue(processing) for _ in range(3))


def _rate_of_a_full_queue(processing: Processing) -> float:
    count = processing.calibrated_by
    made = engine(processing, Load(0.0, 1.0), types_of(processing, 1.0), count)
    sender(made, processing, GOSSIP)(count)
    started = time.perf_counter()
    with made:
        made.wait_idle()
        return count / (time.perf_counter() - started)


def observed(processing: Processing, load: Load, rate: float, seconds: float) -> Seen:
    """Run a load against an engine for so many seconds, process the rest, and return the figures."""
    capacity = max(round(rate * load.work_seconds), 2)
    made = engine(processing, load, types_of(processing, rate), capacity)
    times = {NEWS: load.news, GOSSIP: load.gossip, FLOOD: load.flood}
    streams = {name: Stream(sender(made, processing, name), each * rate) for name, each in times.items() if each}
    critical = CriticalStream(made)
    with made:
        watch = watched(made, seconds, [critical, *streams.values()])
        made.wait_idle()
        statistics = made.statistics()
    sent = {ALARM: len(critical.late_us), **{name: each.sent for name, each in streams.items()}}
    off = watch.unbalanced + abs(sum(sent.values()) - told(statistics)) + statistics.ledger.in_flight
    return Seen(rate, seconds, sent, critical.late_us, statistics, watch.grown_mb, watch.core_wait_percent, off)


def told(statistics: ProcessorStatistics) -> int:
    """Return how many events came by the engine's own count."""
    return statistics.ledger.accepted + statistics.ledger.refused + statistics.queue.limited


# the engine


def types_of(processing: Processing, rate: float) -> EventTypes:
    """Three types of a level each, and one limited to a part of the service rate; for handlers, by its source."""
    limit = RateLimit(max(round(rate / FLOOD_SHARE), 1), burst=max(round(rate / FLOOD_SHARE * PAUSE_SECONDS), 1))
    limits: dict[str, Any] = {"source_limit" if processing.steps else "rate_limit": limit}
    return EventTypes([
        EventType(ALARM, Priority.CRITICAL, 10 * MS), EventType(NEWS, Priority.NORMAL, 50 * MS),
        EventType(GOSSIP, Priority.LOW, 200 * MS), EventType(FLOOD, Priority.LOW, 200 * MS, **limits),
    ])  # fmt: skip


def engine(processing: Processing, load: Load, types: EventTypes, capacity: int) -> AsyncEventProcessor:
    steps, codel = processing.steps, CoDel(TARGET_SECONDS, INTERVAL_SECONDS) if load.sheds else None
    scheduler = EventScheduler(load.strategy, types=types, codel=codel)
    handlers = {"*": Handler(meaning=lambda event, state: arithmetic(steps))} if steps else None
    return AsyncEventProcessor(
        ThreadSafeSelfState.life(), [] if steps else None, handlers,
        AsyncEventQueue(capacity, "drop_lowest"), scheduler,
        result_capacity=RESULTS, switch_interval=SWITCH_SECONDS,
    )  # fmt: skip


# senders

Send = Callable[[int], None]


def sender(made: AsyncEventProcessor, processing: Processing, name: str) -> Send:
    """Return the function that submits events of a type: one by one for handlers, as arrays for reflexes."""
    if processing.steps:
        return as_objects(made, Event(name, 0.5, source=name))
    return as_numbers(made, made.type_id(name))


def as_objects(made: AsyncEventProcessor, event: Event) -> Send:
    def send(times: int) -> None:
        submit = made.submit
        for _ in range(times):
            submit(event)

    return send


def as_numbers(made: AsyncEventProcessor, code: int) -> Send:
    types, intensities = memoryview(array("i", [code] * AT_ONCE)), memoryview(array("d", [0.5] * AT_ONCE))

    def send(times: int) -> None:
        for start in range(0, times, AT_ONCE):
            made.submit_arrays(types[: times - start], intensities[: times - start])

    return send


class Stream:
    """Sends the events that are due, at absolute times; a late stream catches up."""

    def __init__(self, send: Send, per_second: float) -> None:
        self._send, self._per_second, self.sent = send, per_second, 0

    def run(self, seconds: float) -> None:
        start = time.monotonic()
        while (now := time.monotonic()) < start + seconds:
            due = min(int((now - start) * self._per_second) - self.sent, AT_ONCE)
            self._send(due)
            self.sent += due
            time.sleep(PAUSE_SECONDS)


class CriticalStream:
    """Sends single events at irregular times, and notes how late it was."""

    def __init__(self, made: AsyncEventProcessor) -> None:
        self._submit, self.late_us = made.submit, list[float]()

    def run(self, seconds: float) -> None:
        alarm, start = Event(ALARM, -0.9), time.monotonic()
        pauses = workloads.pauses(round(seconds * CRITICAL_PER_SECOND), 1.0 / CRITICAL_PER_SECOND)
        for due in itertools.accumulate(pauses, initial=start):
            time.sleep(max(due - time.monotonic(), 0.0))
            late = time.monotonic() - due
            self._submit(alarm)
            self.late_us.append(late * 1e6)


# the watch over the engine


@dataclass
class Watch:
    """The figures of an engine during the load."""

    grown_mb: float = 0.0
    core_wait_percent: float = 0.0
    unbalanced: int = 0


def watched(made: AsyncEventProcessor, seconds: float, streams: Sequence[Stream | CriticalStream]) -> Watch:
    """Run the streams, a thread each, and check the ledger meanwhile."""
    seen, threads = Watch(), [threading.Thread(target=each.run, args=(seconds,)) for each in streams]
    worker = next(native_id(each) for each in threading.enumerate() if each.name == WORKER)
    start, before_mb, waited_ns = time.monotonic(), None, core_wait_ns(worker)
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(LOOK_SECONDS)
        seen.unbalanced += not made.ledger().balanced
        if before_mb is None and time.monotonic() > start + seconds / 5:
            before_mb = resident_mb()  # the queue and the results are full by now
    for thread in threads:
        thread.join()
    seen.grown_mb = resident_mb() - (before_mb or 0.0)
    seen.core_wait_percent = (core_wait_ns(worker) - waited_ns) / 1e7 / (time.monotonic() - start)
    return seen


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6
