"""Rate limits of a queue, by type and by source, on the queue's clock, and the reasons of refusals."""

from __future__ import annotations

import asyncio
import threading
from array import array
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    Event,
    EventScheduler,
    EventType,
    EventTypes,
    Field,
    ManualClock,
    Priority,
    QueueFull,
    RateLimit,
    ThreadSafeSelfState,
)
from lifeevt._backends import Submitter
from lifeevt.queue import Admission

MS = 1_000_000
NOISE = EventType("noise", Priority.LOW, 10 * MS, rate_limit=RateLimit(3, 1.0), source_limit=RateLimit(2, 1.0))


def queue_of(overflow: str = "drop_lowest", capacity: int = 100) -> AsyncEventQueue:
    types = EventTypes([NOISE])
    return AsyncEventQueue(capacity, overflow, ManualClock(), rank=types.rank)


def noise(source: str | None, name: str = "noise") -> Event:
    return Event(name, source=source)


def test_a_source_and_a_whole_family_are_limited() -> None:
    queue = queue_of()
    came = [queue.put(noise(source, name)) for source, name in
            (("a", "noise"), ("a", "noise_low"), ("a", "noise"), ("b", "noise"), ("b", "noise"))]  # fmt: skip
    assert came == [True, True, False, True, False]
    assert queue.put(Event("joy")) and queue.statistics().limited == 2
    assert queue.ledger().accepted == 4 and queue.ledger().balanced


def test_tokens_come_with_the_time_of_the_queues_clock() -> None:
    queue = queue_of()
    assert [queue.put(noise("a")) for _ in range(3)] == [True, True, False]
    queue.clock.advance(0.5)  # type: ignore[attr-defined]
    assert [queue.put(noise("a")) for _ in range(2)] == [True, False]


def test_many_events_at_once_are_limited_as_single_ones() -> None:
    queue = queue_of()
    assert queue.put_many([noise("a"), noise("a"), noise("a"), Event("joy"), noise("b"), noise("b")]) == 4


@pytest.mark.parametrize("overflow", ["reject", "block"])
def test_a_put_that_may_block_does_not_wait_for_tokens(overflow: str) -> None:
    queue = queue_of(overflow)
    queue.put_many([noise("a"), noise("a")])
    with pytest.raises(QueueFull, match="'noise' from 'a' comes more often than its limit allows"):
        queue.put(noise("a"))
    receipt = queue.put_tracked(noise("a"))
    assert (receipt.admission, bool(receipt)) == (Admission.REFUSED, False)
    assert "more often" in receipt.reason
    assert not asyncio.run(queue.put_async(noise("a")))


def test_an_event_that_waits_for_room_takes_one_token() -> None:
    queue = queue_of("block", capacity=1)
    queue.put(Event("joy"))
    receipt = queue.put_tracked(noise("a"), timeout=0.0)
    assert not receipt and "queue holds 1 of 1" in receipt.reason
    queue.get()
    assert queue.put(noise("a"))
    queue.get()
    assert not queue.put_tracked(noise("a"), timeout=0.0), "the first one's token is gone, though it found no room"


def test_a_limit_that_is_added_holds_for_a_running_engine() -> None:
    types, state = EventTypes.life(), ThreadSafeSelfState({"energy": Field(1.0)})
    engine = AsyncEventProcessor(state, [], scheduler=EventScheduler(types=types))
    assert all(engine.submit(noise("flood")) for _ in range(5))
    types.add(EventType("noise", Priority.LOW, 10 * MS, source_limit=RateLimit(1, 1000.0)))
    came: list[Any] = [engine.submit(noise("flood")) for _ in range(3)] + [engine.submit(noise("other"))]
    assert came == [True, False, False, True]
    assert engine.submit(Event("shock", source="flood"))


# --- numbers, and events that the backend admits by itself

EIGHT = RateLimit(8, 1.0)
CHATTER = EventType("chatter", Priority.LOW, 10 * MS, rate_limit=EIGHT)
STILL = RateLimit(8, 1e9)  # no token comes while a test runs


def chatting(kind: EventType = CHATTER, clock: Any = None, **more: Any) -> AsyncEventQueue:
    types = EventTypes([kind])
    scheduler = EventScheduler(types=types)
    state = ThreadSafeSelfState({"energy": Field(1.0)})
    queue = AsyncEventQueue(100, clock=clock, **more)
    AsyncEventProcessor(state, [], queue=queue, scheduler=scheduler)
    return queue


def numbers(queue: AsyncEventQueue, *names: str) -> int:
    return queue.put_arrays(array("i", [queue.type_id(name) for name in names]), array("d", [0.5] * len(names)))


