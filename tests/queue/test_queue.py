"""AsyncEventQueue: order, overflow, waiting, closing, and that no event is lost."""

from __future__ import annotations

import dataclasses
import queue as standard
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from actors import Actor, together, wait_until
from hypothesis import given, strategies as st

from lifeevt import (
    AsyncEventQueue,
    Event,
    EventTypes,
    InvalidEvent,
    LifeEventError,
    ManualClock,
    Priority,
    QueueClosed,
    QueueEmpty,
    QueueFull,
    Status,
)
from strategies import schedules

POLICIES = ["reject", "drop_oldest", "drop_lowest", "block"]
DROPPING = ["drop_oldest", "drop_lowest"]
CRITICAL, HIGH, NORMAL, LOW = Priority
RANK = EventTypes.life().rank


def event_of(number: int, level: Priority | None = None, kind: str = "joy", urgency: float = 0.0) -> Event:
    return Event(kind, 0.5, 0.0, {"#": number}, priority=level, urgency=urgency)


def numbers(events: list[Event]) -> list[int]:
    return [event.metadata["#"] for event in events]


def queue_of(overflow: str = "drop_lowest", capacity: int = 3, **more: Any) -> AsyncEventQueue:
    return AsyncEventQueue(capacity, overflow, ManualClock(), **more)


def filled(overflow: str, levels: list[Priority]) -> AsyncEventQueue:
    queue = queue_of(overflow, len(levels))
    for number, level in enumerate(levels):
        queue.put_nowait(event_of(number, level))
    return queue


# --- order


def test_the_tighter_budget_leaves_first() -> None:
    queue = queue_of(capacity=8)
    queue.put_many([event_of(number, kind=kind) for number, kind in enumerate(["social", "idle", "shock", "noise"])])
    assert numbers(queue.drain()) == [2, 3, 1, 0]


def test_equals_leave_in_arrival_order() -> None:
    queue = queue_of(capacity=50)
    for number in range(50):
        queue.put(event_of(number))
    assert [queue.get_nowait().metadata["#"] for _ in range(50)] == list(range(50))


def test_urgency_goes_before_arrival() -> None:
    queue = queue_of()
    queue.put_many([event_of(0), event_of(1, urgency=0.5), event_of(2, urgency=0.5)])
    assert numbers(queue.drain()) == [1, 2, 0]


def test_waiting_counts() -> None:
    queue = queue_of()
    queue.put(event_of(0, kind="social"))
    queue.clock.advance(0.195)  # type: ignore[attr-defined]
    queue.put(event_of(1, kind="shock"))
    assert numbers(queue.drain()) == [0, 1]


@given(schedules())
def test_events_leave_as_a_stable_sort_by_key_has_them(schedule: list[tuple[int, Event]]) -> None:
    clock = ManualClock()
    queue = AsyncEventQueue(64, clock=clock)
    for arrival_ns, event in schedule:
        clock.advance_ns(arrival_ns - clock.now_ns())
        queue.put(event)
    expected = [event for _, event in sorted(schedule, key=lambda at: RANK(at[1], at[0])[0])]
    assert all(got is event for got, event in zip(queue.drain(), expected, strict=True))


# --- a full queue


@pytest.mark.parametrize("overflow", ["reject", "block"])
def test_a_full_queue_that_rejects_reports_its_depth(overflow: str) -> None:
    queue = filled(overflow, [LOW, LOW])
    with pytest.raises(QueueFull, match="queue holds 2 of 2 events; 'shock' was refused") as caught:
        queue.put_nowait(event_of(9, kind="shock"))
    assert isinstance(caught.value, standard.Full)
    assert isinstance(caught.value, LifeEventError)
    assert (queue.ledger().refused, numbers(queue.drain())) == (1, [0, 1])


@pytest.mark.parametrize(
    ("overflow", "present", "newcomer", "taken", "left"),
    [
        ("drop_oldest", [LOW, LOW, HIGH], LOW, True, [1, 2, 9]),
        ("drop_oldest", [LOW, NORMAL, LOW], CRITICAL, True, [1, 2, 9]),
        ("drop_oldest", [HIGH, HIGH, HIGH], HIGH, True, [1, 2, 9]),
        ("drop_oldest", [HIGH, NORMAL, HIGH], LOW, False, [0, 1, 2]),
        ("drop_lowest", [LOW, LOW, HIGH], HIGH, True, [0, 2, 9]),
        ("drop_lowest", [LOW, LOW, HIGH], LOW, False, [0, 1, 2]),
        ("drop_lowest", [NORMAL, LOW, HIGH], NORMAL, True, [0, 2, 9]),
        ("drop_lowest", [HIGH, HIGH, HIGH], NORMAL, False, [0, 1, 2]),
        ("drop_lowest", [CRITICAL, CRITICAL, CRITICAL], CRITICAL, False, [0, 1, 2]),
    ],
)
@pytest.mark.parametrize("way", ["put", "put_nowait", "put_many"])
def test_a_full_queue_that_drops_sheds_the_least_important(
    way: str, overflow: str, present: list[Priority], newcomer: Priority, taken: bool, left: list[int]
) -> None:
    queue = filled(overflow, present)
    event = event_of(9, newcomer)
    assert getattr(queue, way)([event] if way == "put_many" else event) == taken
    assert sorted(numbers(queue.drain())) == left
    ledger = queue.ledger()
    assert (ledger.refused, ledger.ends[Status.SHED], ledger.balanced) == (not taken, taken, True)


