"""Order by key, and coalescing by key, against naive models."""

from __future__ import annotations

from typing import Any

import pytest
from actors import Actor
from hypothesis import given, settings, strategies as st

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    Event,
    Handler,
    ManualClock,
    Priority,
    Receipt,
    Status,
    ThreadSafeSelfState,
)
from lifeevt.queue import Admission

CRITICAL, HIGH, NORMAL, LOW = Priority


def event_of(number: int = 0, urgency: float = 0.0, priority: Priority | None = None, kind: str = "joy") -> Event:
    return Event(kind, 0.5, 0.0, {"#": number}, urgency=urgency, priority=priority)


def queue_of(**more: Any) -> AsyncEventQueue:
    return AsyncEventQueue(**({"clock": ManualClock()} | more))


def numbers(queue: AsyncEventQueue) -> list[int]:
    return [event.metadata["#"] for event in queue.drain()]


def ends(queue: Any) -> dict[Status, int]:
    ledger = queue.ledger()
    assert ledger.balanced
    return {status: count for status, count in ledger.ends.items() if count}


# --- order


def test_a_later_event_of_a_key_never_overtakes() -> None:
    queue = queue_of()
    queue.put_tracked(event_of(0), key="a")
    queue.put_tracked(event_of(1, urgency=1.0, priority=CRITICAL), key="a")
    assert numbers(queue) == [0, 1]


def test_the_first_of_a_key_inherits_the_urgency_of_those_behind_it() -> None:
    queue = queue_of()
    queue.put_tracked(event_of(0), key="a")
    queue.put(event_of(1, urgency=0.5))
    queue.put_tracked(event_of(2), key="a")
    queue.put_tracked(event_of(3, urgency=1.0, priority=CRITICAL), key="a")
    assert queue.statistics().depth_by_level[CRITICAL] == 2
    assert numbers(queue) == [0, 2, 3, 1]


def test_a_boosted_follower_urges_the_first() -> None:
    queue = queue_of()
    queue.put_tracked(event_of(0), key="a")
    queue.put(event_of(1, urgency=0.5))
    assert queue.put_tracked(event_of(2), key="a").boost(within=0.0)
    assert numbers(queue) == [0, 2, 1]


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_cancelled_event_holds_up_no_other(gone: int) -> None:
    queue = queue_of()
    receipts = [queue.put_tracked(event_of(number), key="a") for number in range(3)]
    assert receipts[gone].cancel()
    assert numbers(queue) == [number for number in range(3) if number != gone]
    assert numbers(queue) == []


def test_a_shed_event_holds_up_no_other() -> None:
    queue = queue_of(capacity=3, overflow="drop_oldest")
    for number in range(3):
        queue.put_tracked(event_of(number, priority=LOW), key="a")
    queue.put(event_of(9, priority=CRITICAL, urgency=1.0))
    assert numbers(queue) == [9, 1, 2]


def test_the_next_of_a_key_starts_when_the_one_before_has_ended() -> None:
    seen: list[Any] = []

    def handle(event: Event, state: Any) -> None:
        if event.metadata["#"] == 0:
            engine.submit_tracked(event_of(1, 1.0, CRITICAL), key="a")
            engine.submit_tracked(event_of(2, 1.0, CRITICAL), key="b")

    note = Handler(meaning=handle, decision=lambda *_: None, action=lambda event, *_: seen.append(event.metadata["#"]))
    engine = AsyncEventProcessor(ThreadSafeSelfState({}), [], {"joy": note}, clock=ManualClock())
    engine.submit_tracked(event_of(0, priority=LOW), key="a")
    engine.process_pending(9)
    assert seen == [2, 0, 1]  # between the stages of the first, another key may pass, and its own may not


steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "get", "cancel", "boost"]),
        st.sampled_from(["a", "b", None]),
        st.sampled_from([0.0, 0.5, 1.0]),
        st.integers(0, 50),
    ),
    max_size=60,
)


@settings(max_examples=400)
@given(steps)
def test_events_of_a_key_leave_in_order_and_the_first_is_as_urgent_as_the_most_urgent(
    made: list[tuple[str, Any, float, int]],
) -> None:
    clock = ManualClock()
    queue = queue_of(clock=clock, capacity=100)
    waiting: list[tuple[int, Any, int, Receipt]] = []  # number, key, deadline
    for number, (step, key, urgency, dice) in enumerate(made):
        clock.advance(0.001)
        if step == "put":
            receipt = queue.put_tracked(event_of(number, urgency), key=key)
            waiting.append((number, key, queue.rank(receipt.event, clock.now_ns())[0], receipt))
        elif step == "get" and waiting:
            found = queue.get_nowait().metadata["#"]
            index = next(place for place, one in enumerate(waiting) if one[0] == found)
            assert found == leader(waiting)
            del waiting[index]
        elif waiting:
            index = dice % len(waiting)
            other, other_key, deadline, receipt = waiting[index]
            if step == "cancel":
                assert receipt.cancel()
                was_first = all(one[1] != other_key for one in waiting[:index])
                del waiting[index]
                if not was_first:
                    keep_inherited(waiting, other_key, deadline)
            else:
                assert receipt.boost(within=0.0)
                waiting[index] = (other, other_key, min(deadline, clock.now_ns()), receipt)
    rest = numbers(queue)
    assert sorted(rest) == sorted(one[0] for one in waiting)
    for key in ("a", "b"):
        line = [one[0] for one in waiting if one[1] == key]
        assert [number for number in rest if number in line] == line


