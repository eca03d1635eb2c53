"""The place of an event when offsets move held, paused, replaced or postponed ones; on each twin."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from lifeevt._backends.contract import MAX_LEVELS, NO_TYPE_ID, REFUSED, REJECT

CANCELLED = 3


def tracked(heap: Any, key: int, level: int, payload: Any, **more: Any) -> Any:
    verdict, ticket = heap.offer_tracked(key, level, 0, payload, REJECT, **more)
    assert verdict is not REFUSED
    return ticket


def shift(heap: Any, **offsets: int) -> None:
    """Set the offsets of the named levels, as ``level_1=5``, and 0 for all others."""
    heap.shift([offsets.get(f"level_{level}", 0) for level in range(MAX_LEVELS)])
    heap.check()


def left(heap: Any) -> list[Any]:
    heap.check()
    return [entry[0] for entry in iter(heap.pop, None)]


def parked(heap: Any, level: int) -> None:
    """Pause a level, and let what is first of it be set aside."""
    heap.pause(level, None, True)
    assert heap.pop_above(0) is None
    heap.check()


@pytest.mark.parametrize("held_before", [True, False])
def test_a_held_event_is_placed_by_the_offsets_at_its_return(core: ModuleType, held_before: bool) -> None:
    heap = core.EventHeap(9)
    shift(heap, level_1=0 if held_before else 900)
    ticket = tracked(heap, 10, 1, "held", held=True)
    for key in (12, 16):
        heap.offer(key, 0, 0, key, REJECT)
    shift(heap, level_1=5)
    assert heap.bring_back(ticket)
    assert left(heap) == [12, "held", 16]


def test_a_paused_event_is_placed_by_the_offsets_at_its_resumption(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    for key, level in ((10, 1), (11, 1), (12, 0), (16, 0)):
        heap.offer(key, level, 0, key, REJECT)
    parked(heap, 1)
    shift(heap, level_1=5)
    heap.pause(1, None, False)
    assert left(heap) == [12, 10, 11, 16]


def test_a_shift_does_not_release_events_that_are_aside(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    ticket = tracked(heap, 1, 0, "held", held=True)
    heap.offer(2, 1, 0, "paused", REJECT)
    heap.offer(3, 2, 0, "free", REJECT)
    parked(heap, 1)
    shift(heap, level_0=-100, level_1=-100)
    assert heap.postpone(3, 100, 0) == 2
    assert left(heap) == ["free"]
    assert heap.withdraw(ticket, CANCELLED)[:2] == ("held", 101)
    heap.pause(1, None, False)
    assert left(heap) == ["paused"]


def test_a_replacement_on_a_more_important_level_is_placed_by_its_offset(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    shift(heap, level_1=-30)
    ticket = tracked(heap, 50, 2, "old")
    heap.offer(25, 0, 0, 25, REJECT)
    heap.offer(15, 0, 0, 15, REJECT)
    assert heap.replace(ticket, 60, 1, "new")  # at 50 - 30
    assert left(heap) == [15, "new", 25]


def test_a_replaced_event_that_is_aside_returns_on_its_new_level(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    ticket = tracked(heap, 50, 2, "old", held=True)
    assert heap.replace(ticket, 50, 1, "new")
    heap.offer(40, 0, 0, 40, REJECT)
    shift(heap, level_1=-20)
    assert heap.bring_back(ticket)
    assert left(heap) == ["new", 40]


def test_a_level_that_stands_behind_is_not_taken_by_a_replacement_aside(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    shift(heap, level_1=900)
    ticket = tracked(heap, 50, 2, "old", held=True)
    assert heap.replace(ticket, 50, 1, "new")
    assert heap.depths()[:3] == (0, 0, 1)
    assert heap.bring_back(ticket)
    heap.offer(60, 2, 0, 60, REJECT)
    assert left(heap) == ["new", 60]


def test_a_postponement_reaches_held_and_paused_events(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    ticket = tracked(heap, 10, 1, "held", held=True)
    heap.offer(11, 2, 0, "paused", REJECT)
    parked(heap, 2)
    assert heap.postpone(12, 100, 1) == 2
    assert heap.postpone(900, 100, 1) == 0
    heap.offer(60, 3, 0, "in time", REJECT)
    assert heap.bring_back(ticket)
    heap.pause(2, None, False)
    assert left(heap) == ["in time", "held", "paused"]


@pytest.mark.parametrize("again", ["postpone", "shift"])
def test_an_event_that_moves_back_to_where_it_stood_before_leaves_once(core: ModuleType, again: str) -> None:
    heap = core.EventHeap(9)
    heap.offer(30, 1, 30, "other", REJECT)
    ticket = tracked(heap, 50, 0, "old")
    assert heap.replace(ticket, 10, 0, "new")
    if again == "shift":
        shift(heap, level_0=40)
    else:
        assert heap.postpone(11, 40, 0) == 1
    assert left(heap) == ["other", "new"]
    assert len(heap) == 0


def test_a_replaced_event_can_be_withdrawn_after_a_shift(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    tickets = [tracked(heap, key, 0, key) for key in range(5)]
    assert heap.replace(tickets[3], -1, 0, "first")
    shift(heap, level_0=7)
    assert heap.withdraw(tickets[3], CANCELLED)[0] == "first"
    assert heap.withdraw(tickets[1], CANCELLED)[0] == 1
    assert left(heap) == [0, 2, 4]


def test_the_head_is_returned_by_key_level_and_type_and_stays(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    assert heap.head() is None
    heap.offer(20, 1, 0, "later", REJECT)
    heap.offer(10, 3, 0, "first", REJECT, 7, 0.5)
    assert heap.head() == heap.head() == (10, 3, 7)
    shift(heap, level_3=11)
    assert heap.head() == (20, 1, NO_TYPE_ID)
    assert left(heap) == ["later", "first"] and heap.head() is None


def test_the_head_is_one_that_may_leave(core: ModuleType) -> None:
    heap = core.EventHeap(999)
    for key in range(500):  # more than are set aside in one stay
        heap.offer(key, 1, 0, key, REJECT)
    tracked(heap, -1, 0, "held", held=True)
    heap.offer(1000, 2, 0, "last", REJECT)
    heap.pause(1, None, True)
    assert heap.head() == (1000, 2, NO_TYPE_ID)
    heap.check()
    heap.pause(1, None, False)
    assert heap.head() == (0, 1, NO_TYPE_ID)
