"""AsyncEventProcessor: the stages and their failures, the order of events, and the worker."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import pytest

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    Event,
    EventProcessingResult,
    EventScheduler,
    EventType,
    EventTypes,
    Field,
    Handler,
    InvalidEvent,
    LifeEventError,
    ManualClock,
    Priority,
    Reflex,
    Status,
    ThreadSafeSelfState,
)

CRITICAL, HIGH, NORMAL, LOW = Priority
SECONDS = 30.0  # after which a wait counts as hung


def state_of() -> ThreadSafeSelfState:
    return ThreadSafeSelfState({"energy": Field(50.0, 0.0, 100.0)})


def engine_of(handlers: Any = None, **more: Any) -> AsyncEventProcessor:
    """An engine with one reflex, for ``hit``, on a clock of its own."""
    arguments = {"reflexes": [Reflex("hit", 1.0, {"energy": -10.0})], "clock": ManualClock()}
    return AsyncEventProcessor(state_of(), handlers=handlers, **(arguments | more))


def event_of(kind: str = "joy", number: int = 0, priority: Priority | None = None, intensity: float = 0.5) -> Event:
    return Event(kind, intensity, 0.0, {"#": number}, priority=priority)


def numbers(results: list[EventProcessingResult]) -> list[int]:
    return [result.event.metadata["#"] for result in results]


def processed(engine: AsyncEventProcessor, *events: Event) -> list[EventProcessingResult]:
    engine.submit_many(events)
    engine.process_pending()
    return engine.results()


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any) -> None:
        raise error

    return fail


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.ERROR, logger="lifeevt")
    return caplog


# --- reflexes and handlers


def test_an_event_without_reflex_and_handler_is_ignored() -> None:
    (result,) = processed(engine_of(), event_of("joy"))
    assert (result.status, result.meaning, result.decision, result.action) == (Status.IGNORED, None, None, None)
    assert (result.attempts, result.error, result.state_version_before, result.state_version) == (0, None, 0, 0)


def test_a_reflex_changes_the_state_and_the_result_has_the_change() -> None:
    engine = engine_of()
    (result,) = processed(engine, event_of("hit"))
    assert (result.status, result.decision, result.action) == (Status.PROCESSED, "absorb", {"energy": -2.5})
    assert result.meaning == {"significance": 0.5, "impact": {"energy": -2.5}}
    assert (result.state_version_before, result.state_version, engine.state["energy"]) == (0, 1, 47.5)


def test_an_event_that_means_nothing_is_ignored() -> None:
    (result,) = processed(engine_of(), event_of("hit", intensity=0.0))
    assert (result.status, result.decision, result.action) == (Status.IGNORED, None, None)
    assert result.state_version == 0


def test_the_stages_run_in_order_and_hand_on_their_values() -> None:
    calls: list[tuple[Any, ...]] = []
    handler = Handler(
        meaning=lambda event, state: calls.append(("meaning", event, state)) or "m",
        decision=lambda event, meaning, state: calls.append(("decision", event, meaning, state)) or "d",
        action=lambda event, decision, state: calls.append(("action", event, decision, state)) or "a",
    )
    engine, event = engine_of({"joy": handler}), event_of("joy")
    (result,) = processed(engine, event)
    assert calls == [
        ("meaning", event, engine.state), ("decision", event, "m", engine.state), ("action", event, "d", engine.state)
    ]  # fmt: skip
    assert (result.status, result.meaning, result.decision, result.action) == (Status.PROCESSED, "m", "d", "a")
    assert result.attempts == 1


def test_a_handler_sees_the_effect_of_the_reflex_before_it() -> None:
    seen = []
    handler = Handler(
        decision=lambda event, meaning, state: seen.append((meaning["significance"], state["energy"])) or "fight",
        action=lambda event, decision, state: state.apply_delta({"energy": 1.0}),
    )
    (result,) = processed(engine_of({"hit": handler}), event_of("hit"))
    assert seen == [(0.5, 47.5)]
    assert (result.meaning["significance"], result.decision, result.action) == (0.5, "fight", 2)
    assert (result.state_version_before, result.state_version) == (0, 2)


def test_an_action_alone_gets_the_reflexes_decision() -> None:
    handler = Handler(action=lambda event, decision, state: f"{decision}!")
    (result,) = processed(engine_of({"hit": handler}), event_of("hit"))
    assert result.action == "absorb!"


def test_a_bare_callable_a_family_and_a_star_are_handlers() -> None:
    handlers = {"social": lambda event, state: "family", "*": lambda event, state: "star"}
    results = processed(engine_of(handlers), event_of("social_conflict"), event_of("joy"))
    assert sorted(result.action for result in results) == ["family", "star"]


def test_lifes_reflexes_are_the_default() -> None:
    state = ThreadSafeSelfState.life()
    engine = AsyncEventProcessor(state, clock=ManualClock())
    (result,) = processed(engine, event_of("shock", intensity=-0.9))
    assert (result.decision, result.priority) == ("dampen", CRITICAL)
    assert state["energy"] == pytest.approx(99.6575, abs=1e-12)


def test_lifes_reflexes_work_with_every_vital_at_zero() -> None:
    state = ThreadSafeSelfState.life()
    for name in ("energy", "stability", "integrity"):
        state[name] = 0.0
    engine = AsyncEventProcessor(state, clock=ManualClock())
    results = processed(engine, *(event_of(kind) for kind in ("shock", "decay", "void", "recovery")))
    assert {result.status for result in results} == {Status.PROCESSED}
    assert state["energy"] > 0.0


def test_the_times_are_the_clocks() -> None:
    clock = ManualClock(100)
    engine = engine_of({"joy": lambda event, state: clock.advance_ns(30)}, clock=clock)
    engine.submit(event_of("joy"))
    clock.advance_ns(20)
    engine.process_pending()
    (result,) = engine.results()
    assert (result.queued_ns, result.started_ns, result.finished_ns) == (100, 120, 150)


def test_sequences_count_acceptances() -> None:
    results = processed(engine_of(), *(event_of(number=number) for number in range(3)))
    assert [result.sequence for result in results] == [0, 1, 2]


# --- a stage that raises


@pytest.mark.parametrize("stage", ["meaning", "decision", "action"])
def test_a_stage_that_raises_ends_its_event_and_not_the_engine(
    stage: str, quiet: pytest.LogCaptureFixture
) -> None:
    stages = {"meaning": lambda *_: "m", "decision": lambda *_: "d", "action": lambda *_: "a"}
    handlers = {"bad": Handler(**(stages | {stage: failing(RuntimeError("boom"))})), "joy": lambda *_: "fine"}
    engine = engine_of(handlers)
    bad, fine = processed(engine, event_of("bad"), event_of("joy"))
    assert (bad.status, bad.error, bad.attempts) == (Status.DEAD_LETTERED, f"{stage}: RuntimeError: boom", 1)
    assert bad.meaning == (None if stage == "meaning" else "m")
    assert bad.decision == (None if stage in ("meaning", "decision") else "d")
    assert bad.action is None
    assert (fine.status, fine.action) == (Status.PROCESSED, "fine")
    assert engine.ledger().balanced
    assert (engine.ledger().ends[Status.DEAD_LETTERED], engine.statistics().handler_errors) == (1, 1)
    assert "failed in" in quiet.text


def test_the_effect_of_a_reflex_before_a_failure_stays_and_is_in_the_result(quiet: Any) -> None:
    engine = engine_of({"hit": failing(ValueError("no"))})
    (result,) = processed(engine, event_of("hit"))
    assert (result.status, result.error) == (Status.DEAD_LETTERED, "action: ValueError: no")
    assert (result.state_version_before, result.state_version, engine.state["energy"]) == (0, 1, 47.5)


class _UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


@pytest.mark.parametrize(
    "error", [ValueError("no"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), _UnspeakableError()]
)
def test_nothing_a_handler_raises_ends_the_worker(error: BaseException, quiet: Any) -> None:
    with engine_of({"bad": failing(error), "joy": lambda *_: "fine"}) as engine:
        engine.submit_many([event_of("bad"), event_of("joy")])
        assert engine.wait_idle(SECONDS)
        bad, fine = engine.results()
        assert engine.running
    assert (bad.status, fine.action) == (Status.DEAD_LETTERED, "fine")
    assert type(error).__name__ in bad.error
    assert engine.ledger().balanced


def test_an_interrupt_in_the_callers_thread_reaches_the_caller(quiet: Any) -> None:
    engine = engine_of({"bad": failing(KeyboardInterrupt())})
    engine.submit_many([event_of("bad"), event_of("joy")])
    with pytest.raises(KeyboardInterrupt):
        engine.process_pending()
    assert [result.status for result in engine.results()] == [Status.DEAD_LETTERED]
    assert (engine.ledger().queued, engine.ledger().running, engine.ledger().balanced) == (1, 0, True)
    assert engine.process_pending() == 1


def test_an_event_is_not_blamed_for_another_that_went_first(quiet: Any) -> None:
    def meaning(event: Event, state: ThreadSafeSelfState) -> str:
        engine.submit(event_of("bad", priority=CRITICAL))
        return "m"

    handlers = {"joy": Handler(meaning=meaning, action=lambda *_: "a"), "bad": failing(SystemExit(3))}
    with engine_of(handlers) as engine:
        engine.submit(event_of("joy"))
        assert engine.wait_idle(SECONDS)
        results = {result.event.type: result for result in engine.results()}
    assert results["bad"].status is Status.DEAD_LETTERED
    assert (results["joy"].status, results["joy"].action, results["joy"].error) == (Status.PROCESSED, "a", None)
    assert engine.statistics().handler_errors == 1


# --- the order


def test_pending_events_are_processed_most_urgent_first() -> None:
    kinds = ["social", "idle", "shock", "noise", "decay"]
    results = processed(engine_of(), *(event_of(kind) for kind in kinds))
    assert [result.event.type for result in results] == ["shock", "noise", "decay", "idle", "social"]
    assert [result.priority for result in results] == [CRITICAL, HIGH, CRITICAL, NORMAL, LOW]


@pytest.mark.parametrize("stage", ["meaning", "decision"])
def test_a_more_important_event_goes_first_between_the_stages(stage: str) -> None:
    order: list[str] = []

    def step(name: str) -> Callable[..., str]:
        def run(event: Event, *_: Any) -> str:
            order.append(f"{event.type} {name}")
            if event.type == "social" and name == stage:
                engine.submit_many([event_of("shock"), event_of("social", 1), event_of("social", 2, urgency)])
            return name

        return run

    urgency = LOW
    stages = {name: step(name) for name in ("meaning", "decision", "action")}
    handlers = {"social": Handler(**stages), "shock": Handler(action=step("action"))}
    engine = engine_of(handlers)
    engine.submit(event_of("social"))
    engine.process_pending(1)
    before = ["social meaning", "social decision"][: 1 if stage == "meaning" else 2]
    rest = [f"social {name}" for name in ("meaning", "decision", "action")][len(before) :]
    assert order == [*before, "shock action", *rest]
    assert [result.event.type for result in engine.results()] == ["shock", "social"]
    assert (engine.ledger().queued, engine.ledger().balanced) == (2, True)


def test_an_equally_important_event_waits_until_the_first_has_ended() -> None:
    def meaning(event: Event, state: ThreadSafeSelfState) -> None:
        if event.metadata["#"] == 0:
            engine.submit(Event("joy", 0.5, 0.0, {"#": 1}, urgency=1.0))

    engine = engine_of({"joy": Handler(meaning=meaning, action=lambda *_: None)})
    engine.submit(event_of("joy"))
    engine.process_pending()
    assert (numbers(engine.results()), engine.ledger().queued) == ([0], 1)


def test_levels_pass_each_other_no_deeper_than_there_are_levels() -> None:
    depth, deepest = 0, 0

    def meaning(event: Event, state: ThreadSafeSelfState) -> None:
        nonlocal depth, deepest
        above = event.priority
        assert above is not None
        if above > CRITICAL:
            engine.submit_many([event_of("joy", 0, Priority(above - 1)) for _ in range(3)])
        depth += 1
        deepest = max(deepest, depth)

    def action(*_: Any) -> None:
        nonlocal depth
        depth -= 1

    engine = engine_of({"joy": Handler(meaning=meaning, action=action)})
    engine.submit(event_of("joy", 0, LOW))
    engine.process_pending()
    assert deepest == len(Priority)
    assert engine.ledger().ends[Status.PROCESSED] == 1 + 3 + 9 + 27


def test_a_custom_scheduler_decides() -> None:
    types = EventTypes([EventType("joy", HIGH, 1), EventType("shock", LOW, 100)])
    engine = engine_of(scheduler=EventScheduler(types=types))
    assert [result.priority for result in processed(engine, event_of("shock"), event_of("joy"))] == [HIGH, LOW]


# --- the synchronous mode


@pytest.mark.parametrize(("limit", "expected"), [(None, 3), (0, 0), (2, 2), (9, 3)])
def test_pending_events_are_processed_up_to_the_limit(limit: int | None, expected: int) -> None:
    engine = engine_of()
    engine.submit_many([event_of(number=number) for number in range(3)])
    assert engine.process_pending(limit) == expected
    assert numbers(engine.results()) == [0, 1, 2][:expected]


def test_a_negative_limit_is_refused() -> None:
    engine = engine_of()
    for take in (engine.results, engine.process_pending):
        with pytest.raises(ValueError, match="limit is -1; it must not be negative"):
            take(-1)


def test_events_of_handlers_wait_for_the_next_call() -> None:
    engine = engine_of({"joy": lambda event, state: engine.submit(event)})
    engine.submit(event_of("joy"))
    assert [engine.process_pending() for _ in range(3)] == [1, 1, 1]
    assert engine.ledger().queued == 1


def test_the_callers_thread_does_not_process_beside_the_worker() -> None:
    with engine_of() as engine, pytest.raises(LifeEventError, match="the worker is running"):
        engine.process_pending()


def test_a_handler_does_not_process_pending_events(quiet: Any) -> None:
    engine = engine_of({"joy": lambda event, state: engine.process_pending()})
    (result,) = processed(engine, event_of("joy"))
    assert result.status is Status.DEAD_LETTERED


# --- shed events, and the ring of results


def test_every_shed_event_has_a_result() -> None:
    clock = ManualClock(5)
    queue = AsyncEventQueue(1, "drop_oldest", clock)
    engine = engine_of(queue=queue, clock=clock)
    assert engine.submit(event_of(number=0)) is True
    clock.advance_ns(2)
    assert engine.submit(event_of(number=1)) is True
    (result,) = engine.results()
    assert (result.status, numbers([result]), result.attempts) == (Status.SHED, [0], 0)
    assert (result.queued_ns, result.started_ns, result.finished_ns) == (5, 7, 7)
    assert engine.ledger().ends[Status.SHED] == 1


def test_only_the_sender_learns_of_a_refused_event() -> None:
    clock = ManualClock()
    engine = engine_of(queue=AsyncEventQueue(1, clock=clock), clock=clock)
    assert engine.submit(event_of()) is True
    assert engine.submit(event_of()) is False
    assert engine.submit_many([event_of(), event_of()]) == 0
    assert (engine.results(), engine.ledger().refused, engine.ledger().accepted) == ([], 3, 1)


def test_a_full_ring_overwrites_the_oldest_and_counts() -> None:
    engine = engine_of(result_capacity=3)
    engine.submit_many([event_of(number=number) for number in range(5)])
    engine.process_pending()
    found = engine.statistics()
    assert (found.results_waiting, found.results_overwritten) == (3, 2)
    assert numbers(engine.results()) == [2, 3, 4]
    assert engine.statistics().results_waiting == 0


def test_results_are_taken_oldest_first_up_to_the_limit() -> None:
    engine = engine_of()
    engine.submit_many([event_of(number=number) for number in range(4)])
    engine.process_pending()
    assert [numbers(engine.results(limit)) for limit in (0, 1, 2, None, None)] == [[], [0], [1, 2], [3], []]


# --- bad arguments


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_ring_for_no_result_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match=f"result_capacity is {capacity}; it must be at least 1"):
        engine_of(result_capacity=capacity)


def test_a_queue_on_another_clock_is_refused() -> None:
    with pytest.raises(ValueError, match="different clocks"):
        engine_of(queue=AsyncEventQueue())


def test_a_queue_belongs_to_one_engine() -> None:
    queue = engine_of().queue
    with pytest.raises(ValueError, match="belongs to another engine"):
        engine_of(queue=queue, clock=queue.clock)


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown strategy 'fifo'"):
        engine_of(scheduler="fifo")


def test_a_stranger_is_refused() -> None:
    for submit in (engine_of().submit, lambda event: engine_of().submit_many([event])):
        with pytest.raises(InvalidEvent, match="not dict"):
            submit({"type": "shock"})  # type: ignore[arg-type]


def test_statistics_are_frozen() -> None:
    engine = engine_of()
    before = engine.statistics()
    processed(engine, event_of("hit"))
    assert (before.ledger.accepted, before.state.version, before.scheduler.levels[NORMAL].finished) == (0, 0, 0)
    after = engine.statistics()
    assert (after.ledger.accepted, after.state.version, after.scheduler.levels[NORMAL].finished) == (1, 1, 1)
    assert (after.worker_running, after.queue.depth) == (False, 0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        after.handler_errors = 1  # type: ignore[misc]
