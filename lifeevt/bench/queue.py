"""What does it cost to put one event in and take the most urgent one out, at a steady depth?

Columns: both twins, ``heapq`` of tuples under a Lock, ``queue.PriorityQueue``, and the whole
AsyncEventQueue over each twin (which also reads the clock, ranks the event and keeps the ledger).
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from .. import AsyncEventQueue
from .._contract import REJECT
from ..result import Status
from . import environment, measure, workloads

DEPTHS = (100, 10_000)
DELIVERED = int(Status.DELIVERED)
Pairs = Callable[[], float]


def timed(one_pair: Callable[[int], Any], steps: list[int]) -> Pairs:
    """Nanoseconds per pair; the loop itself is the same for every column."""

    def measured() -> float:
        started = time.perf_counter_ns()
        for step in steps:
            one_pair(step)
        return (time.perf_counter_ns() - started) / len(steps)

    return measured


def twin(core: Any, depth: int, steps: list[int]) -> Pairs:
    heap = core.EventHeap(depth + 1)
    offer, pop = heap.offer, heap.pop
    for key in workloads.key_steps(depth, seed=depth):
        offer(key, 2, 0, None, REJECT)

    def one_pair(step: int) -> None:
        payload, key, level, arrival, _ = pop(DELIVERED)
        offer(key + step, level, arrival, payload, REJECT)

    return timed(one_pair, steps)


def heapq_and_lock(depth: int, steps: list[int]) -> Pairs:
    lock, number = threading.Lock(), itertools.count()
    heap = [(key, next(number), None) for key in workloads.key_steps(depth, seed=depth)]
    heapq.heapify(heap)

    def one_pair(step: int) -> None:
        with lock:
            key, _, payload = heapq.heappop(heap)
        with lock:
            heapq.heappush(heap, (key + step, next(number), payload))

    return timed(one_pair, steps)


def priority_queue(depth: int, steps: list[int]) -> Pairs:
    made: queue.PriorityQueue[tuple[int, int, None]] = queue.PriorityQueue(depth + 1)
    number = itertools.count()
    for key in workloads.key_steps(depth, seed=depth):
        made.put((key, next(number), None))

    def one_pair(step: int) -> None:
        key, _, payload = made.get()
        made.put((key + step, next(number), payload))

    return timed(one_pair, steps)


def whole_queue(backend: str, depth: int, steps: list[int]) -> Pairs:
    made = AsyncEventQueue(depth + 1, overflow="reject", backend=backend)
    pool = workloads.events(1024)
    made.put_many(itertools.islice(itertools.cycle(pool), depth))

    def one_pair(step: int) -> None:
        made.put(made.get())

    return timed(one_pair, steps)


def nothing(steps: list[int]) -> Pairs:
    return timed(lambda step: None, steps)


def columns(depth: int, steps: list[int]) -> dict[str, Pairs]:
    cores = environment.twins()
    made = {name: twin(core, depth, steps) for name, core in cores.items()}
    made["heapq+Lock"] = heapq_and_lock(depth, steps)
    made["PriorityQueue"] = priority_queue(depth, steps)
    made |= {f"AsyncEventQueue {name}": whole_queue(name, depth, steps) for name in cores}
    return made | {measure.LOOP: nothing(steps)}


def main() -> None:
    arguments = measure.parser(__doc__)
    arguments.add_argument("--depths", type=int, nargs="+", default=DEPTHS, help="queued events, for example 1000000")
    given = arguments.parse_args()
    measure.refuse_traced()
    pairs, rounds = (200, 2) if given.quick else (20_000, 11)
    steps = workloads.key_steps(pairs)
    rows = [
        measure.Row(
            f"depth {depth:,}", "ns per put and get", next(iter(environment.twins())),
            measure.in_turns(columns(depth, steps), given.rounds or rounds),
        )
        for depth in ([100] if given.quick else given.depths)
    ]  # fmt: skip
    measure.report("heap", rows, given.json, {"pairs": pairs, "quick": given.quick})


if __name__ == "__main__":
    main()
