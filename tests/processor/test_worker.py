"""The engine's worker thread: how it starts, drains, stops, is stuck, and ends with its process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from actors import PATIENCE, Actor, together, wait_until

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    EngineStopped,
    Event,
    EventScheduler,
    ManualClock,
    QueueClosed,
    QueueFull,
    Status,
    StopTimeout,
    ThreadSafeSelfState,
)

SOON = 0.01  # seconds a stop is given when the test knows that it cannot succeed


def engine_of(handlers: Any = None, **more: Any) -> AsyncEventProcessor:
    """An engine without reflexes: an event without a handler is ignored."""
    return AsyncEventProcessor(ThreadSafeSelfState({}), [], handlers, **more)


def event_of(number: int = 0, kind: str = "joy") -> Event:
    return Event(kind, 0.5, 0.0, {"#": number})


class Gate:
    """A handler that reports its start and blocks until it is released."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Event(), threading.Event()

    def __call__(self, event: Event, state: ThreadSafeSelfState) -> None:
        self.entered.set()
        assert self.release.wait(PATIENCE)

    def hold(self, engine: AsyncEventProcessor, waiting: int = 0) -> None:
        """Have one event in the handler, and some more behind it."""
        engine.submit(event_of(kind="gate"))
        assert self.entered.wait(PATIENCE)
        engine.submit_many([event_of(number) for number in range(waiting)])


def shortly(holds: Callable[[], bool], seconds: float = 0.1) -> bool:
    """Give others some time to make it hold; whether they did."""
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        threading.Event().wait(0.001)
    return holds()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="lifeevt")


# --- starting and stopping


def test_no_thread_runs_before_the_start() -> None:
    before = threading.active_count()
    engine = engine_of()
    engine.submit(event_of())
    assert (threading.active_count(), engine.running) == (before, False)


def test_one_thread_runs_after_the_start() -> None:
    before = threading.active_count()
    engine = engine_of()
    engine.start()
    engine.start()
    assert (threading.active_count(), engine.running, engine.statistics().worker_running) == (before + 1, True, True)
    engine.close()
    assert (threading.active_count(), engine.running) == (before, False)


def test_events_submitted_before_the_start_are_processed() -> None:
    engine = engine_of()
    engine.submit_many([event_of(number) for number in range(3)])
    with engine:
        assert engine.wait_idle(PATIENCE)
    assert len(engine.results()) == 3


def test_with_starts_the_engine_and_closes_it() -> None:
    with engine_of() as engine:
        assert engine.running
        engine.submit(event_of())
    assert not engine.running
    assert [result.status for result in engine.results()] == [Status.IGNORED]
    with pytest.raises(EngineStopped, match="the engine was closed"):
        engine.start()


def test_async_with_does_the_same_and_leaves_the_event_loop_free() -> None:
    gate = Gate()

    async def live() -> AsyncEventProcessor:
        async with engine_of({"gate": gate}) as engine:
            gate.hold(engine)
            asyncio.get_running_loop().call_soon(gate.release.set)  # runs while the exit waits, or never
        return engine

    engine = asyncio.run(live())
    assert not engine.running
    assert [result.status for result in engine.results()] == [Status.PROCESSED]


def test_stop_processes_everything_first() -> None:
    engine = engine_of({"*": lambda *_: None})
    engine.start()
    engine.submit_many([event_of(number) for number in range(100)])
    assert engine.stop() == 0
    assert not engine.running
    assert {result.status for result in engine.results()} == {Status.PROCESSED}
    assert engine.ledger().ends[Status.PROCESSED] == 100


def test_stop_without_draining_cancels_and_gives_a_result_for_each() -> None:
    gate = Gate()
    engine = engine_of({"gate": gate})
    engine.start()
    gate.hold(engine, waiting=3)
    with Actor() as stopper:
        call = stopper.begin(engine.stop, False)
        gate.release.set()
        assert call.result() + engine.ledger().ends[Status.IGNORED] == 3
    ledger, results = engine.ledger(), engine.results()
    assert (len(results), ledger.in_flight, ledger.balanced) == (4, 0, True)
    assert results[0].status is Status.PROCESSED


