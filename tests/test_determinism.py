"""The same events on the same clock: the same results and the same state on both twins, to the bit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import events, shares

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    Event,
    Handler,
    ManualClock,
    Priority,
    ReflexSet,
    RuntimeLoop,
    ThreadSafeSelfState,
    Tick,
)

LIFE_TYPES = [reflex.type for reflex in ReflexSet.life().reflexes]
life_events = events(st.sampled_from(LIFE_TYPES))
batches = st.lists(st.tuples(st.integers(0, 300_000_000), st.lists(life_events, max_size=12)), max_size=5)
vitals = st.tuples(st.floats(0.0, 100.0), shares, shares, shares)
overflows = st.sampled_from(["reject", "drop_oldest", "drop_lowest", "block"])

few = settings(max_examples=40)
Outcome = tuple[list[dict[str, Any]], list[str], int, Any]


def outcome_of(engine: AsyncEventProcessor) -> Outcome:
    results = [result.to_dict() for result in engine.results()]
    snapshot = engine.state.snapshot()
    values = [f"{name} {float(value).hex()}" for name, value in snapshot.items()]
    return results, values, snapshot.version, (engine.ledger(), engine.scheduler.statistics())


def life_of(backend: str, begins: tuple[float, ...]) -> ThreadSafeSelfState:
    state = ThreadSafeSelfState.life(backend=backend)
    for name, value in zip(("energy", "stability", "integrity", "recovery_efficiency"), begins, strict=True):
        state[name] = value
    return state


def answer(backend: str, given_batches: Any, begins: tuple[float, ...], overflow: str) -> Outcome:
    clock = ManualClock()
    queue = AsyncEventQueue(16, overflow, clock, backend=backend)
    engine = AsyncEventProcessor(life_of(backend, begins), queue=queue, clock=clock, backend=backend)
    for number, (pause_ns, batch) in enumerate(given_batches):
        engine.submit_many(batch)
        clock.advance_ns(pause_ns)
        engine.process_pending(8 if number % 2 else None)
    engine.stop()
    return outcome_of(engine)


@pytest.mark.native
@few
@given(batches, vitals, overflows)
def test_results_and_state_are_equal_to_the_bit(given_batches: Any, begins: tuple[float, ...], overflow: str) -> None:
    native, reference = (answer(name, given_batches, begins, overflow) for name in ("native", "reference"))
    assert native == reference


def live(backend: str, ticks: list[list[Event]], begins: tuple[float, ...]) -> Outcome:
    clock = _LeapingClock()
    state = life_of(backend, begins)

    def meaning(event: Event, state: ThreadSafeSelfState) -> float:
        clock.advance_ns(7)
        if event.intensity > 0.5:
            engine.submit(Event("noise", event.intensity / 2, 0.0, priority=Priority.CRITICAL))
        return state.apply_delta({"tension": event.intensity})

    engine = AsyncEventProcessor(state, handlers={"social": Handler(meaning=meaning)}, clock=clock, backend=backend)
    todo = iter(ticks)

    def on_tick(tick: Tick) -> None:
        outcomes.extend(result.to_dict() for result in tick.results)
        engine.submit_many(next(todo, []))

    outcomes: list[dict[str, Any]] = []
    loop = RuntimeLoop(state, engine, 0.05, on_tick, "sync", clock, backend=backend)
    statistics = loop.run(len(ticks) + 1)
    left, values, version, accounts = outcome_of(engine)
    return outcomes + left, values, version, (accounts, statistics)


class _LeapingClock(ManualClock):
    """A clock that is at the deadline as soon as somebody waits for it: a loop without a second thread."""

    def wait(self, condition: Any, deadline_ns: int | None) -> None:
        assert deadline_ns is not None
        self.advance_ns(max(deadline_ns - self.now_ns(), 0))


@pytest.mark.native
@few
@given(st.lists(st.lists(life_events, max_size=8), max_size=5), vitals)
def test_a_synchronous_loop_with_handlers_is_equal_to_the_bit(
    ticks: list[list[Event]], begins: tuple[float, ...]
) -> None:
    assert live("native", ticks, begins) == live("reference", ticks, begins)


@few
@given(st.lists(life_events, max_size=20), vitals)
def test_the_same_twice_is_the_same(backend: str, batch: list[Event], begins: tuple[float, ...]) -> None:
    first, second = (answer(backend, [(0, batch)], begins, "drop_lowest") for _ in range(2))
    assert first == second


@few
@given(st.lists(life_events, max_size=20), vitals)
def test_the_worker_answers_as_the_callers_thread_does(
    backend: str, batch: list[Event], begins: tuple[float, ...]
) -> None:
    clock = ManualClock()
    engine = AsyncEventProcessor(life_of(backend, begins), clock=clock, backend=backend)
    engine.submit_many(batch)
    with engine:
        engine.wait_idle()
    synchronous = AsyncEventProcessor(life_of(backend, begins), clock=clock, backend=backend)
    synchronous.submit_many(batch)
    synchronous.process_pending()
    assert outcome_of(engine) == outcome_of(synchronous)
