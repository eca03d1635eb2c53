"""A strategy that throttles: the events that an engine starts, in its worker and in the caller's thread."""

from __future__ import annotations

from typing import Any

import pytest
from actors import wait_until

from lifeevt import AsyncEventProcessor, Event, Field, ManualClock, Priority, Status, ThreadSafeSelfState
from lifeevt.scheduler import LoadBalancingStrategy

MS = 1_000_000
PATIENCE = 30.0


class Being:
    """An engine with a handler of 20 ms on a manual clock (0 for critical events); it gets half of every 100 ms."""

    def __init__(self, slices: int = 8) -> None:
        self.clock, self.started = ManualClock(), list[int]()
        strategy = LoadBalancingStrategy(0.5, slices, 0.1)
        state = ThreadSafeSelfState({"energy": Field(1.0)})
        self.engine = AsyncEventProcessor(state, [], {"*": self.handle}, scheduler=strategy, clock=self.clock)
        self.engine.scheduler.gate(0)  # the first tick begins

    def handle(self, event: Event, _: Any) -> None:
        self.started.append(self.clock.now_ns() // MS)
        if event.type not in ("shock", "decay"):
            self.clock.advance(0.02)

    def submit(self, *names: str) -> None:
        self.engine.submit_many(Event(name) for name in names)


def test_a_tick_starts_no_more_than_its_budget_pays_for() -> None:
    being = Being()
    being.submit(*["idle"] * 9)
    while being.clock.now_ns() < 300 * MS:
        being.engine.process_pending()
        being.clock.advance_ns(MS // 2)
    gaps = [after - before for before, after in zip(being.started, being.started[1:], strict=False)]
    assert being.started[0] == 0 and len(being.started) in (7, 8)
    assert min(gaps) >= 37, "spread evenly: 20 ms of 50 are due after 40 of 100"


def test_critical_events_are_exempt_and_go_first() -> None:
    being = Being()
    being.submit("idle", "idle", "noise")
    assert being.engine.process_pending() == 1
    being.submit("shock", "decay")
    assert being.engine.process_pending() == 2
    results = being.engine.results()
    assert [each.priority for each in results[1:]] == [Priority.CRITICAL, Priority.CRITICAL]
    assert being.engine.queue.qsize() == 2 and being.engine.ledger().balanced


def test_the_worker_waits_for_the_next_part_of_the_budget() -> None:
    being = Being()
    being.submit("idle", "idle", "idle")
    with being.engine:
        for expected in (1, 2, 3):
            being.clock.wait_for_waiters(1)
            assert len(being.started) == expected
            being.clock.advance(0.0175)  # the parts fall due at 37.5 and at 75 ms
        assert being.engine.wait_idle(PATIENCE)
    assert len(being.started) == 3


def test_a_waiting_worker_processes_a_critical_event_at_once() -> None:
    being = Being()
    being.submit("idle", "idle")
    with being.engine:
        being.clock.wait_for_waiters(1)
        being.submit("shock")
        wait_until(lambda: being.engine.ledger().ends[Status.PROCESSED] == 2)
        assert [each.event.type for each in being.engine.results()] == ["idle", "shock"]
        being.clock.advance(1.0)
        assert being.engine.wait_idle(PATIENCE)


@pytest.mark.parametrize("handlers", [None, {"*": lambda event, state: None}])
def test_a_running_engine_keeps_running_under_any_strategy(handlers: Any) -> None:
    state = ThreadSafeSelfState({"energy": Field(1.0)})
    processed = 0
    with AsyncEventProcessor(state, [], handlers) as engine:
        for strategy in ["load_balancing", "deadline", "priority", "load_balancing", "adaptive"] * 5:
            engine.submit_many([Event("idle"), Event("shock")])
            engine.scheduler.set_strategy(strategy)
            engine.submit(Event("noise"))
            assert engine.wait_idle(PATIENCE)
            processed += 3
    assert engine.ledger().balanced and len(engine.results()) == processed


def test_a_shut_gate_does_not_hold_up_a_stop() -> None:
    being = Being()
    being.submit("idle", "idle")
    being.engine.start()
    being.clock.wait_for_waiters(1)
    assert being.engine.stop(drain=False) == 1


def test_draining_is_not_throttled() -> None:
    being = Being()
    being.submit("idle", "idle", "idle")
    being.engine.start()
    being.clock.wait_for_waiters(1)
    being.engine.close()
    assert len(being.started) == 3 and being.engine.scheduler.throttles


def test_without_throttling_the_gate_is_not_called() -> None:
    class Counting(LoadBalancingStrategy):
        throttles = False
        asked = 0

        def gate(self, now_ns: int, used_ns: Any) -> Any:
            self.asked += 1
            return super().gate(now_ns, used_ns)

    strategy = Counting()
    state = ThreadSafeSelfState({"energy": Field(1.0)})
    engine = AsyncEventProcessor(state, [], scheduler=strategy)
    engine.submit(Event("idle"))
    assert (engine.process_pending(), engine.scheduler.above(0), strategy.asked) == (1, 16, 0)