def test_stop_without_a_worker_cancels_the_queued_events() -> None:
    engine = engine_of(clock=ManualClock(5))
    engine.submit_many([event_of(0), event_of(1)])
    assert engine.stop() == 2
    results = engine.results()
    assert [(result.status, result.event.metadata["#"]) for result in results] == [
        (Status.CANCELLED, 0), (Status.CANCELLED, 1)
    ]  # fmt: skip
    assert {(result.queued_ns, result.finished_ns, result.attempts) for result in results} == {(5, 5, 0)}
    assert engine.ledger().ends[Status.CANCELLED] == 2


def test_stop_and_close_may_be_called_again() -> None:
    engine = engine_of()
    engine.start()
    assert [engine.stop(), engine.stop()] == [0, 0]
    engine.close()
    engine.close()
    assert engine.stop() == 0


def test_a_stopped_engine_takes_no_event_until_it_starts_again() -> None:
    engine = engine_of()
    engine.start()
    engine.stop()
    for submit in (engine.submit, lambda event: engine.submit_many([event])):
        with pytest.raises(EngineStopped, match="the engine was stopped; start it again"):
            submit(event_of())
    engine.start()
    assert engine.submit(event_of())
    assert engine.wait_idle(PATIENCE)
    engine.close()
    assert len(engine.results()) == 1


def test_a_closed_engine_takes_no_event() -> None:
    engine = engine_of()
    engine.close()
    for submit in (engine.submit, lambda event: engine.submit_many([event])):
        with pytest.raises(EngineStopped, match="the engine was closed"):
            submit(event_of())
    assert engine.wait_idle()
    assert engine.process_pending() == 0


class _ClosesWhenAsked(ManualClock):
    """A clock that closes an engine in the midst of a submit."""

    engine: AsyncEventProcessor | None = None

    def now_ns(self) -> int:
        engine, self.engine = self.engine, None
        if engine is not None:
            engine.close()
        return super().now_ns()


@pytest.mark.parametrize("way", ["submit", "submit_many"])
def test_an_event_submitted_while_the_engine_closes_is_refused_or_ends(way: str) -> None:
    clock = _ClosesWhenAsked()
    engine = engine_of(clock=clock)
    clock.engine = engine
    try:
        taken = bool(getattr(engine, way)(event_of() if way == "submit" else [event_of()]))
    except (EngineStopped, QueueClosed):
        taken = False
    ledger = engine.ledger()
    assert (ledger.in_flight, ledger.accepted) == (0, len(engine.results()))
    assert ledger.accepted == taken or not taken


def test_senders_of_an_engine_that_stops_lose_nothing() -> None:
    engine = engine_of({"*": lambda *_: None}, result_capacity=100_000)
    engine.start()

    def send() -> int:
        sent = 0
        with contextlib.suppress(EngineStopped):
            while sent < 3000:
                sent += engine.submit(event_of(sent))
        return sent

    def stop() -> int:
        wait_until(lambda: engine.ledger().accepted > 100)
        return engine.stop(drain=False)

    *sent, _ = together(send, send, stop)
    ledger = engine.ledger()
    assert (ledger.in_flight, ledger.balanced) == (0, True)
    assert ledger.accepted == len(engine.results()) >= sum(sent)


def test_every_event_of_many_threads_has_one_result() -> None:
    with engine_of({"*": lambda *_: None}, result_capacity=10_000) as engine:

        def send() -> int:
            return sum(engine.submit(event_of(number)) for number in range(500))

        taken = sum(together(send, send, send))
        assert engine.wait_idle(PATIENCE)
    results = engine.results()
    ends = engine.ledger().ends
    assert len(results) == taken == ends[Status.PROCESSED] + ends[Status.SHED]
    assert len({result.sequence for result in results}) == taken


