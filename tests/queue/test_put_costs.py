"""The cost of taking in one event: one reading of the clock, and one look-up of its type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lifeevt import AsyncEventProcessor, AsyncEventQueue, Event, EventTypes, Field, ManualClock, ThreadSafeSelfState
from lifeevt.queue.type_ids import TypeIds
from lifeevt.scheduler import EventScheduler

LOOK_UPS = [(EventTypes, "named"), (EventTypes, "resolve"), (TypeIds, "find"), (TypeIds, "learn")]


class CountingClock(ManualClock):
    """A clock that counts how often it is read."""

    readings = 0

    def now_ns(self) -> int:
        self.readings += 1
        return super().now_ns()


class NoTable:
    """A backend's table that refuses every call."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the table was asked for {name}")


def count_look_ups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record each look-up of a type in the returned list."""
    noted: list[str] = []

    def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*arguments: Any) -> Any:
            noted.append(name)
            return call(*arguments)

        return noting

    for owner, name in LOOK_UPS:
        monkeypatch.setattr(owner, name, counted(name, getattr(owner, name)))
    return noted


def calls(clock: CountingClock, how: str) -> tuple[Callable[[Event], object], AsyncEventQueue]:
    if how in ("put", "put_nowait", "put when it may wait"):
        queue = AsyncEventQueue(clock=clock, overflow="block" if how == "put when it may wait" else "drop_lowest")
        return queue.put_nowait if how == "put_nowait" else queue.put, queue
    state = ThreadSafeSelfState({"energy": Field(1.0)})
    engine = AsyncEventProcessor(state, [], clock=clock, scheduler=EventScheduler("deadline"))
    return engine.submit, engine.queue


@pytest.mark.parametrize("how", ["put", "put_nowait", "put when it may wait", "submit"])
@pytest.mark.parametrize("event", [Event("shock"), Event("recovery", urgency=0.5), Event("of no known type")])
def test_an_event_is_taken_in_with_one_reading_and_one_look_up(
    how: str, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = CountingClock()
    take_in, queue = calls(clock, how)
    take_in(event)  # the first event of a type is looked up by its name
    monkeypatch.setattr(queue.type_ids, "table", NoTable())
    clock.readings, look_ups = 0, count_look_ups(monkeypatch)
    take_in(event)
    assert (clock.readings, look_ups) == (1, ["find"])
    assert queue.qsize() == 2
