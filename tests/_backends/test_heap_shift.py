"""EventHeap.shift: offsets of levels, also for events queued before; on each twin."""

from __future__ import annotations

import random
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifeevt._backends.contract import ADMITTED, MAX_LEVELS, NO_END, REJECT
from strategies import INT64_MAX, INT64_MIN, shifts

PROCESSED = 0
STRICT = [level * 1_000_000 for level in range(MAX_LEVELS)]
NONE = [0] * MAX_LEVELS


def drained(heap: Any) -> list[Any]:
    return [entry[0] for entry in iter(heap.pop, None)]


def test_an_offset_moves_a_level_behind_its_keys(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    heap.shift([0, 10, *[0] * 14])
    for key, level in ((9, 0), (0, 1), (11, 0), (1, 1)):
        heap.offer(key, level, 0, (key, level), REJECT)
    assert drained(heap) == [(9, 0), (0, 1), (11, 0), (1, 1)]


def test_a_shift_moves_queued_events_and_back(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    for key in range(8):
        heap.offer(key, 7 - key, 0, key, REJECT)
    heap.shift(STRICT)
    assert [heap.pop()[0], heap.pop()[0]] == [7, 6]
    heap.shift(NONE)
    assert drained(heap) == list(range(6))


def test_an_entry_keeps_its_own_key(core: ModuleType) -> None:
    heap = core.EventHeap(1)
    heap.shift([5] * MAX_LEVELS)
    heap.offer(3, 2, 1, "p", REJECT)
    assert heap.pop() == ("p", 3, 2, 1, 0)


def test_equal_sums_leave_in_order_of_acceptance(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    heap.shift(list(range(MAX_LEVELS)))
    for level in (3, 1, 2, 0):
        heap.offer(-level, level, 0, level, REJECT)
    assert drained(heap) == [3, 1, 2, 0]


@pytest.mark.parametrize(("offset", "first"), [(INT64_MAX, 0), (INT64_MIN, 1)])
def test_a_sum_saturates_at_either_end(core: ModuleType, offset: int, first: int) -> None:
    heap = core.EventHeap(2)
    heap.offer(0, 0, 0, 0, REJECT)
    heap.offer(7 if offset > 0 else -7, 1, 0, 1, REJECT)
    heap.shift([0, offset, *[0] * 14])
    heap.check()
    assert drained(heap)[0] == first


@pytest.mark.parametrize("count", [0, 1, 62, 63, 64, 126, 1000])
def test_a_shift_moves_a_run_of_many_entries(core: ModuleType, count: int) -> None:
    heap = core.EventHeap(max(count, 1))
    for key in range(count):
        heap.offer(key, key % 3, 0, key, REJECT)
    for _ in range(count // 3):
        heap.pop(PROCESSED)
    heap.shift([2_000, 1_000, *[0] * 14])
    heap.check()
    left = sorted(range(count // 3, count), key=lambda key: (-(key % 3), key))
    assert [entry[0] for entry in heap.drain(5, PROCESSED)] == left[:5]
    heap.offer(INT64_MIN, 2, 0, -1, REJECT)
    assert drained(heap) == [-1, *left[5:]]
    heap.check()


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 5)), max_size=40), st.lists(shifts, max_size=4))
def test_nothing_is_lost_and_the_order_is_that_of_a_sorted_list(
    core: ModuleType, offers: list[tuple[int, int]], changes: list[list[int]]
) -> None:
    heap, dice = core.EventHeap(100), random.Random(len(offers))
    queued: list[tuple[int, int, int]] = []
    offsets = NONE
    for change in [*changes, NONE]:
        for key, level in offers:
            if len(heap) < 100 and heap.offer(key, level, 0, len(queued), REJECT) is ADMITTED:
                queued.append((key, level, heap.counts()[0] - 1))
        offsets = change
        heap.shift(change)
        heap.check()
        for _ in range(dice.randrange(1 + len(queued))):
            least = min(queued, key=lambda each: (place(each, offsets), each[2]))
            assert heap.pop(NO_END)[4] == least[2]
            queued.remove(least)
    accepted, _, waiting, running, _, _ = heap.counts()
    assert accepted == waiting + running and waiting == len(queued)


def place(entry: tuple[int, int, int], offsets: list[int]) -> int:
    return max(min(entry[0] + offsets[entry[1]], INT64_MAX), INT64_MIN)


@pytest.mark.native
@pytest.mark.parametrize(
    ("wrong", "error"),
    [([0] * 15, ValueError), ([], ValueError), ([2**63] * 16, OverflowError), (7, TypeError)],
)
def test_rubbish_moves_nothing(core: ModuleType, wrong: Any, error: type) -> None:
    heap = core.EventHeap(2)
    heap.offer(0, 1, 0, "first", REJECT)
    heap.offer(1, 0, 0, "second", REJECT)
    with pytest.raises(error):
        heap.shift(wrong)
    assert drained(heap) == ["first", "second"]


# --- late events


def test_late_events_are_postponed_once_and_others_are_not(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    for key in (10, 20, 30, 40):
        heap.offer(key, 1, key - 10, key, REJECT)
    assert heap.postpone(30, 100, 1) == 2
    assert heap.postpone(200, 100, 1) == 2  # the first two were postponed already
    heap.check()
    assert [entry[:2] for entry in iter(heap.pop, None)] == [(10, 110), (20, 120), (30, 130), (40, 140)]


def test_more_important_levels_are_not_postponed(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    for level in range(4):
        heap.offer(level, level, 0, level, REJECT)
    assert heap.postpone(9, 10, 2) == 2
    assert drained(heap) == [0, 1, 2, 3]


def test_a_timely_event_leaves_before_a_postponed_one_that_is_not_due(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    heap.offer(10, 1, 0, "late", REJECT)
    heap.postpone(11, 100, 1)
    heap.offer(60, 1, 50, "in time", REJECT)
    heap.offer(111, 1, 101, "after", REJECT)
    assert drained(heap) == ["in time", "late", "after"]


@pytest.mark.native
@pytest.mark.parametrize("wrong", [(0, 1, 16), (0, 1, -1)])
def test_a_postponement_of_no_level_is_refused(core: ModuleType, wrong: tuple[int, int, int]) -> None:
    heap = core.EventHeap(9)
    heap.offer(-1, 1, -1, None, REJECT)
    with pytest.raises(IndexError):
        heap.postpone(*wrong)
    assert heap.pop()[1] == -1
