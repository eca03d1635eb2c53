"""What does a batch save? Nanoseconds per event by size, for a handler with a costly call; on the native backend.

``--quick`` takes a tenth of the events. Each case is measured in turns with the handler that has no batch.
"""

from __future__ import annotations

import sys
import time
from statistics import median
from typing import Any

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    BatchPolicy,
    Event,
    EventScheduler,
    EventType,
    EventTypes,
    Handler,
    Priority,
    ThreadSafeSelfState,
)

EVENTS, ROUNDS = 20_000, 5
COSTS_US = (0, 10, 100)
SIZES = (None, 1, 10, 100)


def ns_per_event(cost_us: int, size: int | None, events: int) -> float:
    def act(*_: Any) -> None:
        until_ns = time.perf_counter_ns() + cost_us * 1000
        while cost_us and time.perf_counter_ns() < until_ns:
            continue

    handler = Handler(action=act, batch=None if size is None else BatchPolicy(size, 100.0))
    types = EventTypes([EventType("log", Priority.NORMAL, 10**13)])
    queue, state = AsyncEventQueue(events), ThreadSafeSelfState({})
    scheduler = EventScheduler(types=types)
    engine = AsyncEventProcessor(state, [], {"log": handler}, queue, scheduler, result_capacity=events)
    engine.submit_many([Event("log", 0.5, 0.0)] * events)
    began_ns = time.perf_counter_ns()
    engine.process_pending()
    return (time.perf_counter_ns() - began_ns) / events


def main(events: int) -> None:
    for cost_us in COSTS_US:
        seen: dict[int | None, list[float]] = {size: [] for size in SIZES}
        for _ in range(ROUNDS):
            for size in SIZES:
                seen[size].append(ns_per_event(cost_us, size, events))
        alone = median(seen[None])
        shown = [f"{size}: {median(seen[size]):9,.0f} ns ({median(seen[size]) / alone:7.3f})" for size in SIZES if size]
        print(f"a call of {cost_us:>3} us  no batch: {alone:9,.0f} ns  " + "  ".join(shown))


if __name__ == "__main__":
    main(EVENTS // 10 if "--quick" in sys.argv else EVENTS)
