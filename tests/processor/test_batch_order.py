"""When a batch is processed: in its window, before its deadlines, and never before a more urgent event."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from actors import PATIENCE, Actor, wait_until
from processor.test_batch_handlers import Batched, engine_of, event_of, numbered, numbers

from lifeevt import (
    BatchPolicy,
    Event,
    EventScheduler,
    EventType,
    EventTypes,
    Handler,
    ManualClock,
    Priority,
    Receipt,
    Status,
)
from lifeevt.clock import SystemClock
from lifeevt.scheduler import AdaptiveBounds, AdaptiveStrategy, LoadBalancingStrategy

MS = 1_000_000
CRITICAL, HIGH, NORMAL, LOW = Priority


class Being:
    """An engine with a worker on a commanded clock, and the arguments and times of its handlers.

    ``log`` comes in batches, each of which takes ``takes_ms``; ``busy`` calls its argument.
    """

    def __init__(
        self, policy: BatchPolicy, log_ms: float = 1000.0, strategy: Any = "deadline", takes_ms: int = 0
    ) -> None:
        self.clock, self.given, self.takes_ms = ManualClock(), list[tuple[int, list[int]]](), takes_ms
        budgets = {"log": (NORMAL, log_ms), "shock": (CRITICAL, 10), "late": (LOW, 9000), "busy": (NORMAL, 1)}
        types = EventTypes([EventType(name, level, round(ms * MS)) for name, (level, ms) in budgets.items()])
        handlers = {"log": Handler(action=self.take, batch=policy), "busy": self.do, "*": Handler(action=self.take_one)}
        scheduler = EventScheduler(strategy, types)
        self.engine = engine_of(handlers, clock=self.clock, scheduler=scheduler)

    def take(self, events: list[Event], *_: Any) -> None:
        self.given.append((self.clock.now_ns() // MS, numbers(events)))
        self.clock.advance_ns(self.takes_ms * MS)

    def take_one(self, event: Event, *_: Any) -> None:
        self.given.append((self.clock.now_ns() // MS, numbers([event])))

    def do(self, event: Event, _: Any) -> None:
        event.metadata["do"]()

    def submit(self, number: int = 0, kind: str = "log", **options: Any) -> Receipt:
        return self.engine.submit_tracked(event_of(kind, number), **options)

    def busy(self, do: Any) -> None:
        self.engine.submit(Event("busy", 0.5, 0.0, {"do": do}))

    def settle(self) -> None:
        """Wait until the worker has nothing to do but to wait for the clock."""
        wait_until(lambda: self.engine.queue.qsize() == 0)
        self.clock.wait_for_waiters(1)

    @property
    def batches(self) -> list[list[int]]:
        return [batch for _, batch in self.given]

    def __enter__(self) -> Being:
        self.engine.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()
        assert self.engine.ledger().balanced and not self.engine.ledger().in_flight


# windows


def test_a_batch_that_is_not_full_is_processed_a_window_after_its_first_event() -> None:
    with Being(BatchPolicy(9, 0.1)) as being:
        being.submit(0)
        being.settle()
        being.clock.advance(0.06)
        last = being.submit(1)
        being.settle()
        being.clock.advance_ns(40 * MS - 1)
        being.settle()
        assert being.given == [] and being.engine.ledger().running == 2
        being.clock.advance_ns(1)
        last.result(PATIENCE)
    assert being.given == [(100, [0, 1])]


def test_the_next_batch_has_a_window_of_its_own() -> None:
    with Being(BatchPolicy(2, 0.1)) as being:
        being.submit(0)
        being.submit(1).result(PATIENCE)
        last = being.submit(2)
        being.settle()
        being.clock.advance(0.1)
        last.result(PATIENCE)
    assert being.given == [(0, [0, 1]), (100, [2])]


def test_a_batch_waits_past_no_deadline_of_its_events() -> None:
    with Being(BatchPolicy(9, 0.5), log_ms=200) as being:
        first = being.submit(0)
        being.settle()
        being.clock.advance_ns(200 * MS - 1)
        being.settle()
        assert not first.done
        being.clock.advance_ns(1)
        first.result(PATIENCE)
    assert being.given == [(200, [0])]


def test_a_batch_is_due_before_a_deadline_by_the_time_of_the_last_one() -> None:
    with Being(BatchPolicy(9, 0.5), log_ms=200, takes_ms=50) as being:
        for number, wait_ms in enumerate([200, 150]):
            receipt = being.submit(number)
            being.settle()
            being.clock.advance_ns(wait_ms * MS)
            receipt.result(PATIENCE)
    assert being.given == [(200, [0]), (400, [1])]
    assert being.engine.statistics().scheduler.late == 1


def test_without_a_window_a_batch_has_the_events_that_wait_now() -> None:
    being = Being(BatchPolicy(9))
    receipts = [being.submit(number) for number in range(3)]
    with being:
        receipts[-1].result(PATIENCE)
        being.submit(3).result(PATIENCE)
    assert being.batches == [[0, 1, 2], [3]]


def test_without_a_window_a_batch_ends_where_another_is_next() -> None:
    being = Being(BatchPolicy(9), log_ms=9000)
    for number, kind in enumerate(["log", "log", "late", "log"]):
        being.submit(number, kind)
        being.clock.advance_ns(1)
    with being:
        wait_until(lambda: len(being.given) == 3)
    assert being.batches == [[0, 1], [2], [3]]


def test_on_the_systems_clock_the_worker_sleeps_until_the_window_ends() -> None:
    batched = Batched()
    scheduler = EventScheduler(types=EventTypes([EventType("log", NORMAL, 1000 * MS)]))
    engine = engine_of({"log": batched.of(BatchPolicy(9, 0.02))}, clock=SystemClock(), scheduler=scheduler)
    with engine:
        first, last = (engine.submit_tracked(event) for event in numbered(2))
        assert last.result(PATIENCE).started_ns - first.result(PATIENCE).queued_ns >= 20 * MS
    assert batched.given == [[0, 1]]


# before and behind others


def test_others_go_on_while_a_batch_waits() -> None:
    with Being(BatchPolicy(9, 0.1)) as being:
        batched = being.submit(0)
        being.settle()
        being.submit(1, "late").result(PATIENCE)
        assert not batched.done
    assert being.batches == [[1], [0]]


def test_a_due_batch_goes_behind_more_urgent_events_and_before_the_rest() -> None:
    def bring() -> None:
        being.clock.advance(0.2)  # the batch becomes due meanwhile
        for number, kind in enumerate(["late", "shock", "log", "shock"], 1):
            being.submit(number, kind)

    with Being(BatchPolicy(9, 0.1)) as being:
        being.submit(0)
        being.settle()
        being.busy(bring)
        wait_until(lambda: len(being.given) == 4)
    assert being.batches == [[2], [4], [0, 3], [1]]


@pytest.mark.parametrize("works", [True, False], ids=["worker", "caller"])
def test_reflexes_keep_their_place_before_and_behind_a_due_batch(works: bool) -> None:
    """On the system's clock, where the native twin would process all of them in one run loop."""
    budgets = {"log": 10**6, "busy": 2 * 10**6, "hit": 10**5, "late": 3 * 10**6}
    types = EventTypes([EventType(name, NORMAL, ms * MS) for name, ms in budgets.items()])

    def bring(*_: Any) -> None:
        due_ns = engine.clock.now_ns() + 2 * MS
        wait_until(lambda: engine.clock.now_ns() > due_ns)
        engine.submit_many([event_of("late"), event_of("hit"), event_of("hit")])

    engine = engine_of(
        {"log": Batched().of(BatchPolicy(9, 0.001)), "busy": bring}, clock=SystemClock(),
        scheduler=EventScheduler(types=types),
    )  # fmt: skip
    engine.submit_many([event_of("log"), event_of("busy")])
    if works:
        with engine:
            wait_until(lambda: sum(engine.ledger().ends.values()) == 5)
    else:
        engine.process_pending(5)
    assert [result.event.type for result in engine.results()] == ["busy", "hit", "hit", "log", "late"]


