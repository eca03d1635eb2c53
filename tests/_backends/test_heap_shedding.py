"""A full heap that sheds its newest while others leave: the order behind it stays sound, on each twin."""

from __future__ import annotations

import random
from types import ModuleType
from typing import Any

import pytest

from lifeevt._backends.contract import ADMITTED, DROP_LOWEST, REFUSED

BUDGETS = {0: 10, 2: 500, 3: 2000}  # of the levels that come; each is a run of ascending keys


class Naive:
    """The queued events by sequence; each search looks through all of them."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.accepted = capacity, 0
        self.queued: dict[int, tuple[int, int]] = {}  # sequence to key and level

    def offer(self, key: int, level: int) -> Any:
        """ADMITTED, REFUSED, or the sequence of the one that is shed."""
        shed = None
        if len(self.queued) == self.capacity:
            lowest = max(height for _, height in self.queued.values())
            if lowest <= level:
                return REFUSED
            shed = max(number for number, (_, height) in self.queued.items() if height == lowest)
            del self.queued[shed]
        self.queued[self.accepted] = (key, level)
        self.accepted += 1
        return ADMITTED if shed is None else shed

    def pop(self) -> int | None:
        first = min(self.queued, key=lambda number: (self.queued[number][0], number), default=None)
        if first is not None:
            del self.queued[first]
        return first


@pytest.mark.parametrize(("seed", "capacity"), [(2, 200), (40, 300), (50, 200), (300, 300)])
def test_bursts_that_shed_the_newest_leave_the_order_sound(core: ModuleType, seed: int, capacity: int) -> None:
    chance, heap, naive, now = random.Random(seed), core.EventHeap(capacity), Naive(capacity), 0
    for _ in range(120):
        comes, times = chance.random() < 0.6, chance.choice([1, 3, 30, 100])
        for _ in range(times):
            if not comes:
                entry = heap.pop(2)
                assert (None if entry is None else entry[4]) == naive.pop()
            else:
                now += 1
                level = chance.choice([2, 3]) if chance.random() < 0.98 else 0
                key = now + BUDGETS[level]
                verdict = heap.offer(key, level, now, None, DROP_LOWEST)
                assert (verdict[4] if isinstance(verdict, tuple) else verdict) == naive.offer(key, level)
            heap.check()
