"""ThreadSafeSelfState: bounds, atomic deltas, snapshots, and Life's fields."""

from __future__ import annotations

import copy
import dataclasses
import gc
import math
import pickle
import sys
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from actors import together
from hypothesis import given, strategies as st

from lifeevt import Field, InvalidValue, LifeEventError, ThreadSafeSelfState, UnknownField
from lifeevt.errors import StateError
from lifeevt.state import StateSnapshot
from lifeevt.state.field import UNBOUNDED

HUGE = 10**400
NUMBERLESS = [True, "1", [], 1j, Decimal("1")]
BAD = [math.nan, math.inf, -math.inf, HUGE, *NUMBERLESS]

LIFE = {
    "energy": (100.0, 0.0, 100.0),
    "integrity": (1.0, 0.0, 1.0),
    "stability": (1.0, 0.0, 1.0),
    "fatigue": (0.0, 0.0, None),
    "tension": (0.0, 0.0, None),
    "age": (0.0, 0.0, None),
    "subjective_time": (0.0, 0.0, None),
    "ticks": (0.0, 0.0, None),
    "last_event_intensity": (0.0, 0.0, 1.0),
    "last_significance": (0.0, None, None),
    "subjective_time_intensity_smoothing": (0.3, 0.0, 1.0),
    "subjective_time_base_rate": (1.0, 0.0, None),
    "subjective_time_rate_min": (0.1, 0.0, None),
    "subjective_time_rate_max": (3.0, 0.0, None),
    "subjective_time_intensity_coeff": (1.0, None, None),
    "subjective_time_stability_coeff": (0.5, None, None),
    "subjective_time_energy_coeff": (0.5, None, None),
    "circadian_phase": (0.0, None, None),
    "circadian_period": (86400.0, None, None),
    "circadian_adaptivity": (0.5, None, None),
    "day_length_modifier": (1.0, None, None),
    "recovery_efficiency": (1.0, None, None),
    "stability_modifier": (1.0, None, None),
    "echo_count": (0.0, None, None),
    "last_echo_time": (0.0, None, None),
    "consciousness_level": (0.0, None, None),
    "sensory_buffer_size": (0.0, None, None),
    "semantic_concepts_count": (0.0, None, None),
    "procedural_patterns_count": (0.0, None, None),
}


def vitals() -> ThreadSafeSelfState:
    fields = {
        "energy": Field(50.0, low=0.0, high=100.0),
        "mood": Field(0.0),
        "ticks": Field(0, low=0, integer=True),
    }
    return ThreadSafeSelfState(fields)


# --- fields


@pytest.mark.parametrize("name", ["default", "low", "high"])
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: repr(bad)[:12])
def test_a_field_takes_finite_numbers_only(name: str, bad: Any) -> None:
    with pytest.raises(InvalidValue, match=f"a field's {name}"):
        Field(**({"default": 0.0} | {name: bad}))


@pytest.mark.parametrize(
    ("default", "low", "high"), [(1.5, 0.0, 1.0), (-0.5, 0.0, 1.0), (0.0, 1.0, None), (0.0, None, -1.0), (0.5, 1, 0)]
)
def test_a_default_must_lie_within_the_bounds(default: float, low: float | None, high: float | None) -> None:
    with pytest.raises(InvalidValue, match=f"default {default} lies outside"):
        Field(default, low, high)


@pytest.mark.parametrize(("low", "high"), [(0.5, None), (None, 1.5)])
def test_the_bounds_of_a_whole_number_are_whole(low: float | None, high: float | None) -> None:
    with pytest.raises(InvalidValue, match="whole"):
        Field(1, low, high, integer=True)


def test_a_field_without_bounds_ends_at_the_largest_float() -> None:
    assert (Field(0.0).lowest, Field(0.0).highest) == (-UNBOUNDED, UNBOUNDED)
    assert (Field(0, 0, 1).lowest, Field(0, 0, 1).highest) == (0.0, 1.0)


