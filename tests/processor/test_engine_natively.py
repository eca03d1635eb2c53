"""The engine without Python: events as arrays, results as a buffer, events as objects."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Iterable
from typing import Any

import pytest
from _backends.test_results import records
from actors import PATIENCE, together

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    EngineStopped,
    Event,
    EventProcessingResult,
    EventScheduler,
    EventType,
    EventTypes,
    Field,
    InvalidEvent,
    Priority,
    QueueClosed,
    QueueFull,
    Reflex,
    Status,
    ThreadSafeSelfState,
)
from lifeevt._backends.contract import MAX_TYPES

CRITICAL, HIGH, NORMAL, LOW = Priority
MS = 1_000_000
TIMES = {"queued_ns": 0, "started_ns": 0, "finished_ns": 0}


def engine_of(handlers: Any = None, **more: Any) -> AsyncEventProcessor:
    """An engine on the system's clock with one reflex, for ``hit``."""
    state = ThreadSafeSelfState({"energy": Field(100.0, 0.0, 100.0)})
    return AsyncEventProcessor(state, [Reflex("hit", 1.0, {"energy": -10.0})], handlers, **more)


def arrays(engine: AsyncEventProcessor, events: Iterable[tuple[str, float]]) -> tuple[Any, Any]:
    given = list(events)
    codes = array("i", [engine.type_id(name) for name, _ in given])
    return codes, array("d", [strength for _, strength in given])


def submitted(engine: AsyncEventProcessor, *events: tuple[str, float]) -> int:
    return engine.submit_arrays(*arrays(engine, events))


def timeless(results: list[EventProcessingResult]) -> list[EventProcessingResult]:
    return [dataclasses.replace(each, **TIMES) for each in results]


# events as arrays


def test_events_of_arrays_have_the_results_of_the_same_events_as_objects() -> None:
    given = [("hit", 0.5), ("joy", -0.25), ("hit", 0.0), ("hit", -1.0), ("social_conflict", 0.5)]
    by_arrays, by_objects = engine_of(), engine_of()
    stamps = array("d", [float(place) for place in range(len(given))])
    by_arrays.submit_arrays(*arrays(by_arrays, given), stamps)
    by_objects.submit_many(Event(name, strength, stamp) for (name, strength), stamp in zip(given, stamps, strict=True))
    for engine in (by_arrays, by_objects):
        assert engine.process_pending() == len(given)
    assert timeless(by_arrays.results()) == timeless(by_objects.results())
    assert by_arrays.state.snapshot() == by_objects.state.snapshot()
    assert by_arrays.ledger() == by_objects.ledger()


def test_the_worker_processes_arrays() -> None:
    with engine_of(queue=AsyncEventQueue(5000)) as engine:
        assert submitted(engine, *[("hit", 0.5)] * 2000) == 2000
        assert engine.wait_idle(PATIENCE)
        results = engine.results()
    assert [result.sequence for result in results] == list(range(2000))
    assert {result.status for result in results} == {Status.PROCESSED}
    assert all(result.queued_ns <= result.started_ns <= result.finished_ns for result in results)


def test_without_times_an_event_of_arrays_happened_now() -> None:
    engine = engine_of()
    before = engine.clock.wall_time()
    submitted(engine, ("hit", 0.5))
    engine.process_pending()
    assert before <= engine.results()[0].event.timestamp <= engine.clock.wall_time()


def test_a_handler_sees_an_event_of_arrays_as_an_event() -> None:
    seen: list[Event] = []
    engine = engine_of({"hit": lambda event, state: seen.append(event)})
    engine.submit_arrays(*arrays(engine, [("hit", 0.5)]), array("d", [12.5]))
    engine.process_pending()
    assert seen == [Event("hit", 0.5, 12.5)] == [engine.results()[0].event]


def test_victims_among_arrays_get_results() -> None:
    engine = engine_of(queue=AsyncEventQueue(2, "drop_oldest"))
    engine.submit(Event("idle", 0.5, 1.0, {"#": 7}))
    assert submitted(engine, ("idle", 0.1), ("idle", 0.2), ("idle", 0.3)) == 3
    shed = engine.results()
    assert [(each.status, each.event.intensity) for each in shed] == [(Status.SHED, 0.5), (Status.SHED, 0.1)]
    assert shed[0].event.metadata["#"] == 7 and engine.ledger().balanced