def test_every_way_in_draws_from_the_bucket_of_the_type(backend: str) -> None:
    queue = chatting(replace(CHATTER, rate_limit=STILL))
    submitter = Submitter(queue.heap, queue.type_table)
    assert numbers(queue, "chatter", "chatter_low") == 2
    assert queue.put(Event("chatter")) and queue.put_nowait(Event("chatter_low"))
    assert queue.put_many([Event("chatter"), Event("joy")]) == 2
    assert submitter.submit(queue.type_id("chatter_high"), 0.5)
    assert queue.put_tracked(Event("chatter")) and queue.put(Event("chatter"))
    assert not queue.put(Event("chatter")) and not queue.put_tracked(Event("chatter_low"))
    assert queue.put_many([Event("chatter"), Event("chatter_low")]) == 0
    assert not submitter.submit(queue.type_id("chatter"), 0.5) and numbers(queue, "chatter_low") == 0
    assert queue.statistics().limited == 6
    assert (queue.ledger().accepted, queue.ledger().refused, queue.ledger().balanced) == (9, 0, True)


def test_of_an_array_only_the_events_above_the_limit_are_refused() -> None:
    clock = ManualClock()
    queue = chatting(clock=clock)
    assert numbers(queue, *["chatter", "joy"] * 10) == 18
    clock.advance(0.25)
    assert numbers(queue, *["chatter"] * 10) == 2
    assert queue.statistics().limited == 10
    assert [each.type for each in queue.drain()].count("chatter") == 10


def test_a_source_limit_does_not_hold_for_events_without_a_source() -> None:
    queue = chatting(replace(CHATTER, rate_limit=EIGHT, source_limit=RateLimit(1, 1e9)), ManualClock())
    assert numbers(queue, *["chatter"] * 10) == 8
    assert not queue.put(Event("chatter", source="a"))


@pytest.mark.parametrize("overflow", ["reject", "block"])
def test_a_refusal_by_a_rate_limit_has_a_reason(overflow: str) -> None:
    queue = chatting(replace(CHATTER, rate_limit=STILL), overflow=overflow)
    assert all(queue.put(Event("chatter")) for _ in range(8))
    for put in (queue.put, queue.put_nowait):
        with pytest.raises(QueueFull, match="comes more often than its limit allows"):
            put(Event("chatter"))
    assert queue.put_many([Event("chatter"), Event("joy")]) == 1
    assert numbers(queue, "chatter") == 0


def test_a_limited_type_is_processed_by_its_reflex_without_python(backend: str) -> None:
    queue = chatting(replace(CHATTER, rate_limit=STILL))
    assert queue.put(Event("chatter")), "which learns the type"
    queue.get()
    assert queue.put(Event("chatter"))
    entry = queue.heap.pop()
    assert entry is not None and (type(entry[0]) is Event) == (backend == "native")


def test_limits_change_for_numbers_and_events_alike() -> None:
    clock, types = ManualClock(), EventTypes([CHATTER])
    queue = AsyncEventQueue(100, clock=clock, rank=types.rank)
    assert numbers(queue, *["chatter"] * 9) == 8
    types.add(EventType("joy", Priority.LOW, 10 * MS))
    assert numbers(queue, "chatter") == 0, "another type's coming leaves the bucket alone"
    types.add(replace(CHATTER, rate_limit=RateLimit(2, 1.0)))
    assert [numbers(queue, "chatter"), queue.put(Event("chatter")), queue.put(Event("chatter"))] == [1, True, False]
    types.add(replace(CHATTER, rate_limit=None))
    assert numbers(queue, *["chatter"] * 9) == 9 and queue.put(Event("chatter"))
    types.add(EventType("chatter_low", Priority.LOW, 10 * MS, rate_limit=RateLimit(1, 1.0)))
    assert numbers(queue, "chatter_low", "chatter_low", "chatter", "chatter") == 3


def test_the_limit_of_all_other_types_holds_for_numbers() -> None:
    queue = chatting(EventType("*", Priority.LOW, 10 * MS, rate_limit=EIGHT), ManualClock())
    assert numbers(queue, *["joy", "fear"] * 8) == 8
    assert not queue.put(Event("noise"))


def test_threads_that_put_numbers_and_events_get_no_more_tokens_than_there_are(backend: str) -> None:
    queue = chatting(replace(CHATTER, rate_limit=RateLimit(50, 1e9)))
    submitter, code = Submitter(queue.heap, queue.type_table), queue.type_id("chatter")
    ways: list[Callable[[], int]] = [
        lambda: numbers(queue, "chatter", "chatter"),
        lambda: submitter.submit(code, 0.5),
        lambda: queue.put(Event("chatter")),
        lambda: bool(queue.put_tracked(Event("chatter"))),
    ]
    start, came = threading.Barrier(len(ways)), list[int]()

    def bring(way: Callable[[], int]) -> None:
        start.wait()
        came.extend(way() for _ in range(40))

    threads = [threading.Thread(target=bring, args=(way,)) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(came) == queue.ledger().accepted == 50
    assert queue.statistics().limited == 40 * (len(ways) + 1) - 50