def test_a_field_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Field(0.0).low = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("fields", [{"": Field(0.0)}, {5: Field(0.0)}, {"energy": 100.0}, {"energy": None}], ids=repr)
def test_a_state_takes_named_fields_only(fields: Any) -> None:
    with pytest.raises(InvalidValue, match="field"):
        ThreadSafeSelfState(fields)


def test_the_fields_are_read_only_and_a_copy() -> None:
    fields = {"energy": Field(1.0)}
    state = ThreadSafeSelfState(fields)
    fields["other"] = Field(2.0)
    assert list(state.fields) == ["energy"]
    with pytest.raises(TypeError):
        state.fields["other"] = Field(2.0)  # type: ignore[index]


# --- Life's fields


@pytest.mark.parametrize("name", LIFE)
def test_life_has_its_contracts_defaults_and_bounds(name: str) -> None:
    state = ThreadSafeSelfState.life()
    field = state.fields[name]
    assert (field.default, field.low, field.high) == LIFE[name]
    assert state[name] == LIFE[name][0]


def test_life_has_no_other_field() -> None:
    assert set(ThreadSafeSelfState.life()) == set(LIFE)


def test_only_lifes_counters_are_whole() -> None:
    fields = ThreadSafeSelfState.life().fields
    sizes = {"echo_count", "sensory_buffer_size", "semantic_concepts_count", "procedural_patterns_count"}
    assert {name for name, field in fields.items() if field.integer} == sizes | {"ticks"}


# --- one field


def test_a_field_is_read_and_written() -> None:
    state = vitals()
    state["energy"] = 12.5
    assert state["energy"] == 12.5


@pytest.mark.parametrize("edge", [0.0, 100.0])
def test_the_bounds_belong_to_the_range(edge: float) -> None:
    state = vitals()
    state["energy"] = edge
    assert state["energy"] == edge


@pytest.mark.parametrize("bad", [-0.001, 100.001, 1e300])
def test_a_value_outside_its_bounds_is_refused(bad: float) -> None:
    state = vitals()
    with pytest.raises(InvalidValue, match=r"energy: .* lies outside \[0"):
        state["energy"] = bad
    assert (state["energy"], state.version) == (50.0, 0)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: repr(bad)[:12])
@pytest.mark.parametrize("name", ["energy", "mood", "ticks"])
def test_a_value_that_is_no_finite_number_is_refused(name: str, bad: Any) -> None:
    state = vitals()
    with pytest.raises(InvalidValue, match=f"^{name} "):
        state[name] = bad
    assert state.version == 0


@pytest.mark.parametrize("name", ["soul", "", 5, None, ["energy"]], ids=repr)
def test_an_unknown_field_is_refused(name: Any) -> None:
    state = vitals()
    for use in (lambda: state[name], lambda: state.__setitem__(name, 1.0)):
        with pytest.raises(UnknownField, match="the state has no field") as caught:
            use()
        assert str(caught.value) == f"the state has no field {name!r}"


def test_unknown_field_is_a_key_error_and_invalid_value_a_value_error() -> None:
    assert issubclass(UnknownField, KeyError)
    assert issubclass(InvalidValue, ValueError)
    assert issubclass(StateError, LifeEventError)
    assert str(UnknownField()) == ""


def test_any_real_number_is_taken() -> None:
    state = vitals()
    state["energy"] = Fraction(1, 4)  # type: ignore[assignment]
    assert (state["energy"], state.apply_delta({"energy": Fraction(1, 2)})) == (0.25, 2)
    assert state["energy"] == 0.75


def test_a_whole_number_is_cut_not_rounded() -> None:
    state = vitals()
    state["ticks"] = 7.9
    assert (state["ticks"], type(state["ticks"])) == (7, int)
    state.apply_delta({"ticks": 1.9})
    assert state["ticks"] == 8
    assert type(state.snapshot()["ticks"]) is int


# --- deltas


def test_a_delta_is_added_and_gives_the_new_version() -> None:
    state = vitals()
    assert state.apply_delta({"energy": -1.5, "mood": 2}) == 1
    assert (state["energy"], state["mood"]) == (48.5, 2.0)


