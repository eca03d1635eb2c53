"""asyncio: coroutines that wait for events, for room and for results, and handlers that are coroutines."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import threading
from collections.abc import Coroutine
from typing import Any

import pytest
from actors import Actor

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    Event,
    Handler,
    ManualClock,
    QueueClosed,
    Status,
    ThreadSafeSelfState,
)
from lifeevt.queue import async_waiting

PATIENCE = 30.0
FORMS = {"pipe": async_waiting._open_pipe}
if hasattr(os, "eventfd"):  # Linux alone has it
    FORMS["eventfd"] = async_waiting._open_eventfd


@pytest.fixture(autouse=True, params=FORMS)
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test with each form of the file that wakes event loops."""
    monkeypatch.setattr(async_waiting, "open_files", FORMS[request.param])


def event_of(number: int = 0, kind: str = "joy") -> Event:
    return Event(kind, 0.5, 0.0, {"#": number})


def queue_of(**more: Any) -> AsyncEventQueue:
    return AsyncEventQueue(**more)


def engine_of(handlers: Any, **more: Any) -> AsyncEventProcessor:
    return AsyncEventProcessor(ThreadSafeSelfState({}), [], handlers, **more)


def run(main: Coroutine[Any, Any, Any]) -> Any:
    async def limited() -> Any:
        return await asyncio.wait_for(main, PATIENCE)

    return asyncio.run(limited())


# --- taking


def test_a_queued_event_is_taken_at_once() -> None:
    queue = queue_of()
    queue.put(event_of(3))
    assert run(queue.get_async()) == event_of(3)


@pytest.mark.parametrize("clock", [None, ManualClock()], ids=["machine", "manual"])
def test_another_thread_wakes_a_waiting_coroutine(clock: Any) -> None:
    queue = queue_of(clock=clock)

    async def main(other: Actor) -> Any:
        waiting = asyncio.create_task(queue.get_async())
        await turns()
        other.do(queue.put, event_of(7))
        return await waiting

    with Actor() as other:
        assert run(main(other)) == event_of(7)


def test_an_event_that_comes_as_a_number_wakes_a_coroutine() -> None:
    engine = engine_of(None)
    code = engine.type_id("joy")

    async def main() -> Any:
        waiting = asyncio.create_task(engine.queue.get_async())
        await turns()
        engine.submitter().submit(code, 0.5, 0.0)
        return await waiting

    assert run(main()).intensity == 0.5


def test_many_waiting_coroutines_get_one_event_each() -> None:
    queue = queue_of()

    async def main() -> list[Event]:
        waiting = [asyncio.create_task(queue.get_async()) for _ in range(20)]
        await turns()
        for number in range(20):
            queue.put(event_of(number))
        return await asyncio.gather(*waiting)

    assert sorted(event.metadata["#"] for event in run(main())) == list(range(20))


def test_loops_in_several_threads_share_one_queue() -> None:
    queue, count = queue_of(capacity=2_000), 300
    taken: list[list[int]] = [[], [], []]

    async def take(into: list[int]) -> None:
        async for event in queue:
            into.append(event.metadata["#"])

    threads = [threading.Thread(target=run, args=(take(into),), daemon=True) for into in taken]
    for thread in threads:
        thread.start()
    for number in range(count):
        queue.put(event_of(number))
    queue.close()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert sorted(number for each in taken for number in each) == list(range(count))


def test_a_wait_that_is_cancelled_takes_nothing() -> None:
    queue = queue_of()

    async def main() -> None:
        waiting = asyncio.create_task(queue.get_async())
        await turns()
        waiting.cancel()
        queue.put(event_of(1))
        with pytest.raises(asyncio.CancelledError):
            await waiting

    run(main())
    assert queue.get_nowait() == event_of(1)


def test_closing_ends_a_wait() -> None:
    queue = queue_of()

    async def main() -> None:
        waiting = asyncio.create_task(queue.get_async())
        await turns()
        queue.close()
        with pytest.raises(QueueClosed):
            await waiting

    run(main())


def test_a_due_event_wakes_a_coroutine() -> None:
    queue = queue_of()
    queue.put_tracked(event_of(1), delay=0.01)
    assert run(queue.get_async()) == event_of(1)


def test_a_wait_that_is_over_costs_the_heap_nothing() -> None:
    queue = queue_of()
    queue.put(event_of(1))
    run(queue.get_async())
    epoch = queue.heap.watch(False)
    queue.heap.unwatch(False)
    queue.put(event_of(2))
    assert queue.heap.watch(False) == epoch
    queue.heap.unwatch(False)


def test_more_changes_than_a_pipe_holds_wake_a_coroutine() -> None:
    queue = queue_of(capacity=20_000)

    async def main() -> Event:
        queue.pause()
        waiting = asyncio.create_task(queue.get_async())
        await turns()
        for number in range(10_000):
            queue.put(event_of(number))
        await turns()
        assert not waiting.done()
        queue.resume()
        return await waiting

    assert run(main()).metadata["#"] == 0


def test_the_files_are_closed_with_the_queue() -> None:
    queue = queue_of()
    queue.put(event_of(1))
    run(queue.get_async())
    files = queue.async_waiting._files
    assert files is not None
    del queue
    gc.collect()
    for file in files:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(file)


