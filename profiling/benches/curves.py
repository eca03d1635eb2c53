"""How do the figures grow with the depth of the queue, with producers, readers and fields?

Runs only by name, since it takes minutes. Depth: put and get of events up to a million; at all depths a batch of a
thousand numbers in and as events out, where the making of the events costs the most. Producers: threads that
submit to one engine at once, events a second until all have ended. Readers: threads that read a field beside one
that writes at most a thousand times a second; reads a second over all, and how long a write takes once its thread
runs. Fields: a read, a delta of three, a delta of three with a snapshot after it.
Each row says in ``curve`` and ``x`` which point it is; ``profiling/plot.py`` draws them.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from lifeevt import AsyncEventQueue, ThreadSafeSelfState

from . import measure, queue, workloads
from .environment import BACKEND
from .loops import NS, all_timed, timer
from .peers import PlainBeing, PriorityQueueWorker
from .throughput import check_ended, engine

NAME = "curves"
PEER, RLOCK, NUMBERS = "PriorityQueue worker", "RLock+dict", f"{BACKEND}, arrays in"
DEPTHS = (100, 1000, 10_000, 100_000, 1_000_000, 10_000_000)
DEEPEST_OBJECTS = 1_000_000
BATCH = 1000
PRODUCERS, READERS, FIELDS = (1, 2, 4, 8, 16), (1, 2, 4, 8, 16, 32, 64), (4, 16, 64, 256)
READS_AT_ONCE = 100
WRITE_PAUSE_SECONDS = 0.001
DELTA = {"field_0": -0.5, "field_1": 0.25, "field_2": 0.125}
ADD_TO_DICT = """
with lock:
    for name, amount in delta.items():
        number = values[name] + amount
        low, high = bounds[name]
        values[name] = low if number < low else high if number > high else number
    version += 1
