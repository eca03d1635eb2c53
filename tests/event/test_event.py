"""Event: the values that it accepts and refuses, the texts of its errors, and that it never changes."""

from __future__ import annotations

import copy
import json
import math
import pickle
from collections import OrderedDict
from dataclasses import FrozenInstanceError
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given

from lifeevt import Event, InvalidEvent, LifeEventError, Priority
from lifeevt.errors import SerializationError
from lifeevt.event.event import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP
from strategies import events

INFINITE = [math.nan, math.inf, -math.inf, 10**400]
NUMBERLESS = [True, False, "0.5", None, [], 1j, Decimal("0.5")]


def test_an_event_keeps_its_arguments() -> None:
    event = Event("shock", -0.9, 12.5, {"cause": "fall"}, "body", priority=Priority.HIGH, urgency=0.25)
    assert (event.type, event.intensity, event.timestamp, event.source) == ("shock", -0.9, 12.5, "body")
    assert (event.metadata, event.priority, event.urgency) == ({"cause": "fall"}, Priority.HIGH, 0.25)


def test_an_event_without_a_timestamp_is_stamped_now() -> None:
    import time

    before = time.time()
    stamped = Event("noise", 0.1).timestamp
    assert before <= stamped <= time.time()


def test_the_defaults_are_no_metadata_no_source_no_priority_no_urgency() -> None:
    event = Event("noise", 0.1, 0.0)
    assert (event.metadata, event.source, event.priority, event.urgency) == ({}, None, None, 0.0)


def test_numbers_become_floats() -> None:
    event = Event("noise", 1, 7, urgency=Fraction(1, 4))
    assert [type(each) for each in (event.intensity, event.timestamp, event.urgency)] == [float, float, float]
    assert event.urgency == 0.25


# --- the names that Life uses


def test_event_type_names_the_type() -> None:
    assert Event(event_type="shock", intensity=0.5, timestamp=0.0).type == "shock"
    assert Event("shock", 0.5, 0.0).event_type == "shock"


def test_event_type_wins_over_type() -> None:
    assert Event("noise", 0.5, 0.0, event_type="shock").type == "shock"


def test_data_is_the_metadata() -> None:
    event = Event("shock", 0.5, 0.0, data={"a": 1})
    assert event.metadata == {"a": 1}
    assert event.data is event.metadata


def test_metadata_wins_over_data() -> None:
    assert Event("shock", 0.5, 0.0, {"a": 1}, data={"b": 2}).metadata == {"a": 1}


# --- bad input


@pytest.mark.parametrize("bad", [*INFINITE, 1.0000001, -1.0000001, 5], ids=lambda bad: repr(bad)[:12])
def test_an_intensity_outside_its_range_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidEvent, match=r"intensity is .*; it must lie in \[-1, 1\]"):
        Event("shock", bad)


@pytest.mark.parametrize("bad", NUMBERLESS, ids=repr)
def test_an_intensity_that_is_no_number_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidEvent, match=f"intensity must be a number, not a {type(bad).__name__}"):
        Event("shock", bad)


@pytest.mark.parametrize("edge", [-1.0, 1.0, 0.0, -0.0, 5e-324])
def test_the_ends_of_the_intensity_range_are_accepted(edge: float) -> None:
    assert Event("shock", edge).intensity == edge


@pytest.mark.parametrize("bad", [None, 5, b"shock", ["shock"], True], ids=repr)
def test_a_type_that_is_no_string_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidEvent, match=f"type must be a string, not a {type(bad).__name__}"):
        Event(bad, 0.5)


@pytest.mark.parametrize("bad", ["", " ", "\t\n"])
def test_an_empty_type_is_refused(bad: str) -> None:
    with pytest.raises(InvalidEvent, match="type must not be empty"):
        Event(bad, 0.5)


def test_an_event_needs_a_type() -> None:
    with pytest.raises(InvalidEvent, match="type"):
        Event(intensity=0.5)


@pytest.mark.parametrize("bad", ["x", 5, [("a", 1)], {"a"}, True], ids=repr)
def test_metadata_that_is_no_mapping_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidEvent, match=f"metadata must be a mapping, not a {type(bad).__name__}"):
        Event("shock", 0.5, metadata=bad)


@pytest.mark.parametrize("bad", [*INFINITE, 1e15, -1e15], ids=lambda bad: repr(bad)[:12])
def test_a_timestamp_far_in_the_past_or_future_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidEvent, match=r"timestamp is .*; it must lie in"):
        Event("shock", 0.5, bad)


@pytest.mark.parametrize("bad", [True, "now", [], 1j], ids=repr)
def test_a_timestamp_that_is_no_number_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidEvent, match="timestamp must be a number"):
        Event("shock", 0.5, bad)


@pytest.mark.parametrize("edge", [EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, 0.0])
def test_the_years_1_to_9999_are_accepted(edge: float) -> None:
    assert Event("shock", 0.5, edge).timestamp == edge


@pytest.mark.parametrize("bad", [-1, 4, "HIGH", 1.5, math.nan, [], {}], ids=repr)
def test_an_unknown_priority_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidEvent, match=r"priority is .*; it must be 0"):
        Event("shock", 0.5, priority=bad)


@pytest.mark.parametrize("bad", [True, False])
def test_a_bool_is_no_priority(bad: bool) -> None:
    with pytest.raises(InvalidEvent, match="priority is"):
        Event("shock", 0.5, priority=bad)


def test_a_priority_may_be_its_number() -> None:
    assert Event("shock", 0.5, priority=3).priority is Priority.LOW


