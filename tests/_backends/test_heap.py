"""EventHeap: order, shedding, the ledger, bad input, and the ownership of payloads."""

from __future__ import annotations

import copy
import gc
import pickle
import random
import weakref
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifeevt._backends.contract import (
    ADMITTED,
    DROP_LOWEST,
    DROP_OLDEST,
    MAX_ENDS,
    MAX_LEVELS,
    REFUSED,
    REJECT,
    SHED_END,
    WAIT,
)
from strategies import INT64_MAX, INT64_MIN, POLICIES, offers, policies

PROCESSED, CANCELLED = 0, 3


class Payload:
    """Something a weak reference can watch."""


class Indexed:
    """An integer by protocol, as numpy's are: it has ``__index__`` and nothing else."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __index__(self) -> int:
        return self._value


def full_heap(core: ModuleType, *levels: int) -> Any:
    """A heap with no room left; the payloads count up from 0 and so do the keys."""
    heap = core.EventHeap(len(levels))
    for number, level in enumerate(levels):
        assert heap.offer(number, level, 0, number, REJECT) is ADMITTED
    return heap


def popped(heap: Any) -> list[Any]:
    """Everything that is left, in the order in which it leaves."""
    return [entry[0] for entry in iter(heap.pop, None)]


def assert_ledger(heap: Any) -> None:
    accepted, _, queued, running, ends, high_water = heap.counts()
    assert accepted == queued + running + sum(ends)
    assert queued == len(heap) == sum(heap.depths()) <= high_water <= heap.capacity
    heap.check()


# order


def test_smallest_key_leaves_first(core: ModuleType) -> None:
    heap = core.EventHeap(100)
    keys = random.Random(1).sample(range(-50, 50), 100)
    for key in keys:
        heap.offer(key, 0, 0, key, REJECT)
    assert popped(heap) == sorted(keys)


def test_equal_keys_leave_in_order_of_arrival(core: ModuleType) -> None:
    heap = core.EventHeap(200)
    for number in range(200):
        heap.offer(number % 3, 0, 0, number, REJECT)
    assert popped(heap) == sorted(range(200), key=lambda number: number % 3)


def test_equal_keys_keep_their_order_after_the_heap_was_used_and_emptied(core: ModuleType) -> None:
    heap = core.EventHeap(8)
    for start in range(0, 80, 8):
        for number in range(start, start + 8):
            heap.offer(7, number % 4, 0, number, REJECT)
        assert popped(heap) == list(range(start, start + 8))


def test_the_level_does_not_change_the_order(core: ModuleType) -> None:
    assert popped(full_heap(core, 3, 0, 2, 1)) == [0, 1, 2, 3]


def test_an_entry_holds_the_offer_and_its_arrival_number(core: ModuleType) -> None:
    heap = core.EventHeap(4)
    heap.offer(5, 1, 70, "second", REJECT)
    heap.offer(-5, 2, 60, "first", REJECT)
    assert heap.pop() == ("first", -5, 2, 60, 1)
    assert heap.pop() == ("second", 5, 1, 70, 0)
    assert heap.pop() is None


def test_the_widest_keys_are_ordered_and_come_back_whole(core: ModuleType) -> None:
    heap = core.EventHeap(4)
    for key in (INT64_MAX, 0, INT64_MIN, -1):
        heap.offer(key, 0, key, None, REJECT)
    taken = list(iter(heap.pop, None))
    assert [entry[1] for entry in taken] == [entry[3] for entry in taken] == [INT64_MIN, -1, 0, INT64_MAX]


def test_order_survives_a_heap_much_larger_than_its_first_room(core: ModuleType) -> None:
    heap = core.EventHeap(10_000)
    keys = random.Random(2).choices(range(1000), k=10_000)
    for key in keys:
        heap.offer(key, key % MAX_LEVELS, 0, key, REJECT)
    heap.check()
    assert popped(heap) == sorted(keys)


def test_order_survives_much_shedding(core: ModuleType) -> None:
    heap = core.EventHeap(10)
    for number in range(1000):
        heap.offer(-number, 1, 0, number, DROP_OLDEST)
        assert_ledger(heap)
    assert popped(heap) == list(range(999, 989, -1))


def test_pop_above_takes_only_a_more_important_head(core: ModuleType) -> None:
    heap = core.EventHeap(2)
    heap.offer(1, 2, 0, "normal", REJECT)
    assert heap.pop_above(2) is None and heap.pop_above(0) is None
    assert len(heap) == 1
    assert heap.pop_above(3)[0] == "normal"


def test_pop_above_does_not_look_behind_the_head(core: ModuleType) -> None:
    heap = full_heap(core, 3, 0)  # the critical event is the less urgent of the two
    assert heap.pop_above(1) is None


# overflow


@pytest.mark.parametrize("policy", [REJECT, WAIT])
def test_a_full_heap_refuses_and_keeps_its_entries(core: ModuleType, policy: int) -> None:
    heap = full_heap(core, 3, 3)
    assert heap.offer(-1, 0, 0, "critical", policy) is REFUSED
    assert popped(heap) == [0, 1]


def test_reject_counts_the_refusal_and_wait_does_not(core: ModuleType) -> None:
    heap = full_heap(core, 3)
    heap.offer(0, 0, 0, None, REJECT)
    heap.offer(0, 0, 0, None, WAIT)
    assert heap.counts()[:3] == (1, 1, 1)


def test_drop_lowest_sheds_the_newest_of_the_least_important_level(core: ModuleType) -> None:
    heap = full_heap(core, 3, 1, 3, 2)
    assert heap.offer(9, 2, 0, "new", DROP_LOWEST) == (2, 2, 3, 0, 2)
    assert popped(heap) == [0, 1, 3, "new"]


def test_drop_oldest_sheds_the_oldest_of_the_least_important_level(core: ModuleType) -> None:
    heap = full_heap(core, 1, 3, 3, 2)
    assert heap.offer(9, 3, 0, "new", DROP_OLDEST) == (1, 1, 3, 0, 1)
    assert popped(heap) == [0, 2, 3, "new"]


def test_drop_lowest_keeps_queued_events_of_the_same_level(core: ModuleType) -> None:
    heap = full_heap(core, 2, 2)
    assert heap.offer(-9, 2, 0, "new", DROP_LOWEST) is REFUSED
    assert popped(heap) == [0, 1]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_critical_event_is_never_shed_for_a_lesser_one(core: ModuleType, policy: int) -> None:
    heap = full_heap(core, 0, 0, 0)
    for level in range(1, MAX_LEVELS):
        assert heap.offer(-9, level, 0, "lesser", policy) is REFUSED
    assert popped(heap) == [0, 1, 2]


@given(st.lists(offers, max_size=60), policies, st.integers(1, 8))
def test_no_policy_sheds_a_more_important_event_than_the_one_offered(
    core: ModuleType, made: list[tuple[int, int, int, int]], policy: int, capacity: int
) -> None:
    heap = core.EventHeap(capacity)
    for offer in made:
        before = heap.depths()
        verdict = heap.offer(*offer, policy)
        if isinstance(verdict, tuple):
            assert verdict[2] >= offer[1], "a more important event was shed"
            assert not any(before[verdict[2] + 1 :]), "a less important event was left"
        assert_ledger(heap)


def test_a_shed_event_never_leaves_the_heap(core: ModuleType) -> None:
    heap = full_heap(core, 3, 3)
    heap.offer(-1, 0, 0, "new", DROP_LOWEST)
    assert heap.drain(9, PROCESSED) == [("new", -1, 0, 0, 2), (0, 0, 3, 0, 0)]
    assert heap.pop() is None


# batches


def test_offer_many_returns_a_verdict_for_each_offer_in_order(core: ModuleType) -> None:
    heap = core.EventHeap(1)
    verdicts = heap.offer_many([(1, 2, 0, "a"), (0, 2, 0, "b"), (0, 0, 0, "c")], DROP_LOWEST)
    assert verdicts == [ADMITTED, REFUSED, ("a", 1, 2, 0, 0)]
    assert popped(heap) == ["c"]


@pytest.mark.native
@pytest.mark.parametrize(
    "bad", [(0, MAX_LEVELS, 0, "x"), (2**63, 0, 0, "x"), (0, 0, None, "x"), (0, 0, 0), 7]
)
def test_one_bad_offer_keeps_the_whole_batch_out(core: ModuleType, bad: Any) -> None:
    heap = core.EventHeap(9)
    with pytest.raises((IndexError, TypeError, ValueError, OverflowError)):
        heap.offer_many([(0, 0, 0, "good"), bad, (1, 0, 0, "good")], REJECT)
    assert heap.counts()[:4] == (0, 0, 0, 0)
    assert heap.pop() is None


def test_an_empty_batch_gives_an_empty_list(core: ModuleType) -> None:
    assert core.EventHeap(1).offer_many([], REJECT) == []


def test_drain_takes_up_to_the_limit_in_order_and_ends_it(core: ModuleType) -> None:
    heap = full_heap(core, 0, 1, 2)
    assert [entry[0] for entry in heap.drain(2, CANCELLED)] == [0, 1]
    assert heap.counts()[4][CANCELLED] == 2
    assert [entry[0] for entry in heap.drain(INT64_MAX, PROCESSED)] == [2]
    assert_ledger(heap)


@pytest.mark.parametrize("limit", [0, -1, INT64_MIN])
def test_drain_of_nothing_takes_nothing(core: ModuleType, limit: int) -> None:
    heap = full_heap(core, 0)
    assert heap.drain(limit, PROCESSED) == []
    assert len(heap) == 1


# the ledger


def test_a_popped_event_runs_until_it_is_finished(core: ModuleType) -> None:
    heap = full_heap(core, 0, 0)
    heap.pop()
    assert heap.counts()[:4] == (2, 0, 1, 1)
    assert_ledger(heap)
    heap.finish(PROCESSED)
    assert heap.counts()[3] == 0 and heap.counts()[4][PROCESSED] == 1
    assert_ledger(heap)


def test_a_pop_with_an_end_never_runs(core: ModuleType) -> None:
    heap = full_heap(core, 0, 0)
    heap.pop(CANCELLED)
    heap.pop_above(1, CANCELLED)
    assert heap.counts()[3] == 0 and heap.counts()[4][CANCELLED] == 2
    assert_ledger(heap)


def test_a_shed_event_ends_as_shed(core: ModuleType) -> None:
    heap = full_heap(core, 3)
    heap.offer(0, 0, 0, None, DROP_LOWEST)
    accepted, refused, queued, running, ends, _ = heap.counts()
    assert (accepted, refused, queued, running) == (2, 0, 1, 0)
    assert ends == tuple(int(end == SHED_END) for end in range(MAX_ENDS))


def test_finish_without_a_running_event_is_refused(core: ModuleType) -> None:
    heap = full_heap(core, 0)
    with pytest.raises(ValueError, match="no event is running"):
        heap.finish(PROCESSED)
    assert_ledger(heap)


def test_the_high_water_mark_stays(core: ModuleType) -> None:
    heap = full_heap(core, 0, 1, 2)
    popped(heap)
    heap.offer(0, 0, 0, None, REJECT)
    assert heap.counts()[5] == 3


def test_depths_count_each_level(core: ModuleType) -> None:
    assert full_heap(core, 0, 3, 3, 15).depths() == (1, 0, 0, 2, *[0] * 11, 1)


def test_every_end_has_its_own_count(core: ModuleType) -> None:
    heap = full_heap(core, *[0] * MAX_ENDS)
    for end in range(MAX_ENDS):
        heap.pop()
        heap.finish(end)
    assert heap.counts()[4] == (1,) * MAX_ENDS


# bad input


@pytest.mark.native
@pytest.mark.parametrize("place", [0, 1, 2], ids=["key", "level", "arrival_ns"])
@pytest.mark.parametrize("value", ["1", None, b"1"])
def test_a_number_that_is_no_number_is_refused_and_changes_nothing(core: ModuleType, place: int, value: Any) -> None:
    heap = core.EventHeap(2)
    offer: list[Any] = [0, 0, 0, "payload", REJECT]
    offer[place] = value
    with pytest.raises(TypeError):
        heap.offer(*offer)
    assert heap.counts()[:4] == (0, 0, 0, 0)
    assert_ledger(heap)


@pytest.mark.native
@pytest.mark.parametrize("place", [0, 1, 2], ids=["key", "level", "arrival_ns"])
@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**30])
def test_a_number_wider_than_64_bits_overflows(core: ModuleType, place: int, value: int) -> None:
    heap = core.EventHeap(2)
    offer: list[Any] = [0, 0, 0, "payload", REJECT]
    offer[place] = value
    with pytest.raises(OverflowError):
        heap.offer(*offer)
    assert_ledger(heap)


@pytest.mark.native
@pytest.mark.parametrize("level", [-1, MAX_LEVELS, 2**31 - 1, -(2**31)])
def test_a_level_outside_the_range_is_refused(core: ModuleType, level: int) -> None:
    with pytest.raises(IndexError, match=f"index {level} of"):
        core.EventHeap(1).offer(0, level, 0, None, REJECT)


@pytest.mark.parametrize("capacity", [0, -1, 2**31, INT64_MAX])
def test_a_capacity_outside_the_range_is_refused_by_name(core: ModuleType, capacity: int) -> None:
    with pytest.raises(ValueError, match=f"capacity is {capacity}"):
        core.EventHeap(capacity)


def test_a_capacity_wider_than_64_bits_overflows(core: ModuleType) -> None:
    with pytest.raises(OverflowError):
        core.EventHeap(2**63)


@pytest.mark.parametrize("capacity", [1.5, 4.0, "4", None])
def test_a_capacity_that_is_no_integer_is_refused(core: ModuleType, capacity: Any) -> None:
    with pytest.raises(TypeError):
        core.EventHeap(capacity)


@pytest.mark.native
@pytest.mark.parametrize("end", [-1, MAX_ENDS, 2**31 - 1])
def test_an_unknown_end_is_refused_and_moves_nothing(core: ModuleType, end: int) -> None:
    heap = full_heap(core, 0, 0)
    heap.pop()
    calls = [lambda: heap.finish(end), lambda: heap.drain(1, end)]
    if end != -1:  # to pop, -1 means that the event runs
        calls += [lambda: heap.pop(end), lambda: heap.pop_above(9, end)]
    for call in calls:
        with pytest.raises(IndexError, match=f"index {end} of"):
            call()
    assert heap.counts()[:4] == (2, 0, 1, 1)
    assert_ledger(heap)


@pytest.mark.native
@pytest.mark.parametrize("end", ["1", None])
def test_an_end_that_is_no_number_is_refused_and_moves_nothing(core: ModuleType, end: Any) -> None:
    heap = full_heap(core, 0, 0)
    heap.pop()
    for call in (lambda: heap.finish(end), lambda: heap.drain(1, end), lambda: heap.pop(end)):
        with pytest.raises(TypeError):
            call()
        assert heap.counts()[:4] == (2, 0, 1, 1)
        assert_ledger(heap)


@pytest.mark.parametrize("limit", [1.0, "1", None])
def test_a_limit_that_is_no_integer_is_refused(core: ModuleType, limit: Any) -> None:
    heap = full_heap(core, 0)
    with pytest.raises(TypeError):
        heap.drain(limit, PROCESSED)
    assert len(heap) == 1


def test_pop_above_takes_any_64_bit_level(core: ModuleType) -> None:
    heap = full_heap(core, 0)
    assert heap.pop_above(INT64_MIN) is None
    assert heap.pop_above(INT64_MAX)[0] == 0


def test_a_capacity_or_a_limit_may_be_anything_with_an_index(core: ModuleType) -> None:
    heap = core.EventHeap(Indexed(1))
    assert heap.offer(5, 1, 7, "payload", REJECT) is ADMITTED
    assert heap.drain(Indexed(1), PROCESSED) == [("payload", 5, 1, 7, 0)]


def test_a_heap_cannot_be_copied_or_pickled(core: ModuleType) -> None:
    heap = core.EventHeap(1)  # a copy would share the lock and the ledger with its original
    for act in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            act(heap)


# ownership of payloads


def watched(heap: Any, key: int = 0, level: int = 3, policy: int = REJECT) -> weakref.ref[Payload]:
    payload = Payload()
    heap.offer(key, level, 0, payload, policy)
    return weakref.ref(payload)


def test_a_payload_is_kept_while_it_is_queued(core: ModuleType) -> None:
    heap = core.EventHeap(2)
    seen = watched(heap)
    gc.collect()
    assert seen() is not None
    assert heap.pop()[0] is seen()


@pytest.mark.parametrize("way", ["pop", "pop_above", "drain", "shed", "refuse", "forget"])
def test_a_payload_is_released_once_it_is_out(core: ModuleType, way: str) -> None:
    heap = core.EventHeap(1)
    seen = watched(heap)
    if way == "pop":
        heap.pop()
    elif way == "pop_above":
        heap.pop_above(9)
    elif way == "drain":
        heap.drain(1, PROCESSED)
    elif way == "shed":
        heap.offer(0, 0, 0, None, DROP_LOWEST)
    elif way == "refuse":
        seen = watched(heap, policy=REJECT)
    else:
        del heap
    gc.collect()
    assert seen() is None


def test_a_cycle_through_the_heap_is_collected(core: ModuleType) -> None:
    heap = core.EventHeap(2)
    payload: Any = Payload()
    payload.home = heap
    heap.offer(0, 0, 0, payload, REJECT)
    seen = weakref.ref(payload)
    del heap, payload
    gc.collect()
    assert seen() is None


def test_a_payload_may_use_the_heap_while_it_dies(core: ModuleType) -> None:
    heap = core.EventHeap(4)

    class Mourned:
        def __del__(self) -> None:
            heap.offer(0, 0, 0, "epitaph", REJECT)

    heap.offer(0, 0, 0, Mourned(), REJECT)
    heap.pop(CANCELLED)
    gc.collect()
    assert popped(heap) == ["epitaph"]
    assert_ledger(heap)
