"""RuntimeLoop: absolute deadlines, overruns, both modes, and how it starts and stops."""

from __future__ import annotations

import dataclasses
import logging
import math
import threading
from collections.abc import Callable
from typing import Any

import pytest
from actors import PATIENCE, Actor, wait_until

from lifeevt import (
    AsyncEventProcessor,
    EngineStopped,
    Event,
    Field,
    LifeEventError,
    ManualClock,
    Reflex,
    RuntimeLoop,
    Status,
    StopTimeout,
    ThreadSafeSelfState,
    Tick,
)
from lifeevt.scheduler import AdaptiveStrategy, LoadSample

MS = 1_000_000
INTERVAL = 100 * MS
SOON = 0.01


class LeapingClock(ManualClock):
    """A clock that goes to the deadline when a thread waits for it: a loop without a second thread."""

    def wait(self, condition: threading.Condition, deadline_ns: int | None) -> None:
        if deadline_ns is None:
            super().wait(condition, None)
        else:
            self.advance_ns(max(deadline_ns - self.now_ns(), 0))


def loop_of(on_tick: Callable[[Tick], object] | None = None, **more: Any) -> RuntimeLoop:
    """A loop of 0.1 s on a leaping clock, synchronous by default, with one reflex: hit."""
    clock = more.pop("clock", None) or LeapingClock()
    state = ThreadSafeSelfState({"energy": Field(50.0, 0.0, 100.0)})
    engine = AsyncEventProcessor(
        state, [Reflex("hit", 1.0, {"energy": -10.0})], more.pop("handlers", None), clock=clock)
    return RuntimeLoop(state, engine, 0.1, on_tick, **({"mode": "sync"} | more))


def clock_of(loop: RuntimeLoop) -> ManualClock:
    assert isinstance(loop.clock, ManualClock)
    return loop.clock


def hit() -> Event:
    return Event("hit", 0.5, 0.0)


# --- deadlines


def test_ticks_come_on_absolute_deadlines() -> None:
    seen: list[Tick] = []
    loop = loop_of(seen.append)
    statistics = loop.run(5)
    assert [(tick.index, tick.scheduled_ns, tick.started_ns) for tick in seen] == [
        (number, number * INTERVAL, number * INTERVAL) for number in range(1, 6)
    ]
    assert (statistics.ticks, statistics.overruns, statistics.skipped, statistics.errors) == (5, 0, 0, 0)
    assert clock_of(loop).now_ns() == 5 * INTERVAL


def test_work_within_the_interval_does_not_shift_the_ticks() -> None:
    seen: list[int] = []

    def on_tick(tick: Tick) -> None:
        seen.append(tick.started_ns)
        clock_of(loop).advance_ns(73 * MS)

    loop = loop_of(on_tick)
    statistics = loop.run(50)
    assert seen == [number * INTERVAL for number in range(1, 51)]
    assert (statistics.jitter.max_ns, statistics.period.min_ns, statistics.period.max_ns) == (0, INTERVAL, INTERVAL)
    assert (statistics.work.min_ns, statistics.work.max_ns, statistics.overruns) == (73 * MS, 73 * MS, 0)


def test_a_late_wake_up_is_jitter_and_not_drift() -> None:
    class Sleepy(LeapingClock):
        def wait(self, condition: threading.Condition, deadline_ns: int | None) -> None:
            super().wait(condition, deadline_ns)
            self.advance_ns(3 * MS)

    seen: list[Tick] = []
    statistics = loop_of(seen.append, clock=Sleepy()).run(4)
    assert [tick.scheduled_ns for tick in seen] == [number * INTERVAL for number in range(1, 5)]
    assert {tick.lateness_ns for tick in seen} == {3 * MS}
    assert (statistics.jitter.min_ns, statistics.jitter.max_ns, statistics.period.max_ns) == (3 * MS, 3 * MS, INTERVAL)


def busy_on_the_first_tick(overrun: str, work_ns: int, ticks: int = 5) -> tuple[list[Tick], RuntimeLoop]:
    seen: list[Tick] = []

    def on_tick(tick: Tick) -> None:
        seen.append(tick)
        if tick.index == 1:
            clock_of(loop).advance_ns(work_ns)

    loop = loop_of(on_tick, overrun=overrun)
    loop.run(ticks)
    return seen, loop