@pytest.mark.parametrize("overflow", POLICIES)
@given(st.lists(st.sampled_from(Priority), max_size=25))
def test_no_event_is_shed_for_a_less_important_one(overflow: str, levels: list[Priority]) -> None:
    queue, shed = queue_of(overflow, 4), []
    queue.settlement.on_ended = lambda entry, status: shed.append(entry[2])
    refused = 0
    for number, level in enumerate(levels):
        before = len(shed)
        refused += 1 - queue.put_many([event_of(number, level)])
        assert all(each >= level for each in shed[before:])
    left = Counter(event.priority for event in queue.drain())
    ledger = queue.ledger()
    assert (ledger.refused, ledger.ends[Status.SHED], ledger.balanced) == (refused, len(shed), True)
    assert left.total() + refused + len(shed) == len(levels)
    if overflow in DROPPING:
        kept_back = min(levels.count(CRITICAL), 4)
        assert left[CRITICAL] == kept_back


@pytest.mark.parametrize("overflow", DROPPING)
def test_on_ended_is_called_with_each_shed_event(overflow: str) -> None:
    queue, heard = filled(overflow, [LOW, LOW]), []
    queue.settlement.on_ended = lambda entry, status: heard.append(entry[0].metadata["#"])
    queue.put(event_of(8, HIGH))
    queue.put_many([event_of(9, HIGH), event_of(10, HIGH)])
    assert sorted(heard[:2]) == [0, 1]
    assert heard[2:] == ([8] if overflow == "drop_oldest" else [])


# --- waiting for room


def test_a_put_into_a_full_queue_waits_for_room() -> None:
    queue = filled("block", [NORMAL, NORMAL])
    with Actor() as sender:
        call = sender.begin(queue.put, event_of(9))
        queue.clock.wait_for_waiters(1)  # type: ignore[attr-defined]
        assert not call.ended
        assert queue.get_nowait().metadata["#"] == 0
        assert call.result() is True
    assert numbers(queue.drain()) == [1, 9]
    assert queue.ledger().refused == 0


@pytest.mark.parametrize("make_room", [lambda queue: queue.drain(1), lambda queue: queue.take_nowait()])
def test_every_way_of_taking_makes_room(make_room: Any) -> None:
    queue = filled("block", [NORMAL, NORMAL])
    with Actor() as sender:
        call = sender.begin(queue.put, event_of(9))
        queue.clock.wait_for_waiters(1)  # type: ignore[attr-defined]
        make_room(queue)
        assert call.result() is True


def test_a_put_waits_until_its_timeout() -> None:
    queue = filled("block", [NORMAL, NORMAL])
    clock: Any = queue.clock
    with Actor() as sender:
        call = sender.begin(queue.put, event_of(9), 2.0)
        clock.wait_for_waiters(1)
        clock.advance(1.999)
        clock.wait_for_waiters(1)
        assert not call.ended
        clock.advance(0.001)
        with pytest.raises(QueueFull, match="queue holds 2 of 2 events"):
            call.result()
    assert (queue.ledger().refused, numbers(queue.drain())) == (1, [0, 1])


@pytest.mark.parametrize("timeout", [0.0, -1.0])
def test_a_put_with_a_timeout_of_zero_does_not_wait(timeout: float) -> None:
    with pytest.raises(QueueFull):
        filled("block", [NORMAL]).put(event_of(9), timeout)


def test_closing_ends_a_waiting_put() -> None:
    queue = filled("block", [NORMAL])
    with Actor() as sender:
        call = sender.begin(queue.put, event_of(9))
        queue.clock.wait_for_waiters(1)  # type: ignore[attr-defined]
        queue.close()
        with pytest.raises(QueueClosed):
            call.result()
    assert numbers(queue.drain()) == [0]


# --- waiting for events


