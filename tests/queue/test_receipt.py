"""Receipts: the outcome of a put, changes of the event while it is queued, and its result."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import pytest
from actors import Actor

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    EngineStopped,
    Event,
    Field,
    InvalidEvent,
    LifeEventError,
    ManualClock,
    Priority,
    QueueFull,
    Receipt,
    Reflex,
    ResultTimeout,
    Status,
    ThreadSafeSelfState,
)
from lifeevt.queue import Admission

CRITICAL, HIGH, NORMAL, LOW = Priority
SECONDS = 30.0


def event_of(number: int = 0, kind: str = "joy", priority: Priority | None = None) -> Event:
    return Event(kind, 0.5, 0.0, {"#": number}, priority=priority)


def queue_of(**more: Any) -> AsyncEventQueue:
    return AsyncEventQueue(**({"clock": ManualClock()} | more))


def engine_of(handlers: Any = None, **more: Any) -> AsyncEventProcessor:
    more.setdefault("clock", ManualClock())
    queue = AsyncEventQueue(clock=more["clock"], **more.pop("queue", {}))
    return AsyncEventProcessor(ThreadSafeSelfState({}), [], handlers, queue, **more)


def numbers(queue: AsyncEventQueue) -> list[int]:
    return [event.metadata["#"] for event in queue.drain()]


def balanced(owner: Any) -> dict[Status, int]:
    """The ends of a ledger that balances, without those at which nothing ended."""
    ledger = owner.ledger()
    assert ledger.balanced
    return {status: count for status, count in ledger.ends.items() if count}


# --- admission


def test_an_accepted_event_has_a_true_receipt() -> None:
    receipt = queue_of().put_tracked(event_of())
    assert (bool(receipt), receipt.admission, receipt.reason, receipt.done) == (True, Admission.ACCEPTED, "", False)


@pytest.mark.parametrize("overflow", ["reject", "drop_lowest", "coalesce", "block(0)"])
def test_a_refused_event_has_a_false_receipt_with_a_reason(overflow: str) -> None:
    queue = queue_of(capacity=1, overflow=overflow)
    queue.put(event_of())
    receipt = queue.put_tracked(event_of(1, "sorrow"), 0.0)
    assert (bool(receipt), receipt.admission) == (False, Admission.REFUSED)
    assert receipt.reason == "queue holds 1 of 1 events; 'sorrow' was refused"
    with pytest.raises(QueueFull, match="sorrow"):
        receipt.result(0.0)
    assert not receipt.cancel()


def test_the_predicted_wait_is_the_depth_times_the_mean_service_time() -> None:
    clock = ManualClock()
    engine = engine_of({"*": lambda event, state: clock.advance(0.25)}, clock=clock)
    assert engine.submit_tracked(event_of()).predicted_wait_seconds == 0.0
    engine.process_pending()
    receipts = [engine.submit_tracked(event_of(number)) for number in range(3)]
    assert [receipt.predicted_wait_seconds for receipt in receipts] == [0.0, 0.25, 0.5]


@pytest.mark.parametrize(
    "options",
    [{"coalesce": "last"}, {"coalesce": "never", "key": 1}, {"delay": 1.0, "at_ns": 1}],
)
def test_contradictory_options_are_refused(options: Any) -> None:
    queue = queue_of()
    with pytest.raises(InvalidEvent):
        queue.put_tracked(event_of(), **options)
    assert (len(queue), balanced(queue)) == (0, {})


def test_put_tracked_refuses_something_else_than_an_event() -> None:
    with pytest.raises(InvalidEvent, match="a queue takes Event objects, not str"):
        queue_of().put_tracked("event")  # type: ignore[arg-type]


def test_a_stopped_engine_tracks_nothing() -> None:
    engine = engine_of()
    engine.close()
    with pytest.raises(EngineStopped):
        engine.submit_tracked(event_of())


# --- changes


def test_a_cancelled_event_is_not_handed_out_and_ends_once() -> None:
    queue = queue_of()
    receipts = [queue.put_tracked(event_of(number)) for number in range(3)]
    assert receipts[1].cancel()
    assert not receipts[1].cancel()
    assert receipts[1].result(0.0).status is Status.CANCELLED
    assert numbers(queue) == [0, 2]
    assert balanced(queue) == {Status.CANCELLED: 1, Status.DELIVERED: 2}


def test_an_event_that_was_handed_out_cannot_be_cancelled() -> None:
    queue = queue_of()
    receipt = queue.put_tracked(event_of())
    queue.get_nowait()
    assert (receipt.cancel(), receipt.replace(event_of(1)), receipt.boost(CRITICAL)) == (False, False, False)
    assert receipt.result(0.0).status is Status.DELIVERED


def test_a_replaced_event_keeps_its_place() -> None:
    queue = queue_of()
    receipts = [queue.put_tracked(event_of(number)) for number in range(3)]
    assert receipts[0].replace(event_of(9))
    assert numbers(queue) == [9, 1, 2]
    assert receipts[0].event == receipts[0].result(0.0).event == event_of(9)
    assert balanced(queue) == {Status.DELIVERED: 3}


def test_a_boosted_event_overtakes() -> None:
    queue = queue_of()
    receipts = [queue.put_tracked(event_of(number)) for number in range(4)]
    assert receipts[3].boost(within=0.0)
    assert receipts[2].boost(CRITICAL, within=0.01)
    assert queue.statistics().depth_by_level[CRITICAL] == 1
    assert numbers(queue) == [3, 2, 0, 1]


def test_a_boost_never_makes_an_event_wait_longer() -> None:
    queue = queue_of()
    first = queue.put_tracked(event_of(0, priority=CRITICAL))
    queue.put_tracked(event_of(1))
    assert first.boost(LOW, within=3600.0)
    assert queue.statistics().depth_by_level[CRITICAL] == 1
    assert numbers(queue) == [0, 1]


# --- result


def test_the_result_is_the_one_that_the_engine_hands_out() -> None:
    engine = engine_of({"joy": lambda event, state: event.metadata["#"] + 1})
    receipt = engine.submit_tracked(event_of(41))
    engine.process_pending()
    result = receipt.result(0.0)
    assert [result] == engine.results()
    assert (result.action, result.status, receipt.done) == (42, Status.PROCESSED, True)


def test_a_failing_handler_is_reported_in_the_result() -> None:
    engine = engine_of({"joy": lambda event, state: 1 / 0})
    receipt = engine.submit_tracked(event_of())
    engine.process_pending()
    assert receipt.result(0.0).status is Status.DEAD_LETTERED


def test_waiting_for_a_result_has_a_limit() -> None:
    receipt = queue_of().put_tracked(event_of())
    with pytest.raises(ResultTimeout, match=r"has not ended within 0\.0 s"):
        receipt.result(0.0)


def test_another_thread_waits_until_the_worker_is_done() -> None:
    engine = AsyncEventProcessor(ThreadSafeSelfState({}), [], {"joy": lambda *_: "done"})
    with engine, Actor() as actor:
        receipt = engine.submit_tracked(event_of())
        assert actor.do(lambda: receipt.result(SECONDS)).action == "done"


def test_a_result_can_be_awaited() -> None:
    async def submit(engine: AsyncEventProcessor) -> Any:
        first, second = engine.submit_tracked(event_of(1)), engine.submit_tracked(event_of(2))
        return (await second).action, (await first).action, (await first).action

    with AsyncEventProcessor(ThreadSafeSelfState({}), [], {"joy": lambda event, state: event.metadata["#"]}) as engine:
        assert asyncio.run(submit(engine)) == (2, 1, 1)


def test_a_refused_event_cannot_be_awaited() -> None:
    async def submit() -> None:
        queue = queue_of(capacity=1)
        queue.put(event_of())
        await queue.put_tracked(event_of())

    with pytest.raises(QueueFull):
        asyncio.run(submit())


def test_a_handler_does_not_wait_for_its_own_engine() -> None:
    said: list[Any] = []

    def wait(event: Event, state: Any) -> None:
        with pytest.raises(LifeEventError, match="must not wait for its own engine"):
            engine.submit_tracked(event_of(1, "other")).result()
        said.append("refused")

    engine = engine_of({"joy": wait})
    engine.submit(event_of())
    engine.process_pending()
    assert said == ["refused"]


def test_a_handler_runs_in_the_context_of_the_submitter() -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")
    engine = engine_of({"joy": lambda event, state: who.get()})

    def submit(name: str) -> Receipt:
        who.set(name)
        return engine.submit_tracked(event_of())

    receipts = [contextvars.copy_context().run(submit, name) for name in ("one", "two")]
    engine.process_pending()
    assert [receipt.result(0.0).action for receipt in receipts] == ["one", "two"]
    assert who.get() == "nobody"


def test_events_left_when_the_engine_stops_are_cancelled() -> None:
    engine = engine_of()
    receipts = [engine.submit_tracked(event_of(), **more) for more in ({}, {"key": 1}, {"key": 1}, {"delay": 9.0})]
    assert engine.stop(drain=False) == 4
    assert {receipt.result(0.0).status for receipt in receipts} == {Status.CANCELLED}
    assert balanced(engine) == {Status.CANCELLED: 4}
    assert len(engine.results()) == 4


def test_a_shed_event_is_reported_in_its_receipt_and_in_one_result() -> None:
    engine = engine_of(queue={"capacity": 1})
    shed = engine.submit_tracked(event_of(1, priority=LOW))
    assert engine.submit_tracked(event_of(2, priority=CRITICAL))
    assert shed.result(0.0).status is Status.SHED
    assert [result.status for result in engine.results()] == [Status.SHED]


def test_plain_events_and_tracked_ones_share_one_order() -> None:
    queue = queue_of()
    for number in range(10):
        (queue.put_tracked if number % 2 else queue.put)(event_of(number))
    assert [queue.get_nowait().metadata["#"] for _ in range(10)] == list(range(10))


def test_the_reflex_of_a_tracked_event_runs_before_its_handler() -> None:
    state = ThreadSafeSelfState({"energy": Field(50.0, 0.0, 100.0)})
    reflexes, handlers = [Reflex("hit", 1.0, {"energy": -10.0})], {"hit": lambda event, state: state["energy"]}
    engine = AsyncEventProcessor(state, reflexes, handlers, clock=ManualClock())
    plain, tracked = Event("hit", 1.0, 0.0), engine.submit_tracked(Event("hit", 1.0, 0.0))
    engine.submit(plain)
    engine.process_pending()
    first, second = engine.results()
    assert (first.action, second.action) == (40.0, 30.0)
    assert (first.meaning, first.decision, tracked.result(0.0)) == (second.meaning, second.decision, first)
    assert (first.state_version_before, first.state_version, second.state_version) == (0, 1, 2)