def keep_inherited(waiting: list[tuple[int, Any, int, Receipt]], key: Any, deadline: int) -> None:
    """The first of a key keeps the urgency that it inherited, also when the event that it came from has left."""
    for place, (number, other_key, own, receipt) in enumerate(waiting):
        if key is not None and other_key == key:
            waiting[place] = (number, key, min(own, deadline), receipt)
            return


def leader(waiting: list[tuple[int, Any, int, Receipt]]) -> int:
    """The events that may leave: those without a key, and the first of each key, as urgent as any behind it."""
    places = []
    for place, (number, key, deadline, _) in enumerate(waiting):
        if key is None:
            places.append((deadline, number))
        elif all(other[1] != key for other in waiting[:place]):
            places.append((min(other[2] for other in waiting if other[1] == key), number))
    return min(places)[1]


# --- coalescing


def test_the_last_event_runs_in_place_of_those_before_it() -> None:
    queue = queue_of()
    receipts = [queue.put_tracked(event_of(number), key="a", coalesce="last") for number in range(3)]
    assert numbers(queue) == [2]
    assert [receipt.result(0.0).status for receipt in receipts] == [Status.COALESCED] * 2 + [Status.DELIVERED]
    assert ends(queue) == {Status.COALESCED: 2, Status.DELIVERED: 1}


def test_the_first_event_runs_in_place_of_those_after_it() -> None:
    queue = queue_of()
    receipts = [queue.put_tracked(event_of(number), key="a", coalesce="first") for number in range(3)]
    assert [receipt.admission for receipt in receipts] == [Admission.ACCEPTED] + [Admission.COALESCED] * 2
    assert numbers(queue) == [0]
    assert ends(queue) == {Status.COALESCED: 2, Status.DELIVERED: 1}


def test_a_merge_makes_one_event_of_both() -> None:
    queue = queue_of()
    queue.put_tracked(Event("joy", -0.9, 1.0, {"a": 1, "b": 1}), key="k", coalesce="merge")
    queue.put_tracked(Event("joy", 0.1, 2.0, {"b": 2}), key="k", coalesce="merge")
    assert queue.drain() == [Event("joy", -0.9, 2.0, {"a": 1, "b": 2})]


def test_a_function_merges_two_events() -> None:
    queue = queue_of()
    for number in (1, 2, 4):
        queue.put_tracked(
            event_of(number),
            key="k",
            coalesce=lambda older, newer: event_of(older.metadata["#"] + newer.metadata["#"]),
        )
    assert numbers(queue) == [7]


def test_others_use_the_queue_while_a_function_merges() -> None:
    queue, ways = queue_of(), []

    def merge(older: Event, newer: Event) -> Event:
        ways.append(other.do(lambda: queue.put_tracked(event_of(7), key="k2").cancel()))
        return newer

    with Actor() as other:
        queue.put_tracked(event_of(0), key="k", coalesce=merge)
        queue.put_tracked(event_of(1), key="k", coalesce=merge)
    assert (ways, numbers(queue)) == ([True], [1])


def test_a_merge_runs_again_when_the_older_event_has_changed_meanwhile() -> None:
    queue, seen = queue_of(), []

    def merge(older: Event, newer: Event) -> Event:
        seen.append(older.metadata["#"])
        if len(seen) == 1:
            first.replace(event_of(5))
        return event_of(older.metadata["#"] * 10)

    first = queue.put_tracked(event_of(0), key="k", coalesce=merge)
    queue.put_tracked(event_of(1), key="k", coalesce=merge)
    assert (seen, numbers(queue)) == ([0, 5], [50])
    assert ends(queue) == {Status.COALESCED: 1, Status.DELIVERED: 1}


def test_a_merge_is_dropped_when_the_older_event_has_left_meanwhile() -> None:
    queue = queue_of()

    def merge(older: Event, newer: Event) -> Event:
        first.cancel()
        return older

    first = queue.put_tracked(event_of(0), key="k", coalesce=merge)
    second = queue.put_tracked(event_of(1), key="k", coalesce=merge)
    assert (first.result(0).status, second.admission, numbers(queue)) == (Status.CANCELLED, Admission.ACCEPTED, [1])


@pytest.mark.parametrize("coalesce", ["last", "first", "merge"])
def test_a_coalesced_event_is_as_urgent_as_the_most_urgent(coalesce: str) -> None:
    queue = queue_of()
    queue.put_tracked(event_of(0), key="a", coalesce=coalesce)
    queue.put(event_of(7, urgency=0.5))
    queue.put_tracked(event_of(0, urgency=1.0), key="a", coalesce=coalesce)
    assert numbers(queue) == [0, 7]


def test_a_running_event_is_not_coalesced() -> None:
    seen: list[int] = []

    def handle(event: Event, state: Any) -> None:
        seen.append(event.metadata["#"])
        if event.metadata["#"] == 0:
            for number in (1, 2):
                engine.submit_tracked(event_of(number), key="a", coalesce="last")

    engine = AsyncEventProcessor(ThreadSafeSelfState({}), [], {"joy": handle}, clock=ManualClock())
    engine.submit_tracked(event_of(0), key="a", coalesce="last")
    engine.process_pending(9)
    assert seen == [0, 2]
    assert ends(engine) == {Status.PROCESSED: 2, Status.COALESCED: 1}