def test_arrays_that_do_not_fit_are_refused_and_do_not_block() -> None:
    for overflow in ("reject", "block", "drop_lowest"):
        engine = engine_of(queue=AsyncEventQueue(2, overflow))
        assert submitted(engine, *[("idle", 0.1)] * 5) == 2
        assert (engine.ledger().refused, engine.ledger().queued) == (3, 2)


def test_events_of_arrays_are_cancelled_as_events() -> None:
    engine = engine_of()
    submitted(engine, ("hit", 0.5), ("joy", 0.25))
    assert engine.stop() == 2
    assert {(each.event.type, each.status) for each in engine.results()} == {
        ("hit", Status.CANCELLED), ("joy", Status.CANCELLED),
    }  # fmt: skip


def test_a_queue_alone_gives_events_of_arrays_out_as_events() -> None:
    queue = AsyncEventQueue()
    code = queue.type_id("shock")
    assert queue.put_arrays(array("i", [code] * 2), array("d", [0.5, 1.0]), array("d", [1.0, 2.0])) == 2
    assert (queue.get(), queue.drain()) == (Event("shock", 0.5, 1.0), [Event("shock", 1.0, 2.0)])
    queue.close()
    with pytest.raises(QueueClosed):
        queue.put_arrays(array("i"), array("d"))