@pytest.mark.parametrize(("strategy", "order"), [("deadline", [[0], [1]]), ("priority", [[1], [0]])])
def test_a_due_batch_is_placed_by_the_strategy(strategy: str, order: list[list[int]]) -> None:
    def bring() -> None:
        being.clock.advance(0.01)
        being.submit(1, "shock")

    with Being(BatchPolicy(9, 0.1), log_ms=5, strategy=strategy) as being:
        being.submit(0)
        being.settle()
        being.busy(bring)
        wait_until(lambda: len(being.given) == 2)
    assert being.batches == order


@pytest.mark.parametrize("clock", [ManualClock, SystemClock])
def test_a_batch_passes_between_the_stages_of_a_less_important_handler(clock: Any) -> None:
    seen: list[str] = []

    def bring(*_: Any) -> None:
        seen.append("meaning")
        engine.submit_many(numbered(2, "shock"))

    handlers = {
        "idle": Handler(bring, None, lambda *_: seen.append("action")),
        "shock": Handler(lambda events, _: seen.append(f"batch of {len(events)}"), batch=BatchPolicy(2, 1.0)),
    }
    engine = engine_of(handlers, clock=clock())
    engine.submit(event_of("idle"))
    engine.process_pending()
    assert seen == ["meaning", "batch of 2", "action"]


