"""Tickets of the heap: events that are withdrawn, replaced, held aside, or were refused."""

from __future__ import annotations

import os
import random
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from lifeevt._backends.contract import ADMITTED, DROP_LOWEST, DROP_OLDEST, MAX_LEVELS, REFUSED, REJECT, SHED_END

CANCELLED, COALESCED = 3, 6
PIECE = 64  # entries of a run that lie together

# Steps on a clock: run, distance of the key from the clock, and other calls.
steps = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([0, 0, 0, 0, 1, 5, -1, -40, 9_000, -(2**62) * 2]),
        st.sampled_from(["pop", "cancel", "cancel", "cancel", "boost", "stay"]),
        st.integers(0, 10**6),
    ),
    max_size=500,
)


def tracked(heap: Any, key: int, level: int = 0, payload: Any = None, policy: int = REJECT, **more: Any) -> Any:
    verdict, ticket = heap.offer_tracked(key, level, 0, key if payload is None else payload, policy, **more)
    assert verdict is not REFUSED
    return ticket


def left(heap: Any) -> list[Any]:
    return [entry[0] for entry in iter(heap.pop, None)]


def bounded(value: int) -> int:
    return max(-(2**63), min(value, 2**63 - 1))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_withdrawn_event_never_leaves_and_ends_once(core: ModuleType, place: int) -> None:
    heap = core.EventHeap(9)
    tickets = [tracked(heap, key) for key in range(3)]
    entry = heap.withdraw(tickets[place], CANCELLED)
    assert entry == (place, place, 0, 0, place)
    assert heap.withdraw(tickets[place], CANCELLED) is None
    heap.check()
    assert left(heap) == [key for key in range(3) if key != place]
    assert heap.counts()[4][CANCELLED] == 1


def test_an_old_ticket_does_not_reach_the_next_event_in_its_slot(core: ModuleType) -> None:
    heap = core.EventHeap(1)
    old = tracked(heap, 5)
    assert heap.pop(CANCELLED)[0] == 5
    tracked(heap, 6)
    assert heap.withdraw(old, CANCELLED) is None
    assert heap.replace(old, 0, 0, "other") is False
    assert heap.bring_back(old) is False
    assert left(heap) == [6]


