"""Rate limits at the queue's door: by type and by source, on the queue's clock, and what the sender is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lifeevt import (
    Admission,
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

MS = 1_000_000
NOISE = EventType("noise", Priority.LOW, 10 * MS, rate_limit=RateLimit(3, 1.0), source_limit=RateLimit(2, 1.0))


def queue_of(backend: str, overflow: str = "drop_lowest", capacity: int = 100) -> AsyncEventQueue:
    types = EventTypes([NOISE])
    return AsyncEventQueue(capacity, overflow, ManualClock(), rank=types.rank, backend=backend)


def noise(source: str | None, name: str = "noise") -> Event:
    return Event(name, source=source)


def test_a_source_and_a_whole_family_are_limited(backend: str) -> None:
    queue = queue_of(backend)
    came = [queue.put(noise(source, name)) for source, name in
            (("a", "noise"), ("a", "noise_low"), ("a", "noise"), ("b", "noise"), ("b", "noise"))]  # fmt: skip
    assert came == [True, True, False, True, False]
    assert queue.put(Event("joy")) and queue.statistics().limited == 2
    assert queue.ledger().accepted == 4 and queue.ledger().balanced


def test_tokens_come_with_the_time_of_the_queues_clock(backend: str) -> None:
    queue = queue_of(backend)
    assert [queue.put(noise("a")) for _ in range(3)] == [True, True, False]
    queue.clock.advance(0.5)  # type: ignore[attr-defined]
    assert [queue.put(noise("a")) for _ in range(2)] == [True, False]


def test_many_events_at_once_are_limited_as_single_ones(backend: str) -> None:
    queue = queue_of(backend)
    assert queue.put_many([noise("a"), noise("a"), noise("a"), Event("joy"), noise("b"), noise("b")]) == 4


@pytest.mark.parametrize("overflow", ["reject", "block"])
def test_who_may_wait_is_told_and_does_not_wait_for_tokens(backend: str, overflow: str) -> None:
    queue = queue_of(backend, overflow)
    queue.put_many([noise("a"), noise("a")])
    with pytest.raises(QueueFull, match="'noise' from 'a' comes more often than its limit allows"):
        queue.put(noise("a"))
    receipt = queue.put_tracked(noise("a"))
    assert (receipt.admission, bool(receipt)) == (Admission.REFUSED, False)
    assert "more often" in receipt.reason
    assert not asyncio.run(queue.put_async(noise("a")))


def test_an_event_that_waits_for_room_takes_one_token(backend: str) -> None:
    queue = queue_of(backend, "block", capacity=1)
    queue.put(Event("joy"))
    receipt = queue.put_tracked(noise("a"), timeout=0.0)
    assert not receipt and "queue holds 1 of 1" in receipt.reason
    queue.get()
    assert queue.put(noise("a"))
    queue.get()
    assert not queue.put_tracked(noise("a"), timeout=0.0), "the first one's token is gone, though it found no room"


def test_a_limit_that_is_added_holds_for_a_running_engine(backend: str) -> None:
    types, state = EventTypes.life(), ThreadSafeSelfState({"energy": Field(1.0)}, backend=backend)
    engine = AsyncEventProcessor(state, [], scheduler=EventScheduler(types=types, backend=backend))
    assert all(engine.submit(noise("flood")) for _ in range(5))
    types.add(EventType("noise", Priority.LOW, 10 * MS, source_limit=RateLimit(1, 1000.0)))
    came: list[Any] = [engine.submit(noise("flood")) for _ in range(3)] + [engine.submit(noise("other"))]
    assert came == [True, False, False, True]
    assert engine.submit(Event("shock", source="flood"))