@pytest.mark.parametrize(("delta", "expected"), [(1e9, 100.0), (-1e9, 0.0), (50.0, 100.0), (-50.0, 0.0)])
def test_a_delta_stops_at_the_bounds(delta: float, expected: float) -> None:
    state = vitals()
    state.apply_delta({"energy": delta})
    assert state["energy"] == expected


def test_an_unbounded_field_never_becomes_infinite() -> None:
    state = vitals()
    for _ in range(3):
        state.apply_delta({"mood": UNBOUNDED})
    assert state["mood"] == UNBOUNDED


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: repr(bad)[:12])
def test_a_delta_with_a_bad_number_changes_nothing(bad: Any) -> None:
    state = vitals()
    with pytest.raises(InvalidValue, match=r"^mood "):
        state.apply_delta({"energy": -1.0, "mood": bad})
    assert (dict(state.snapshot()), state.version) == ({"energy": 50.0, "mood": 0.0, "ticks": 0}, 0)


def test_a_delta_with_an_unknown_field_changes_nothing() -> None:
    state = vitals()
    with pytest.raises(UnknownField, match="'soul'"):
        state.apply_delta({"energy": -1.0, "soul": 1.0})
    assert (state["energy"], state.version) == (50.0, 0)


@given(st.lists(st.floats(-60.0, 60.0), max_size=20))
def test_deltas_clamp_one_after_the_other_as_a_plain_sum_does(deltas: list[float]) -> None:
    state, plain = vitals(), 50.0
    for delta in deltas:
        state.apply_delta({"energy": delta})
        plain = min(max(plain + delta, 0.0), 100.0)
    assert state["energy"].hex() == plain.hex()
    assert state.version == len(deltas)


def test_deltas_of_many_threads_sum_exactly() -> None:
    state = ThreadSafeSelfState({"left": Field(0.0), "right": Field(0.0)})

    def add() -> None:
        for _ in range(2000):
            state.apply_delta({"left": 1.0, "right": -1.0})

    def look() -> None:
        for _ in range(500):
            snapshot = state.snapshot()
            assert snapshot["left"] == -snapshot["right"] == snapshot.version

    together(add, add, look, add)
    assert (state["left"], state["right"], state.version) == (6000.0, -6000.0, 6000)


# --- statistics and copies


def test_the_version_counts_writes_and_only_writes() -> None:
    state = vitals()
    state["energy"] = 1.0
    state.apply_delta({"energy": 1.0, "mood": 1.0})
    _ = state["energy"], state.snapshot(), len(state)
    assert state.version == 2


