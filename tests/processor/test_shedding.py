"""Shedding by delay in an engine: shed events, their ends, their counts, and the exempt ones."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from statistics import fmean
from typing import Any

import pytest

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    BatchPolicy,
    Event,
    EventProcessingResult,
    EventScheduler,
    EventType,
    Field,
    Handler,
    ManualClock,
    Priority,
    Status,
    ThreadSafeSelfState,
)
from lifeevt.scheduler import CoDel, LoadBalancingStrategy

MS = 1_000_000
SHEDDER = CoDel(0.02, 0.1)
PATIENCE = 30.0
SERVICE = {"shock": 0.001}  # seconds of the commanded clock; 10 ms for all others


class Being:
    """An engine on a commanded clock, which each handler advances by the service time of its event."""

    def __init__(self, codel: CoDel | None = SHEDDER, **options: Any) -> None:
        self.clock = ManualClock()
        self.queue = AsyncEventQueue(100_000, "reject", self.clock)
        self.state = ThreadSafeSelfState({"energy": Field(1.0)})
        self.engine = AsyncEventProcessor(
            self.state, [], {"*": self.handle}, self.queue, codel=codel, result_capacity=100_000, **options
        )

    def handle(self, event: Event, _: Any) -> None:
        self.clock.advance(SERVICE.get(event.type, 0.01))

    def live(self, seconds: int, types: Iterable[str], gap_ns: int = 5 * MS) -> list[EventProcessingResult]:
        """Submit the types in rotation, one every 5 ms, and process meanwhile; return all results so far."""
        names, came, began_ns = list(types), 0, self.clock.now_ns()
        while (now := self.clock.now_ns() - began_ns) < seconds * 10**9:
            while came * gap_ns <= now:
                self.engine.submit(Event(names[came % len(names)], 0.5, 0.0))
                came += 1
            if not self.engine.process_pending(1):
                self.clock.advance_ns(MS)
        return self.engine.results()

    def queue_late(self, *types: str, waited: float = 1.0) -> None:
        """Submit events that have waited for so long already."""
        self.engine.submit_many(Event(name, 0.5, 0.0) for name in types)
        self.clock.advance(waited)


def wait_ns(result: EventProcessingResult) -> int:
    return result.started_ns - result.queued_ns


def waits_of(results: list[EventProcessingResult], level: Priority, since_ns: int = 0) -> list[int]:
    """Return the waits of the processed events of a level."""
    return [
        wait_ns(each)
        for each in results
        if each.priority is level and each.status is Status.PROCESSED and each.queued_ns >= since_ns
    ]


def statuses(engine: AsyncEventProcessor) -> list[Status]:
    return [result.status for result in engine.results()]


MIXED = ["social", "idle", "social", "shock"] + ["social", "idle", "social", "social"] * 4


@pytest.mark.parametrize("strategy", ["priority", "deadline"])
def test_an_overload_keeps_a_short_delay_and_costs_no_critical_event(strategy: str) -> None:
    being = Being(scheduler=strategy)
    results = being.live(30, MIXED)  # twice the capacity
    late = being.clock.now_ns() - 20_000 * MS
    assert fmean(waits_of(results, Priority.LOW, late)) < 6 * SHEDDER.targets_ns[Priority.LOW]
    assert max(waits_of(results, Priority.NORMAL, late)) < 100 * MS
    assert max(waits_of(results, Priority.CRITICAL, late)) < 10 * MS
    assert {each.priority for each in results if each.status is Status.SHED} <= {Priority.NORMAL, Priority.LOW}
    assert being.engine.ledger().balanced and being.queue.qsize() < 100


def test_without_a_shedder_the_same_overload_makes_all_late() -> None:
    being = Being(None)
    results = being.live(10, MIXED)
    waits = [wait for level in Priority for wait in waits_of(results, level)]
    assert max(waits_of(results, Priority.CRITICAL)) > 4_000 * MS < max(waits)
    assert {each.status for each in results} == {Status.PROCESSED}


def test_a_load_within_the_capacity_loses_nothing() -> None:
    being = Being()
    results = being.live(10, MIXED, gap_ns=12 * MS)
    assert {each.status for each in results} == {Status.PROCESSED}


def shedding(strategy: str) -> tuple[list[dict[str, Any]], str]:
    """Return the results of an engine that sheds by delay, its ledger and its statistics."""
    being = Being(scheduler=strategy)
    results = [each.to_dict() for each in being.live(8, MIXED)]
    return results, repr((being.engine.ledger(), being.engine.scheduler.statistics()))


def test_a_shed_event_has_a_result_and_is_counted() -> None:
    being = Being()
    results = being.live(5, ["social"])
    shed = [each for each in results if each.status is Status.SHED]
    first = shed[0]
    assert (first.meaning, first.decision, first.action, first.attempts, first.error) == (None, None, None, 0, None)
    assert first.started_ns == first.finished_ns and wait_ns(first) >= 20 * MS
    ledger, statistics = being.engine.ledger(), being.engine.scheduler.statistics()
    assert ledger.ends[Status.SHED] == len(shed) and ledger.balanced
    low = statistics.levels[Priority.LOW]
    assert (low.shed_by_delay, low.unprocessed, low.shedding) == (len(shed), {Status.SHED: len(shed)}, True)
    assert low.finished == len(results) - len(shed), "a shed event has no latency"
    assert statistics.types["social"].shed_by_delay == len(shed)
    assert statistics.levels[Priority.CRITICAL].shed_by_delay == 0


def test_levels_below_the_last_one_are_counted_with_it() -> None:
    being = Being()
    being.engine.scheduler.types.add(EventType("rumour", Priority(9), MS))
    being.engine.submit_many(Event("rumour", 0.5, 0.0) for _ in range(50))
    being.clock.advance(1.0)
    being.engine.process_pending(40)
    low = being.engine.scheduler.statistics().levels[Priority.LOW]
    assert low.shedding and low.shed_by_delay > 0


def test_the_receipt_of_a_shed_event_settles() -> None:
    being = Being()
    receipts = [being.engine.submit_tracked(Event("social")) for _ in range(30)]
    being.clock.advance(1.0)
    being.engine.process_pending()
    ends = [receipt.result(0).status for receipt in receipts]
    assert ends[0] is Status.PROCESSED and ends[-1] is Status.PROCESSED and Status.SHED in ends
    assert statuses(being.engine).count(Status.SHED) == ends.count(Status.SHED)


def test_the_next_event_of_a_key_runs_when_the_one_before_is_shed() -> None:
    being = Being()
    receipts = [being.engine.submit_tracked(Event("social"), key="one") for _ in range(30)]
    being.clock.advance(1.0)
    assert being.engine.process_pending(30) == 30
    assert Status.SHED in {receipt.result(0).status for receipt in receipts} and being.engine.ledger().balanced


def test_an_expired_event_ends_so_and_is_no_measure_of_the_delay() -> None:
    being = Being()
    for _ in range(30):
        being.engine.submit_tracked(Event("social"), ttl=0.5)
    being.clock.advance(1.0)
    being.engine.process_pending()
    assert set(statuses(being.engine)) == {Status.EXPIRED}
    assert being.engine.scheduler.statistics().levels[Priority.LOW].shed_by_delay == 0


def test_a_pause_that_is_worked_off_in_an_interval_loses_nothing() -> None:
    being = Being()
    being.engine.pause(Priority.LOW)
    being.queue_late(*["social"] * 10, waited=5.0)
    assert being.engine.process_pending() == 0
    being.engine.resume(Priority.LOW)
    assert being.engine.process_pending() == 10
    assert set(statuses(being.engine)) == {Status.PROCESSED}


def test_draining_processes_everything() -> None:
    being = Being()
    being.engine.start()
    being.engine.pause()
    being.queue_late(*["social"] * 60)
    being.engine.stop()
    assert statuses(being.engine) == [Status.PROCESSED] * 60


def test_after_a_stop_it_sheds_again() -> None:
    being = Being()
    being.engine.start()
    being.engine.stop()
    with being.engine:
        being.engine.pause()
        being.queue_late(*["social"] * 60)
        being.engine.resume()
        assert being.engine.wait_idle(PATIENCE)
    assert Status.SHED in statuses(being.engine)


def test_events_are_shed_under_a_throttling_strategy_too() -> None:
    being = Being(scheduler=LoadBalancingStrategy(0.5, 1, 0.1))
    results = being.live(10, ["social"])
    late = waits_of(results, Priority.LOW, 5_000 * MS)
    assert fmean(late) < 500 * MS and being.engine.ledger().balanced
    assert any(each.status is Status.SHED for each in results)


def test_events_between_two_stages_are_shed_as_well() -> None:
    being = Being()

    def meaning(event: Event, _: Any) -> None:
        being.queue_late(*["noise"] * 60)

    engine = AsyncEventProcessor(
        being.state, [], {"idle": Handler(meaning=meaning), "*": being.handle}, clock=being.clock, codel=SHEDDER
    )
    being.engine = engine
    engine.submit(Event("idle"))
    assert engine.process_pending(1) == 1
    results = engine.results()
    assert {each.priority for each in results if each.status is Status.SHED} == {Priority.HIGH}
    assert results[-1].event.type == "idle" and engine.ledger().balanced


# on the system's clock, where the native twin needs no interpreter

INSTANTLY = CoDel(1e-9, 1e-9)  # all but the first and the last of events that wait together


def instant(handlers: dict[str, Any] | None = None, **options: Any) -> AsyncEventProcessor:
    state = ThreadSafeSelfState.life()
    return AsyncEventProcessor(state, handlers=handlers, codel=INSTANTLY, **options)


def test_the_run_loop_without_the_interpreter_sheds() -> None:
    engine = instant()
    engine.submit_many(Event("noise", 0.5) for _ in range(50))
    assert engine.process_pending() == 50
    results = engine.results()
    assert [each.status for each in results] == [Status.PROCESSED, *[Status.SHED] * 48, Status.PROCESSED]
    assert results[1].event.type == "noise" and results[1].state_version == results[0].state_version == 1
    assert (results[1].meaning, results[1].decision, results[1].action) == (None, None, None)
    statistics = engine.scheduler.statistics()
    assert statistics.levels[Priority.HIGH].shed_by_delay == statistics.types["noise"].shed_by_delay == 48
    assert engine.ledger().ends[Status.SHED] == 48 and engine.ledger().balanced


def test_events_with_a_handler_are_shed_before_it_sees_them() -> None:
    seen = list[float]()
    engine = instant({"noise": lambda event, _: seen.append(event.timestamp)})
    engine.submit_many(Event("noise", 0.5, float(number)) for number in range(50))
    assert engine.process_pending() == 50
    assert seen == [0.0, 49.0]
    assert engine.ledger().ends[Status.SHED] == 48 and engine.statistics().handler_errors == 0


def test_critical_events_are_never_shed_there() -> None:
    engine = instant()
    engine.submit_many(Event("shock", 0.5) for _ in range(50))
    engine.process_pending()
    assert set(statuses(engine)) == {Status.PROCESSED}


def test_events_that_came_as_numbers_have_a_result_when_they_are_shed() -> None:
    engine = instant()
    code = engine.type_id("noise")
    engine.submit_arrays(array("i", [code] * 40), array("d", [0.5] * 40), array("d", range(40)))
    engine.process_pending()
    results = engine.results()
    assert [each.event.timestamp for each in results] == list(range(40))
    assert {each.status for each in results[1:-1]} == {Status.SHED}


def test_a_worker_sheds_and_sleeps_again() -> None:
    engine = instant()
    with engine:
        engine.pause()
        engine.submit_many(Event(name, 0.5) for name in ["noise", "idle", "shock"] * 200)
        engine.resume()
        assert engine.wait_idle(PATIENCE)
        ledger = engine.ledger()
    ends = ledger.ends
    assert ledger.balanced and ends[Status.SHED] + ends[Status.PROCESSED] + ends[Status.IGNORED] == 600
    assert ends[Status.SHED] >= 300 and engine.scheduler.statistics().levels[Priority.CRITICAL].finished == 200


def test_a_scheduler_that_overrides_shed_is_called() -> None:
    class Counting(EventScheduler):
        told = 0

        def shed(self, event: Event, level: int) -> None:
            self.told += 1
            super().shed(event, level)

    scheduler = Counting(codel=INSTANTLY)
    engine = AsyncEventProcessor(ThreadSafeSelfState.life(), scheduler=scheduler)
    engine.submit_many(Event("noise", 0.5) for _ in range(20))
    engine.process_pending()
    assert scheduler.told == engine.ledger().ends[Status.SHED] == 18


def test_a_scheduler_that_was_made_already_takes_no_other_delay() -> None:
    state = ThreadSafeSelfState.life()
    with pytest.raises(ValueError, match="give codel to the scheduler itself"):
        AsyncEventProcessor(state, scheduler=EventScheduler(), codel=SHEDDER)


def test_a_batch_takes_in_no_event_that_was_shed() -> None:
    seen: list[list[float]] = []
    clock = ManualClock()
    batched = Handler(action=lambda events, _, state: seen.append([event.timestamp for event in events]),
                      batch=BatchPolicy(100))  # fmt: skip
    engine = AsyncEventProcessor(
        ThreadSafeSelfState({}), [], {"idle": batched}, clock=clock, codel=SHEDDER
    )
    engine.submit_many(Event("idle", 0.5, float(number)) for number in range(6))
    clock.advance(1.0)
    engine.process_pending(1)  # CoDel finds that they wait too long
    clock.advance(1.0)
    engine.process_pending()
    shed = [result.event.timestamp for result in engine.results() if result.status is Status.SHED]
    assert shed and sorted([*shed, *(number for batch in seen for number in batch)]) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert engine.ledger().ends[Status.SHED] == len(shed)