def test_a_replacement_keeps_sequence_arrival_and_the_earlier_key(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    verdict, ticket = heap.offer_tracked(50, 2, 7, "old", REJECT)
    assert verdict is ADMITTED
    assert heap.replace(ticket, 90, 1, "later")
    assert heap.depths()[:3] == (0, 1, 0)
    assert heap.replace(ticket, 10, 3, "sooner")
    heap.check()
    assert heap.pop() == ("sooner", 10, 1, 7, 0)


def test_a_replacement_is_never_put_behind_its_place(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    ticket = tracked(heap, 50, level=2)
    heap.shift([0, 900, *[0] * (MAX_LEVELS - 2)])
    tracked(heap, 60, level=2)
    assert heap.replace(ticket, 50, 1, "there its level stands behind")
    heap.check()
    assert left(heap) == ["there its level stands behind", 60]


def test_a_held_event_counts_as_queued_and_leaves_once_brought_back(core: ModuleType) -> None:
    heap = core.EventHeap(2)
    ticket = tracked(heap, 1, held=True)
    tracked(heap, 2)
    assert len(heap) == 2
    assert heap.offer(3, 0, 0, 3, REJECT) is REFUSED
    assert heap.pop()[0] == 2
    assert heap.pop() is None
    assert heap.bring_back(ticket)
    assert heap.bring_back(ticket)
    heap.check()
    assert left(heap) == [1]


def test_a_held_event_can_be_shed_and_withdrawn(core: ModuleType) -> None:
    heap = core.EventHeap(2)
    first, second = (tracked(heap, key, level=3, held=True) for key in (1, 2))
    assert heap.offer(9, 0, 0, 9, DROP_OLDEST)[0] == 1
    assert heap.bring_back(first) is False
    assert heap.withdraw(second, CANCELLED)[0] == 2
    heap.check()
    assert left(heap) == [9]
    assert (heap.counts()[4][SHED_END], heap.counts()[4][CANCELLED]) == (1, 1)


def test_a_paused_level_waits_in_its_order_while_others_leave(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    for key in range(6):
        heap.offer(key, key % 2, 0, key, REJECT)
    heap.pause(1, None, True)
    assert left(heap) == [0, 2, 4]
    heap.offer(-1, 1, 0, -1, REJECT)
    assert (heap.pop(), len(heap)) == (None, 4)
    heap.pause(1, None, False)
    heap.check()
    assert left(heap) == [-1, 1, 3, 5]


def test_an_event_paused_by_level_and_by_type_waits_for_both(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    heap.offer(1, 2, 0, "event", REJECT, 7)
    heap.pause(2, 7, True)
    heap.pause(2, 7, True)  # once is as good as twice
    assert heap.pop() is None
    heap.pause(2, None, False)
    assert heap.pop() is None
    heap.pause(None, 7, False)
    assert left(heap) == ["event"]


def test_paused_events_beyond_one_call_s_limit_hide_no_other_event(core: ModuleType) -> None:
    heap = core.EventHeap(2_000)
    for key in range(1_000):
        heap.offer(key, 3, 0, key, REJECT)
    heap.offer(5_000, 1, 0, "other", REJECT)
    heap.pause(3, None, True)
    assert left(heap) == ["other"]
    heap.pause(3, None, False)
    heap.check()
    assert [entry[0] for entry in heap.drain(2_000, CANCELLED)] == list(range(1_000))


def test_an_urgent_replacement_of_a_paused_event_leaves_if_its_level_may(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    ticket = tracked(heap, 5, level=3)
    heap.pause(3, None, True)
    assert heap.pop() is None
    assert heap.replace(ticket, 4, 0, "boosted")
    heap.check()
    assert left(heap) == ["boosted"]


def test_repeated_pauses_hide_no_event_that_may_leave(core: ModuleType) -> None:
    heap, paused, free = core.EventHeap(60), 1, 0
    tickets = [tracked(heap, key, type_id=paused) for key in range(30)]
    heap.pause(None, paused, True)
    assert heap.pop() is None
    for turn in range(4_050):  # nearly as many entries as there is room for
        for type_id in (free, paused):
            assert heap.replace(tickets[turn % 30], 100, 0, "again", type_id)
        assert heap.pop() is None
    for _ in range(29):
        tracked(heap, -2, payload="paused", type_id=paused)
        tracked(heap, -1, payload="free", type_id=free)
        assert heap.pop()[0] == "free"
    heap.check()
    heap.pause(None, paused, False)
    assert left(heap) == ["paused"] * 29 + ["again"] * 30


def test_a_booked_event_is_accepted_and_ended_without_a_place(core: ModuleType) -> None:
    heap = core.EventHeap(1)
    assert [heap.book(COALESCED), tracked(heap, 1)[0], heap.book(COALESCED)] == [0, 1, 2]
    accepted, _, queued, running, ends, _ = heap.counts()
    assert (accepted, queued, running, ends[COALESCED]) == (3, 1, 0, 2)
    heap.check()


@pytest.mark.native
@pytest.mark.parametrize("ticket", [None, 1, (1,), ("a", 0), (1, 2, 3), (2**64, 0)], ids=str)
def test_a_ticket_that_is_none_is_refused(core: ModuleType, ticket: Any) -> None:
    heap = core.EventHeap(1)
    for ask in (lambda: heap.withdraw(ticket, 0), lambda: heap.bring_back(ticket)):
        with pytest.raises((TypeError, ValueError, OverflowError)):
            ask()


@pytest.mark.parametrize("given", [(-1, None), (MAX_LEVELS + 1, None), (None, 4096), (None, -2)], ids=str)
def test_only_levels_and_types_can_be_paused(core: ModuleType, given: Any) -> None:
    heap = core.EventHeap(1)
    heap.pause(*given, True)
    heap.offer(0, 1, 0, "goes on", REJECT, 5)
    assert left(heap) == ["goes on"]


def test_a_signal_counts_the_changes_that_watchers_are_woken_for(core: ModuleType) -> None:
    heap, file = core.EventHeap(9), os.eventfd(0, os.EFD_NONBLOCK)
    try:
        heap.signal(file)
        tracked(heap, 1)
        heap.watch(False)
        tracked(heap, 2)
        assert heap.pop(CANCELLED)[0] == 1
        assert os.eventfd_read(file) == 2
        heap.signal(None)
        tracked(heap, 3)
        with pytest.raises(BlockingIOError):
            os.eventfd_read(file)
    finally:
        os.close(file)


# many withdrawn events


@settings(max_examples=80, deadline=None)
@given(steps, st.sampled_from([REJECT, DROP_OLDEST, DROP_LOWEST]), st.sampled_from([3, 40, 300]))
def test_any_mixture_of_arrivals_and_withdrawals_leaves_in_the_order_of_a_sorted_list(
    core: ModuleType, made: list[tuple[int, int, str, int]], policy: int, capacity: int
) -> None:
    heap, waiting, tickets = core.EventHeap(capacity), {}, {}
    for now, (run, offset, then, dice) in enumerate(made):
        key = bounded(now + offset)
        verdict, ticket = heap.offer_tracked(key, run, 0, now, policy)
        if isinstance(verdict, tuple):
            del waiting[verdict[0]]
        if ticket is not None:
            waiting[now], tickets[now] = (key, ticket[0], now), ticket
        chosen = sorted(waiting)[dice % len(waiting)] if waiting else None
        if then == "pop" and waiting:
            least = min(waiting.values())
            assert heap.pop()[0] == least[2]
            del waiting[least[2]]
        elif then == "cancel" and chosen is not None:
            assert heap.withdraw(tickets[chosen], CANCELLED)[0] == chosen
            del waiting[chosen]
        elif then == "boost" and chosen is not None:
            sooner = min(waiting[chosen][0], now - dice % 50)
            assert heap.replace(tickets[chosen], sooner, run, chosen)
            waiting[chosen] = (sooner, *waiting[chosen][1:])
        heap.check()
    assert left(heap) == [number for _, _, number in sorted(waiting.values())]


@pytest.mark.parametrize("runs", [1, 4])
@pytest.mark.parametrize("share", [0.5, 0.9, 1.0])
def test_cancelling_most_of_a_long_run_keeps_the_rest_in_order(core: ModuleType, runs: int, share: float) -> None:
    count, dice = 40 * PIECE, random.Random(share * 10 + runs)
    heap = core.EventHeap(count)
    tickets = [tracked(heap, key, level=dice.randrange(runs)) for key in range(count)]
    gone = dice.sample(range(count), int(share * count))
    for number, key in enumerate(gone):
        assert heap.withdraw(tickets[key], CANCELLED)[0] == key
        if number % 97 == 0:
            heap.check()
    heap.check()
    for key in gone:  # there is room for as many again
        tracked(heap, count + key)
    heap.check()
    stayed = sorted(set(range(count)) - set(gone))
    assert left(heap) == stayed + sorted(count + key for key in gone)


@pytest.mark.parametrize("ascending", [True, False])
def test_cancelling_and_refilling_for_ever_takes_no_more_room(core: ModuleType, ascending: bool) -> None:
    heap, dice = core.EventHeap(500), random.Random(1)
    tickets: list[Any] = []
    for now in range(20_000):
        tickets.append(tracked(heap, now if ascending else dice.randrange(10**6), level=dice.randrange(3)))
        if len(tickets) == 500:
            dice.shuffle(tickets)
            for ticket in tickets[100:]:
                assert heap.withdraw(ticket, CANCELLED) is not None
            del tickets[100:]
    heap.check()
    assert len(left(heap)) == len(tickets)
