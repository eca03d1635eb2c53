"""The engine with Python: a user's own parts, handlers, the switch interval, and the threads that are woken."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from actors import PATIENCE, Actor, wait_until
from processor.test_engine_natively import engine_of, submitted

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    Event,
    EventScheduler,
    EventTypes,
    Handler,
    LifeEventError,
    ManualClock,
    Priority,
    Status,
    StopTimeout,
)
from lifeevt.clock import SystemClock

SHORT_SECONDS = 0.0005


@pytest.fixture(autouse=True)
def switch_interval_is_given_back() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    after = sys.getswitchinterval()
    sys.setswitchinterval(before)
    assert after == pytest.approx(before, abs=1e-6)


class Gate:
    """A handler that reports its start and blocks until it is released."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Event(), threading.Event()

    def __call__(self, *_: Any) -> None:
        self.entered.set()
        assert self.release.wait(PATIENCE)


# parts of a user's own


class Watching(EventScheduler):
    """Records every event's end."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.seen: list[str] = []

    def observe(self, event: Event, *times: int) -> None:
        self.seen.append(event.type)
        super().observe(event, *times)


class Reversed(EventScheduler):
    """The last comes first."""

    def rank(self, event: Event, arrival_ns: int) -> tuple[int, int]:
        return -arrival_ns, Priority.LOW


class Demoting(EventTypes):
    """Finds everything unimportant."""

    def rank(self, event: Event, arrival_ns: int) -> tuple[int, int]:
        return super().rank(event, arrival_ns)[0], Priority.LOW


class Offset(SystemClock):
    """A clock of a user's own that goes an hour ahead."""

    def now_ns(self) -> int:
        return super().now_ns() + 3600 * 10**9


def test_a_scheduler_that_overrides_observe_is_called_for_every_event() -> None:
    scheduler = Watching()
    with engine_of(scheduler=scheduler) as engine:
        engine.submit_many([Event("hit", 0.5), Event("joy", 0.5)])
        submitted(engine, ("hit", 0.5))
        assert engine.wait_idle(PATIENCE)
    assert sorted(scheduler.seen) == ["hit", "hit", "joy"]
    assert sum(level.finished for level in scheduler.statistics().levels.values()) == 3
    assert [each.status for each in engine.results()].count(Status.PROCESSED) == 2


def test_a_scheduler_that_overrides_rank_is_called_for_every_object() -> None:
    engine = engine_of(scheduler=Reversed())
    for number in range(3):
        engine.submit(Event("hit", number / 10))
    engine.submit_many([Event("hit", 0.3)])
    engine.process_pending()
    results = engine.results()
    assert [each.event.intensity for each in results] == [0.3, 0.2, 0.1, 0.0]
    assert {each.priority for each in results} == {Priority.LOW}


def test_a_users_event_types_are_called_for_every_object() -> None:
    engine = engine_of(scheduler=EventScheduler(types=Demoting([])))
    engine.submit(Event("shock"))
    engine.process_pending()
    assert engine.results()[0].priority == Priority.LOW


@pytest.mark.parametrize("clock", [Offset, ManualClock])
def test_times_are_those_of_the_engines_clock(clock: Callable[[], Any]) -> None:
    ours = clock()
    with engine_of(clock=ours) as engine:
        before = ours.now_ns()
        engine.submit(Event("hit", 0.5))
        submitted(engine, ("hit", 0.5))
        assert engine.wait_idle(PATIENCE)
        after = ours.now_ns()
    for result in engine.results():
        assert before <= result.queued_ns <= result.started_ns <= result.finished_ns <= after
        assert result.status == Status.PROCESSED


# handlers


def test_a_handler_sees_the_state_that_its_reflex_left() -> None:
    seen: list[float] = []
    with engine_of({"hit": lambda event, state: seen.append(state["energy"])}) as engine:
        engine.submit(Event("hit", 1.0))
        submitted(engine, ("hit", 1.0))
        assert engine.wait_idle(PATIENCE)
    assert seen == [90.0, 80.0]
    assert [each.state_version for each in engine.results()] == [1, 2]


def test_only_events_with_a_handler_wait_for_the_interpreter() -> None:
    with engine_of({"joy": lambda *_: None}) as engine:
        submitted(engine, *[("hit", 0.5)] * 50)
        assert engine.wait_idle(PATIENCE)
        assert engine.statistics().gil_wait.count == 0
        for _ in range(3):
            engine.submit(Event("joy"))
            assert engine.wait_idle(PATIENCE)
        assert engine.statistics().gil_wait.count == 3