WRONG: dict[str, tuple[Any, ...]] = {
    "no such kind": (array("i", [7]), array("d", [0.5])),
    "no intensity": (array("i", [0]), array("d", [1.5])),
    "not a number": (array("i", [0]), array("d", [float("nan")])),
    "no time": (array("i", [0]), array("d", [0.5]), array("d", [1e15])),
    "lengths": (array("i", [0]), array("d")),
    "lists": ([0], [0.5]),
    "no length": (5, array("d", [0.5])),
    "nothing": (None, None),
    "floats": (array("i", [0]), array("f", [0.5])),
    "gaps": (memoryview(array("i", [0, 0, 0]))[::2], array("d", [0.5, 0.5])),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arrays_are_refused_whole(name: str) -> None:
    engine = engine_of()
    engine.type_id("hit")
    with pytest.raises(InvalidEvent):
        engine.submit_arrays(*WRONG[name])
    assert engine.ledger().accepted == 0


def test_a_stopped_engine_takes_no_arrays() -> None:
    engine = engine_of()
    given = arrays(engine, [("hit", 0.5)])
    engine.stop()
    with pytest.raises(EngineStopped):
        engine.submit_arrays(*given)
    engine.start()
    assert engine.submit_arrays(*given) == 1
    engine.close()
    with pytest.raises(EngineStopped):
        engine.submit_arrays(*given)


def test_arrays_that_are_written_meanwhile_still_make_events() -> None:
    engine = engine_of(queue=AsyncEventQueue(60_000), result_capacity=60_000)
    code = engine.type_id("hit")
    types, strengths, stamps = array("i", [code] * 50_000), array("d", [0.5] * 50_000), array("d", [1.0] * 50_000)
    rubbish = ((types, -7, code), (strengths, float("nan"), 0.5), (stamps, float("inf"), 1.0))
    taken: list[int] = []

    def write() -> None:
        for place in range(49_999, 0, -7):
            for column, wrong, right in rubbish:
                column[place] = wrong
                column[place] = right

    def submit() -> None:
        try:
            taken.append(engine.submit_arrays(types, strengths, stamps))
        except InvalidEvent:
            taken.append(0)

    together(write, submit)
    assert engine.process_pending(60_000) == taken[0]
    assert all(-1.0 <= result.event.intensity <= 1.0 for result in engine.results())


# numbers of types


def test_a_type_has_one_number_for_ever() -> None:
    engine = engine_of()
    codes = [engine.type_id(name) for name in ("hit", "joy", "hit")]
    engine.submit(Event("new"))
    assert [*codes, engine.type_id("joy"), engine.type_id("new")] == [0, 1, 0, 1, 2]
    assert engine.queue.type_id("joy") == 1


def test_more_types_than_there_are_numbers_take_the_way_through_python() -> None:
    engine = engine_of(queue=AsyncEventQueue(8192))
    for number in range(MAX_TYPES):
        engine.type_id(f"type {number}")
    with pytest.raises(QueueFull, match="4096 event types"):
        engine.type_id("hit")
    engine.submit(Event("hit", 1.0))
    engine.submit_many([Event("hit", 1.0), Event("type 7", 0.5)])
    assert engine.process_pending() == 3
    results = engine.results()
    assert sorted(each.event.type for each in results) == ["hit", "hit", "type 7"]
    assert engine.state["energy"] == 80.0


def test_types_known_before_the_engine_came_are_ranked_as_the_engine_ranks() -> None:
    queue = AsyncEventQueue()
    code = queue.type_id("collision")
    types = EventTypes([EventType("collision", CRITICAL, 5 * MS)])
    engine = engine_of(queue=queue, scheduler=EventScheduler(types=types))
    assert engine.type_id("collision") == code
    engine.submit(Event("collision", 0.5))
    engine.submit_many([Event("collision", 0.5)])
    submitted(engine, ("collision", 0.5))
    engine.process_pending()
    assert [each.priority for each in engine.results()] == [CRITICAL] * 3
    assert engine.scheduler.statistics().levels[CRITICAL].finished == 3


# results as a buffer


def test_the_buffer_equals_the_results() -> None:
    first, second = engine_of({"joy": lambda *_: None}), engine_of({"joy": lambda *_: None})
    for engine in (first, second):
        submitted(engine, ("hit", 0.5), ("joy", 0.5), ("hit", 0.0))
        engine.submit(Event("hit", -1.0, 3.0))
        engine.process_pending()
    results, found = first.results(), records(second.results_buffer())
    for result, record in zip(results, found, strict=True):
        assert record["type_id"] == second.type_id(result.event.type)
        assert [record[name] for name in ("sequence", "status", "level", "intensity", "version_before", "version")] == [
            result.sequence, result.status, result.priority, result.event.intensity, result.state_version_before,
            result.state_version,
        ]  # fmt: skip
    assert found[-1]["applied"][0] == -10.0


def test_results_in_a_buffer_are_taken() -> None:
    engine = engine_of()
    submitted(engine, *[("hit", 0.5)] * 5)
    engine.process_pending()
    assert len(engine.results_buffer(2)) == 2
    assert len(engine.results(2)) == 2
    assert (len(engine.results_buffer()), len(engine.results_buffer()), engine.results()) == (1, 0, [])
    with pytest.raises(ValueError, match="limit is -1"):
        engine.results_buffer(-1)


# events as objects


def test_an_internal_event_of_an_unknown_type_is_low() -> None:
    engine = engine_of()
    internal = {"internal": True}
    engine.submit_many([Event("odd"), Event("odd", metadata=internal), Event("shock", metadata=internal)])
    engine.submit(Event("odd", metadata=internal))
    engine.process_pending()
    assert [each.priority for each in engine.results()] == [CRITICAL, NORMAL, LOW, LOW]


def test_an_events_own_priority_is_its_level_and_not_its_place() -> None:
    engine = engine_of()
    engine.submit(Event("idle", 0.1))
    engine.submit(Event("idle", 0.2, priority=CRITICAL))
    engine.submit_many([Event("idle", 0.3, priority=LOW)])
    engine.process_pending()
    results = engine.results()
    assert [(each.event.intensity, each.priority) for each in results] == [(0.1, NORMAL), (0.2, CRITICAL), (0.3, LOW)]
    assert engine.scheduler.statistics().levels[CRITICAL].finished == 1


def test_urgency_waives_a_share_of_the_budget() -> None:
    engine = engine_of()
    engine.submit(Event("memory_echo", 0.1))  # 200 ms
    engine.submit(Event("memory_echo", 0.2, urgency=0.5))
    engine.submit_many([Event("memory_echo", 0.3, urgency=1.0)])
    engine.process_pending()
    assert [each.event.intensity for each in engine.results()] == [0.3, 0.2, 0.1]


def test_an_event_of_a_users_class_comes_back_as_it_is() -> None:
    class Mine(Event):
        __slots__ = ()

    engine = engine_of()
    engine.submit(Mine("hit", 1.0))
    engine.process_pending()
    assert type(engine.results()[0].event) is Mine and engine.state["energy"] == 90.0
