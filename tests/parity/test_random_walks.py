"""Long random walks of each twin beside the model; see random_walks.py."""

from __future__ import annotations

from types import ModuleType

import pytest
from parity.random_walks import RandomWalk

WALKS = [(0, 3), (23, 100), (1, 100), (2, 300), (3, 700), (20, 1000)]  # two of them once broke a compaction of runs


@pytest.mark.parametrize(("seed", "capacity"), WALKS)
def test_a_heap_keeps_its_order_on_a_long_random_walk(core: ModuleType, seed: int, capacity: int) -> None:
    RandomWalk(core.EventHeap(capacity), capacity, seed).go(phases=20)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_a_heap_keeps_its_order_on_many_long_random_walks(core: ModuleType, seed: int) -> None:
    capacity = (3, 20, 100, 300, 1000)[seed % 5]
    RandomWalk(core.EventHeap(capacity), capacity, seed).go(phases=40)
