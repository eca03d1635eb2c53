"""What does the engine add to handlers in Python?

Two cases of three stages. Work like Life's: together 50 to 100 us of plain arithmetic. The processor time of all
threads for each event, above that of the same three calls in a plain loop, in ns and in percent of it; all
events are queued before the clock starts, and the worker processes them while the caller waits. Beside it: the
same plain loop in a thread of its own, for a thread costs more than the first one. Trivial stages: events
a second from the first submit to the last end, beside a thread that does the same three calls under an RLock, fed
by a ``queue.PriorityQueue``.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

from lifeevt import AsyncEventProcessor, AsyncEventQueue, Event, EventTypes, Handler, ThreadSafeSelfState

from . import measure, workloads
from .bars import AT_MOST, Bar
from .environment import BACKEND

NAME = "handlers"
PLAIN, PLAIN_THREAD, PEER = "plain loop", "plain loop in a thread", "PriorityQueue + RLock"
STEPS = 600  # of arithmetic in each working stage: 20 to 30 us
Stages = tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]


def arithmetic(steps: int) -> float:
    number = 0.0
    for step in range(steps):
        number += step * 0.5
    return number


def working(steps: int) -> Stages:
    """Three stages of so many steps each, with the parameters of a handler's."""
    return (
        lambda event, state: arithmetic(steps),
        lambda event, meaning, state: arithmetic(steps),
        lambda event, decision, state: arithmetic(steps),
    )


def trivial() -> Stages:
    return (lambda event, state: 1, lambda event, meaning, state: 2, lambda event, decision, state: 3)


def engine(stages: Stages, count: int) -> AsyncEventProcessor:
    state = ThreadSafeSelfState.life()
    made = AsyncEventQueue(count)
    handlers = {"*": Handler(*stages)}
    return AsyncEventProcessor(state, [], handlers, queue=made, result_capacity=count)


# processor time


def plain_cpu_ns(stages: Stages, events: Sequence[Event]) -> float:
    """Processor time for each event of three calls in a loop."""
    meaning_of, decide, act = stages
    state = ThreadSafeSelfState.life()
    started = time.process_time_ns()
    for event in events:
        meaning = meaning_of(event, state)
        decision = decide(event, meaning, state)
        act(event, decision, state)
    return (time.process_time_ns() - started) / len(events)


def threaded_cpu_ns(stages: Stages, events: Sequence[Event]) -> float:
    """The same loop in another thread than the first, as the worker is."""
    seen: list[float] = []
    thread = threading.Thread(target=lambda: seen.append(plain_cpu_ns(stages, events)))
    thread.start()
    thread.join()
    return seen[0]


def engine_cpu_ns(stages: Stages, events: Sequence[Event]) -> float:
    """Processor time of all threads for each event that the worker processes."""
    made = engine(stages, len(events))
    made.submit_many(events)
    started = time.process_time_ns()
    made.start()
    made.wait_idle()
    spent = (time.process_time_ns() - started) / len(events)
    made.close()
    return spent


def working_rows(events: Sequence[Event], rounds: int) -> list[measure.Row]:
    ways = {BACKEND: engine_cpu_ns, PLAIN: plain_cpu_ns, PLAIN_THREAD: threaded_cpu_ns}
    stages = working(STEPS)
    seen = measure.in_turns({name: partial(way, stages, events) for name, way in ways.items()}, rounds)
    above = [ours - plain for ours, plain in zip(seen[BACKEND], seen[PLAIN], strict=True)]
    percent = [each / median(seen[PLAIN]) * 100.0 for each in above]
    case, ns, share = "three working stages", Bar("", 3000.0, AT_MOST), Bar("", 3.0, AT_MOST)
    return [
        measure.Row(case, "ns of processor time per event", BACKEND, seen),
        measure.Row(f"{case}, above the plain loop", "ns per event", BACKEND, {BACKEND: above}, bars=[ns]),
        measure.Row(f"{case}, share above the plain loop", "percent", BACKEND, {BACKEND: percent}, bars=[share]),
    ]


# events a second


def engine_rate(stages: Stages, events: Sequence[Event]) -> float:
    """Events a second from submit to the end, the worker running beside the caller."""
    with engine(stages, len(events)) as made:
        submit, started = made.submit, time.perf_counter_ns()
        for event in events:
            submit(event)
        made.wait_idle()
        return len(events) * 1e9 / (time.perf_counter_ns() - started)


def peer_rate(stages: Stages, events: Sequence[Event]) -> float:
    """The same by a thread that takes from a PriorityQueue and calls the stages under an RLock."""
    waiting: queue.PriorityQueue[tuple[int, int, Event | None]] = queue.PriorityQueue(len(events) + 1)
    worker = threading.Thread(target=process_all, args=(waiting, stages), daemon=True)
    worker.start()
    rank, number = EventTypes.life().rank, itertools.count()
    started = time.perf_counter_ns()
    for event in events:
        waiting.put((rank(event, time.monotonic_ns())[0], next(number), event))
    waiting.join()
    rate = len(events) * 1e9 / (time.perf_counter_ns() - started)
    waiting.put((2**63, next(number), None))
    worker.join()
    return rate


def process_all(waiting: queue.PriorityQueue[tuple[int, int, Event | None]], stages: Stages) -> None:
    meaning_of, decide, act = stages
    lock, state = threading.RLock(), ThreadSafeSelfState.life()
    while (event := waiting.get()[2]) is not None:
        with lock:
            meaning = meaning_of(event, state)
            decision = decide(event, meaning, state)
            act(event, decision, state)
        waiting.task_done()


def trivial_row(events: Sequence[Event], rounds: int) -> measure.Row:
    stages, ways = trivial(), {BACKEND: engine_rate, PEER: peer_rate}
    seen = measure.in_turns({name: partial(way, stages, events) for name, way in ways.items()}, rounds)
    return measure.Row("three trivial stages", "events per second", BACKEND, seen, True, bars=[Bar(PEER, 3.0)])


def rows(effort: measure.Effort) -> list[measure.Row]:
    work, calls, turns = (20, 20, 1) if effort.quick else (4000, 20_000, 11)
    turns = effort.rounds or turns
    return [*working_rows(workloads.events(work), turns), trivial_row(workloads.events(calls), turns)]
