"""How many events a second go from submit to their end, at what processor time, and how soon does each end?

Throughput: the events are made before, the queue holds them all, and the clock stops when the ledger says that
every one has ended. Columns: the engine, its worker beside the caller (async) or in
the caller's thread (sync); the same events as arrays; the loop of Life's shape
(`life_loop`); a plain Python loop with the same reflexes on a dict; and a thread on ``queue.PriorityQueue``.
Reaction: 1000 events a second beside a loop that ticks every 50 ms; acceptance to end, by mode.
"""

from __future__ import annotations

import itertools
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lifeevt import AsyncEventProcessor, AsyncEventQueue, Event, EventProcessingResult, RuntimeLoop, ThreadSafeSelfState

from . import measure, workloads
from .bars import Bar
from .environment import BACKEND
from .life_loop import LifeLoop
from .peers import PlainBeing, PriorityQueueWorker

NAME = "throughput"
LIFE, PLAIN, ARRAYS = "Life-shaped loop", "plain loop", f"{BACKEND} arrays"
MODES = ("async", "sync")
TICK_SECONDS = 0.05
BARS = (Bar(LIFE, 20.0), Bar("", 1e6), Bar(f"{BACKEND} async", 8.0, ours=ARRAYS))
Run = Callable[[], object]


@dataclass(frozen=True)
class Cost:
    """The cost of a batch."""

    events_per_second: float
    cpu_us_per_event: float


def engine(capacity: int) -> AsyncEventProcessor:
    state = ThreadSafeSelfState.life()
    queue = AsyncEventQueue(capacity)
    return AsyncEventProcessor(state, queue=queue, result_capacity=capacity)


def check_ended(made: AsyncEventProcessor, count: int) -> None:
    ledger = made.ledger()
    if ledger.in_flight or sum(ledger.ends.values()) != count:
        raise RuntimeError(f"{count} events were submitted, the ledger says {ledger}")


@contextmanager
def by_worker(events: Sequence[Event]) -> Iterator[Run]:
    def run() -> None:
        submit = made.submit
        for event in events:
            submit(event)
        made.wait_idle()

    with engine(len(events)) as made:
        yield run
        check_ended(made, len(events))


@contextmanager
def by_arrays(events: Sequence[Event]) -> Iterator[Run]:
    with engine(len(events)) as made:
        types = array("i", [made.type_id(event.type) for event in events])
        intensities = array("d", [event.intensity for event in events])

        def run() -> None:
            made.submit_arrays(types, intensities)
            made.wait_idle()

        yield run
        check_ended(made, len(events))


@contextmanager
def in_thread(events: Sequence[Event]) -> Iterator[Run]:
    def run() -> None:
        submit = made.submit
        for event in events:
            submit(event)
        made.process_pending()

    made = engine(len(events))
    yield run
    check_ended(made, len(events))
    made.close()


@contextmanager
def by_life_loop(events: Sequence[Event]) -> Iterator[Run]:
    def run() -> None:
        push = life.queue.push
        for event in events:
            push(event)
        life.tick()

    life = LifeLoop(len(events))
    yield run


@contextmanager
def by_plain_loop(events: Sequence[Event]) -> Iterator[Run]:
    def run() -> None:
        process = being.process
        for event in events:
            process(event)

    being = PlainBeing()
    yield run


@contextmanager
def by_plain_worker(events: Sequence[Event]) -> Iterator[Run]:
    def run() -> None:
        for event in events:
            worker.submit(event)
        worker.wait_idle()

    worker = PriorityQueueWorker(PlainBeing())
    yield run
    worker.close()


def columns() -> dict[str, Callable[[Sequence[Event]], Any]]:
    return {
        f"{BACKEND} async": by_worker, f"{BACKEND} sync": in_thread, ARRAYS: by_arrays,
        LIFE: by_life_loop, PLAIN: by_plain_loop, "PriorityQueue worker": by_plain_worker,
    }  # fmt: skip


def cost(prepared: Any, count: int) -> Cost:
    with prepared as run:
        cpu_ns, wall_ns = time.process_time_ns(), time.perf_counter_ns()
        run()
        wall_ns, cpu_ns = time.perf_counter_ns() - wall_ns, time.process_time_ns() - cpu_ns
    return Cost(count * 1e9 / wall_ns, cpu_ns / 1000 / count)


def costs(rounds: int, events: Sequence[Event]) -> dict[str, list[Cost]]:
    seen: dict[str, list[Cost]] = {name: [] for name in columns()}

    def timed(name: str, prepare: Callable[[Sequence[Event]], Any]) -> Callable[[], float]:
        def measured() -> float:
            seen[name].append(cost(prepare(events), len(events)))
            return seen[name][-1].cpu_us_per_event

        return measured

    measure.in_turns({name: timed(name, prepare) for name, prepare in columns().items()}, rounds)
    return seen


def cost_rows(seen: dict[str, list[Cost]]) -> list[measure.Row]:
    ours = next(iter(seen))
    rates = {name: [cost.events_per_second for cost in each] for name, each in seen.items()}
    cpu = {name: [cost.cpu_us_per_event for cost in each] for name, each in seen.items()}
    return [
        measure.Row("throughput, reflexes alone", "events per second", ours, rates, more_is_better=True, bars=BARS),
        measure.Row("processor time, reflexes alone", "us per event, all threads", ours, cpu),
    ]


def reaction_us(mode: str, load: workloads.Load, ticks: int) -> list[float]:
    """From acceptance to the end of every event that a being under ``load`` processed within ``ticks`` ticks."""
    made = engine(8192)
    seen: list[EventProcessingResult] = []
    over = threading.Event()
    feeder = threading.Thread(target=feed, args=(made, load, over))
    loop = RuntimeLoop(made.state, made, TICK_SECONDS, lambda tick: seen.extend(tick.results), mode)
    feeder.start()
    try:
        loop.run(ticks)
    finally:
        over.set()
        feeder.join()
        made.close()
    return [result.latency_ns / 1000 for result in seen]


def feed(made: AsyncEventProcessor, load: workloads.Load, over: threading.Event) -> None:
    """Submit at absolute times until told that it is over; the engine stops when the loop does."""
    events = itertools.cycle(workloads.events(1000))
    started = time.monotonic()
    for number, event in enumerate(events):
        if over.wait(max(started + number / load.events_per_second - time.monotonic(), 0.0)):
            return
        made.queue.put(event)  # past the engine's door, which closes a moment before the feeder hears of it


def reaction_rows(ticks: int, rounds: int) -> list[measure.Row]:
    seen: dict[str, list[list[float]]] = {mode: [] for mode in MODES}
    for turn in range(rounds):
        for mode in MODES if turn % 2 == 0 else MODES[::-1]:
            seen[mode].append(reaction_us(mode, workloads.SUSTAINED, ticks))
    rate = workloads.SUSTAINED.events_per_second
    case = f"reaction at {rate} events/s, tick of {TICK_SECONDS * 1000:g} ms, {BACKEND}"
    return [
        measure.Row(
            f"{case}, p{percent:g}", "us from acceptance to end", "async",
            {mode: [measure.percentile(each, percent) for each in rounds] for mode, rounds in seen.items()},
        )
        for percent in (50.0, 99.0)
    ]  # fmt: skip


def rows(effort: measure.Effort) -> list[measure.Row]:
    count, turns, ticks = (200, 1, 3) if effort.quick else (50_000, 7, 20)
    turns = effort.rounds or turns
    return [*cost_rows(costs(turns, workloads.events(count))), *reaction_rows(ticks, min(turns, 5))]
