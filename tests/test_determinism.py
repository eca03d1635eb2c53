"""The same events on the same clock give the same results and the same state, in whichever thread they run."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st
from parity.outcomes import Given, life_of, made, outcome_of, processing
from parity.test_facade import life_events, vitals

from lifeevt import AsyncEventProcessor, ManualClock

few = settings(max_examples=40)


@few
@given(st.lists(life_events, max_size=20), vitals)
def test_the_same_twice_is_the_same(batch: list[Given], begins: tuple[float, ...]) -> None:
    first, second = (processing([(0, batch)], begins, "drop_lowest") for _ in range(2))
    assert first == second


@few
@given(st.lists(life_events, max_size=20), vitals)
def test_the_worker_gives_the_results_of_the_callers_thread(batch: list[Given], begins: tuple[float, ...]) -> None:
    clock = ManualClock()
    engine = AsyncEventProcessor(life_of(begins), clock=clock)
    engine.submit_many(made(batch))
    with engine:
        engine.wait_idle()
    synchronous = AsyncEventProcessor(life_of(begins), clock=clock)
    synchronous.submit_many(made(batch))
    synchronous.process_pending()
    assert outcome_of(engine) == outcome_of(synchronous)
