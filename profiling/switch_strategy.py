"""How long does a switch of the strategy hold the heap, by the number of queued events? On the native backend."""

from __future__ import annotations

import random
import time

from lifeevt._backends import EventHeap
from lifeevt._backends.contract import MAX_LEVELS, REJECT

STRICT = [(level - 8) * 2**59 for level in range(MAX_LEVELS)]
DEPTHS = (1_000, 10_000, 100_000, 1_000_000)


def seconds(depth: int) -> float:
    heap, dice = EventHeap(depth), random.Random(depth)
    now = 0
    for _ in range(0, depth, 1000):
        offers = []
        for _ in range(min(1000, depth)):
            now += dice.randrange(100_000)
            offers.append((now + dice.choice((10, 50, 200)) * 1_000_000, dice.randrange(4), now, None))
        heap.offer_many(offers, REJECT)
    began = time.perf_counter()
    heap.shift(STRICT)
    heap.shift([0] * MAX_LEVELS)
    return (time.perf_counter() - began) / 2


if __name__ == "__main__":
    for depth in DEPTHS:
        taken = min(seconds(depth) for _ in range(3))
        print(f"{depth:>9,} events wait: {taken * 1e3:8.3f} ms a switch, {taken / depth * 1e9:6.1f} ns an event")
