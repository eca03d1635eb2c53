"""Overflow by level and by type, and pauses."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable
from typing import Any

import pytest
from actors import Actor, wait_until
from hypothesis import given, strategies as st

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    Event,
    EventScheduler,
    EventType,
    EventTypes,
    ManualClock,
    Priority,
    QueueFull,
    Status,
    ThreadSafeSelfState,
)

CRITICAL, HIGH, NORMAL, LOW = Priority
SECONDS = 30.0


def event_of(number: int = 0, priority: Priority | None = None, kind: str = "joy") -> Event:
    return Event(kind, 0.5, 0.0, {"#": number}, priority=priority)


def queue_of(**more: Any) -> AsyncEventQueue:
    return AsyncEventQueue(**({"clock": ManualClock()} | more))


def filled(overflow: Any, levels: Iterable[Priority], **more: Any) -> AsyncEventQueue:
    """A full queue of events of these levels, numbered from 0."""
    priorities = list(levels)
    queue = queue_of(capacity=len(priorities), overflow=overflow, **more)
    for number, priority in enumerate(priorities):
        queue.put(event_of(number, priority))
    return queue


def numbers(queue: AsyncEventQueue) -> list[int]:
    return sorted(event.metadata["#"] for event in queue.drain())


def ends(owner: Any) -> dict[Status, int]:
    ledger = owner.ledger()
    assert ledger.balanced
    return {status: count for status, count in ledger.ends.items() if count}


POLICIES = {"critical": "reject", "high": "drop_oldest", "normal": "drop_lowest", "low": "coalesce"}
CLOCKS = [None, ManualClock()]  # the native fast path reads the machine's clock


@pytest.mark.parametrize("clock", CLOCKS, ids=["machine", "manual"])
def test_each_level_overflows_by_its_own_policy(clock: Any) -> None:
    queue = filled(POLICIES, [LOW, LOW, LOW, LOW], clock=clock)
    assert queue.put(event_of(10, HIGH))  # sheds the oldest
    assert queue.put(event_of(11, NORMAL))  # sheds the newest
    with pytest.raises(QueueFull):
        queue.put(event_of(12, CRITICAL))
    assert queue.put(event_of(13, LOW))  # for the newest of its type that waits: the third one
    assert numbers(queue) == [1, 10, 11, 13]
    assert ends(queue) == {Status.SHED: 2, Status.COALESCED: 1, Status.DELIVERED: 4}


def test_a_batch_and_arrays_follow_the_policy_of_each_level() -> None:
    types = EventTypes([EventType("low", LOW, 10**6), EventType("high", HIGH, 10**6)])
    queue = AsyncEventQueue(2, {"high": "drop_oldest", "low": "reject"}, rank=types.rank)
    low, high = queue.type_id("low"), queue.type_id("high")
    assert queue.put_arrays(array("i", [low, low, low, high]), array("d", [0.1, 0.2, 0.3, 0.4])) == 3
    assert queue.put_many([event_of(5, kind="low"), event_of(6, kind="high")]) == 1
    assert [event.type for event in queue.drain()] == ["high", "high"]


@pytest.mark.parametrize("overflow", [{"low": "never"}, {"lowest": "reject"}, {99: "reject"}, {"low": None}], ids=str)
def test_unknown_levels_and_policies_are_refused(overflow: Any) -> None:
    with pytest.raises(ValueError, match=r"unknown overflow policy|is no level"):
        queue_of(overflow=overflow)


def test_a_blocking_level_waits_for_its_own_time() -> None:
    clock = ManualClock()
    queue = filled({"low": "block(0.5)", "high": "block"}, [LOW], clock=clock)
    with Actor() as actor:
        call = actor.begin(queue.put, event_of(1, LOW))
        clock.wait_for_waiters(1)
        clock.advance(0.5)
        with pytest.raises(QueueFull):
            call.result()
        call = actor.begin(queue.put, event_of(2, HIGH))
        clock.wait_for_waiters(1)
        queue.get_nowait()
        assert call.result()
    assert numbers(queue) == [2]


def test_a_caller_may_give_another_timeout_than_the_level() -> None:
    queue = filled("block(3600)", [LOW])
    with pytest.raises(QueueFull):
        queue.put(event_of(1, LOW), timeout=0.0)
    assert not queue.put_tracked(event_of(1, LOW), 0.0)


def test_a_handler_that_submits_never_blocks_its_own_engine() -> None:
    said: list[Any] = []

    def handle(event: Event, state: Any) -> None:
        if event.metadata["#"] < 9:
            said.append(bool(engine.submit_tracked(event_of(9))))
            with pytest.raises(QueueFull):
                engine.submit(event_of(9))

    queue = AsyncEventQueue(1, "block")
    engine = AsyncEventProcessor(ThreadSafeSelfState({}), [], {"joy": handle}, queue)
    with engine:
        engine.submit(event_of(0))
        assert engine.wait_idle(SECONDS)
    assert said == [True]


def test_coalescing_overflow_spares_other_types() -> None:
    queue = queue_of(capacity=2, overflow="coalesce")
    queue.put(event_of(0, kind="a"))
    queue.put(event_of(1, kind="b"))
    assert queue.put(event_of(2, kind="a"))
    with pytest.raises(QueueFull, match="'c' was refused"):
        queue.put(event_of(3, kind="c"))
    assert numbers(queue) == [1, 2]


def test_the_overflow_of_a_type_overrides_that_of_the_queue() -> None:
    types = EventTypes([EventType("a", LOW, 10**6, overflow="drop_oldest"), EventType("b", LOW, 10**6)])
    queue = AsyncEventQueue(1, "reject", rank=types.rank)
    engine = AsyncEventProcessor(ThreadSafeSelfState({}), [], None, queue, EventScheduler(types=types))
    engine.submit(event_of(0, kind="b"))
    assert engine.submit(event_of(1, kind="a"))
    with pytest.raises(QueueFull):
        engine.submit(event_of(2, kind="b"))
    assert engine.submit_many([event_of(3, kind="b"), event_of(4, kind="a")]) == 1
    assert numbers(queue) == [4]


@given(st.lists(st.sampled_from(list(Priority)), max_size=40), st.lists(st.sampled_from(
    ["reject", "drop_oldest", "drop_lowest", "coalesce"]), min_size=4, max_size=4))  # fmt: skip
def test_a_critical_event_is_never_shed_for_a_lesser_one(levels: list[Priority], policies: list[str]) -> None:
    queue = queue_of(capacity=4, overflow=dict(zip(Priority, policies, strict=True)))
    shed: list[int] = []
    queue.settlement.on_ended = lambda entry, status: shed.append(entry[2])
    for number, level in enumerate(levels):
        critical = queue.statistics().depth_by_level[CRITICAL]
        queue.put_many([event_of(number, level, kind=f"type {level}")])
        if level is not CRITICAL:
            assert queue.statistics().depth_by_level[CRITICAL] == critical
    assert queue.ledger().balanced


# --- pauses


def test_a_paused_type_waits_while_others_are_processed() -> None:
    engine = AsyncEventProcessor(ThreadSafeSelfState({}), [], None)
    engine.pause(type="idle")
    with engine:
        engine.submit_many([event_of(0, kind="idle"), event_of(1, kind="shock"), event_of(2, kind="idle")])
        while len(results := engine.results()) < 1:
            assert not engine.wait_idle(0.0)
        assert [result.event.metadata["#"] for result in results] == [1]
        engine.resume(type="idle")
        assert engine.wait_idle(SECONDS)
        assert [result.event.metadata["#"] for result in engine.results()] == [0, 2]


@pytest.mark.parametrize("clock", CLOCKS, ids=["machine", "manual"])
def test_all_events_can_be_paused_and_resume_in_order(clock: Any) -> None:
    queue = queue_of(clock=clock)
    queue.pause()
    for number in range(4):
        queue.put(event_of(number, LOW if number % 2 else HIGH))
    assert queue.drain() == []
    assert len(queue) == 4
    queue.resume()
    assert [event.metadata["#"] for event in queue.drain()] == list(range(4))


def test_pauses_hold_side_by_side() -> None:
    queue = queue_of()
    for pause in ({}, {"level": LOW}, {"type": "joy"}):
        queue.pause(**pause)  # type: ignore[arg-type]
    queue.put(event_of(0, LOW))
    queue.put(event_of(1, HIGH, kind="other"))
    queue.resume()
    assert numbers(queue) == [1]
    queue.resume(level=LOW)
    assert numbers(queue) == []
    queue.resume(type="joy")
    assert numbers(queue) == [0]


def test_stopping_ends_every_pause() -> None:
    engine = AsyncEventProcessor(ThreadSafeSelfState({}), [], None)
    engine.start()
    engine.pause(LOW)
    engine.submit(event_of(0, LOW))
    assert engine.stop() == 0
    assert ends(engine) == {Status.IGNORED: 1}


def test_stopping_without_draining_cancels_paused_and_held_events() -> None:
    engine = AsyncEventProcessor(ThreadSafeSelfState({}), [], None)
    engine.pause(LOW)
    engine.submit(event_of(0, LOW))
    engine.submit_tracked(event_of(1), key="a")
    engine.submit_tracked(event_of(2), key="a")
    assert engine.stop(drain=False) == 3
    assert ends(engine) == {Status.CANCELLED: 3}


def test_draining_returns_the_events_that_it_had_no_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with Actor() as other:
        entered, release = threading.Event(), threading.Event()
        engine = AsyncEventProcessor(
            ThreadSafeSelfState({}),
            [],
            {"gate": lambda *_: (entered.set(), release.wait(SECONDS))},
        )
        engine.start()
        engine.submit(event_of(0, kind="gate"))
        assert entered.wait(SECONDS)
        engine.submit_many([event_of(1), event_of(2)])
        until_idle = engine.queue.waiting.until_idle
        monkeypatch.setattr(engine.queue.waiting, "until_idle", lambda done, seconds: until_idle(done, seconds / 3000))
        draining = other.begin(engine.drain, SECONDS)  # the time to drain is over at once, that to stop is not
        wait_until(lambda: engine._thread.stopping)
        release.set()
        assert [event.metadata["#"] for event in draining.result()] == [1, 2]
    assert ends(engine) == {Status.PROCESSED: 1, Status.CANCELLED: 2}
