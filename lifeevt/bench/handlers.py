"""What does the engine add to handlers in Python, in processor time, and how many trivial ones can it run?

Cost: three stages, together 50 to 100 us of plain Python, run for each event by the engine and by a plain loop
that calls the same three; the difference is what queue, order, ledger, reflex, times and results cost. Rate:
three stages that do nothing, beside a thread on ``queue.PriorityQueue`` that calls them under an RLock.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from .. import AsyncEventProcessor, AsyncEventQueue, Event, EventTypes, Handler, ThreadSafeSelfState
from . import environment, measure, workloads
from .bars import AT_MOST, Bar

NAME = "handlers"
PLAIN, PEER = "plain loop", "PriorityQueue, RLock"
ADDED, ADDED_PERCENT = "engine above the loop", "engine above it, %"
TURNS_A_STAGE = 700  # some 25 us
MOST_US, MOST_PERCENT, TIMES_FASTER = 3.0, 3.0, 3.0
Stages = tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]


def work(turns: int) -> float:
    total = 0.0
    for number in range(turns):
        total += number * 0.5
    return total


WORKING: Stages = (
    lambda event, state: work(TURNS_A_STAGE),
    lambda event, meaning, state: work(TURNS_A_STAGE),
    lambda event, decision, state: work(TURNS_A_STAGE),
)
TRIVIAL: Stages = (lambda event, state: 1, lambda event, meaning, state: 2, lambda event, decision, state: 3)


def by_plain_loop(events: Sequence[Event], stages: Stages) -> None:
    meaning, decision, action = stages
    for event in events:
        action(event, decision(event, meaning(event, None), None), None)


def by_engine(backend: str, events: Sequence[Event], stages: Stages) -> None:
    state, own = ThreadSafeSelfState.life(backend=backend), AsyncEventQueue(len(events), backend=backend)
    handlers = {"*": Handler(*stages)}
    with AsyncEventProcessor(state, [], handlers, own, result_capacity=len(events), backend=backend) as engine:
        for event in events:
            engine.submit(event)


def by_thread(events: Sequence[Event], stages: Stages) -> None:
    """What one writes without lifeevt: a priority queue, a thread, and a lock around the shared state."""
    waiting: queue.PriorityQueue[tuple[int, int, Event | None]] = queue.PriorityQueue()
    number, rank, lock = itertools.count(), EventTypes.life().rank, threading.RLock()
    meaning, decision, action = stages

    def answer() -> None:
        while (event := waiting.get()[2]) is not None:
            with lock:
                meant = meaning(event, None)
            with lock:
                decided = decision(event, meant, None)
            with lock:
                action(event, decided, None)
            waiting.task_done()

    thread = threading.Thread(target=answer)
    thread.start()
    for event in events:
        waiting.put((rank(event, time.monotonic_ns())[0], next(number), event))
    waiting.put((2**63, next(number), None))
    thread.join()


def cpu_us(answer: Callable[[], None], count: int) -> float:
    before = time.process_time_ns()
    answer()
    return (time.process_time_ns() - before) / 1000 / count


def per_second(answer: Callable[[], None], count: int) -> float:
    before = time.perf_counter_ns()
    answer()
    return count * 1e9 / (time.perf_counter_ns() - before)


def cost_rows(backend: str, count: int, rounds: int) -> list[measure.Row]:
    events = workloads.events(count)
    columns = {
        backend: lambda: cpu_us(lambda: by_engine(backend, events, WORKING), count),
        PLAIN: lambda: cpu_us(lambda: by_plain_loop(events, WORKING), count),
    }
    seen = measure.in_turns(columns, rounds)
    added = [ours - plain for ours, plain in zip(seen[backend], seen[PLAIN], strict=True)]
    percent = [100.0 * more / plain for more, plain in zip(added, seen[PLAIN], strict=True)]
    return [
        measure.Row("three stages of work", "us of processor time an event", ADDED, {ADDED: added, **seen},
                    bars=[Bar("", MOST_US, AT_MOST)]),
        measure.Row("three stages of work", "% of the plain loop's", ADDED_PERCENT, {ADDED_PERCENT: percent},
                    bars=[Bar("", MOST_PERCENT, AT_MOST)]),
    ]  # fmt: skip


def rate_row(backend: str, count: int, rounds: int) -> measure.Row:
    events = workloads.events(count)
    columns = {
        backend: lambda: per_second(lambda: by_engine(backend, events, TRIVIAL), count),
        PEER: lambda: per_second(lambda: by_thread(events, TRIVIAL), count),
        PLAIN: lambda: per_second(lambda: by_plain_loop(events, TRIVIAL), count),
    }
    samples = measure.in_turns(columns, rounds)
    bars = [Bar(PEER, TIMES_FASTER)]
    return measure.Row("three trivial stages", "events per second", backend, samples, more_is_better=True, bars=bars)


def rows(quick: bool, rounds: int | None) -> list[measure.Row]:
    backend = next(iter(environment.twins()))
    turns = rounds or (2 if quick else 9)
    costs = cost_rows(backend, 20 if quick else 2000, turns)
    return [*costs, rate_row(backend, 200 if quick else 20_000, turns)]


if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