def test_a_due_batch_passes_between_stages_as_an_event_of_its_level_would() -> None:
    seen: list[str] = []
    clock = ManualClock()

    def bring(*_: Any) -> None:
        engine.submit(event_of("shock"))  # its deadline is 10 ms from now

    def pause(*_: Any) -> None:
        clock.advance(0.02)

    handlers = {
        "idle": Handler(bring, pause, lambda *_: seen.append("action")),
        "shock": Handler(lambda events, _: seen.append("batch"), batch=BatchPolicy(2, 1.0)),
    }
    engine = engine_of(handlers, clock=clock)
    engine.submit(event_of("idle"))
    engine.process_pending()
    assert seen == ["batch", "action"]


def test_a_due_batch_passes_also_before_an_urgent_event_that_may_not() -> None:
    seen: list[str] = []
    clock = ManualClock()

    def bring(*_: Any) -> None:
        engine.submit(event_of("shock"))

    def bring_later(*_: Any) -> None:
        engine.submit(event_of("late"))
        clock.advance(0.02)

    budgets = {"idle": (NORMAL, MS), "shock": (CRITICAL, 10 * MS), "late": (LOW, MS)}
    types = EventTypes([EventType(name, *budget) for name, budget in budgets.items()])
    handlers = {
        "idle": Handler(bring, bring_later, lambda *_: seen.append("action")),
        "shock": Handler(lambda events, _: seen.append("batch"), batch=BatchPolicy(2, 1.0)),
        "late": lambda *_: seen.append("late"),
    }
    engine = engine_of(handlers, clock=clock, scheduler=EventScheduler(types=types))
    engine.submit(event_of("idle"))
    engine.process_pending(3)
    assert seen == ["batch", "action", "late"]


def test_more_important_events_pass_between_the_stages_of_a_batch() -> None:
    seen: list[str] = []

    def bring(events: list[Event], _: Any) -> None:
        seen.append("meaning")
        for kind in ("idle", "shock", "log"):
            engine.submit(event_of(kind))

    handlers = {
        "log": Handler(bring, None, lambda *_: seen.append("action"), batch=BatchPolicy(1)),
        "*": Handler(action=lambda event, *_: seen.append(event.type)),
    }
    engine = engine_of(handlers)
    engine.submit(event_of("log"))
    engine.process_pending(3)
    assert seen[:3] == ["meaning", "shock", "action"]


def test_a_paused_type_does_not_keep_a_batch_waiting() -> None:
    with Being(BatchPolicy(9, 0.1)) as being:
        being.engine.pause(type="shock")
        first = being.submit(0)
        being.settle()
        paused = being.submit(1, "shock")
        being.clock.advance(0.1)
        first.result(PATIENCE)
        assert not paused.done


# strategies