def test_a_get_waits_for_an_event() -> None:
    queue = queue_of()
    with Actor() as taker:
        call = taker.begin(queue.get)
        queue.clock.wait_for_waiters(1)  # type: ignore[attr-defined]
        queue.put(event_of(7))
        assert call.result().metadata["#"] == 7


def test_a_batch_wakes_every_waiting_get() -> None:
    queue = queue_of()
    with Actor() as first, Actor() as second:
        calls = [each.begin(queue.get) for each in (first, second)]
        queue.clock.wait_for_waiters(2)  # type: ignore[attr-defined]
        queue.put_many([event_of(0), event_of(1)])
        assert sorted(call.result().metadata["#"] for call in calls) == [0, 1]


def test_a_get_waits_until_its_timeout() -> None:
    queue = queue_of()
    clock: Any = queue.clock
    with Actor() as taker:
        call = taker.begin(queue.get, 0.5)
        clock.wait_for_waiters(1)
        clock.advance(0.5)
        with pytest.raises(QueueEmpty, match=r"no event came within 0\.5 s") as caught:
            call.result()
    assert isinstance(caught.value, standard.Empty)


@pytest.mark.parametrize("timeout", [0.0, -1.0])
def test_a_get_with_a_timeout_of_zero_does_not_wait(timeout: float) -> None:
    with pytest.raises(QueueEmpty):
        queue_of().get(timeout)


def test_a_queued_event_is_taken_without_waiting() -> None:
    queue = filled("reject", [NORMAL])
    assert queue.get(timeout=0.0).metadata["#"] == 0


def test_get_nowait_on_an_empty_queue_raises() -> None:
    with pytest.raises(QueueEmpty, match="no event is queued"):
        queue_of().get_nowait()


def test_closing_ends_a_waiting_get() -> None:
    queue = queue_of()
    with Actor() as taker:
        call = taker.begin(queue.get)
        queue.clock.wait_for_waiters(1)  # type: ignore[attr-defined]
        queue.close()
        with pytest.raises(QueueClosed, match="the queue is closed and empty"):
            call.result()


# --- batches


def test_a_batch_returns_the_number_of_accepted_events() -> None:
    queue = queue_of("reject", 3)
    assert queue.put_many(event_of(number) for number in range(5)) == 3
    assert (queue.ledger().accepted, queue.ledger().refused) == (3, 2)


def test_an_empty_batch_accepts_nothing() -> None:
    assert queue_of().put_many([]) == 0


def test_a_batch_under_block_does_not_wait() -> None:
    assert queue_of("block", 2).put_many([event_of(number) for number in range(5)]) == 2


@pytest.mark.parametrize("bad", [None, "shock", {"type": "shock"}, 5], ids=repr)
def test_a_batch_with_something_else_than_events_accepts_nothing(bad: Any) -> None:
    queue = queue_of()
    with pytest.raises(InvalidEvent, match=f"a queue takes Event objects, not {type(bad).__name__}"):
        queue.put_many([event_of(0), bad])
    assert (len(queue), queue.ledger().accepted) == (0, 0)


@pytest.mark.parametrize("way", ["put", "put_nowait"])
def test_something_else_than_an_event_is_refused(way: str) -> None:
    with pytest.raises(InvalidEvent, match="not str"):
        getattr(queue_of(), way)("shock")


def test_a_batch_that_fails_half_way_accepts_nothing() -> None:
    queue = queue_of()

    def events() -> Iterator[Event]:
        yield event_of(0)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        queue.put_many(events())
    assert len(queue) == 0


@pytest.mark.parametrize(("limit", "expected"), [(None, [0, 1, 2]), (0, []), (2, [0, 1]), (9, [0, 1, 2])])
def test_drain_takes_up_to_its_limit(limit: int | None, expected: list[int]) -> None:
    queue = filled("reject", [NORMAL] * 3)
    assert numbers(queue.drain(limit)) == expected
    assert len(queue) == 3 - len(expected)
    assert queue.ledger().ends[Status.DELIVERED] == len(expected)


def test_drain_refuses_a_negative_limit() -> None:
    with pytest.raises(ValueError, match="limit is -1; it must not be negative"):
        queue_of().drain(-1)


# --- closing


@pytest.mark.parametrize("way", ["put", "put_nowait", "put_many"])
@pytest.mark.parametrize("overflow", POLICIES)
def test_a_closed_queue_accepts_nothing(way: str, overflow: str) -> None:
    queue = queue_of(overflow)
    queue.close()
    with pytest.raises(QueueClosed, match="the queue is closed"):
        getattr(queue, way)([event_of(0)] if way == "put_many" else event_of(0))
    assert queue.ledger().accepted == 0