# --- handlers that do not come back


def test_a_stuck_handler_is_a_stop_timeout() -> None:
    gate = Gate()
    engine = engine_of({"gate": gate})
    engine.start()
    gate.hold(engine, waiting=2)
    with pytest.raises(StopTimeout, match=rf"a handler still runs after {SOON} s"):
        engine.stop(timeout=SOON)
    with pytest.raises(EngineStopped):
        engine.submit(event_of())
    assert engine.running
    gate.release.set()
    engine.close()
    ledger = engine.ledger()
    assert (ledger.in_flight, ledger.balanced, len(engine.results())) == (0, True, 3)


def test_closing_after_a_stop_timeout_ends_with_the_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, leave, looks = Gate(), threading.Event(), []
    engine = engine_of({"gate": gate})
    go, ledger = engine._worker._leave, engine.queue.ledger
    engine.start()
    gate.hold(engine, waiting=2)
    with pytest.raises(StopTimeout):
        engine.stop(drain=False, timeout=SOON)
    # Have the closer, if it waits for the drain, look for the last time before the worker leaves.
    monkeypatch.setattr(engine._worker, "_leave", lambda: (leave.wait(PATIENCE), go())[1])
    monkeypatch.setattr(engine.queue, "ledger", lambda: (looks.append(1), ledger())[1])
    with Actor() as closer:
        call = closer.begin(engine.close)
        shortly(lambda: len(looks) >= 1)
        gate.release.set()
        shortly(lambda: len(looks) >= 2)
        leave.set()
        ended = shortly(lambda: call.ended, seconds=2.0)
        engine.queue.waiting.wake()  # frees a thread that hangs
        call.result()
    assert ended
    assert ledger().in_flight == 0


def test_waiting_beside_a_worker_that_leaves_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, leave, looks = Gate(), threading.Event(), []
    engine = engine_of({"gate": gate})
    go, ledger = engine._worker._leave, engine.queue.ledger
    engine.start()
    gate.hold(engine, waiting=2)
    with pytest.raises(StopTimeout):
        engine.stop(drain=False, timeout=SOON)
    monkeypatch.setattr(engine._worker, "_leave", lambda: (leave.wait(PATIENCE), go())[1])
    monkeypatch.setattr(engine.queue, "ledger", lambda: (looks.append(1), ledger())[1])
    with Actor() as waiter:
        call = waiter.begin(engine.wait_idle)
        wait_until(lambda: len(looks) == 1)
        gate.release.set()
        leave.set()
        told = shortly(lambda: call.ended, seconds=2.0)
        engine.close()
        if told:
            with pytest.raises(EngineStopped, match="2 events wait and no worker runs"):
                call.result()
    assert told


def test_an_engine_can_start_again_after_a_stop_timeout() -> None:
    gate = Gate()
    engine = engine_of({"gate": gate})
    engine.start()
    gate.hold(engine)
    with pytest.raises(StopTimeout):
        engine.stop(timeout=SOON)
    gate.release.set()
    engine.stop()
    engine.start()
    assert engine.submit(event_of())
    assert engine.wait_idle(PATIENCE)
    engine.close()
    assert len(engine.results()) == 2


def test_an_engine_that_starts_again_keeps_its_stuck_worker() -> None:
    gate = Gate()
    engine = engine_of({"gate": gate})
    engine.start()
    gate.hold(engine)
    with pytest.raises(StopTimeout):
        engine.stop(timeout=SOON)
    before = threading.active_count()
    engine.start()
    assert threading.active_count() == before
    try:
        assert engine.submit(event_of())
    finally:
        gate.release.set()
    assert engine.wait_idle(PATIENCE)
    engine.close()
    assert len(engine.results()) == 2


