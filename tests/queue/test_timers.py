"""Time: delayed and periodic events, expiry, and the timers below them."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from actors import Actor, wait_until
from hypothesis import given, strategies as st
from reactors import HIT, RunLoop

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    Event,
    EventScheduler,
    EventType,
    EventTypes,
    ManualClock,
    Priority,
    QueueEmpty,
    Status,
    ThreadSafeSelfState,
)
from lifeevt.queue import Admission
from lifeevt.queue.timers import PeriodicTimer, Timers

SECOND = 10**9
PATIENCE = 30.0


def event_of(number: int = 0, kind: str = "joy", priority: Priority | None = None) -> Event:
    return Event(kind, 0.5, 0.0, {"#": number}, priority=priority)


def queue_of(clock: ManualClock, **more: Any) -> AsyncEventQueue:
    return AsyncEventQueue(clock=clock, **more)


def engine_of(handler: Any = None, **more: Any) -> AsyncEventProcessor:
    handlers = {"*": handler} if handler else None
    return AsyncEventProcessor(ThreadSafeSelfState({}), [], handlers, **more)


def ends(owner: Any) -> dict[Status, int]:
    ledger = owner.ledger()
    assert ledger.balanced
    return {status: count for status, count in ledger.ends.items() if count}


# --- delay


@pytest.mark.parametrize("when", [{"delay": 2.0}, {"at_ns": 2 * SECOND}], ids=str)
def test_a_deferred_event_comes_at_its_time(when: Any) -> None:
    clock = ManualClock()
    queue = queue_of(clock)
    receipt = queue.put_tracked(event_of(), **when)
    assert (receipt.admission, len(queue), queue.statistics().deferred) == (Admission.DEFERRED, 0, 1)
    clock.advance_ns(2 * SECOND - 1)
    with pytest.raises(QueueEmpty):
        queue.get_nowait()
    clock.advance_ns(1)
    assert queue.get_nowait() == event_of()
    assert (receipt.result(0.0).queued_ns, queue.statistics().deferred) == (2 * SECOND, 0)


@pytest.mark.parametrize("when", [{"delay": 0.0}, {"delay": -1.0}, {"at_ns": 0}], ids=str)
def test_a_time_that_has_come_is_now(when: Any) -> None:
    assert queue_of(ManualClock()).put_tracked(event_of(), **when).admission is Admission.ACCEPTED


def test_a_deferred_event_can_be_cancelled_and_replaced() -> None:
    clock = ManualClock()
    queue = queue_of(clock)
    kept, gone = (queue.put_tracked(event_of(number), delay=1.0) for number in range(2))
    assert gone.cancel()
    assert not gone.cancel()
    assert kept.replace(event_of(9))
    clock.advance(1.0)
    assert [event.metadata["#"] for event in queue.drain()] == [9]
    assert ends(queue) == {Status.CANCELLED: 1, Status.DELIVERED: 1}


def test_a_due_event_wakes_a_waiting_get() -> None:
    clock = ManualClock()
    queue = queue_of(clock)
    queue.put_tracked(event_of(), delay=5.0)
    with Actor() as actor:
        call = actor.begin(queue.get)
        clock.wait_for_waiters(1)
        clock.advance(5.0)
        assert call.result() == event_of()


def test_a_worker_on_a_manual_clock_processes_due_events() -> None:
    clock = ManualClock()
    with engine_of(lambda event, state: event.metadata["#"], clock=clock) as engine:
        receipt = engine.submit_tracked(event_of(7), delay=5.0)
        clock.wait_for_waiters(1)
        assert not receipt.done
        clock.advance(5.0)
        assert receipt.result(PATIENCE).action == 7
        plain = engine.submit_tracked(event_of(8))  # and goes back to sleep beside its queue
        assert plain.result(PATIENCE).action == 8


def test_a_worker_on_a_manual_clock_goes_on_processing_while_it_waits() -> None:
    clock = ManualClock()
    with engine_of(lambda event, state: event.metadata["#"], clock=clock) as engine:
        engine.submit_tracked(event_of(7), delay=5.0)
        clock.wait_for_waiters(1)
        assert engine.submit_tracked(event_of(8)).result(PATIENCE).action == 8
    assert ends(engine) == {Status.PROCESSED: 1, Status.CANCELLED: 1}


def test_a_worker_on_the_machines_clock_sleeps_until_then() -> None:
    with engine_of(lambda event, state: event.metadata["#"]) as engine:
        late, soon = engine.submit_tracked(event_of(2), delay=0.03), engine.submit_tracked(event_of(1), delay=0.01)
        results = [soon.result(PATIENCE), late.result(PATIENCE)]
    assert [result.action for result in results] == [1, 2]
    assert results[0].queued_ns < results[1].queued_ns


def test_a_deferred_event_does_not_delay_idleness() -> None:
    with engine_of(lambda *_: None, clock=ManualClock()) as engine:
        engine.submit_tracked(event_of(), delay=9.0)
        assert engine.wait_idle(PATIENCE)


def test_a_due_event_without_room_is_shed_and_counted() -> None:
    clock = ManualClock()
    queue = queue_of(clock, capacity=1, overflow="reject")
    receipt = queue.put_tracked(event_of(), delay=1.0)
    queue.put(event_of(1))
    clock.advance(1.0)
    assert queue.get_nowait() == event_of(1)
    assert receipt.result(0.0).status is Status.SHED
    assert ends(queue) == {Status.SHED: 1, Status.DELIVERED: 1}


def test_a_due_event_that_cannot_be_merged_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    engine = engine_of(lambda *_: None, clock=clock)
    engine.submit_tracked(event_of(0), key="a")
    receipt = engine.submit_tracked(event_of(1), key="a", coalesce=lambda *_: 1 // 0, delay=1.0)  # type: ignore[arg-type]
    clock.advance(1.0)
    with pytest.raises(ZeroDivisionError):
        engine.process_pending()
    assert receipt.result(0.0).status is Status.DEAD_LETTERED
    with engine:
        assert engine.wait_idle(PATIENCE)
    assert ends(engine) == {Status.DEAD_LETTERED: 1, Status.PROCESSED: 1}


def test_closing_cancels_deferred_events() -> None:
    queue = queue_of(ManualClock())
    receipt = queue.put_tracked(event_of(), delay=1.0)
    queue.close()
    assert receipt.result(0.0).status is Status.CANCELLED
    assert ends(queue) == {Status.CANCELLED: 1}


# --- periods


@pytest.mark.parametrize(
    ("misfire", "seen", "missed"),
    [("skip", [1, 2, 6], 3), ("once", [1, 2, 5, 6], 2), ("catch_up", [1, 2, 5, 5, 5, 6], 0)],
)
def test_missed_instants_follow_the_misfire_policy(misfire: str, seen: list[int], missed: int) -> None:
    clock = ManualClock()
    engine = engine_of(clock=clock)
    made = engine.submit_every(lambda: event_of(clock.now_ns() // SECOND), 1.0, misfire=misfire)
    for seconds in (1.0, 1.0, 3.5, 0.25, 0.25):
        clock.advance(seconds)
        engine.process_pending()
    assert [result.event.metadata["#"] for result in engine.results()] == seen
    assert (made.fired, made.missed) == (len(seen), missed)


@given(st.lists(st.integers(1, 5_000_000_000), max_size=30), st.integers(1, 2 * SECOND))
def test_a_grid_never_drifts(steps: list[int], period_ns: int) -> None:
    clock, timers, seen = ManualClock(), Timers(), []
    made = PeriodicTimer(timers, period_ns, period_ns, "once", clock.now_ns, lambda: seen.append(clock.now_ns()))
    for step in steps:
        clock.advance_ns(step)
        timers.fire(clock.now_ns())
        assert timers.next_ns() == (clock.now_ns() // period_ns + 1) * period_ns
    assert made.fired + made.missed == clock.now_ns() // period_ns
    assert made.fired == len(seen)


def test_a_periodic_event_ends_when_it_is_cancelled() -> None:
    clock = ManualClock()
    engine = engine_of(clock=clock)
    made = engine.submit_every(event_of(), 1.0)
    clock.advance(1.0)
    engine.process_pending()
    assert made.cancel()
    assert not made.cancel()
    clock.advance(9.0)
    assert engine.process_pending() == 0
    assert made.fired == 1


@pytest.mark.parametrize(("seconds", "misfire"), [(0.0, "skip"), (-1.0, "skip"), (1.0, "never")])
def test_periods_and_policies_that_make_no_sense_are_refused(seconds: float, misfire: str) -> None:
    with pytest.raises(ValueError, match=r"must be positive|choose skip, catch_up, once"):
        queue_of(ManualClock()).put_every(event_of(), seconds, misfire=misfire)


# --- expiry


@pytest.mark.parametrize("limit", [{"ttl": 1.0}, {"deadline_ns": SECOND}, {"ttl": 9.0, "deadline_ns": SECOND}], ids=str)
def test_an_event_whose_time_is_over_never_runs(limit: Any) -> None:
    clock, seen = ManualClock(), []
    engine = engine_of(lambda event, state: seen.append(event.metadata["#"]), clock=clock)
    late, fine = engine.submit_tracked(event_of(0), **limit), engine.submit_tracked(event_of(1))
    clock.advance_ns(SECOND)
    engine.process_pending()
    assert (seen, late.result(0.0).status, fine.result(0.0).status) == ([1], Status.EXPIRED, Status.PROCESSED)
    assert ends(engine) == {Status.EXPIRED: 1, Status.PROCESSED: 1}
    assert [result.status for result in engine.results()] == [Status.EXPIRED, Status.PROCESSED]


def test_an_event_runs_until_the_last_moment() -> None:
    clock = ManualClock()
    engine = engine_of(lambda *_: "ran", clock=clock)
    receipt = engine.submit_tracked(event_of(), ttl=1.0)
    clock.advance_ns(SECOND - 1)
    engine.process_pending()
    assert receipt.result(0.0).action == "ran"


@pytest.mark.parametrize("take", ["get_nowait", "drain"])
def test_a_queue_hands_out_no_expired_event(take: str) -> None:
    clock = ManualClock()
    queue = queue_of(clock)
    queue.put_tracked(event_of(0), ttl=1.0)
    queue.put(event_of(1))
    clock.advance(1.0)
    found = queue.get_nowait() if take == "get_nowait" else queue.drain()[0]
    assert found == event_of(1)
    assert ends(queue) == {Status.EXPIRED: 1, Status.DELIVERED: 1}


def test_the_time_to_live_of_a_type_holds_for_plain_events() -> None:
    clock = ManualClock()
    types = EventTypes([EventType("joy", Priority.NORMAL, SECOND, ttl_ns=SECOND)])
    engine = engine_of(lambda *_: None, clock=clock, scheduler=EventScheduler(types=types))
    engine.submit(event_of())
    clock.advance(1.0)
    engine.process_pending()
    assert ends(engine) == {Status.EXPIRED: 1}


def test_an_expired_event_of_a_key_lets_the_next_one_go() -> None:
    clock = ManualClock()
    queue = queue_of(clock)
    queue.put_tracked(event_of(0), key="a", ttl=1.0)
    queue.put_tracked(event_of(1), key="a")
    clock.advance(1.0)
    assert [event.metadata["#"] for event in queue.drain()] == [1]


# --- timers


def test_timers_fire_in_order_and_equal_ones_in_arrival_order() -> None:
    timers, seen, dice = Timers(), [], random.Random(1)
    due = [dice.randrange(20) for _ in range(200)]
    for number, when in enumerate(due):
        timers.add(when, lambda when=when, number=number: seen.append((when, number)))
    assert timers.fire(9) == len(seen)
    assert timers.next_ns() == min(when for when in due if when > 9)
    timers.fire(20)
    assert seen == sorted((when, number) for number, when in enumerate(due))
    assert (timers.living, timers.next_ns()) == (0, None)


def test_followers_are_called_for_an_earlier_timer_only() -> None:
    timers, told = Timers(), []
    timers.follow(lambda: told.append(timers.next_ns()))
    for when in (5, 9, 3, 4, 3, 1):
        timers.add(when, lambda: None)
    assert told == [5, 3, 1]


def test_cancelled_timers_leave_few_tombstones() -> None:
    timers = Timers()
    for _ in range(10_000):
        assert timers.add(10**18, lambda: None).cancel()
    assert len(timers._heap) < 200


def test_a_reactor_wakes_at_its_time_and_not_before(core: Any) -> None:
    run_loop = RunLoop(core)
    due_ns = time.monotonic_ns() + 20_000_000
    run_loop.reactor.wake_at(due_ns)
    assert run_loop.reactor.run() is None
    assert time.monotonic_ns() >= due_ns
    run_loop.reactor.wake_at(None)
    with Actor() as actor:
        call = actor.begin(run_loop.reactor.run)
        run_loop.reactor.wake_at(0)
        assert call.result() is None


def test_a_reactor_leaves_a_tracked_event_to_python_untouched(core: Any) -> None:
    run_loop = RunLoop(core)
    run_loop.heap.offer_tracked(1, 0, 7, "tracked", 0, HIT, 0.5)
    processed, task = run_loop.reactor.run_pending(9)
    assert (processed, task[0], task[5:]) == (0, "tracked", (HIT, 0, None))
    assert run_loop.cells.read(0) == 100.0


def test_a_worker_with_nothing_that_may_leave_sleeps(core: Any) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(HIT)
    run_loop.heap.pause(16, None, True)
    with Actor() as actor:
        call = actor.begin(run_loop.reactor.run)
        wait_until(lambda: len(run_loop.heap) == 1)
        run_loop.heap.pause(16, None, False)
        wait_until(lambda: len(run_loop.reactor) == 1)
        run_loop.reactor.halt(True)
        assert call.result() is None


# --- arrival


def meddling(meddle: Any) -> tuple[AsyncEventQueue, ManualClock, Any]:
    """A queue with a rank that calls a function once an event is deferred; and that event's receipt."""
    clock, begun = ManualClock(), []

    def rank(event: Event, arrival_ns: int) -> tuple[int, int]:
        if begun and not begun.pop():
            meddle(receipt)
        return arrival_ns, Priority.NORMAL

    queue = queue_of(clock, rank=rank)
    receipt = queue.put_tracked(event_of(1), delay=1.0)
    begun += [False, True]  # the policy asks first, then the offer
    return queue, clock, receipt


def test_an_event_cancelled_while_it_arrives_never_enters() -> None:
    queue, clock, receipt = meddling(lambda each: cancelled.append(each.cancel()))
    cancelled: list[bool] = []
    clock.advance(1.0)
    with pytest.raises(QueueEmpty):
        queue.get_nowait()
    assert (cancelled, receipt.result(0).status, ends(queue)) == ([True], Status.CANCELLED, {Status.CANCELLED: 1})


def test_an_event_replaced_while_it_arrives_enters_as_the_other() -> None:
    queue, clock, receipt = meddling(lambda each: each.replace(event_of(2)))
    clock.advance(1.0)
    assert queue.get_nowait().metadata["#"] == 2
    assert (receipt.event.metadata["#"], queue.statistics().deferred) == (2, 0)
