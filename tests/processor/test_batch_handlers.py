"""Handlers of several events at once: the arguments and values of their stages, and how each event ends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest

from lifeevt import (
    AsyncEventProcessor,
    BatchPolicy,
    Event,
    EventProcessingResult,
    EventScheduler,
    EventType,
    EventTypes,
    Field,
    Handler,
    ManualClock,
    Priority,
    Reflex,
    Status,
    ThreadSafeSelfState,
)
from lifeevt.clock import SystemClock
from lifeevt.scheduler import LoadBalancingStrategy

MS = 1_000_000
CRITICAL, HIGH, NORMAL, LOW = Priority
THREE = BatchPolicy(3, 1.0)


def engine_of(handlers: Any, **more: Any) -> AsyncEventProcessor:
    """An engine with one reflex, for ``hit``, on a clock of its own."""
    state = ThreadSafeSelfState({"energy": Field(50.0, 0.0, 100.0)})
    arguments = {"reflexes": [Reflex("hit", 1.0, {"energy": -10.0})], "clock": ManualClock()}
    return AsyncEventProcessor(state, handlers=handlers, **(arguments | more))


def event_of(kind: str = "log", number: int = 0, priority: Priority | None = None, intensity: float = 0.5) -> Event:
    return Event(kind, intensity, 0.0, {"#": number}, priority=priority)


def numbered(count: int, kind: str = "log") -> list[Event]:
    return [event_of(kind, number) for number in range(count)]


def numbers(events: list[Event]) -> list[int]:
    return [event.metadata["#"] for event in events]


def processed(engine: AsyncEventProcessor, *events: Event) -> list[EventProcessingResult]:
    engine.submit_many(events)
    engine.process_pending()
    assert engine.ledger().balanced and not engine.ledger().in_flight
    return engine.results()


class Batched:
    """A handler of one stage that keeps its arguments; it takes some time of a commanded clock."""

    def __init__(self, clock: ManualClock | None = None, seconds: float = 0.0) -> None:
        self.given: list[list[int]] = []
        self._clock, self._seconds = clock, seconds

    def __call__(self, events: list[Event], _: Any, state: ThreadSafeSelfState) -> None:
        self.given.append(numbers(events))
        if self._clock is not None:
            self._clock.advance(self._seconds)

    def of(self, policy: BatchPolicy = THREE) -> Handler:
        return Handler(action=self, batch=policy)


# arguments and values of stages


def test_each_stage_is_called_once_with_lists_and_gives_each_event_its_own() -> None:
    calls: list[Any] = []

    def stage(name: str) -> Callable[..., list[str]]:
        def call(events: list[Event], *given: Any) -> list[str]:
            calls.append((name, numbers(events), given[:-1]))
            return [f"{name} {number}" for number in numbers(events)]

        return call

    handler = Handler(stage("m"), stage("d"), stage("a"), batch=THREE)
    results = processed(engine_of({"log": handler}), *numbered(3))
    assert calls == [
        ("m", [0, 1, 2], ()),
        ("d", [0, 1, 2], (["m 0", "m 1", "m 2"],)),
        ("a", [0, 1, 2], (["d 0", "d 1", "d 2"],)),
    ]
    given = [(result.meaning, result.decision, result.action) for result in results]
    assert given == [(f"m {number}", f"d {number}", f"a {number}") for number in range(3)]
    assert {(result.status, result.attempts) for result in results} == {(Status.PROCESSED, 1)}


def test_a_stage_may_return_none_for_all_and_change_its_lists() -> None:
    handler = Handler(lambda events, _: events.clear(), None, lambda events, _, state: tuple(numbers(events)),
                      batch=THREE)  # fmt: skip
    results = processed(engine_of({"log": handler}), *numbered(3))
    assert [(result.meaning, result.action) for result in results] == [(None, 0), (None, 1), (None, 2)]


def test_no_batch_is_larger_than_its_size_and_the_rest_comes_at_the_end() -> None:
    batched = Batched()
    processed(engine_of({"log": batched.of()}), *numbered(8))
    assert batched.given == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_types_of_one_handler_share_its_batch_and_other_handlers_have_their_own() -> None:
    some, others = Batched(), Batched()
    engine = engine_of({"*": some.of(), "note": others.of()})
    processed(engine, event_of("log", 0), event_of("note", 1), event_of("text", 2), event_of("note_short", 3))
    assert (some.given, others.given) == ([[0, 2]], [[1, 3]])


def test_events_that_came_as_numbers_are_events_in_a_batch() -> None:
    from array import array

    seen: list[Any] = []
    handler = Handler(lambda events, _: seen.extend((each.type, each.intensity) for each in events), batch=THREE)
    engine = engine_of({"log": handler})
    code = engine.type_id("log")
    engine.submit_arrays(array("i", [code] * 2), array("d", [0.25, -0.5]))
    engine.process_pending()
    assert seen == [("log", 0.25), ("log", -0.5)] and len(engine.results()) == 2


@pytest.mark.parametrize("clock", [ManualClock, SystemClock])
def test_the_reflexes_of_a_batch_come_with_it_before_its_stages(clock: Any) -> None:
    seen: list[Any] = []
    plain = Handler(action=lambda event, _, state: seen.append(state["energy"]))
    batched = Handler(None, lambda events, meanings, state: seen.append((meanings, state["energy"])),
                      batch=BatchPolicy(3, 1000.0))  # fmt: skip
    types = EventTypes([EventType("hit", NORMAL, 10**6 * MS), EventType("look", NORMAL, 10**6 * MS)])
    scheduler = EventScheduler(types=types)
    engine = engine_of({"hit": batched, "look": plain}, clock=clock(), scheduler=scheduler)
    results = processed(engine, event_of("hit", intensity=1.0), event_of("look"), event_of("hit", intensity=1.0))
    meanings = [result.meaning for result in results if result.event.type == "hit"]
    assert seen == [50.0, (meanings, 30.0)]
    assert all(meaning is not None for meaning in meanings)
    before = [result.state_version_before for result in results if result.event.type == "hit"]
    assert before[1] == before[0] + 1 and results[-1].state_version == before[0] + 2


def test_a_batch_runs_in_a_context_of_its_own() -> None:
    who: ContextVar[str] = ContextVar("who", default="nobody")
    seen: list[str] = []

    def act(events: list[Event], _: Any, state: Any) -> None:
        seen.append(who.get())
        who.set("the batch before")

    engine = engine_of({"log": Handler(action=act, batch=BatchPolicy(1))})
    token = who.set("the worker")
    for event in numbered(2):
        engine.submit_tracked(event)
    engine.process_pending()
    who.reset(token)
    assert seen == ["the worker", "the worker"]


# times and accounts


def test_the_events_of_a_batch_share_start_and_end_and_were_queued_each_at_its_own_time() -> None:
    clock = ManualClock()
    engine = engine_of({"log": Batched(clock, 0.003).of()}, clock=clock)
    for event in numbered(3):
        engine.submit(event)
        clock.advance(0.001)
    engine.process_pending()
    results = engine.results()
    assert [result.queued_ns // MS for result in results] == [0, 1, 2]
    assert {(result.started_ns // MS, result.finished_ns // MS) for result in results} == {(3, 6)}


def test_the_service_of_a_batch_is_charged_once_and_latencies_are_exact() -> None:
    clock = ManualClock()
    engine = engine_of({"log": Batched(clock, 0.010).of()}, clock=clock)
    processed(engine, *numbered(3))
    level = engine.statistics().scheduler.levels[NORMAL]
    account = engine.scheduler.accounts[NORMAL]
    assert level.finished == 3 and account.service.total == 10 * MS
    assert account.latency.total == account.wait.total + account.service.total == 30 * MS


def test_a_strategy_with_a_budget_pays_for_a_batch_once() -> None:
    clock = ManualClock()
    batched = Batched(clock, 0.020)
    strategy = LoadBalancingStrategy(0.5, 8, 0.1)
    engine = engine_of({"log": batched.of()}, clock=clock, scheduler=strategy)
    engine.scheduler.gate(0)
    engine.submit_many(numbered(6))
    assert engine.process_pending() == 3 and batched.given == [[0, 1, 2]]
    assert strategy.gate(clock.now_ns(), [each.service.total for each in engine.scheduler.accounts]) is not None
    assert strategy.spent_ns == 20 * MS
    clock.advance(0.020)
    assert engine.process_pending() == 3 and batched.given == [[0, 1, 2], [3, 4, 5]]


def test_a_scheduler_that_fails_loses_no_event_of_a_batch(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(EventScheduler):
        def observe(self, event: Event, *times: int) -> None:
            raise RuntimeError("no account")

    engine = engine_of({"log": Batched().of()}, scheduler=Failing())
    engine.submit_many(numbered(3))
    with pytest.raises(RuntimeError, match="no account"):
        engine.process_pending()
    assert len(engine.results()) == 3 and not engine.ledger().in_flight


# failures


@pytest.mark.parametrize("stage", ["meaning", "decision", "action"])
def test_a_failing_stage_ends_every_event_of_its_batch_and_nothing_else(
    stage: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("lost")

    engine = engine_of({"log": Handler(**{stage: fail}, batch=THREE), "joy": Handler(action=lambda *_: 1)})
    results = processed(engine, *numbered(3), event_of("joy"))
    failed = [result for result in results if result.event.type == "log"]
    assert {(each.status, each.error) for each in failed} == {(Status.DEAD_LETTERED, f"{stage}: KeyError: 'lost'")}
    assert results[-1].action == 1
    assert engine.statistics().handler_errors == 3
    assert [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR] == [
        f"a batch of 3 events failed in {stage}: KeyError: 'lost'"
    ]


@pytest.mark.parametrize(
    ("given", "error"),
    [([1, 2], "it returned 2 values for 3 events"), ([], "it returned 0 values for 3 events"),
     ("abc", "it returned a str, not a list or None, for 3 events"), ({1: 1}, "a dict"), (7, "an? int")],
)  # fmt: skip
def test_a_list_that_does_not_fit_is_an_error_of_its_stage(given: Any, error: str) -> None:
    engine = engine_of({"log": Handler(meaning=lambda *_: given, action=pytest.fail, batch=THREE)})
    results = processed(engine, *numbered(3))
    assert {result.status for result in results} == {Status.DEAD_LETTERED}
    assert all(result.error is not None and result.error.startswith("meaning: ") for result in results)
    assert {result.meaning for result in results} == {None}
    with pytest.raises(AssertionError, match=error):
        raise AssertionError(results[0].error)


def test_an_interrupt_ends_the_batch_and_reaches_the_caller() -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    engine = engine_of({"log": Handler(action=interrupt, batch=BatchPolicy(2, 1.0))})
    engine.submit_many(numbered(3))
    with pytest.raises(KeyboardInterrupt):
        engine.process_pending()
    assert [result.status for result in engine.results()] == [Status.DEAD_LETTERED] * 2
    assert engine.ledger().queued == 1 and engine.ledger().balanced


# receipts


def test_each_receipt_of_a_batch_is_settled_with_its_own_result() -> None:
    handler = Handler(lambda events, _: numbers(events), batch=THREE)
    engine = engine_of({"log": handler})
    receipts = [engine.submit_tracked(event) for event in numbered(3)]
    engine.process_pending()
    assert [receipt.result(0.0).meaning for receipt in receipts] == [0, 1, 2]


def test_an_event_of_a_batch_waits_for_the_one_of_its_key_before_it() -> None:
    batched = Batched()
    engine = engine_of({"log": batched.of()})
    for event in numbered(4):
        engine.submit_tracked(event, key="one" if event.metadata["#"] < 3 else "other")
    assert engine.process_pending() == 4
    assert batched.given == [[0, 3], [1], [2]]


def test_an_event_that_expires_while_its_batch_is_collected_never_runs() -> None:
    clock = ManualClock()
    batched = Batched()
    slow = Handler(action=lambda *_: clock.advance(5.0))
    engine = engine_of({"hit": batched.of(), "slow": slow}, clock=clock)
    receipts = [engine.submit_tracked(event_of("hit", number, intensity=1.0), ttl=ttl)
                for number, ttl in enumerate([2.0, 9.0])]  # fmt: skip
    engine.submit(event_of("slow"))
    engine.process_pending()
    assert [receipt.result(0.0).status for receipt in receipts] == [Status.EXPIRED, Status.PROCESSED]
    assert batched.given == [[1]] and engine.state["energy"] == 40.0
    assert engine.ledger().ends[Status.EXPIRED] == 1 and engine.ledger().balanced


def test_a_batch_of_expired_events_calls_no_handler() -> None:
    clock = ManualClock()
    engine = engine_of(
        {"log": Handler(pytest.fail, batch=THREE), "slow": Handler(action=lambda *_: clock.advance(5.0))},
        clock=clock,
    )  # fmt: skip
    engine.submit_tracked(event_of("log"), ttl=1.0)
    results = processed(engine, event_of("slow"))
    assert [result.status for result in results] == [Status.PROCESSED, Status.EXPIRED]


# invalid batches


def test_coroutines_cannot_be_stages_of_a_batch() -> None:
    async def act(*_: Any) -> None:
        """Never called."""

    with pytest.raises(TypeError, match="a handler with a batch cannot have coroutines for stages"):
        Handler(action=act, batch=THREE)


def test_a_batch_is_declared_by_a_policy() -> None:
    with pytest.raises(TypeError, match="batch is a int; it must be a BatchPolicy"):
        Handler(action=pytest.fail, batch=3)  # type: ignore[arg-type]


def test_a_failing_callback_of_one_result_costs_no_other_result() -> None:
    def fail() -> None:
        raise RuntimeError("who waited")

    clock = ManualClock()
    slow = Handler(action=lambda *_: clock.advance(5.0))
    engine = engine_of({"log": Batched().of(BatchPolicy(9, 1.0)), "slow": slow}, clock=clock)
    receipts = [engine.submit_tracked(event, ttl=ttl) for event, ttl in zip(numbered(3), [1.0, 9.0, 9.0], strict=True)]
    receipts.append(engine.submit_tracked(event_of("slow")))
    for receipt in receipts[:2]:
        receipt.when_done(fail)
    with pytest.raises(RuntimeError, match="who waited"):
        engine.process_pending()
    engine.process_pending()
    expired, processed = Status.EXPIRED, Status.PROCESSED
    assert [receipt.result(0.0).status for receipt in receipts] == [expired, processed, processed, processed]
    assert engine.ledger().balanced and not engine.ledger().in_flight
