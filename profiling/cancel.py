"""What does it cost to cancel an event, at any depth of the queue?

Fill a heap, in order of the keys and in random order. Withdraw random events by their tickets, up to a million; then
move some to the front with ``replace``, and pop some. Time each call by the wall clock and in time of its thread: on a
machine with other work the longest call of the thread bounds how long the lock is held. ``--json`` writes a file.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from benches import environment

DEPTHS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
MOST = 1_000_000
MOVED = 10_000
CANCELLED = 3


def timed(calls: int, call: Callable[[int], Any], places: list[int]) -> dict[str, float]:
    spent, longest_ns = [0] * calls, 0
    now, own = time.perf_counter_ns, time.thread_time_ns
    for index in range(calls):
        place = places[index]
        before = own()
        started = now()
        call(place)
        spent[index] = now() - started
        longest_ns = max(longest_ns, own() - before)
    spent.sort()
    return {
        "p50_ns": spent[calls // 2], "p99_ns": spent[calls * 99 // 100], "longest_of_the_thread_us": longest_ns // 1000
    }  # fmt: skip


def row(core: Any, depth: int, ascending: bool) -> dict[str, Any]:
    dice, heap = random.Random(1), core.EventHeap(depth + 1)
    for place in range(depth):  # sequence and slot of a new heap are the same number on the native backend
        heap.offer_tracked(place if ascending else dice.randrange(10**12), 0, 0, None, 0)
    drawn = dice.sample(range(depth), min(MOST, depth // 2) + min(MOVED, depth // 4))
    many = min(MOST, depth // 2)
    withdrawn = timed(many, lambda place: heap.withdraw((place, place), CANCELLED), drawn)
    moved = timed(len(drawn) - many, lambda place: heap.replace((place, place), -place, 0, None), drawn[many:])
    popped = timed(min(MOVED, depth // 4), lambda _: heap.pop(CANCELLED), drawn)
    heap.check()
    return {
        "depth": depth, "order": "ascending" if ascending else "none", "withdrawn": many,
        "withdraw": withdrawn, "replace": moved, "pop after": popped,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", help="write the rows there, too")
    parser.add_argument("--deepest", type=int, default=DEPTHS[-1])
    given = parser.parse_args()
    core = import_module("lifeevt._core")
    gc.disable()
    rows = []
    for depth in DEPTHS:
        for ascending in (True, False):
            if depth <= given.deepest:
                rows.append(row(core, depth, ascending))
                print(json.dumps(rows[-1]), flush=True)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump({"environment": environment.describe(), "rows": rows}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
