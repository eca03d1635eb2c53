"""The package in use, as a type checker sees it; checked, and run, by test_typing.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    BatchPolicy,
    Event,
    EventProcessingResult,
    EventScheduler,
    EventType,
    EventTypes,
    Field,
    Handler,
    ManualClock,
    Priority,
    Reflex,
    RuntimeLoop,
    Status,
    ThreadSafeSelfState,
    Tick,
    backend,
)
from lifeevt.processor import ProcessorStatistics, ReflexSet
from lifeevt.runtime import LoopStatistics
from lifeevt.state import DeltaReport, StateSnapshot

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:

    def assert_type(value: object, _: object) -> object:
        return value


def meaning(event: Event, state: ThreadSafeSelfState) -> float:
    return abs(event.intensity) * float(state["energy"])


def decision(event: Event, meaning: float, state: ThreadSafeSelfState) -> str:
    return "rest" if meaning < 1.0 else "act"


def action(event: Event, decision: str, state: ThreadSafeSelfState) -> int:
    return state.apply_delta({"energy": -1.0})


def write(events: list[Event], decisions: list[Any], state: ThreadSafeSelfState) -> list[int]:
    return [len(events)] * len(events)


def on_tick(tick: Tick) -> None:
    assert_type(tick.results, list[EventProcessingResult])
    for result in tick.results:
        assert_type(result.status, Status)
        assert_type(result.priority, Priority)
        assert_type(result.latency_ns, int)


def main() -> LoopStatistics:
    clock = ManualClock()
    event = Event("greeting", 0.5, timestamp=0.0, metadata={"from": "afar"}, priority=Priority.HIGH)
    assert_type(event.metadata, Mapping[str, Any])
    assert_type(Event.from_dict(event.to_dict()), Event)

    types = EventTypes([EventType("greeting", Priority.HIGH, 10_000_000)])
    queue = AsyncEventQueue(16, "reject", clock)
    assert_type(queue, AsyncEventQueue)
    assert_type(queue.put(event), bool)
    assert_type(queue.get(), Event)
    assert_type(queue.drain(), list[Event])

    state = ThreadSafeSelfState({"energy": Field(100.0, low=0.0, high=100.0)})
    assert_type(state, ThreadSafeSelfState)
    assert_type(state.apply_delta({"energy": 1.0}), int)
    assert_type(state.apply_delta({"energy": 1.0}, report=True), DeltaReport)
    assert_type(state.transact(lambda t: 1), int)
    assert_type(state.snapshot(), StateSnapshot)
    assert_type(backend, str)

    engine = AsyncEventProcessor(
        state,
        ReflexSet([Reflex("greeting", 1.0, {"energy": 0.5})]),
        {
            "greeting": Handler(meaning, decision, action),
            "log": Handler(action=write, batch=BatchPolicy(9)),
            "*": lambda event, state: None,
        },
        queue,
        EventScheduler(types=types),
    )
    assert_type(engine, AsyncEventProcessor)
    assert_type(engine.submit(event), bool)
    assert_type(engine.submit_many([event]), int)
    assert_type(engine.statistics(), ProcessorStatistics)
    assert_type(engine.process_pending(), int)
    return RuntimeLoop(state, engine, 0.1, on_tick, "sync").run(0)


def mistakes(state: ThreadSafeSelfState, queue: AsyncEventQueue) -> None:
    """Mistakes that the checker must report; an unneeded ignore is an error of its own."""
    Event(5)  # type: ignore[arg-type]
    Event("greeting", colour="red")  # type: ignore[call-arg]
    Event("greeting").intensity = 0.5  # type: ignore[misc]
    queue.put("greeting")  # type: ignore[arg-type]
    state.apply_delta({"energy": "full"})  # type: ignore[dict-item]
    state.snapshot()["energy"] = 1.0  # type: ignore[index]
    AsyncEventProcessor(state, handlers={"*": 5})  # type: ignore[dict-item]


if __name__ == "__main__":
    print(main().ticks)