@pytest.mark.parametrize("bad", [-0.01, 1.01, math.nan, math.inf])
def test_an_urgency_outside_its_range_is_refused(bad: float) -> None:
    with pytest.raises(InvalidEvent, match=r"urgency is .*; it must lie in \[0, 1\]"):
        Event("shock", 0.5, urgency=bad)


@pytest.mark.parametrize("bad", NUMBERLESS, ids=repr)
def test_an_urgency_that_is_no_number_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidEvent, match="urgency must be a number"):
        Event("shock", 0.5, urgency=bad)


@pytest.mark.parametrize("bad", ["", " ", 5, b"x"], ids=repr)
def test_a_source_that_is_no_text_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidEvent, match="source must"):
        Event("shock", 0.5, source=bad)


def test_a_refusal_is_a_value_error_and_a_life_event_error() -> None:
    with pytest.raises(ValueError, match="intensity") as caught:
        Event("shock", 2.0)
    assert isinstance(caught.value, LifeEventError)


# --- an event never changes


@pytest.mark.parametrize("name", ["type", "intensity", "metadata", "event_type", "data", "new"])
def test_no_attribute_can_be_set(name: str) -> None:
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        setattr(Event("shock", 0.5, 0.0), name, 1)


def test_no_attribute_can_be_deleted() -> None:
    with pytest.raises(FrozenInstanceError):
        del Event("shock", 0.5, 0.0).type  # type: ignore[misc]


def test_the_metadata_is_read_only() -> None:
    with pytest.raises(TypeError):
        Event("shock", 0.5, metadata={"a": 1}).metadata["a"] = 2  # type: ignore[index]


def test_the_metadata_is_a_copy() -> None:
    given_metadata = {"a": 1}
    event = Event("shock", 0.5, metadata=given_metadata)
    given_metadata["a"] = 2
    assert event.metadata == {"a": 1}


@pytest.mark.parametrize("make", [dict, OrderedDict, lambda pairs: MappingProxyType(dict(pairs))])
def test_any_mapping_is_metadata(make: Any) -> None:
    assert Event("shock", 0.5, metadata=make([("a", 1)])).metadata == {"a": 1}


def test_events_compare_by_value() -> None:
    first, second = (Event("shock", 0.5, 0.0, {"a": [1]}) for _ in range(2))
    assert first == second
    assert first != Event("shock", 0.5, 0.0, {"a": [2]})
    assert first != ("shock", 0.5, 0.0)


def test_events_have_no_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Event("shock", 0.5))


def test_events_have_no_dict_of_their_own() -> None:
    assert not hasattr(Event("shock", 0.5), "__dict__")


def test_the_repr_reads_like_the_call() -> None:
    assert repr(Event("shock", -0.5, 3.0)) == "Event('shock', -0.5, timestamp=3.0)"


# --- pickle and dict


@given(events())
def test_pickle_and_copy_give_back_an_equal_event(event: Event) -> None:
    for again in (pickle.loads(pickle.dumps(event)), copy.copy(event), copy.deepcopy(event)):
        assert again == event
        assert type(again.metadata) is MappingProxyType


@given(events())
def test_a_dict_gives_back_an_equal_event(event: Event) -> None:
    assert Event.from_dict(event.to_dict()) == event


@given(events())
def test_json_gives_back_an_equal_event(event: Event) -> None:
    again = Event.from_dict(json.loads(json.dumps(event.to_dict())))
    assert again == event
    assert again.intensity.hex() == event.intensity.hex()
    assert again.timestamp.hex() == event.timestamp.hex()


def test_the_dict_shares_nothing_with_the_event() -> None:
    event = Event("shock", 0.5, 0.0, {"a": [1]})
    event.to_dict()["metadata"]["a"].append(2)
    assert event.metadata == {"a": [1]}


def test_the_dict_leaves_out_optional_fields_that_are_unset() -> None:
    assert set(Event("shock", 0.5, 0.0).to_dict()) == {"type", "intensity", "timestamp", "metadata", "source"}


@pytest.mark.parametrize("value", [(1,), {1}, math.nan, math.inf, {1: 2}, b"", Priority.LOW], ids=repr)
def test_metadata_that_json_would_lose_is_named(value: Any) -> None:
    with pytest.raises(SerializationError, match=r"metadata\.inner"):
        Event("shock", 0.5, metadata={"inner": value}).to_dict()


@pytest.mark.parametrize("name", ["type", "intensity", "timestamp"])
def test_a_record_without_a_field_is_refused(name: str) -> None:
    record = Event("shock", 0.5, 0.0).to_dict()
    del record[name]
    with pytest.raises(InvalidEvent, match=f"the field '{name}' is missing"):
        Event.from_dict(record)


@pytest.mark.parametrize("name", ["type", "intensity", "timestamp"])
def test_a_record_with_null_for_a_field_is_refused(name: str) -> None:
    record = Event("shock", 0.5, 0.0).to_dict() | {name: None}
    with pytest.raises(InvalidEvent, match=f"{name} is null"):
        Event.from_dict(record)


def test_a_record_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="unknown field 'colour'"):
        Event.from_dict(Event("shock", 0.5, 0.0).to_dict() | {"colour": "red"})


@pytest.mark.parametrize("bad", [[], "text", 5, None], ids=repr)
def test_a_record_that_is_no_mapping_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidEvent, match=f"an event is a JSON object, not a {type(bad).__name__}"):
        Event.from_dict(bad)


def test_a_record_needs_no_metadata_and_no_source() -> None:
    assert Event.from_dict({"type": "shock", "intensity": 1, "timestamp": 0}) == Event("shock", 1.0, 0.0)
