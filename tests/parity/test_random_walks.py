"""Long marches of each twin beside the model; see random_walks.py."""

from __future__ import annotations

from types import ModuleType

import pytest
from parity.random_walks import March

MARCHES = [(0, 3), (23, 100), (1, 100), (2, 300), (3, 700), (20, 1000)]  # two of them broke a sweep of lanes once


@pytest.mark.parametrize(("seed", "capacity"), MARCHES)
def test_a_heap_keeps_its_order_on_a_long_march(core: ModuleType, seed: int, capacity: int) -> None:
    March(core.EventHeap(capacity), capacity, seed).go(moods=20)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_a_heap_keeps_its_order_on_many_long_marches(core: ModuleType, seed: int) -> None:
    capacity = (3, 20, 100, 300, 1000)[seed % 5]
    March(core.EventHeap(capacity), capacity, seed).go(moods=40)
