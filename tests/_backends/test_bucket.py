"""The bucket of a type: which events it admits, and when, on each twin."""

from __future__ import annotations

import math
from array import array
from fractions import Fraction
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from lifeevt._backends.contract import DROP_LOWEST, REFUSED

SECOND = 10**9
LATEST = 2**63 - 1
bounds = st.integers(1, 9) | st.integers(1, 2**40) | st.just(2**40)
periods = st.integers(1, 9) | st.integers(1, 10**18) | st.just(10**18)
pauses = st.lists(st.just(0) | st.integers(0, 9) | st.integers(0, 2**58), max_size=30)


def bucket_of(core: ModuleType, count: int, period_ns: int = SECOND, most: int | None = None, heap: Any = None) -> Any:
    return core.Bucket(heap or core.EventHeap(4), count, period_ns, count if most is None else most)


def limited(core: ModuleType, most: int, capacity: int = 1000, period_ns: int = SECOND) -> tuple[Any, Any]:
    """A heap, and a table of two types; the first may come ``most`` times in a period."""
    heap, type_table = core.EventHeap(capacity), core.TypeTable()
    type_table.add("noise", 1, 10)
    type_table.add("joy", 0, 10)
    type_table.limit(0, core.Bucket(heap, most, period_ns, most))
    return heap, type_table


def came(heap: Any, type_table: Any, types: list[int], now_ns: int = 0, policy: int = DROP_LOWEST) -> int:
    """Return how many of these numbers were queued."""
    intensities = array("d", [0.5] * len(types))
    taken: int = heap.offer_numbers(type_table, array("i", types), intensities, None, now_ns, policy)[0]
    heap.check()
    return taken


class InFractions:
    """The instant at which a bucket is full again, as a fraction: slow and simple."""

    def __init__(self, count: int, period_ns: int, most: int) -> None:
        self.one = Fraction(period_ns, count)  # the time in which a token comes
        self.most, self.full_at = most, Fraction(-(2**200))

    def ready_ns(self, now_ns: int) -> int:
        return max(math.ceil(self.full_at - (self.most - 1) * self.one), now_ns)

    def admits(self, now_ns: int) -> bool:
        missing = max(self.full_at - now_ns, Fraction(0)) / self.one
        if missing + 1 > self.most:
            return False
        self.full_at = max(self.full_at, Fraction(now_ns)) + self.one
        return True


@given(count=bounds, period_ns=periods, most=bounds, start=st.integers(0, 2**62), pauses=pauses)
@example(count=2**40, period_ns=10**18, most=2**40, start=LATEST - 9, pauses=[0, 0, 9])
@example(count=1, period_ns=10**18, most=2**40, start=0, pauses=[0] * 30)
def test_a_bucket_agrees_to_the_nanosecond_with_a_bucket_of_fractions(
    core: ModuleType, count: int, period_ns: int, most: int, start: int, pauses: list[int]
) -> None:
    of_a_heap, alone = bucket_of(core, count, period_ns, most), core.Bucket(None, count, period_ns, most)
    slow, now = InFractions(count, period_ns, most), start
    for pause in pauses:
        now = min(now + pause, LATEST)
        ready = slow.ready_ns(now)
        for bucket in (of_a_heap, alone):
            looked = bucket.is_full(now), bucket.has_token(now), bucket.ready_ns(now)
            assert looked == (slow.full_at <= now, ready == now, min(ready, LATEST))
        assert of_a_heap.admits(now) == alone.admits(now) == slow.admits(now)


def test_a_time_before_the_last_one_takes_the_remaining_tokens(core: ModuleType) -> None:
    bucket = bucket_of(core, 2)
    assert [bucket.admits(now) for now in (SECOND, -SECOND, 0, SECOND)] == [True, False, False, True]


@pytest.mark.native
def test_a_bucket_needs_a_heap(core: ModuleType) -> None:
    with pytest.raises(TypeError):
        core.Bucket(object(), 1, 1, 1)


# numbers


@pytest.mark.parametrize("many", [1, 200, 2000])
def test_numbers_over_the_limit_are_refused_and_the_others_are_queued(core: ModuleType, many: int) -> None:
    heap, type_table = limited(core, 3, capacity=5000)
    assert came(heap, type_table, [0, 1] * many) == min(3, many) + many
    assert (heap.limited, heap.counts()[:2]) == (max(many - 3, 0), (min(3, many) + many, 0))


@pytest.mark.parametrize("many", [20, 2000])
def test_a_number_without_room_takes_one_token_for_every_array_length(core: ModuleType, many: int) -> None:
    """A long array is offered without the interpreter first, and by the policy where there is no room."""
    heap, type_table = limited(core, many + 5, capacity=10)
    assert came(heap, type_table, [0] * many) == 10
    assert (heap.limited, heap.counts()[1]) == (0, many - 10)
    heap.drain(10, 5)
    assert came(heap, type_table, [0] * 9) == 5
    assert heap.limited == 4


def test_tokens_come_with_the_time_of_arrival(core: ModuleType) -> None:
    heap, type_table = limited(core, 2)
    assert [came(heap, type_table, [0, 0, 0], now) for now in (0, SECOND // 2, SECOND // 2, 3 * SECOND)] == [2, 1, 0, 2]


def test_types_that_share_a_bucket_are_limited_together(core: ModuleType) -> None:
    heap, type_table = core.EventHeap(9), core.TypeTable()
    bucket = core.Bucket(heap, 3, SECOND, 3)
    for name in ("noise", "noise_low"):
        type_table.limit(type_table.add(name, 1, 10), bucket)
    assert came(heap, type_table, [0, 1, 1, 0, 1]) == 3
    assert not bucket.admits(0)


def test_a_submitter_draws_from_the_same_bucket(core: ModuleType) -> None:
    heap, type_table = limited(core, 2, period_ns=10**18)  # no token comes while this runs
    submitter = core.Submitter(heap, type_table)
    assert came(heap, type_table, [0]) == 1
    assert [submitter.submit(0, 0.5) for _ in range(3)] == [True, False, False]
    assert submitter.submit(1, 0.5) and heap.limited == 2
    submitter.accept(False)
    type_table.limit(0, None)
    assert not submitter.submit(0, 0.5) and heap.limited == 2


# changes


def test_a_limit_can_be_changed_and_lifted(core: ModuleType) -> None:
    heap, type_table = limited(core, 1)
    assert came(heap, type_table, [0, 0]) == 1
    type_table.limit(0, core.Bucket(heap, 2, SECOND, 2))
    assert came(heap, type_table, [0, 0, 0]) == 2
    type_table.limit(0, None)
    assert came(heap, type_table, [0, 0, 0]) == 3
    assert heap.limited == 2


def test_a_type_keeps_its_limit_when_it_changes_otherwise(core: ModuleType) -> None:
    heap, type_table = limited(core, 1)
    type_table.change(0, 2, 30)
    assert came(heap, type_table, [0, 0]) == 1


def test_offers_of_objects_are_not_limited_by_the_heap(core: ModuleType) -> None:
    heap, _ = limited(core, 1)
    assert all(heap.offer(1, 1, 0, "p", DROP_LOWEST, 0) is not REFUSED for _ in range(3))


@pytest.mark.native
def test_an_invalid_bucket_is_refused_and_changes_nothing(core: ModuleType) -> None:
    heap, type_table = limited(core, 1)
    with pytest.raises(TypeError):
        type_table.limit(0, object())
    with pytest.raises(IndexError):
        type_table.limit(2, None)
    assert came(heap, type_table, [0, 0]) == 1