@pytest.mark.parametrize(
    ("work", "scheduled", "skipped"),
    [
        (0.5, [1, 2, 3], 0),
        (1.0, [1, 2, 3], 0),
        (1.1, [1, 3, 4], 1),
        (2.5, [1, 4, 5], 2),
        (9.9, [1, 11, 12], 9),
    ],
)
def test_skip_leaves_out_the_deadlines_that_have_passed(
    work: float, scheduled: list[int], skipped: int
) -> None:
    seen, loop = busy_on_the_first_tick("skip", round(work * INTERVAL), 3)
    assert [tick.scheduled_ns for tick in seen] == [number * INTERVAL for number in scheduled]
    assert [tick.index for tick in seen] == [1, 2, 3]
    assert all(tick.lateness_ns == 0 for tick in seen)
    assert (loop.statistics().skipped, loop.statistics().overruns) == (skipped, work > 1)


@pytest.mark.parametrize("intervals", [1, 2, 3])
def test_a_deadline_that_is_just_now_has_not_passed(intervals: int) -> None:
    seen, _ = busy_on_the_first_tick("skip", intervals * INTERVAL, 2)
    assert [tick.started_ns for tick in seen] == [INTERVAL, (1 + intervals) * INTERVAL]


def test_catch_up_runs_the_deadlines_that_have_passed_at_once() -> None:
    seen, loop = busy_on_the_first_tick("catch_up", 5 * INTERVAL // 2)
    assert [tick.scheduled_ns // INTERVAL for tick in seen] == [1, 2, 3, 4, 5]
    assert [tick.lateness_ns for tick in seen] == [0, 3 * INTERVAL // 2, INTERVAL // 2, 0, 0]
    assert (loop.statistics().skipped, loop.statistics().ticks) == (0, 5)


def test_a_pause_between_two_runs_is_no_period() -> None:
    loop = loop_of()
    loop.run(2)
    clock_of(loop).advance(100.0)
    statistics = loop.run(2)
    assert (statistics.ticks, statistics.period.count, statistics.period.max_ns) == (4, 2, INTERVAL)


def test_no_tick_at_all_is_a_run_too() -> None:
    assert loop_of().run(0).ticks == 0


# --- the results of a tick


def test_a_synchronous_tick_processes_the_queued_events_and_has_their_results() -> None:
    seen: list[tuple[int, list[Status], float]] = []

    def on_tick(tick: Tick) -> None:
        seen.append((tick.index, [result.status for result in tick.results], tick.state["energy"]))
        loop.processor.submit(hit())

    loop = loop_of(on_tick)
    loop.run(3)
    assert seen == [(1, [], 50.0), (2, [Status.PROCESSED], 47.5), (3, [Status.PROCESSED], 45.0)]
    assert (loop.processor.running, loop.processor.ledger().queued) == (False, 1)


def test_an_asynchronous_tick_has_the_results_since_the_last() -> None:
    seen: list[int] = []

    def on_tick(tick: Tick) -> None:
        seen.append(len(tick.results))
        assert loop.processor.running
        loop.processor.submit_many([hit()] * tick.index)
        assert loop.processor.wait_idle(PATIENCE)

    loop = loop_of(on_tick, mode="async")
    loop.run(4)
    assert seen == [0, 1, 2, 3]
    assert len(loop.processor.results()) == 4


def test_a_tick_is_frozen() -> None:
    seen: list[Tick] = []
    loop = loop_of(seen.append)
    loop.run(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        seen[0].index = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        loop.statistics().ticks = 2  # type: ignore[misc]


def test_a_loop_needs_no_callback() -> None:
    assert loop_of().run(2).ticks == 2


def test_a_callback_that_raises_is_counted_and_the_loop_continues(caplog: pytest.LogCaptureFixture) -> None:
    def on_tick(tick: Tick) -> None:
        if tick.index % 2:
            raise RuntimeError("boom")

    with caplog.at_level(logging.ERROR, logger="lifeevt"):
        statistics = loop_of(on_tick).run(4)
    assert (statistics.ticks, statistics.errors) == (4, 2)
    assert "on_tick failed at tick 3" in caplog.text


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_an_interrupt_ends_the_loop_and_its_engine(mode: str) -> None:
    def on_tick(tick: Tick) -> None:
        raise KeyboardInterrupt

    loop = loop_of(on_tick, mode=mode)
    with pytest.raises(KeyboardInterrupt):
        loop.run(3)
    assert not loop.processor.running
    loop._on_tick = None
    assert loop.run(1).ticks >= 1


# --- beside the engine


def test_an_asynchronous_loop_starts_its_engine_and_drains_it() -> None:
    loop = loop_of(lambda tick: loop.processor.submit(hit()), mode="async")
    loop.run(3)
    assert not loop.processor.running
    assert loop.processor.ledger().ends[Status.PROCESSED] == 3
    assert loop.run(2).ticks == 5


def test_a_loop_leaves_an_engine_running_that_ran_before() -> None:
    loop = loop_of(mode="async")
    with loop.processor:
        loop.run(2)
        assert loop.processor.running


def test_a_closed_engine_stops_an_asynchronous_loop() -> None:
    loop = loop_of(mode="async")
    loop.processor.close()
    with pytest.raises(EngineStopped):
        loop.run(1)


def test_a_synchronous_loop_beside_a_worker_is_refused() -> None:
    loop = loop_of()
    with loop.processor, pytest.raises(LifeEventError, match="the worker is running"):
        loop.run(1)


def test_a_loop_makes_an_engine_when_it_gets_none() -> None:
    clock = LeapingClock()
    state = ThreadSafeSelfState.life()
    loop = RuntimeLoop(state, tick_interval=0.5, clock=clock, mode="sync")
    assert (loop.processor.state, loop.processor.clock, loop.clock) == (state, clock, clock)
    loop.processor.submit(Event("shock", -0.9, 0.0))
    loop.run(1)
    assert state["energy"] == pytest.approx(99.6575, abs=1e-12)


# --- starting and stopping


def test_a_callback_may_stop_the_loop() -> None:
    loop = loop_of(lambda tick: loop.stop() if tick.index == 3 else None)
    assert loop.run().ticks == 3


def test_another_thread_may_stop_the_loop() -> None:
    loop = loop_of(clock=ManualClock())
    with Actor() as runner:
        call = runner.begin(loop.run)
        for number in range(1, 4):
            clock_of(loop).wait_for_waiters(1)
            clock_of(loop).advance_ns(INTERVAL)
            wait_until(lambda number=number: loop.statistics().ticks == number)  # type: ignore[misc]
        clock_of(loop).wait_for_waiters(1)
        loop.stop()
        assert call.result().ticks == 3


def test_a_tick_does_not_come_before_its_time() -> None:
    loop = loop_of(clock=ManualClock())
    with Actor() as runner:
        call = runner.begin(loop.run, 1)
        clock_of(loop).wait_for_waiters(1)
        clock_of(loop).advance_ns(INTERVAL - 1)
        clock_of(loop).wait_for_waiters(1)
        assert loop.statistics().ticks == 0
        clock_of(loop).advance_ns(1)
        assert call.result().ticks == 1


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_loop_runs_in_a_thread_of_its_own(mode: str) -> None:
    loop = loop_of(clock=ManualClock(), mode=mode)
    for turn in (1, 2):
        loop.start()
        wait_until(lambda: clock_of(loop).waiting() == 1)
        clock_of(loop).advance_ns(INTERVAL)
        wait_until(lambda turn=turn: loop.statistics().ticks == turn)  # type: ignore[misc]
        loop.stop()
        assert (loop.statistics().ticks, loop.processor.running) == (turn, False)


def test_a_loop_that_has_just_started_can_be_stopped() -> None:
    loop = loop_of(clock=ManualClock())
    for _ in range(20):
        loop.start()
        loop.stop()
    assert loop.statistics().ticks == 0


@pytest.mark.parametrize("first", ["run", "start"])
def test_stopping_a_loop_that_does_not_run_changes_nothing(first: str) -> None:
    loop = loop_of(lambda tick: loop.stop() if tick.index == 2 else None)
    loop.stop()
    assert loop.run(2).ticks == 2
    loop.stop()
    loop.stop()
    if first == "run":
        assert loop.run(1).ticks == 3
    else:
        loop.start()
        wait_until(lambda: loop.statistics().ticks == 4)
        loop.stop()


@pytest.mark.parametrize("again", ["run", "start"])
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_loop_that_runs_is_not_started_again(mode: str, again: str) -> None:
    refused: list[str] = []

    def on_tick(tick: Tick) -> None:
        with pytest.raises(LifeEventError, match="the loop is running already") as caught:
            loop.run(1) if again == "run" else loop.start()
        refused.append(str(caught.value))

    loop = loop_of(on_tick, mode=mode)
    loop.run(2)
    assert len(refused) == 2


def test_a_loop_that_was_started_is_not_run() -> None:
    loop = loop_of(clock=ManualClock())
    loop.start()
    clock_of(loop).wait_for_waiters(1)
    for again in (loop.start, loop.run):
        with pytest.raises(LifeEventError, match="the loop is running already"):
            again()
    loop.stop()


def test_a_tick_that_does_not_end_is_a_stop_timeout() -> None:
    entered, release = threading.Event(), threading.Event()

    def on_tick(tick: Tick) -> None:
        entered.set()
        assert release.wait(PATIENCE)

    loop = loop_of(on_tick)
    loop.start()
    assert entered.wait(PATIENCE)
    with pytest.raises(StopTimeout, match=f"the tick still runs after {SOON} s"):
        loop.stop(SOON)
    release.set()
    loop.stop()
    assert loop.statistics().ticks == 1


# --- bad arguments


@pytest.mark.parametrize("interval", [0.0, -1.0, math.nan, math.inf, 1e9])
def test_an_interval_that_cannot_be_is_refused(interval: float) -> None:
    with pytest.raises(ValueError, match=r"tick_interval is .*; it must be a positive number of seconds"):
        RuntimeLoop(ThreadSafeSelfState({}), tick_interval=interval)


def test_an_interval_below_a_nanosecond_is_one() -> None:
    seen: list[int] = []
    state = ThreadSafeSelfState({})
    RuntimeLoop(state, None, 1e-12, lambda tick: seen.append(tick.scheduled_ns), "sync", LeapingClock()).run(3)
    assert seen == [1, 2, 3]


@pytest.mark.parametrize("mode", ["", "asynchronous", None])
def test_an_unknown_mode_is_refused_with_the_choice(mode: Any) -> None:
    with pytest.raises(ValueError, match=f"unknown mode {mode!r}; choose async or sync"):
        RuntimeLoop(ThreadSafeSelfState({}), mode=mode)


@pytest.mark.parametrize("overrun", ["", "burst", None])
def test_an_unknown_overrun_policy_is_refused_with_the_choice(overrun: Any) -> None:
    with pytest.raises(ValueError, match=f"unknown overrun policy {overrun!r}; choose skip or catch_up"):
        RuntimeLoop(ThreadSafeSelfState({}), overrun=overrun)


def test_a_loop_and_its_engine_share_one_state() -> None:
    one, other = (ThreadSafeSelfState({}) for _ in range(2))
    with pytest.raises(ValueError, match="different states"):
        RuntimeLoop(one, AsyncEventProcessor(other))


def test_the_strategy_is_told_of_every_tick_and_of_its_lateness() -> None:
    strategy = AdaptiveStrategy()
    state = ThreadSafeSelfState({"energy": Field(1.0)})
    clock = LeapingClock()
    engine = AsyncEventProcessor(state, [], scheduler=strategy, clock=clock)
    engine.submit(Event("noise"))
    RuntimeLoop(state, engine, 1.0, lambda _: clock.advance(1.5), "sync", clock, overrun="catch_up").run(2)
    first, second = strategy.decisions
    assert (first.load.tick_late_ns, second.load.tick_late_ns) == (0, 500_000_000)
    assert first.load.levels[1].depth == 1 and second.load.levels[1].finished == 1


def test_a_strategy_that_fails_is_counted_and_the_loop_continues(
    caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(AdaptiveStrategy):
        def on_tick(self, load: LoadSample) -> None:
            raise RuntimeError("no idea")

    state = ThreadSafeSelfState({"energy": Field(1.0)})
    engine = AsyncEventProcessor(state, [], scheduler=Broken())
    found = RuntimeLoop(state, engine, 0.001, mode="sync").run(2)
    assert (found.ticks, found.errors) == (2, 2) and "the strategy failed at tick 1" in caplog.text
