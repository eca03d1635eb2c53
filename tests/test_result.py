"""EventProcessingResult: immutable, and to and from JSON without loss."""

from __future__ import annotations

import copy
import json
import math
import pickle
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifeevt import Event, EventProcessingResult, Priority, Status
from lifeevt.errors import SerializationError
from lifeevt.result import filled
from strategies import events, json_values

times = st.integers(0, 2**63 - 1)
results = st.builds(
    EventProcessingResult,
    events(),
    st.sampled_from(Status),
    st.sampled_from(Priority),
    meaning=json_values,
    decision=json_values,
    action=json_values,
    attempts=st.integers(0, 9),
    error=st.none() | st.text(),
    sequence=times,
    queued_ns=times,
    started_ns=times,
    finished_ns=times,
    state_version_before=times,
    state_version=times,
)
RESULT = EventProcessingResult(
    Event("shock", -0.5, 1.0), Status.PROCESSED, Priority.CRITICAL, queued_ns=100, started_ns=130, finished_ns=190
)


@given(results)
def test_a_dict_gives_back_an_equal_result(result: EventProcessingResult) -> None:
    assert EventProcessingResult.from_dict(result.to_dict()) == result


@given(results)
def test_json_gives_back_an_equal_result_with_the_same_types(result: EventProcessingResult) -> None:
    again = EventProcessingResult.from_json(result.to_json())
    assert again == result
    assert type(again.status) is Status
    assert type(again.priority) is Priority
    assert again.to_json() == result.to_json()


@given(results)
def test_one_result_is_one_line_of_standard_json(result: EventProcessingResult) -> None:
    line = result.to_json()
    assert "\n" not in line
    assert json.loads(line) == result.to_dict()


@given(results)
def test_pickle_and_copy_give_back_an_equal_result(result: EventProcessingResult) -> None:
    assert pickle.loads(pickle.dumps(result)) == result
    assert copy.deepcopy(result) == result


@given(results)
def test_a_filled_result_is_one_that_was_constructed(result: EventProcessingResult) -> None:
    made = filled(*(getattr(result, field.name) for field in fields(EventProcessingResult)))
    assert type(made) is EventProcessingResult
    assert (made, repr(made)) == (result, repr(result))
    assert pickle.loads(pickle.dumps(made)) == copy.copy(made) == result


def test_a_filled_result_cannot_be_changed() -> None:
    made = filled(*(getattr(RESULT, field.name) for field in fields(EventProcessingResult)))
    with pytest.raises(FrozenInstanceError):
        made.error = "no"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del made.event
    with pytest.raises(AttributeError):
        _ = made.__dict__


@pytest.mark.parametrize("stage", ["meaning", "decision", "action"])
@pytest.mark.parametrize("value", [(1,), {1}, math.nan, -math.inf, {1: 2}, b""], ids=repr)
def test_a_value_that_json_would_lose_is_named_by_its_stage(stage: str, value: Any) -> None:
    result = EventProcessingResult(RESULT.event, Status.PROCESSED, Priority.LOW, **{stage: [value]})
    for write in (result.to_dict, result.to_json):
        with pytest.raises(SerializationError, match=rf"{stage}\[0\]"):
            write()


def test_the_times_between_the_steps_are_derived() -> None:
    assert (RESULT.waited_ns, RESULT.service_ns, RESULT.latency_ns) == (30, 60, 90)


def test_a_result_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        RESULT.status = Status.SHED  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        RESULT.note = "x"  # type: ignore[attr-defined]


def test_a_result_has_no_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(RESULT)


def test_status_and_priority_are_written_by_name() -> None:
    record = RESULT.to_dict()
    assert (record["status"], record["priority"]) == ("PROCESSED", "CRITICAL")


def test_the_defaults_stand_for_fields_that_a_record_leaves_out() -> None:
    record = {"event": RESULT.event.to_dict(), "status": "IGNORED", "priority": "LOW"}
    assert EventProcessingResult.from_dict(record) == EventProcessingResult(RESULT.event, Status.IGNORED, Priority.LOW)


@pytest.mark.parametrize("name", ["event", "status", "priority"])
def test_a_record_that_lacks_a_part_is_refused(name: str) -> None:
    record = RESULT.to_dict()
    del record[name]
    with pytest.raises(SerializationError, match=name):
        EventProcessingResult.from_dict(record)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "LOST"},
        {"status": 0},
        {"status": []},
        {"priority": "URGENT"},
        {"event": {"type": "shock"}},
        {"event": None},
        {"colour": "red"},
        {3: "three"},
    ],
    ids=repr,
)
def test_a_record_that_does_not_fit_is_refused(change: dict[Any, Any]) -> None:
    with pytest.raises(SerializationError, match="result"):
        EventProcessingResult.from_dict({**RESULT.to_dict(), **change})


@pytest.mark.parametrize("record", [None, 5, "text", [1, 2]], ids=repr)
def test_a_record_that_is_no_mapping_is_refused(record: Any) -> None:
    with pytest.raises(SerializationError, match="not a result"):
        EventProcessingResult.from_dict(record)


@pytest.mark.parametrize("text", ["", "[]", "5", "{", '{"status": NaN}'])
def test_a_text_that_is_no_result_is_refused(text: str) -> None:
    with pytest.raises(SerializationError):
        EventProcessingResult.from_json(text)


@pytest.mark.parametrize("change", [{"attempts": "x"}, {"queued_ns": None}, {"error": 5}, {"sequence": 1.5}], ids=repr)
def test_a_record_whose_numbers_are_none_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SerializationError):
        EventProcessingResult.from_dict(RESULT.to_dict() | change)