def test_a_more_important_reflex_acts_between_two_stages() -> None:
    seen: list[float] = []
    engine: AsyncEventProcessor

    def meaning(event: Event, state: Any) -> None:
        engine.submit(Event("hit", 1.0, priority=Priority.CRITICAL, urgency=1.0))

    def action(event: Event, decision: Any, state: Any) -> None:
        seen.append(state["energy"])

    engine = engine_of({"social": Handler(meaning=meaning, action=action)})
    with engine:
        engine.submit(Event("social"))
        assert engine.wait_idle(PATIENCE)
    assert seen == [90.0]


def test_a_handler_must_not_wait_for_its_engine() -> None:
    errors: list[str] = []
    engine: AsyncEventProcessor

    def wait(*_: Any) -> None:
        try:
            engine.wait_idle()
        except LifeEventError as error:
            errors.append(str(error))

    engine = engine_of({"joy": wait})
    with engine:
        engine.submit(Event("joy"))
        assert engine.wait_idle(PATIENCE)
    assert errors == ["a handler must not wait for its own engine"]


def test_yield_gil_lets_a_handler_run_and_else_returns_false() -> None:
    with engine_of() as engine:
        assert engine.yield_gil() is False
        submitted(engine, ("hit", 0.5))
        assert engine.wait_idle(PATIENCE)
        assert engine.yield_gil(0.0) is False


# wake-ups


def test_a_thread_that_waits_for_idleness_is_woken_by_the_worker() -> None:
    gate = Gate()
    with engine_of({"joy": gate}) as engine, Actor() as waiter:
        engine.submit(Event("joy"))
        assert gate.entered.wait(PATIENCE)
        submitted(engine, *[("hit", 0.5)] * 100)
        waiting = waiter.begin(engine.wait_idle)
        assert not waiting.ended
        gate.release.set()
        assert waiting.result() is True
        assert engine.ledger().in_flight == 0


def test_a_thread_that_waits_for_room_is_woken_by_the_worker() -> None:
    gate = Gate()
    queue = AsyncEventQueue(1, "block")
    with engine_of({"joy": gate}, queue=queue) as engine, Actor() as first, Actor() as second:
        engine.submit(Event("joy"))
        assert gate.entered.wait(PATIENCE)
        engine.submit(Event("hit", 0.5))
        waiting = [each.begin(engine.submit, Event("hit", 0.5)) for each in (first, second)]
        gate.release.set()
        assert [each.result() for each in waiting] == [True, True]
        assert engine.wait_idle(PATIENCE)
        assert engine.ledger().ends[Status.PROCESSED] == 4 and engine.ledger().refused == 0


# the interpreter's switch interval


def shortened() -> bool:
    return abs(sys.getswitchinterval() - SHORT_SECONDS) < 1e-6


def test_the_switch_interval_is_lent_while_the_worker_runs() -> None:
    engine = engine_of(switch_interval=SHORT_SECONDS)
    assert not shortened()
    for _ in range(3):
        engine.start()
        engine.start()
        assert shortened()
        engine.stop()
        assert not shortened()
    engine.close()
    engine.close()


def test_an_interval_set_by_other_code_is_left_unchanged() -> None:
    before = sys.getswitchinterval()
    engine = engine_of(switch_interval=SHORT_SECONDS)
    engine.start()
    sys.setswitchinterval(0.02)
    engine.close()
    assert sys.getswitchinterval() == pytest.approx(0.02)
    sys.setswitchinterval(before)


def test_without_an_interval_nothing_is_set() -> None:
    before = sys.getswitchinterval()
    with engine_of():
        assert sys.getswitchinterval() == before


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_an_interval_that_the_interpreter_cannot_have_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="switch_interval is"):
        engine_of(switch_interval=seconds)


def test_a_worker_that_leaves_gives_the_interval_back_before_the_next_one_sets_it() -> None:
    gate = Gate()
    engine = engine_of({"joy": gate}, switch_interval=SHORT_SECONDS)
    wake, started = engine.queue.waiting.wake, threading.Event()

    def start_again_while_the_old_worker_leaves() -> None:
        if threading.current_thread().name == "lifeevt-worker" and not started.is_set():
            started.set()
            with Actor() as starter:
                starter.do(engine.start)
        wake()

    engine._worker._wake = start_again_while_the_old_worker_leaves
    engine.start()
    engine.submit(Event("joy"))
    assert gate.entered.wait(PATIENCE)
    with pytest.raises(StopTimeout):
        engine.stop(drain=False, timeout=0.0)
    gate.release.set()
    assert started.wait(PATIENCE)
    wait_until(lambda: engine.running)
    engine.close()
    assert not shortened()
