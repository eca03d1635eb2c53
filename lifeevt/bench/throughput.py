"""What does the worker beside the loop cost, and what does it buy, against answering inside the tick?

Rate: from the first submit until the last event has ended, single Event objects and arrays of numbers, beside
the synchronous loop of Life's shape. Throughput and processor time: all are answered to the end, by the
engine's worker (async), by the engine in the caller's thread (sync), and by a plain Python loop with the same
answer on a dict: the synchronous loop as one writes it without lifeevt.
Reaction: 1000 events a second beside a loop that ticks every 50 ms; acceptance to answer, by mode.
"""

from __future__ import annotations

import itertools
import threading
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .. import AsyncEventProcessor, AsyncEventQueue, Event, EventProcessingResult, RuntimeLoop, ThreadSafeSelfState
from . import environment, measure, workloads
from .bars import Bar
from .life_loop import LifeLoop
from .peers import PlainBeing, PriorityQueueWorker

NAME = "throughput"
PLAIN, LIFE = "plain loop", "Life's loop"
SINGLE, ARRAYS = "single events", "arrays"
TIMES_LIFE, A_SECOND, TIMES_SINGLE = 20.0, 1e6, 8.0
_NUMBERS: dict[int, tuple[array[int], array[float], list[str]]] = {}
MODES = ("async", "sync")
TICK_SECONDS = 0.05
Answer = Callable[[Sequence[Event]], None]


@dataclass(frozen=True)
class Cost:
    """What answering a batch took."""

    events_per_second: float
    cpu_us_per_event: float


def engine(backend: str, capacity: int) -> AsyncEventProcessor:
    state = ThreadSafeSelfState.life(backend=backend)
    queue = AsyncEventQueue(capacity, backend=backend)
    return AsyncEventProcessor(state, queue=queue, result_capacity=capacity, backend=backend)


def by_worker(backend: str) -> Answer:
    def answer(events: Sequence[Event]) -> None:
        with engine(backend, len(events)) as made:
            for event in events:
                made.submit(event)

    return answer


def by_arrays(backend: str) -> Answer:
    """The same events as numbers; turning them into numbers is not the engine's work."""

    def answer(events: Sequence[Event]) -> None:
        with engine(backend, len(events)) as made:
            made.submit_arrays(*numbers(made, events))

    return answer


def numbers(made: AsyncEventProcessor, events: Sequence[Event]) -> tuple[array[int], array[float]]:
    key = len(events)
    if key not in _NUMBERS:
        types = sorted({event.type for event in events})
        _NUMBERS[key] = (array("i", [types.index(event.type) for event in events]),
                         array("d", [event.intensity for event in events]), types)  # fmt: skip
    codes, intensities, types = _NUMBERS[key]
    if [made.type_code(name) for name in types] != list(range(len(types))):
        raise AssertionError("a new queue numbers its types in the order in which it sees them")
    return codes, intensities


def by_life_loop(events: Sequence[Event]) -> None:
    loop = LifeLoop(len(events))
    for event in events:
        loop.push(event)
    loop.tick()


def in_thread(backend: str) -> Answer:
    def answer(events: Sequence[Event]) -> None:
        made = engine(backend, len(events))
        for event in events:
            made.submit(event)
        made.process_pending()

    return answer


def by_plain_loop(events: Sequence[Event]) -> None:
    being = PlainBeing()
    for event in events:
        being.answer(event)


def by_plain_worker(events: Sequence[Event]) -> None:
    worker = PriorityQueueWorker(PlainBeing())
    for event in events:
        worker.submit(event)
    worker.wait_idle()
    worker.close()


def columns() -> dict[str, Answer]:
    made: dict[str, Answer] = {}
    for name in environment.twins():
        made |= {f"{name} async": by_worker(name), f"{name} sync": in_thread(name)}
    return made | {"PriorityQueue worker": by_plain_worker, PLAIN: by_plain_loop}


