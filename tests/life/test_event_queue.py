"""Life's queue: section 3 of its contract, and the same events by urgency."""

from __future__ import annotations

import logging
import queue as std
from itertools import pairwise
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from actors import together
from hypothesis import given, strategies as st
from life.double import Event

from lifeevt import AsyncEventProcessor, ManualClock, ThreadSafeSelfState
from lifeevt.life import EventQueue, SilenceDetector

NAMES = ("shock", "noise", "recovery", "decay", "idle")


def made(**given: Any) -> EventQueue:
    return EventQueue(clock=ManualClock(wall_start=1000.0), **given)


def event(name: str = "noise", **given: Any) -> Event:
    return Event(name, given.pop("intensity", 0.1), given.pop("timestamp", 1.0), **given)


def filled(names: tuple[str, ...] = NAMES, **given: Any) -> tuple[EventQueue, list[Event]]:
    queue, events = made(**given), [event(name) for name in names]
    for each in events:
        queue.push(each)
    return queue, events


# order


def test_events_of_all_types_leave_in_the_order_of_arrival_as_the_objects_that_came() -> None:
    queue, events = filled()
    assert queue.pop() is events[0]
    rest = queue.pop_all()
    assert [id(each) for each in rest] == [id(each) for each in events[1:]]
    assert (queue.pop(), queue.pop_all(), queue.get_all()) == (None, [], [])


@given(ops=st.lists(st.one_of(st.sampled_from(NAMES), st.sampled_from(["pop", "pop_all"])), max_size=40))
@pytest.mark.parametrize("adopted", [False, True], ids=["alone", "beside an engine"])
def test_the_queue_is_first_in_first_out_for_any_pushes_and_pops(adopted: bool, ops: list[str]) -> None:
    queue, model = made(maxsize=7), list[Event]()
    if adopted:
        AsyncEventProcessor(ThreadSafeSelfState({}), [], queue=queue.by_urgency)
    for op in ops:
        if op == "pop":
            assert queue.pop() is (model.pop(0) if model else None)
        elif op == "pop_all":
            assert list(map(id, queue.pop_all())) == list(map(id, model))
            model = []
        else:
            new = event(op)
            queue.push(new)
            model += [new] if len(model) < 7 else []
        assert queue.size() == queue.qsize() == len(queue) == len(model)
        assert [each["type"] for each in queue.to_dict()["data"]["events"]] == [each.type for each in model]


def test_an_engine_takes_the_same_events_by_urgency() -> None:
    queue = made()
    state = ThreadSafeSelfState({})
    seen: list[str] = []
    handlers = {"*": lambda each, _: seen.append(each.type)}
    engine = AsyncEventProcessor(state, [], handlers, queue=queue.by_urgency, scheduler="priority")
    for name in ("idle", "noise", "shock"):
        queue.push(event(name))
    engine.process_pending()
    assert seen == ["shock", "noise", "idle"]
    assert queue.is_empty()
    assert all(result.event.original.type == result.event.type for result in engine.results())


def test_a_closed_engine_does_not_close_lifes_queue() -> None:
    queue = made()
    engine = AsyncEventProcessor(ThreadSafeSelfState({}), [], queue=queue.by_urgency)
    engine.close()
    late = event()
    queue.push(late)
    assert queue.pop() is late


def test_a_released_queue_keeps_its_events_and_takes_another_engine() -> None:
    queue, events = filled()
    for _ in range(2):
        engine = AsyncEventProcessor(ThreadSafeSelfState({}), [], queue=queue.by_urgency)
        with pytest.raises(ValueError, match="another engine"):
            AsyncEventProcessor(engine.state, [], queue=queue.by_urgency)
        queue.release()
    assert [id(each) for each in queue.pop_all()] == [id(each) for each in events]


def test_the_same_object_may_be_pushed_again_and_needs_no_hash() -> None:
    queue, one = made(), event()
    for _ in range(3):
        queue.push(one)
    assert [each is one for each in queue.pop_all()] == [True] * 3


@pytest.mark.parametrize(
    "odd",
    [
        Event("noise", float("nan"), 1.0), Event("noise", 7.5, 1e300), Event("", 0.0, float("inf")),
        {"type": "clarity_moment", "timestamp": 1.0, "data": {"level": 2}}, {}, object(),
        Event("noise", "strong", "now", {1: object()}),  # type: ignore[arg-type, dict-item]
    ],
    ids=repr,
)  # fmt: skip
def test_an_event_that_life_never_validated_is_queued_unchanged(odd: Any) -> None:
    queue = made()
    queue.put_nowait(odd)
    assert queue.to_dict()["metadata"]["event_count"] == 1
    assert queue.pop() is odd


# a full queue