# --- putting


def test_a_wait_for_room_does_not_block_the_loop() -> None:
    queue = queue_of(capacity=1, overflow="block")
    queue.put(event_of(1))

    async def main() -> Any:
        waiting = asyncio.create_task(queue.put_async(event_of(2)))
        await turns()
        assert not waiting.done()
        assert queue.get_nowait() == event_of(1)
        return await waiting

    assert run(main()).event == event_of(2)
    assert queue.get_nowait() == event_of(2)


def test_without_block_an_event_is_refused_at_once() -> None:
    queue = queue_of(capacity=1, overflow="reject")
    queue.put(event_of(1))
    assert not run(queue.put_async(event_of(2)))


def test_an_engine_returns_a_result_within_a_loop() -> None:
    async def main() -> Any:
        async with engine_of({"joy": lambda event, state: event.metadata["#"]}) as engine:
            return (await (await engine.submit_async(event_of(4)))).action

    assert run(main()) == 4


# --- handlers


def test_a_coroutine_handler_runs_on_the_loop_and_others_go_on() -> None:
    async def main() -> Any:
        go = asyncio.Event()

        async def slow(event: Event, state: Any) -> Any:
            await go.wait()
            return threading.get_ident()

        async with engine_of({"slow": slow, "joy": lambda *_: threading.get_ident()}) as engine:
            first, second = engine.submit_tracked(event_of(0, "slow")), engine.submit_tracked(event_of())
            here = (await second).action
            assert (first.done, engine.ledger().running) == (False, 1)
            go.set()
            there = (await first).action
            return here, there, engine.ledger()

    here, there, ledger = run(main())
    assert there == threading.get_ident() != here
    assert (ledger.balanced, ledger.ends[Status.PROCESSED], ledger.running) == (True, 2, 0)


def test_stages_may_be_coroutines_or_not() -> None:
    async def decide(event: Event, meaning: Any, state: Any) -> Any:
        return f"{meaning}, decided"

    handler = Handler(lambda *_: "meant", decide, lambda event, decision, state: decision + ", done")

    async def main() -> Any:
        async with engine_of({"joy": handler}) as engine:
            engine.submit(event_of())
            result = await engine.submit_tracked(event_of())
            return result

    result = run(main())
    assert (result.meaning, result.decision, result.action) == ("meant", "meant, decided", "meant, decided, done")


def test_a_failing_coroutine_ends_its_event_and_nothing_else() -> None:
    async def fail(event: Event, state: Any) -> None:
        raise ValueError("no")

    async def main() -> Any:
        async with engine_of({"joy": fail}) as engine:
            return await engine.submit_tracked(event_of()), engine.statistics().handler_errors

    result, errors = run(main())
    assert (result.status, result.error, errors) == (Status.DEAD_LETTERED, "action: ValueError: no", 1)


def test_without_a_loop_a_coroutine_handler_fails_with_the_reason() -> None:
    async def never(event: Event, state: Any) -> None:
        raise AssertionError

    engine = engine_of({"joy": never}, clock=ManualClock())
    receipt = engine.submit_tracked(event_of())
    engine.process_pending()
    assert "needs an event loop" in str(receipt.result(0.0).error)


def test_a_coroutine_handler_runs_in_the_context_of_the_submitter() -> None:
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")

    async def tell(event: Event, state: Any) -> str:
        return who.get()

    async def main() -> Any:
        async with engine_of({"joy": tell}) as engine:
            who.set("submitter")
            receipt = engine.submit_tracked(event_of())
            who.set("somebody else")
            return (await receipt).action

    assert run(main()) == "submitter"


def test_the_next_of_a_key_waits_for_the_coroutine_before_it() -> None:
    seen: list[Any] = []

    async def main() -> None:
        go = asyncio.Event()

        async def handle(event: Event, state: Any) -> None:
            seen.append(("starts", event.metadata["#"]))
            await go.wait()
            seen.append(("ends", event.metadata["#"]))

        async with engine_of({"joy": handle}) as engine:
            receipts = [engine.submit_tracked(event_of(number), key="a") for number in range(2)]
            while not seen:
                await turns()
            go.set()
            for receipt in receipts:
                await receipt

    run(main())
    assert seen == [("starts", 0), ("ends", 0), ("starts", 1), ("ends", 1)]


def test_stopping_without_draining_gives_up_the_coroutines() -> None:
    async def main() -> Any:
        started = asyncio.Event()

        async def hang(event: Event, state: Any) -> None:
            started.set()
            await asyncio.Event().wait()

        engine = engine_of({"joy": hang})
        engine.loop = asyncio.get_running_loop()
        engine.start()
        receipt = engine.submit_tracked(event_of())
        await started.wait()
        engine.stop(drain=False)
        return await receipt, engine.ledger()

    result, ledger = run(main())
    assert (result.status, result.error) == (Status.DEAD_LETTERED, "action: the engine stopped")
    assert (ledger.balanced, ledger.in_flight) == (True, 0)


async def turns(count: int = 5) -> None:
    """Let the other tasks of the loop run for some iterations."""
    for _ in range(count):
        turn = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(turn.set_result, None)
        await turn