class _BadBookkeeper(EventScheduler):
    """A scheduler of the user's own that fails at every event's end."""

    def observe(self, *_: Any) -> None:
        raise RuntimeError("lost the book")


def test_an_account_that_fails_does_not_hold_up_the_engine() -> None:
    engine = engine_of(scheduler=_BadBookkeeper())
    with engine:
        engine.submit_many([event_of(0), event_of(1)])
        idle = engine.wait_idle(1.0)
        if not idle:
            engine.queue.finish(Status.IGNORED)  # frees the close, which waits for the ledger
            engine.queue.finish(Status.IGNORED)
    assert idle
    assert engine.ledger().ends[Status.IGNORED] == 2
    assert len(engine.results()) == 2


# --- waiting until nothing is left


def test_an_engine_with_nothing_to_do_is_idle() -> None:
    assert engine_of().wait_idle() is True


def test_waiting_for_events_without_a_worker_is_refused() -> None:
    engine = engine_of()
    engine.submit(event_of())
    with pytest.raises(EngineStopped, match="1 events wait and no worker runs; start the engine"):
        engine.wait_idle()


def test_waiting_ends_when_its_time_is_over() -> None:
    gate = Gate()
    with engine_of({"gate": gate}) as engine:
        gate.hold(engine)
        assert engine.wait_idle(SOON) is False
        gate.release.set()
        assert engine.wait_idle(PATIENCE) is True
        assert engine.ledger().in_flight == 0


def test_a_thread_that_waits_for_idleness_learns_of_the_stop() -> None:
    gate = Gate()
    engine = engine_of({"gate": gate})
    engine.start()
    gate.hold(engine, waiting=1)
    with Actor() as waiter, Actor() as stopper:
        waiting = waiter.begin(engine.wait_idle)
        stopping = stopper.begin(engine.stop, False)
        gate.release.set()
        with contextlib.suppress(EngineStopped):  # raised between the worker's end and the cancelling
            assert waiting.result() is True
        stopping.result()
    assert engine.ledger().in_flight == 0


def test_idle_means_that_every_result_is_there() -> None:
    with engine_of({"*": lambda *_: None}) as engine:
        for count in (1, 10, 100):
            engine.submit_many([event_of(number) for number in range(count)])
            assert engine.wait_idle(PATIENCE)
            assert [result.event.metadata["#"] for result in engine.results()] == list(range(count))


@pytest.mark.parametrize("method", ["wait_idle", "stop", "close"])
def test_a_handler_must_not_wait_for_its_own_engine(method: str) -> None:
    with engine_of({"joy": lambda event, state: getattr(engine, method)()}) as engine:
        engine.submit(event_of())
        assert engine.wait_idle(PATIENCE)
        (result,) = engine.results()
        assert engine.running
    assert result.error == "action: lifeevt.LifeEventError: a handler must not wait for its own engine"


@pytest.mark.parametrize("worker", [True, False], ids=["worker", "caller"])
def test_a_handler_that_submits_into_a_full_queue_does_not_wait(worker: bool) -> None:
    def action(event: Event, state: ThreadSafeSelfState) -> None:
        for number in (1, 2):
            engine.submit(event_of(number, "other"))

    clock = ManualClock()
    queue = AsyncEventQueue(1, "block", clock)
    engine = engine_of({"joy": action}, queue=queue, clock=clock)
    engine.submit(event_of())
    with Actor() as caller:
        if worker:
            engine.start()
        call = caller.begin(engine.wait_idle if worker else engine.process_pending)
        wait_until(lambda: queue.ledger().refused == 1 or (clock.waiting() == 1 and queue.full()))
        waited = queue.ledger().refused == 0
        if waited:
            queue.close()  # frees a thread that hangs
        call.result()
    engine.close()
    assert not waited
    failed = engine.results()[0]
    assert (failed.status, QueueFull.__name__ in str(failed.error)) == (Status.DEAD_LETTERED, True)
