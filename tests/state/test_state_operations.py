"""ThreadSafeSelfState: rules of fields, values that are no numbers, and the atomic operations."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest
from actors import together

from lifeevt import ConflictError, Field, InvalidValue, Reflex, ThreadSafeSelfState, UnknownField, Value
from lifeevt.errors import InvalidReflex
from lifeevt.processor import ReflexSet
from lifeevt.state import DeltaReport, StateSnapshot


class Point:
    """A mutable thing that compares by its content."""

    def __init__(self, x: int) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and other.x == self.x

    def __hash__(self) -> int:
        return hash(self.x)


class Uncopied:
    """Refuses to be copied."""

    def __deepcopy__(self, memo: object) -> Uncopied:
        raise RuntimeError("no")


def being(**more: Field | Value) -> ThreadSafeSelfState:
    fields: dict[str, Field | Value] = {
        "mood": Value("calm", kind=str),
        "energy": Field(50.0, low=0.0, high=100.0),
        "tags": Value([]),
        "ticks": Field(0, low=0, integer=True),
    }
    return ThreadSafeSelfState(fields | more)


# --- declarations


@pytest.mark.parametrize("name", ["on_set", "on_delta"])
def test_a_field_clamps_or_rejects_and_nothing_else(name: str) -> None:
    with pytest.raises(InvalidValue, match=f"a field's {name} is 'wrap'"):
        Field(0.0, **{name: "wrap"})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["str", [str], (str, 1), None])
def test_a_values_kind_is_a_type(kind: Any) -> None:
    with pytest.raises(InvalidValue, match="it must be a type"):
        Value("x", kind=kind)


@pytest.mark.parametrize(("default", "kind"), [(1, str), ("a", (int, float)), (None, list)])
def test_a_values_default_is_of_its_kind(default: Any, kind: Any) -> None:
    with pytest.raises(InvalidValue, match=r"default must be an? "):
        Value(default, kind=kind)


def test_a_value_that_cannot_be_copied_is_refused() -> None:
    with pytest.raises(InvalidValue, match="a Uncopied that cannot be copied: no"):
        Value(Uncopied())
    state = being()
    for bad in (Uncopied(), threading.Lock(), [threading.Lock()]):
        with pytest.raises(InvalidValue, match=r"tags is a .* that cannot be copied"):
            state["tags"] = bad
    assert state.version == 0


def test_a_declaration_is_a_field_or_a_value() -> None:
    with pytest.raises(InvalidValue, match="must be a Field or a Value, not a float"):
        ThreadSafeSelfState({"energy": 1.0})  # type: ignore[dict-item]


def test_names_come_in_the_order_of_their_declaration() -> None:
    state = being()
    assert list(state) == list(state.snapshot()) == ["mood", "energy", "tags", "ticks"]
    assert list(state.numbers) == ["energy", "ticks"]


# --- values


def test_a_value_is_of_its_kind_or_refused() -> None:
    state = being()
    with pytest.raises(InvalidValue, match="mood must be a str, not a int"):
        state["mood"] = 1
    assert (state["mood"], state.version) == ("calm", 0)


def test_no_other_code_holds_the_states_own_value() -> None:
    state, mine = being(), ["a", ["b"]]
    state["tags"] = mine
    mine[1].append("c")  # type: ignore[attr-defined]
    seen = state["tags"]
    seen[1].append("d")
    assert state["tags"] == state.snapshot()["tags"] == ["a", ["b"]]


def test_a_default_is_not_shared_by_states() -> None:
    field = Value([[]])
    one, other = being(tags=field), being(tags=field)
    one["tags"][0].append(1)
    field.default[0].append(1)
    assert other["tags"] == one["tags"] == [[]]


def test_a_value_that_copies_to_itself_is_handed_out_unchanged() -> None:
    state, point = being(place=Value()), ("x", frozenset())
    state["mood"] = text = "".join(["q", "uick"])
    assert state["mood"] is text is state.snapshot()["mood"]
    state["place"] = point[0]
    assert state["place"] is point[0]


def test_a_custom_copy_replaces_deepcopy() -> None:
    state = being(tags=Value((), copy=tuple))
    state["tags"] = ["a"]
    assert state["tags"] == ("a",)
    assert state["tags"] is state.snapshot()["tags"]


@pytest.mark.parametrize("value", [None, 0, False, "", (), {}, {"a": {1}}, Point(1), float("nan"), print, Point])
def test_any_python_value_fits(value: Any) -> None:
    state = being()
    state["tags"] = value
    assert state["tags"] == value or value != value


def test_a_value_takes_no_delta() -> None:
    for change in (lambda s: s.apply_delta({"mood": 1.0}), lambda s: s.increment("tags"),
                   lambda s: s.update_max("tags", 1)):  # fmt: skip
        with pytest.raises(InvalidValue, match="is no number"):
            change(being())


# --- snapshots


def test_a_held_snapshot_does_not_change() -> None:
    state = being()
    state["tags"] = ["a"]
    before = state.snapshot()
    state.store({"tags": ["b"], "energy": 1.0, "mood": "new"})
    before["tags"].append("c")
    assert dict(before) == {"mood": "calm", "energy": 50.0, "tags": ["a"], "ticks": 0}
    assert (before.version, state.snapshot().version) == (1, 2)


def test_a_snapshot_survives_pickling() -> None:
    state = being()
    state["tags"] = [1]
    copied = pickle.loads(pickle.dumps(state.snapshot()))
    assert (copied, copied.version, type(copied)) == (state.snapshot(), 1, StateSnapshot)


def test_a_snapshot_made_by_hand_keeps_its_own_copy() -> None:
    mine = {"tags": [1]}
    snapshot = StateSnapshot(3, mine)
    mine["tags"].append(2)
    snapshot["tags"].append(3)
    assert (snapshot["tags"], "tags" in snapshot, "mood" in snapshot, len(snapshot)) == ([1], True, False, 1)


# --- numbers outside the bounds


def test_a_stored_number_is_clamped_when_its_field_clamps() -> None:
    state = being(level=Field(1, low=0, high=5, integer=True, on_set="clamp"))
    state["level"] = 7.9
    assert state["level"] == 5
    state.store({"level": -3, "energy": 1.0})
    assert (state["level"], state["energy"]) == (0, 1.0)
    with pytest.raises(InvalidValue, match=r"energy: 101.0 lies outside \[0.0, 100.0\]"):
        state.store({"level": 3, "energy": 101.0})
    assert state["level"] == 0


def test_a_delta_is_rejected_when_its_field_rejects() -> None:
    state = being(fuel=Field(1.0, low=0.0, on_delta="reject"))
    with pytest.raises(InvalidValue, match=r"fuel: -1.0 lies outside"):
        state.apply_delta({"energy": -1.0, "fuel": -2.0})
    with pytest.raises(InvalidValue, match=r"fuel: -1.0 lies outside"), state.transaction() as t:
        t.apply_delta({"energy": -1.0, "fuel": -2.0})
    assert (state["energy"], state["fuel"], state.version) == (50.0, 1.0, 0)
    assert state.apply_delta({"fuel": -1.0}) == 1


def test_no_reflex_may_change_a_field_that_rejects() -> None:
    state = being(fuel=Field(1.0, low=0.0, on_delta="reject"))
    with pytest.raises(InvalidReflex, match="'fuel', which rejects"):
        ReflexSet([Reflex("burn", 1.0, {"fuel": -1.0})]).compile(state.numbers)


# --- operations


def test_store_is_all_or_nothing() -> None:
    state = being()
    assert state.store({"energy": 1.0, "mood": "tired", "tags": [1]}) == 1
    for bad in ({"energy": 2.0, "mood": 3}, {"mood": "x", "energy": float("nan")}, {"energy": 2.0, "nobody": 1}):
        with pytest.raises((InvalidValue, UnknownField)):
            state.store(bad)
    assert (state["energy"], state["mood"], state["tags"], state.version) == (1.0, "tired", [1], 1)


def test_a_report_has_the_asked_and_the_applied_amounts() -> None:
    state = being()
    report = state.apply_delta({"energy": 60.0, "ticks": 2.9}, report=True)
    assert report == DeltaReport(1, {"energy": 60.0, "ticks": 2.9}, {"energy": 50.0, "ticks": 2.0})


def test_compare_and_set_of_a_number() -> None:
    state = being()
    assert state.compare_and_set("energy", 49.0, 1.0) is None
    assert state.compare_and_set("energy", 50, 1.0) == 1
    assert state.compare_and_set("energy", "1.0", 2.0) is None
    assert state.compare_and_set("ticks", 2**53 + 1, 2) is None
    with pytest.raises(InvalidValue):
        state.compare_and_set("energy", 1.0, 101.0)
    assert (state["energy"], state.version) == (1.0, 1)


def test_compare_and_set_of_a_value() -> None:
    state = being()
    assert state.compare_and_set("tags", [1], None) is None
    assert state.compare_and_set("tags", [], None) == 1
    assert state.compare_and_set("tags", None, [2]) == 2
    assert state["tags"] == [2]


def test_minimum_and_maximum_move_one_way() -> None:
    state = being()
    assert [state.update_max("energy", 40.0), state.update_max("energy", 60.0)] == [0, 1]
    assert [state.update_min("energy", 70.0), state.update_min("energy", 10)] == [1, 2]
    assert state["energy"] == 10.0
    with pytest.raises(InvalidValue):
        state.update_max("energy", 101.0)


def test_increment_adds_one_by_default() -> None:
    state = being()
    assert [state.increment("ticks"), state.increment("ticks", 5), state["ticks"]] == [1, 2, 6]


def test_update_of_one_field_gets_its_value() -> None:
    state = being()
    assert state.update(lambda tags: [*tags, "a"], "tags") == 1
    assert state.update(lambda energy: energy / 2, "energy") == 2
    assert (state["tags"], state["energy"]) == (["a"], 25.0)


def test_update_of_the_whole_returns_changes() -> None:
    state = being()
    assert state.update(lambda seen: {"ticks": seen["ticks"] + 1, "mood": seen["mood"].upper()}) == 1
    assert state.update(lambda seen: None) == 1
    assert (state["ticks"], state["mood"]) == (1, "CALM")


def test_an_update_is_made_again_when_another_write_came_between() -> None:
    state, seen = being(), []

    def doubled(energy: float) -> float:
        seen.append(energy)
        if len(seen) == 1:
            state["energy"] = 10.0
        return energy * 2

    assert state.update(doubled, "energy") == 2
    assert (seen, state["energy"]) == ([50.0, 10.0], 20.0)


def test_an_update_that_is_always_too_late_gives_up() -> None:
    waited: list[float] = []
    state = ThreadSafeSelfState({"energy": Field(0.0)}, pause=waited.append)

    def disturbed(energy: float) -> float:
        state.increment("energy")
        return energy

    with pytest.raises(ConflictError) as caught:
        state.update(disturbed, "energy", retries=20)
    assert (caught.value.fields, len(waited)) == (("energy",), 20)
    assert all(0.0 < seconds <= 0.05 for seconds in waited) and waited[-1] > waited[0]
    assert state.statistics().conflicts == 21


def test_an_unknown_field_is_an_error_everywhere() -> None:
    state = being()
    for call in (
        lambda: state["nobody"], lambda: state.store({"nobody": 1}), lambda: state.increment("nobody"),
        lambda: state.compare_and_set("nobody", 1, 2), lambda: state.update_min("nobody", 1),
        lambda: state.update(abs, "nobody"), lambda: state.apply_delta({"energy": 1.0, "nobody": 1.0}),
    ):  # fmt: skip
        with pytest.raises(UnknownField, match="'nobody'"):
            call()
    assert state.version == 0


def test_no_increment_of_many_threads_is_lost() -> None:
    state, each = being(), 200

    def work() -> None:
        for _ in range(each):
            state.update(lambda count: count + 1, "ticks")
            state.update(lambda tags: [len(tags), *tags][:3], "tags")

    together(*[work] * 4)
    assert state["ticks"] == 4 * each
    assert state.version == 8 * each


# --- observation


def test_statistics_have_conflicts_waits_and_holds() -> None:
    state = being()
    for _ in range(65):
        state.increment("ticks")
    found = state.statistics()
    assert (found.version, found.writes, found.conflicts, found.watcher_errors) == (65, 65, 0, 0)
    assert (found.waits.count, found.holds.count) == (0, 2)
    assert found.holds.max_ns >= found.holds.min_ns > 0
