"""Saving and loading fields: without loss, with hooks for values that are no JSON, and a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifeevt import Field, InvalidValue, ManualClock, ThreadSafeSelfState, UnknownField, Value
from lifeevt.errors import SerializationError, StateFileError, StateFileMissing
from lifeevt.state import RestoreReport
from lifeevt.state.checksummed_file import ChecksummedFile
from lifeevt.state.persistence import KIND, load_fields, save_fields

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def saved(folder: Path, fields: dict[str, Any], encode: Any = None) -> Path:
    save_fields(folder / "state", fields, 7, 1700000000.25, encode)
    return folder / "state"


@given(fields=st.dictionaries(st.text(min_size=1), JSON))
def test_saved_fields_are_loaded_equal(tmp_path_factory: pytest.TempPathFactory, fields: dict[str, Any]) -> None:
    loaded, _ = load_fields(saved(tmp_path_factory.mktemp("state"), fields), {})
    assert repr(loaded) == repr(fields)  # a repr tells 1 from 1.0 from True, and 0.0 from -0.0


def test_the_report_has_the_file_the_version_and_the_time(tmp_path: Path) -> None:
    _, report = load_fields(saved(tmp_path, {"energy": 1.0}), {})
    assert report == RestoreReport(tmp_path / "state", 7, 1700000000.25, None)


def test_the_report_has_the_reason_for_the_previous_file(tmp_path: Path) -> None:
    saved(tmp_path, {"energy": 1.0})
    saved(tmp_path, {"energy": 2.0}).write_bytes(b"")
    fields, report = load_fields(tmp_path / "state", {})
    assert fields == {"energy": 1.0}
    assert report.path == tmp_path / "state.previous"
    assert report.problem == f"{tmp_path / 'state'} is empty"


def test_a_file_is_plain_json(tmp_path: Path) -> None:
    document = json.loads(saved(tmp_path, {"energy": 1.5, "memory": ["shock"]}).read_text())
    assert document["content"] == {
        "version": 7,
        "saved_at_seconds": 1700000000.25,
        "fields": {"energy": 1.5, "memory": ["shock"]},
    }


def test_hooks_convert_values_that_are_no_json(tmp_path: Path) -> None:
    path = saved(tmp_path, {"seen": {"shock", "noise"}, "energy": 1.0}, {"seen": sorted})
    assert load_fields(path, {"seen": set})[0] == {"seen": {"shock", "noise"}, "energy": 1.0}
    assert load_fields(path, {})[0] == {"seen": ["noise", "shock"], "energy": 1.0}


@pytest.mark.parametrize("value", [{1}, (1,), float("nan"), {"deep": [{1: 2}]}, object()], ids=repr)
def test_a_value_that_would_not_come_back_is_an_error_that_names_its_field(tmp_path: Path, value: Any) -> None:
    with pytest.raises(SerializationError, match="memory"):
        saved(tmp_path, {"energy": 1.0, "memory": value})
    assert list(tmp_path.iterdir()) == []


def test_a_hook_for_a_field_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnknownField, match="sene"):
        saved(tmp_path, {"seen": []}, {"sene": sorted})


def test_an_error_of_a_hook_is_passed_on_and_leaves_the_file(tmp_path: Path) -> None:
    path = saved(tmp_path, {"seen": 1})
    with pytest.raises(ZeroDivisionError):
        saved(tmp_path, {"seen": 0}, {"seen": lambda value: 1 // value})
    assert load_fields(path, {})[0] == {"seen": 1}


@pytest.mark.parametrize("content", ["{}", "[]", '{"version":1,"saved_at_seconds":0.0,"fields":3}', "nonsense"])
def test_a_whole_file_of_something_else_is_no_state(tmp_path: Path, content: str) -> None:
    ChecksummedFile(tmp_path / "state", KIND).write(content)
    with pytest.raises(StateFileError, match="does not hold a state"):
        load_fields(tmp_path / "state", {})


# --- the state


def being() -> ThreadSafeSelfState:
    fields = {
        "energy": Field(100.0, 0.0, 100.0),
        "memory": Value([], list),
        "ticks": Field(0, 0, integer=True),
        "seen": Value(frozenset()),
    }
    return ThreadSafeSelfState(fields)


HOOKS: Any = {"encode": {"seen": sorted}, "decode": {"seen": frozenset}}


def lived() -> ThreadSafeSelfState:
    state = being()
    state.store({"energy": 0.1, "memory": ["shock", {"at": 3}], "ticks": 10**15, "seen": frozenset({"shock"})})
    return state


def test_a_state_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    state, clock = lived(), ManualClock(wall_start=5.5)
    assert state.save(tmp_path / "state", encode=HOOKS["encode"], clock=clock) == state.version
    other = being()
    report = other.load(tmp_path / "state", decode=HOOKS["decode"])
    assert dict(other.snapshot()) == dict(state.snapshot())
    assert report == RestoreReport(tmp_path / "state", 1, 5.5, None)
    assert type(other["ticks"]) is int


def test_loading_is_one_write(tmp_path: Path) -> None:
    lived().save(tmp_path / "state", encode=HOOKS["encode"])
    state = being()
    state.load(tmp_path / "state", decode=HOOKS["decode"])
    assert state.version == 1


def test_a_state_with_more_fields_keeps_those_that_the_file_does_not_have(tmp_path: Path) -> None:
    ThreadSafeSelfState({"energy": Field(7.0)}).save(tmp_path / "state")
    state = lived()
    state.load(tmp_path / "state")
    assert (state["energy"], state["memory"]) == (7.0, ["shock", {"at": 3}])


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"energy": Field(7.0), "mood": Field(0.0)}, UnknownField),
        ({"energy": Field(7.0), "ticks": Field(-1)}, InvalidValue),
        ({"energy": Field(7.0), "memory": Value("no list")}, InvalidValue),
    ],
    ids=["unknown", "outside", "kind"],
)
def test_a_refused_file_changes_nothing(
    tmp_path: Path, fields: Any, error: type[Exception]
) -> None:
    ThreadSafeSelfState(fields).save(tmp_path / "state")
    state = lived()
    with pytest.raises(error):
        state.load(tmp_path / "state")
    assert (state.version, state["energy"]) == (1, 0.1)


def test_a_hook_of_no_field_loads_nothing(tmp_path: Path) -> None:
    lived().save(tmp_path / "state", encode=HOOKS["encode"])
    state = being()
    with pytest.raises(UnknownField, match="sene"):
        state.load(tmp_path / "state", decode={"sene": set})
    assert state.version == 0


def test_a_torn_file_gives_the_state_saved_before(tmp_path: Path) -> None:
    state = ThreadSafeSelfState({"energy": Field(1.0)})
    state.save(tmp_path / "state")
    state["energy"] = 2.0
    state.save(tmp_path / "state")
    (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:-9])
    report = state.load(tmp_path / "state")
    assert (state["energy"], report.version, report.path.name) == (1.0, 0, "state.previous")
    assert "torn or altered" in str(report.problem)


def test_without_a_file_there_is_nothing_to_load(tmp_path: Path) -> None:
    with pytest.raises(StateFileMissing):
        being().load(tmp_path / "state")
