"""The peer of Life's shape does what Life's contract says."""

from __future__ import annotations

import pytest

from lifeevt import Event
from lifeevt.bench.life_loop import MEMORY_CAP, LifeLoop


def test_a_shock_on_a_fresh_state_does_what_the_contract_s_example_says() -> None:
    loop = LifeLoop(10)
    loop.push(Event("shock", -0.9))
    loop.tick()
    vitals = loop.state.energy, loop.state.stability, loop.state.integrity
    assert vitals == pytest.approx((99.6575, 0.9775, 0.98875), abs=1e-12)


def test_an_event_without_meaning_changes_nothing() -> None:
    loop = LifeLoop(10)
    loop.push(Event("shock", 0.0))
    loop.tick()
    assert (loop.state.energy, loop.state.memory, loop.answered) == (100.0, [], 1)


def test_a_full_queue_drops_the_newcomer_and_memory_has_its_cap() -> None:
    loop = LifeLoop(60)
    for _ in range(70):
        loop.push(Event("shock", 0.5))
    loop.tick()
    assert (loop.answered, len(loop.state.memory)) == (60, MEMORY_CAP)