def test_statistics_count_reads_and_writes() -> None:
    state = vitals()
    state["energy"] = 1.0
    _ = state["energy"], state.snapshot()
    found = state.statistics()
    assert (found.version, found.reads, found.writes) == (1, 2, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.reads = 0  # type: ignore[misc]


def test_a_state_is_looked_at_like_a_mapping() -> None:
    state = vitals()
    assert list(state) == ["energy", "mood", "ticks"]
    assert len(state) == 3
    assert "energy" in state
    assert "soul" not in state
    assert state.cells.read(0) == 50.0


def test_a_state_may_have_no_field() -> None:
    state = ThreadSafeSelfState({})
    assert (len(state), dict(state.snapshot()), state.apply_delta({})) == (0, {}, 1)


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_live_state_is_not_copied(take: Any) -> None:
    with pytest.raises(StateError, match="take a snapshot"):
        take(vitals())


# --- snapshots


def test_a_snapshot_does_not_change_with_the_state() -> None:
    state = vitals()
    before = state.snapshot()
    state["energy"] = 1.0
    assert (before["energy"], before.version) == (50.0, 0)
    assert (state.snapshot()["energy"], state.snapshot().version) == (1.0, 1)


def test_a_snapshot_is_a_mapping() -> None:
    snapshot = vitals().snapshot()
    assert dict(snapshot) == {"energy": 50.0, "mood": 0.0, "ticks": 0}
    assert (len(snapshot), list(snapshot), snapshot.get("soul")) == (3, ["energy", "mood", "ticks"], None)
    with pytest.raises(KeyError):
        snapshot["soul"]


@pytest.mark.parametrize("name", ["version", "_values", "new"])
def test_no_attribute_of_a_snapshot_can_be_set_or_deleted(name: str) -> None:
    snapshot = vitals().snapshot()
    with pytest.raises(AttributeError):
        setattr(snapshot, name, 1)
    with pytest.raises(AttributeError):
        delattr(snapshot, name)


def test_no_value_of_a_snapshot_can_be_set() -> None:
    with pytest.raises(TypeError):
        vitals().snapshot()["energy"] = 1.0  # type: ignore[index]


def test_a_snapshot_travels() -> None:
    state = vitals()
    state["energy"] = 1.0
    snapshot = state.snapshot()
    for again in (pickle.loads(pickle.dumps(snapshot)), copy.copy(snapshot), copy.deepcopy(snapshot)):
        assert (type(again), again, again.version) == (StateSnapshot, snapshot, 1)


def test_a_snapshot_shows_its_version_and_values() -> None:
    assert repr(StateSnapshot(3, {"energy": 1.0})) == "StateSnapshot(version=3, {'energy': 1.0})"


def test_every_snapshot_is_a_state_snapshot() -> None:
    snapshot = vitals().snapshot()
    assert isinstance(snapshot, StateSnapshot) and isinstance(snapshot, Mapping)
    assert type(snapshot).__name__ == "StateSnapshot"
    match snapshot:
        case {"energy": energy}:
            assert energy == 50.0
        case _:
            pytest.fail("a snapshot is no mapping to match")


def test_snapshots_equal_mappings_with_the_same_items() -> None:
    state = vitals()
    snapshot, same = state.snapshot(), {"energy": 50.0, "mood": 0.0, "ticks": 0}
    assert snapshot == same == snapshot
    assert snapshot == StateSnapshot(7, same) == snapshot
    assert snapshot != {} and snapshot != 5 and snapshot != "energy"
    assert repr(snapshot) == f"StateSnapshot(version=0, {same!r})"
    with pytest.raises(TypeError):
        hash(snapshot)


def test_a_snapshot_has_all_that_a_mapping_has() -> None:
    snapshot, same = vitals().snapshot(), {"energy": 50.0, "mood": 0.0, "ticks": 0}
    assert (list(snapshot.keys()), list(snapshot.values()), list(snapshot.items())) == (
        list(same), list(same.values()), list(same.items()),
    )  # fmt: skip
    assert snapshot.keys() & {"mood", "soul"} == {"mood"}
    assert (snapshot.get("mood"), snapshot.get("soul", 5), {**snapshot}) == (0.0, 5, same)
    assert "mood" in snapshot and "soul" not in snapshot
    with pytest.raises(TypeError):
        reversed(snapshot)  # type: ignore[call-overload]
    for bad in (5, None):
        with pytest.raises(KeyError):
            snapshot[bad]  # type: ignore[index]


def test_a_snapshot_outlives_its_state() -> None:
    snapshot = vitals().snapshot()
    gc.collect()
    assert (dict(snapshot), snapshot.version) == ({"energy": 50.0, "mood": 0.0, "ticks": 0}, 0)


def test_a_state_holds_on_to_one_snapshot_at_most() -> None:
    state = vitals()

    def some() -> int:
        for _ in range(1000):
            state.apply_delta({"mood": 1.0})
            state.snapshot()
        gc.collect()
        return sys.getallocatedblocks()

    before = min(some() for _ in range(3))
    assert min(some() for _ in range(3)) - before < 200


def test_every_snapshot_counts_as_a_read() -> None:
    state = vitals()
    for _ in range(3):
        state.snapshot()
    assert state.statistics().reads == 3


@pytest.mark.native
def test_a_snapshot_cannot_be_made_by_hand() -> None:
    kind = type(vitals().snapshot())
    with pytest.raises(TypeError, match="taken by a state"):
        kind(1, {})