def costs(rounds: int, events: Sequence[Event]) -> dict[str, list[Cost]]:
    seen: dict[str, list[Cost]] = {name: [] for name in columns()}

    def timed(name: str, answer: Answer) -> Callable[[], float]:
        def measured() -> float:
            cpu_ns, wall_ns = time.process_time_ns(), time.perf_counter_ns()
            answer(events)
            wall_ns, cpu_ns = time.perf_counter_ns() - wall_ns, time.process_time_ns() - cpu_ns
            seen[name].append(Cost(len(events) * 1e9 / wall_ns, cpu_ns / 1000 / len(events)))
            return wall_ns

        return measured

    measure.in_turns({name: timed(name, answer) for name, answer in columns().items()}, rounds)
    return seen


def cost_rows(seen: dict[str, list[Cost]]) -> list[measure.Row]:
    ours = next(iter(seen))
    rates = {name: [cost.events_per_second for cost in each] for name, each in seen.items()}
    cpu = {name: [cost.cpu_us_per_event for cost in each] for name, each in seen.items()}
    return [
        measure.Row("throughput, reflexes alone", "events per second", ours, rates, more_is_better=True),
        measure.Row("processor time, reflexes alone", "us per event, all threads", ours, cpu),
    ]


def reaction_us(mode: str, backend: str, load: workloads.Load, ticks: int) -> list[float]:
    """Acceptance to answer of every event that a being under ``load`` answered within ``ticks`` ticks."""
    made = engine(backend, 8192)
    seen: list[EventProcessingResult] = []
    over = threading.Event()
    feeder = threading.Thread(target=feed, args=(made, load, over))
    loop = RuntimeLoop(made.state, made, TICK_SECONDS, lambda tick: seen.extend(tick.results), mode, backend=backend)
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


def reaction_rows(backend: str, ticks: int, rounds: int) -> list[measure.Row]:
    seen: dict[str, list[list[float]]] = {mode: [] for mode in MODES}
    for turn in range(rounds):
        for mode in MODES if turn % 2 == 0 else MODES[::-1]:
            seen[mode].append(reaction_us(mode, backend, workloads.SUSTAINED, ticks))
    rate = workloads.SUSTAINED.events_per_second
    case = f"reaction at {rate} events/s, tick of {TICK_SECONDS * 1000:g} ms, {backend}"
    return [
        measure.Row(
            f"{case}, p{percent:g}", "us from acceptance to answer", "async",
            {mode: [measure.percentile(each, percent) for each in rounds] for mode, rounds in seen.items()},
        )
        for percent in (50.0, 99.0)
    ]  # fmt: skip


def rate(answer: Answer, events: Sequence[Event]) -> float:
    before = time.perf_counter_ns()
    answer(events)
    return len(events) * 1e9 / (time.perf_counter_ns() - before)


def rate_rows(count: int, rounds: int) -> list[measure.Row]:
    """Submit to the end of the last one: single events and arrays, beside the loop of Life's shape."""
    events, few = workloads.events(count), workloads.events(max(count // 50, 10))
    backend = next(iter(environment.twins()))
    columns: dict[str, Callable[[], float]] = {
        SINGLE: lambda: rate(by_worker(backend), events),
        ARRAYS: lambda: rate(by_arrays(backend), events),
        LIFE: lambda: rate(by_life_loop, few),
        PLAIN: lambda: rate(by_plain_loop, few),
    }
    seen = measure.in_turns(columns, rounds)
    bars = [Bar(LIFE, TIMES_LIFE), Bar("", A_SECOND)]
    of_arrays = {ARRAYS: seen[ARRAYS], SINGLE: seen[SINGLE]}
    return [
        measure.Row(f"submit to answer, {backend}", "events per second", SINGLE, seen, more_is_better=True, bars=bars),
        measure.Row(f"submit to answer in arrays, {backend}", "events per second", ARRAYS, of_arrays,
                    more_is_better=True, bars=[Bar(SINGLE, TIMES_SINGLE)]),
    ]  # fmt: skip


def rows(quick: bool, rounds: int | None) -> list[measure.Row]:
    count, turns, ticks = (200, 1, 3) if quick else (20_000, rounds or 7, 20)
    found = rate_rows(count if quick else 300_000, turns)
    found += cost_rows(costs(turns, workloads.events(count)))
    for name in environment.twins():
        found += reaction_rows(name, ticks, min(turns, 3))
    return found


if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