def test_a_full_queue_drops_the_new_event_counts_it_and_warns_once_per_drop(
    caplog: pytest.LogCaptureFixture
) -> None:
    queue, events = filled(("noise",) * 100)
    with caplog.at_level(logging.WARNING, logger="lifeevt.life"):
        queue.push(event("shock"))
        assert not queue.offer(event("shock"))
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert (queue.get_dropped_events_count(), queue._dropped_events_count, queue.size()) == (2, 2, 100)
    queue.reset_dropped_events_count()
    assert queue.get_dropped_events_count() == 0
    assert queue.pop_all() == events


def test_an_empty_queue_is_true() -> None:
    assert made()
    assert made().is_empty()


def test_life_may_choose_another_capacity() -> None:
    queue, _ = filled(maxsize=2)
    assert (queue.size(), queue.get_dropped_events_count()) == (2, 3)


def test_threads_that_push_and_take_at_once_lose_no_event() -> None:
    queue, taken = made(maxsize=100), list[Event]()

    def pushes() -> None:
        for number in range(300):
            queue.push(event(timestamp=float(number)))

    def takes() -> None:
        for _ in range(300):
            taken.extend(queue.pop_all())
            queue.to_dict()

    together(pushes, pushes, takes)
    taken += queue.pop_all()
    assert len(taken) + queue.get_dropped_events_count() == 600


# replaced and patched parts


def test_another_queue_may_be_put_in_its_place() -> None:
    queue = made()
    queue._queue = std.Queue(maxsize=1)
    queue.push(event("shock"))
    queue.push(event("noise"))
    assert (queue.size(), queue.is_empty(), queue._dropped_events_count) == (1, False, 1)
    assert len(queue.to_dict()["data"]["events"]) == 1
    assert [each.type for each in queue.pop_all()] == ["shock"]
    assert queue.pop() is None


def test_the_methods_of_the_inner_queue_may_be_patched() -> None:
    queue, _ = filled()
    with patch.object(queue._queue, "get_nowait", side_effect=std.Empty):
        assert queue.pop() is None
        assert queue.pop_all() == []
    with patch.object(queue._queue, "empty", return_value=True):
        assert queue.is_empty()
        assert queue.pop_all() == []
    assert queue.size() == 5


# to_dict


def test_to_dict_removes_no_event() -> None:
    queue, events = filled()
    record = queue.to_dict()
    assert record["data"]["events"][0] == {
        "type": "shock", "intensity": 0.1, "timestamp": 1.0, "metadata": {}, "source": None,
    }  # fmt: skip
    assert set(record["metadata"]) == {
        "version", "timestamp", "component_type", "event_count", "dropped_events", "silence_detection_enabled",
        "serialization_duration", "serialization_timeout", "state_version", "thread_safe",
    }  # fmt: skip
    assert (record["metadata"]["event_count"], record["data"]["silence_detection_enabled"]) == (5, True)
    assert queue.get_serialization_metadata()["version"] == "4.0"
    assert queue.pop_all() == events


# silence


def test_a_silence_is_returned_and_not_queued() -> None:
    clock = ManualClock(wall_start=1000.0)
    queue = EventQueue(clock=clock)
    queue.push(event(timestamp=1000.0))
    clock.advance(31.0)
    made = queue.check_and_generate_silence()
    assert (made.type, made.metadata["silence_duration"]) == ("silence", 31.0)
    assert queue.size() == 1
    assert queue.get_silence_status()["silence_detection_enabled"]


def test_without_a_detector_there_is_no_silence() -> None:
    queue = EventQueue(enable_silence_detection=False)
    assert queue.silence_detector is None
    assert queue.check_and_generate_silence() is None
    assert queue.get_silence_status() == {"silence_detection_enabled": False}
    assert not queue.is_silence_detection_enabled()


def detector(clock: ManualClock, seed: int = 1) -> SilenceDetector:
    return SilenceDetector(clock.wall_time, Event, Random(seed))


def test_an_event_ends_the_silence() -> None:
    clock = ManualClock(wall_start=0.0)
    silences = detector(clock)
    clock.advance(29.0)
    assert silences.check() is None
    silences.update_last_event_time(29.0)
    silences.update_last_event_time(2.0)
    clock.advance(29.0)
    assert silences.check() is None
    clock.advance(5.0)
    assert silences.check() is not None


def test_silences_are_rare() -> None:
    clock = ManualClock(wall_start=0.0)
    silences = detector(clock)
    found = []
    for _ in range(2 * 3600 // 5):
        clock.advance(5.0)
        found += [clock.wall_time()] if silences.check() else []
    assert len(found) <= 24
    assert all(later - earlier >= 300 for earlier, later in pairwise(found))


@pytest.mark.parametrize("seed", range(8))
def test_a_silence_is_pleasant_or_not_within_its_range(seed: int) -> None:
    clock = ManualClock(wall_start=0.0)
    silences = detector(clock, seed)
    clock.advance(150.0)
    found = silences.check()
    low, high = (0.1, 0.6) if found.metadata["is_comfortable"] else (-0.4, -0.05)
    assert low <= found.intensity <= high
    assert found.metadata["comfort_probability"] == 0.5