def test_a_batch_that_a_gate_holds_back_waits_for_the_gate() -> None:
    strategy = LoadBalancingStrategy(0.5, 1, 1.0)
    with Being(BatchPolicy(9, 0.1), strategy=strategy) as being:
        being.engine.scheduler.gate(0)
        batched = being.submit(0)
        being.settle()
        being.busy(lambda: being.clock.advance(0.6))  # more than half of the tick
        being.settle()
        assert not batched.done
        being.clock.advance(0.4)
        batched.result(PATIENCE)
    assert being.given == [(1000, [0])]


def test_the_adaptive_strategy_limits_the_size() -> None:
    strategy = AdaptiveStrategy(AdaptiveBounds())
    being = Being(BatchPolicy(9, 0.1), strategy=strategy)
    for number in range(3):
        being.submit(number)
    assert being.engine.process_pending() == 3 and being.batches == [[0], [1], [2]]
    strategy.settings = type(strategy.settings)(batch=2)
    for number in range(3):
        being.submit(number)
    assert being.engine.process_pending() == 3 and being.batches[3:] == [[0, 1], [2]]


# no event is left behind


def test_a_wait_for_idleness_does_not_wait_for_a_window() -> None:
    with Being(BatchPolicy(9, 0.1)) as being:
        being.submit(0)
        being.settle()
        assert being.engine.wait_idle(PATIENCE) and being.given == [(0, [0])]
        last = being.submit(1)  # afterwards windows are as before
        being.settle()
        assert not last.done


def test_a_batch_that_begins_during_a_wait_for_idleness_is_due_at_once() -> None:
    entered, release = threading.Event(), threading.Event()
    with Being(BatchPolicy(9, 0.1)) as being, Actor() as other:
        being.busy(lambda: (entered.set(), release.wait(PATIENCE)))
        assert entered.wait(PATIENCE)
        idle = other.begin(being.engine.wait_idle, PATIENCE)
        being.submit(0)
        release.set()
        assert idle.result()
    assert being.batches == [[0]]


@pytest.mark.parametrize("how", ["stop", "drain", "close"])
def test_draining_processes_the_events_of_a_batch(how: str) -> None:
    with Being(BatchPolicy(9, 100.0)) as being:
        receipt = being.submit(0)
        being.settle()
        getattr(being.engine, how)()
        assert receipt.result(0.0).status is Status.PROCESSED


def test_stopping_without_draining_cancels_the_events_of_a_batch() -> None:
    with Being(BatchPolicy(9, 100.0)) as being:
        receipts = [being.submit(number) for number in range(2)]
        being.settle()
        assert being.engine.stop(drain=False) == 2
        assert {receipt.result(0.0).status for receipt in receipts} == {Status.CANCELLED}
        assert being.engine.ledger().ends[Status.CANCELLED] == 2 and being.given == []
        assert being.engine.statistics().scheduler.levels[NORMAL].unprocessed == {Status.CANCELLED: 2}


def test_drain_returns_the_events_of_a_batch_too() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    being = Being(BatchPolicy(9, 100.0))
    being.submit(0)
    being.submit(1, "late")
    being.clock.advance_ns(1000 * MS - 1)
    being.busy(interrupt)  # is due after the first and before the second
    with pytest.raises(KeyboardInterrupt):
        being.engine.process_pending()
    assert being.engine.ledger().running == 1
    assert [event.metadata["#"] for event in being.engine.drain()] == [0, 1]


def test_an_event_in_a_batch_can_no_longer_be_cancelled_or_changed() -> None:
    with Being(BatchPolicy(9, 0.1)) as being:
        receipt = being.submit(0)
        being.settle()
        assert not receipt.cancel() and not receipt.replace(event_of("log", 7)) and not receipt.boost(CRITICAL)
        assert being.engine.queue.qsize() == 0 and being.engine.ledger().running == 1


def test_a_batch_does_not_wait_for_an_event_of_a_key_in_it() -> None:
    with Being(BatchPolicy(2, 0.1)) as being:
        first, second = (being.submit(number, key="one") for number in range(2))
        being.clock.wait_for_waiters(1)
        assert being.engine.queue.qsize() == 1
        being.clock.advance(0.1)
        first.result(PATIENCE)
        being.settle()
        being.clock.advance(0.1)
        second.result(PATIENCE)
    assert being.given == [(100, [0]), (200, [1])]
