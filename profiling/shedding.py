"""What does shedding by delay cost per event? Events are numbers, processed by a reflex on the native backend.

Columns take turns, each round beginning with another: no shedder; one that is asked and never sheds; one
that sheds nearly all. ``--quick`` shows the shape of the output, its figures mean nothing.
"""

from __future__ import annotations

import argparse
import statistics
import time
from array import array

from lifeevt import AsyncEventProcessor, AsyncEventQueue, ThreadSafeSelfState
from lifeevt.scheduler import CoDel

COLUMNS = {
    "no shedder": None,
    "one that is asked": CoDel(1e9, 1e9),
    "one that sheds": CoDel(1e-9, 1e-9),
}


def engine(codel: CoDel | None, events: int) -> AsyncEventProcessor:
    queue = AsyncEventQueue(events, "reject")
    state = ThreadSafeSelfState.life()
    return AsyncEventProcessor(state, queue=queue, codel=codel, result_capacity=1024)


def ns_an_event(one: AsyncEventProcessor, events: int) -> float:
    """The processor time from taking the first event out until the last one has ended."""
    one.submit_arrays(array("i", [one.type_id("noise")]) * events, array("d", [0.5]) * events)
    began = time.thread_time_ns()  # of this thread alone
    processed = one.process_pending()
    taken = time.thread_time_ns() - began
    if processed != events:
        raise SystemExit(f"{processed} of {events} events ended")
    return taken / events


def measured(rounds: int, events: int) -> dict[str, list[float]]:
    engines = {name: engine(codel, events) for name, codel in COLUMNS.items()}
    taken: dict[str, list[float]] = {name: [] for name in COLUMNS}
    for each in engines.values():
        ns_an_event(each, events)  # touches the memory
    for number in range(rounds):
        names = list(COLUMNS)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            taken[name].append(ns_an_event(engines[name], events))
    return taken


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--events", type=int, default=100_000)
    arguments.add_argument("--rounds", type=int, default=31)
    arguments.add_argument("--quick", action="store_true")
    given = arguments.parse_args()
    taken = measured(3 if given.quick else given.rounds, 1000 if given.quick else given.events)
    base = statistics.median(taken["no shedder"])
    for name, samples in taken.items():
        median = statistics.median(samples)
        print(f"{name:18} {median:7.1f} ns an event ({min(samples):.1f} to {max(samples):.1f}), {median / base:.2f} x")


if __name__ == "__main__":
    main()