def test_a_closed_queue_hands_out_its_events_and_then_raises() -> None:
    queue = filled("reject", [NORMAL] * 3)
    queue.close()
    queue.close()
    assert queue.closed
    assert (queue.get().metadata["#"], queue.get_nowait().metadata["#"], numbers(queue.drain())) == (0, 1, [2])
    for take in (queue.get, queue.get_nowait):
        with pytest.raises(QueueClosed, match="closed and empty"):
            take()
    assert queue.drain() == []


# --- observation


def test_a_queue_is_always_true() -> None:
    queue = queue_of(capacity=1)
    assert queue
    queue.put(event_of(0))
    queue.close()
    assert queue


def test_the_calls_for_the_size_agree() -> None:
    queue = queue_of(capacity=2)
    seen = []
    for number in range(3):
        seen.append((queue.qsize(), len(queue), queue.empty(), queue.full()))
        queue.put(event_of(number))
    assert seen == [(0, 0, True, False), (1, 1, False, False), (2, 2, False, True)]


def test_statistics_are_of_one_instant_and_frozen() -> None:
    queue = filled("drop_lowest", [LOW, LOW, CRITICAL, NORMAL])
    queue.get_nowait()
    found = queue.statistics()
    assert (found.capacity, found.depth, found.high_water) == (4, 3, 4)
    assert found.depth_by_level == {CRITICAL: 1, HIGH: 0, NORMAL: 1, LOW: 1}
    assert (found.ledger.accepted, found.ledger.ends[Status.DELIVERED], found.ledger.balanced) == (4, 1, True)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.depth = 0  # type: ignore[misc]
    with pytest.raises(TypeError):
        found.depth_by_level[LOW] = 0  # type: ignore[index]


# --- bad arguments


@pytest.mark.parametrize("overflow", ["", "drop", "REJECT", None])
def test_an_unknown_policy_is_refused_with_the_choice(overflow: Any) -> None:
    with pytest.raises(ValueError, match="choose reject, drop_oldest, drop_lowest, block"):
        AsyncEventQueue(overflow=overflow)


@pytest.mark.parametrize("capacity", [0, -1, 2**31])
def test_a_capacity_out_of_range_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match="capacity"):
        AsyncEventQueue(capacity)


@pytest.mark.parametrize("capacity", [1.5, "8", None], ids=repr)
def test_a_capacity_that_is_no_whole_number_is_refused(capacity: Any) -> None:
    with pytest.raises(TypeError):
        AsyncEventQueue(capacity)


def test_the_default_queue_holds_1024_events_and_drops_the_lowest() -> None:
    queue = AsyncEventQueue()
    assert (queue.capacity, queue.overflow) == (1024, "drop_lowest")


# --- many threads


def test_many_threads_that_put_and_get_lose_nothing() -> None:
    queue = AsyncEventQueue(16, "block")
    senders, takers, each = 3, 3, 400

    def send(first: int) -> None:
        for number in range(first, first + each):
            queue.put(event_of(number))

    def take() -> list[int]:
        got = []
        while True:
            try:
                got.append(queue.get().metadata["#"])
            except QueueClosed:
                return got

    def close_at_the_end() -> None:
        wait_until(lambda: queue.ledger().accepted == senders * each)
        queue.close()

    jobs = [lambda first=number * each: send(first) for number in range(senders)]
    taken = together(*jobs, close_at_the_end, *[take] * takers)[-takers:]
    assert sorted(chain.from_iterable(taken)) == list(range(senders * each))
    assert queue.ledger().ends[Status.DELIVERED] == senders * each
    assert queue.ledger().balanced


def test_many_threads_that_put_into_a_queue_that_sheds_balance() -> None:
    queue, shed = AsyncEventQueue(8, "drop_oldest"), []
    queue.settlement.on_ended = lambda entry, status: shed.append(entry[0])

    def send() -> int:
        return sum(queue.put(event_of(number, Priority(number % 4))) for number in range(500))

    def take() -> int:
        return sum(len(queue.drain(3)) for _ in range(200))

    *kept, taken = together(send, send, send, take)
    ledger = queue.ledger()
    assert ledger.balanced
    assert ledger.accepted == sum(kept) == taken + len(shed) + len(queue)
    assert ledger.refused == 1500 - sum(kept)


def test_a_wait_without_end_is_one_without_a_timeout() -> None:
    queue = AsyncEventQueue()
    queue.put(Event("joy", 0.5, 0.0))
    assert queue.get(timeout=float("inf")).type == "joy"
    with Actor() as taker:
        call = taker.begin(queue.get, float("inf"))
        queue.put(Event("shock", 0.5, 0.0))
        assert call.result().type == "shock"


def test_a_timeout_that_is_not_a_number_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="timeout is nan"):
        AsyncEventQueue().get(timeout=float("nan"))