"""
Columns = dict[str, Callable[[], float]]


def point(curve: str, place: int, unit: str, samples: Mapping[str, Sequence[float]], more: bool = False) -> measure.Row:
    ours = next(iter(samples))
    return measure.Row(f"{curve} {place:,}", unit, ours, samples, more, notes={"curve": curve, "x": place})


# depth


def numbers_ns(depth: int, pairs: int) -> Callable[[], float]:
    """Nanoseconds for each number of a batch that is put at this depth and taken out again."""
    batch = min(BATCH, depth)
    waiting = AsyncEventQueue(depth + batch, overflow="reject")
    types, intensities = numbers(waiting, batch)
    for _ in range(depth // batch):
        waiting.put_arrays(types, intensities)

    def measured() -> float:
        started = time.perf_counter_ns()
        for _ in range(max(pairs // batch, 1)):
            waiting.put_arrays(types, intensities)
            waiting.drain(batch)
        return (time.perf_counter_ns() - started) / (max(pairs // batch, 1) * batch)

    return measured


def numbers(waiting: AsyncEventQueue, count: int) -> tuple[array[int], array[float]]:
    events = workloads.events(count)
    types = array("i", [waiting.type_id(event.type) for event in events])
    return types, array("d", [event.intensity for event in events])


def depth_columns(depth: int, pairs: int) -> Columns:
    made: Columns = {}
    if depth <= DEEPEST_OBJECTS:
        timers = {BACKEND: queue.of_queue(depth)} if queue.can_hold(depth) else {}
        timers |= {queue.PRIORITY_QUEUE: queue.of_priority_queue(depth), queue.HEAPQ: queue.of_heapq(depth)}
        made |= all_timed(timers, pairs)
    return made | ({NUMBERS: numbers_ns(depth, pairs)} if queue.can_hold(depth) else {})


def depth_rows(depths: Iterable[int], pairs: int, rounds: int) -> list[measure.Row]:
    made = []
    for depth in depths:
        if columns := depth_columns(depth, pairs):
            made.append(point("depth", depth, "ns for put and get", measure.in_turns(columns, rounds)))
    return made


# producers


def together(calls: Sequence[Callable[[], object]], wait: Callable[[], object]) -> float:
    """Start all calls at once, each in a thread; seconds until they and ``wait`` have returned."""
    began_ns: list[int] = []
    gate = threading.Barrier(len(calls), lambda: began_ns.append(time.perf_counter_ns()))  # before any goes on

    def started(call: Callable[[], object]) -> None:
        gate.wait()
        call()

    threads = [threading.Thread(target=started, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait()
    return (time.perf_counter_ns() - began_ns[0]) / NS


def each_submits(submit: Callable[[Any], object], events: Sequence[Any]) -> Callable[[], None]:
    def submit_all() -> None:
        for event in events:
            submit(event)

    return submit_all


def produced(producers: int, count: int) -> float:
    share = workloads.events(count // producers)
    with engine(len(share) * producers) as made:
        seconds = together([each_submits(made.submit, share)] * producers, made.wait_idle)
        check_ended(made, len(share) * producers)
    return len(share) * producers / seconds


def produced_for_peer(producers: int, count: int) -> float:
    share, worker = workloads.events(count // producers), PriorityQueueWorker(PlainBeing())
    seconds = together([each_submits(worker.submit, share)] * producers, worker.wait_idle)
    worker.close()
    return len(share) * producers / seconds


def producer_rows(counts: Iterable[int], events: int, rounds: int) -> list[measure.Row]:
    made = []
    for count in counts:
        ours, theirs = (partial(each, count, events) for each in (produced, produced_for_peer))
        columns: Columns = {BACKEND: ours, PEER: theirs}
        made.append(point("producers", count, "events per second", measure.in_turns(columns, rounds), more=True))
    return made


# readers


class Reading:
    """Threads that read for a while beside one that writes."""

    def __init__(self, read: Callable[[], object], write: Callable[[], object]) -> None:
        self._read, self._write = read, write
        self._begun, self._over = threading.Event(), threading.Event()
        self._reads: list[int] = []
        self.reads_per_second = 0.0
        self.write_us: list[float] = []

    def run(self, readers: int, seconds: float) -> None:
        """Read in so many threads; blocks for so long and until the last thread has ended."""
        threads = [threading.Thread(target=self._read_on) for _ in range(readers)]
        threads.append(threading.Thread(target=self._write_on))
        for thread in threads:
            thread.start()  # and waits: beside reading threads each start would wait for all of them
        began_ns = time.perf_counter_ns()
        self._begun.set()
        time.sleep(seconds)
        self._over.set()
        elapsed_ns = time.perf_counter_ns() - began_ns
        for thread in threads:
            thread.join()
        self.reads_per_second = sum(self._reads) * NS / elapsed_ns

    def _read_on(self) -> None:
        count, read, over = 0, self._read, self._over.is_set
        self._begun.wait()
        while not over():
            for _ in range(READS_AT_ONCE):
                read()
            count += READS_AT_ONCE
        self._reads.append(count)

    def _write_on(self) -> None:
        self._begun.wait()
        while not self._over.wait(WRITE_PAUSE_SECONDS):
            began_ns = time.perf_counter_ns()
            self._write()
            self.write_us.append((time.perf_counter_ns() - began_ns) / 1000)


def reading_of_state() -> Reading:
    state = ThreadSafeSelfState(workloads.fields(16))
    return Reading(lambda: state["field_5"], lambda: state.apply_delta(DELTA))


def reading_of_dict() -> Reading:
    lock, values = threading.RLock(), dict.fromkeys(workloads.fields(16), 50.0)

    def read() -> float:
        with lock:
            return values["field_5"]

    def write() -> None:
        with lock:
            for name, amount in DELTA.items():
                values[name] = min(max(values[name] + amount, 0.0), 100.0)

    return Reading(read, write)


def reader_rows(counts: Iterable[int], seconds: float, rounds: int) -> list[measure.Row]:
    made = []
    for count in counts:
        reads: dict[str, list[float]] = {name: [] for name in (BACKEND, RLOCK)}
        waits: dict[str, list[float]] = {name: [] for name in reads}
        for _ in range(rounds):
            for name in reads:
                seen = reading_of_dict() if name == RLOCK else reading_of_state()
                seen.run(count, seconds)
                reads[name].append(seen.reads_per_second)
                if seen.write_us:  # a writer may never get the interpreter beside many readers
                    waits[name].append(measure.percentile(seen.write_us, 99.0))
        made.append(point("readers", count, "reads per second", reads, more=True))
        written = {name: each for name, each in waits.items() if each}
        made += [point("writer beside readers", count, "us for a write, p99", written)] if written else []
    return made


# fields


def field_timers(count: int) -> dict[str, dict[str, Any]]:
    """The timed statements by curve and column."""
    fields = workloads.fields(count)
    values = {name: field.default for name, field in fields.items()}
    bounds = {name: (field.lowest, field.highest) for name, field in fields.items()}
    plain = {"lock": threading.RLock(), "values": values, "bounds": bounds, "delta": DELTA, "version": 0}
    found: dict[str, dict[str, Any]] = {"fields, read": {}, "fields, delta and snapshot": {}, "fields, delta": {}}
    known = {"state": ThreadSafeSelfState(fields), "delta": DELTA}
    ours = ("state['field_2']", "state.apply_delta(delta)\nstate.snapshot()", "state.apply_delta(delta)")
    for curve, statement in zip(found, ours, strict=True):
        found[curve][BACKEND] = timer(statement, **known)
    theirs = ("with lock: values['field_2']", f"{ADD_TO_DICT}\nwith lock: version, dict(values)", ADD_TO_DICT)
    for curve, statement in zip(found, theirs, strict=True):
        found[curve][RLOCK] = timer(statement, **plain)
    return found


def field_rows(counts: Iterable[int], times: int, rounds: int) -> list[measure.Row]:
    return [
        point(curve, count, "ns a call", measure.in_turns(all_timed(timers, times), rounds))
        for count in counts
        for curve, timers in field_timers(count).items()
    ]


def rows(effort: measure.Effort) -> list[measure.Row]:
    rounds = effort.rounds
    if effort.quick:
        found = [*depth_rows((100,), 100, 1), *producer_rows((1, 2), 100, 1)]
        return [*found, *reader_rows((1,), 0.05, 1), *field_rows((4,), 50, 1)]
    found = [*depth_rows(DEPTHS, 20_000, rounds or 5), *producer_rows(PRODUCERS, 48_000, rounds or 3)]
    return [*found, *reader_rows(READERS, 1.0, rounds or 3), *field_rows(FIELDS, 20_000, rounds or 7)]
