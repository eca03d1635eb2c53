"""ThreadSafeSelfState.wrap: the fields of an existing object, and writes that reach it."""

from __future__ import annotations

import copy
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
from actors import together
from beings import FIELDS, Being, Data, Loose, Model, Slotted
from hypothesis import example, given, strategies as st

from lifeevt import ConflictError, Field, InvalidValue, LockTimeout, ThreadSafeSelfState, UnknownField, Value
from lifeevt.errors import SerializationError, StateError


def wrapped(**more: Any) -> tuple[Being, ThreadSafeSelfState]:
    being = Being()
    return being, ThreadSafeSelfState.wrap(being, FIELDS, **more)


def held(being: Being) -> dict[str, Any]:
    return {name: copy.copy(getattr(being, name)) for name in FIELDS}


# --- which fields


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Data(), {"energy": 50.0, "ticks": 3, "memory": []}),
        (Model(), {"energy": 50.0, "memory": ["shock"]}),
        (Loose(energy=1.5, name="Ada", _secret=1), {"energy": 1.5, "name": "Ada"}),
    ],
    ids=["dataclass", "model", "plain"],
)
def test_the_fields_of_an_object_are_found(target: Any, expected: dict[str, Any]) -> None:
    state = ThreadSafeSelfState.wrap(target)
    assert dict(state.snapshot()) == expected
    assert state.version == 0


def test_numbers_and_values_may_be_declared_in_any_order() -> None:
    target = Loose(name="Ada", energy=1.5, memory=(), ticks=3)
    fields = {"name": Value(""), "energy": Field(0.0), "memory": Value(()), "ticks": Field(0, integer=True)}
    state = ThreadSafeSelfState.wrap(target, fields)
    assert dict(state.snapshot()) == vars(target) == {"name": "Ada", "energy": 1.5, "memory": (), "ticks": 3}
    assert state.store({"ticks": 4, "name": "Eve"}) == 1
    with state.exclusive() as live:
        live.energy, live.memory = 2.5, ("shock",)
    assert dict(state.snapshot()) == vars(target) == {"name": "Eve", "energy": 2.5, "memory": ("shock",), "ticks": 4}


def test_names_choose_fields_and_present_values_declare_them() -> None:
    target = Loose(energy=1.5, ticks=3, awake=True, name="Ada", huge=10**400, other=1)
    state = ThreadSafeSelfState.wrap(target, ["energy", "ticks", "awake", "name", "huge"])
    assert state.fields == {
        "energy": Field(1.5),
        "ticks": Field(3, integer=True),
        "awake": Value(True),
        "name": Value("Ada"),
        "huge": Value(10**400),
    }


def test_declarations_keep_their_bounds_and_take_present_values_as_defaults() -> None:
    _, state = wrapped()
    assert state.fields["energy"] == Field(50.0, low=0.0, high=100.0)
    assert dict(state.snapshot()) == {"energy": 50.0, "ticks": 3, "memory": [], "pattern": ""}


def test_slots_and_properties_are_wrapped_when_they_are_named() -> None:
    state = ThreadSafeSelfState.wrap(Slotted(), ["energy", "ticks"])
    state.apply_delta({"energy": -1.0})
    assert dict(state.snapshot()) == {"energy": 49.0, "ticks": 3}


@pytest.mark.parametrize(
    ("target", "fields", "error", "says"),
    [
        (Slotted(), None, InvalidValue, "does not say which fields"),
        (Loose(_secret=1), None, InvalidValue, "does not say which fields"),
        (Loose(energy=1.0), "energy", InvalidValue, "is the string"),
        (Loose(energy=1.0), ["enrgy"], UnknownField, "no attribute 'enrgy'"),
        (Loose(energy=1.0), {"energy": Field(0.0), "mood": Field(0.0)}, UnknownField, "no attribute 'mood'"),
        (Loose(energy=1.0), {"energy": 1.0}, InvalidValue, "must be a Field or a Value"),
        (Loose(energy=5.0), {"energy": Field(0.0, high=1.0)}, InvalidValue, r"energy: 5.0 lies outside"),
        (Loose(energy="5"), {"energy": Field(0.0)}, InvalidValue, "energy must be a number"),
        (Loose(energy=5.0), {"energy": Value("", str)}, InvalidValue, "energy must be a str"),
        (Loose(lock=iter([])), ["energy"], UnknownField, "energy"),
    ],
)
def test_wrapping_refuses_unfit_objects(target: Any, fields: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ThreadSafeSelfState.wrap(target, fields)


def test_a_number_clamped_at_first_is_clamped_in_the_object_too() -> None:
    target = Loose(energy=5.0, ticks=2.5)
    fields = {"energy": Field(0.0, high=1.0, on_set="clamp"), "ticks": Field(0, integer=True)}
    state = ThreadSafeSelfState.wrap(target, fields)
    assert (target.energy, target.ticks) == (state["energy"], state["ticks"]) == (1.0, 2)


def test_a_subclass_is_wrapped_as_itself() -> None:
    class Mine(ThreadSafeSelfState):
        def apply_delta(self, delta: Any, **given: Any) -> Any:
            return super().apply_delta({name: 2 * amount for name, amount in delta.items()}, **given)

    being = Being()
    state = Mine.wrap(being, FIELDS)
    state.apply_delta({"energy": 1.0})
    assert isinstance(state, Mine)
    assert (being.energy, state["energy"]) == (52.0, 52.0)
    assert isinstance(type(state).wrap(Being(), FIELDS), Mine)


if find_spec("pydantic"):  # it is no dependency: the double above is in every run

    def test_a_real_pydantic_model_is_wrapped() -> None:
        made = import_module("pydantic").create_model("Made", energy=(float, 50.0), name=(str, "Ada"))()
        state = ThreadSafeSelfState.wrap(made)
        state.store({"energy": 1.0, "name": "Eve"})
        assert (made.energy, made.name) == (1.0, "Eve")


# --- writes reach the object

WRITES: dict[str, Any] = {
    "set a number": (lambda state: state.__setitem__("energy", 7), {"energy": 7.0}),
    "set a whole number": (lambda state: state.__setitem__("ticks", 7.9), {"ticks": 7}),
    "set a value": (lambda state: state.__setitem__("memory", ["shock"]), {"memory": ["shock"]}),
    "store": (lambda state: state.store({"energy": 7.0, "pattern": "absorb"}), {"energy": 7.0, "pattern": "absorb"}),
    "delta": (lambda state: state.apply_delta({"energy": -1.5, "ticks": 2.7}), {"energy": 48.5, "ticks": 5}),
    "clamped delta": (lambda state: state.apply_delta({"energy": 1e9}), {"energy": 100.0}),
    "increment": (lambda state: state.increment("ticks"), {"ticks": 4}),
    "compare and set": (lambda state: state.compare_and_set("energy", 50.0, 7.0), {"energy": 7.0}),
    "compare and set a value": (lambda state: state.compare_and_set("memory", [], ["a"]), {"memory": ["a"]}),
    "lower": (lambda state: state.update_min("energy", 7.0), {"energy": 7.0}),
    "raise": (lambda state: state.update_max("energy", 77.0), {"energy": 77.0}),
    "update": (lambda state: state.update(lambda energy: energy / 2, "energy"), {"energy": 25.0}),
    "transaction": (lambda state: state.transact(lambda t: t.update({"energy": 1.0, "memory": [1]})),
                    {"energy": 1.0, "memory": [1]}),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITES)
def test_every_write_reaches_the_object_as_one_version(name: str) -> None:
    write, expected = WRITES[name]
    being, state = wrapped()
    write(state)
    assert held(being) == dict(state.snapshot()) == {"energy": 50.0, "ticks": 3, "memory": [], "pattern": ""} | expected
    assert state.version == 1


@pytest.mark.parametrize("name", WRITES)
def test_a_value_refused_by_the_object_changes_neither_it_nor_the_state(name: str) -> None:
    class Refusing(Being):
        """Takes the first attribute that is set, and then no more: all are put back."""

        def __setattr__(self, attribute: str, value: Any) -> None:
            left = vars(self).get("left")
            if left is not None:
                vars(self)["left"] = left - 1
                if left == 0:
                    raise RuntimeError("no more")
            super().__setattr__(attribute, value)

    write, expected = WRITES[name]
    for allowed in range(len(expected)):
        being = Refusing()
        state = ThreadSafeSelfState.wrap(being, FIELDS)
        vars(being)["left"] = allowed
        with pytest.raises(InvalidValue, match=r"the object refused .*: no more"):
            write(state)
        assert held(being) == dict(state.snapshot()) == held(Being())
        assert state.version == 0


def test_a_delta_is_reported_as_ever() -> None:
    _, state = wrapped()
    report = state.apply_delta({"energy": 70.0, "ticks": 1}, report=True)
    assert (report.version, dict(report.applied)) == (1, {"energy": 50.0, "ticks": 1.0})


def test_writes_that_write_nothing_write_nothing() -> None:
    _, state = wrapped()
    assert state.compare_and_set("energy", 1.0, 2.0) is None
    assert state.update_min("energy", 60.0) == state.update_max("energy", 40.0) == 0
    assert (state["energy"], state.version) == (50.0, 0)


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (lambda state: state.__setitem__("energy", 101.0), InvalidValue),
        (lambda state: state.__setitem__("memory", "text"), InvalidValue),
        (lambda state: state.apply_delta({"energy": float("nan")}), InvalidValue),
        (lambda state: state.apply_delta({"energy": 1.0, "mood": 1.0}), UnknownField),
        (lambda state: state.store({"energy": 1.0, "ticks": -1}), InvalidValue),
    ],
)
def test_a_value_refused_by_the_state_does_not_reach_the_object(write: Any, error: type[Exception]) -> None:
    being, state = wrapped()
    with pytest.raises(error):
        write(state)
    assert held(being) == held(Being())


def test_a_field_that_rejects_deltas_does_so_here() -> None:
    target = Loose(energy=1.0)
    state = ThreadSafeSelfState.wrap(target, {"energy": Field(0.0, high=2.0, on_delta="reject")})
    with pytest.raises(InvalidValue, match=r"energy: 3.0 lies outside"):
        state.apply_delta({"energy": 2.0})
    assert (target.energy, state["energy"]) == (1.0, 1.0)


@pytest.mark.parametrize("write", [lambda state: state.__setitem__("energy", 7.6),
                                   lambda state: state.apply_delta({"energy": -42.4})])  # fmt: skip
def test_the_objects_form_of_a_number_is_published(write: Any) -> None:
    class Rounding(Being):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, float(round(value)) if name == "energy" else value)

    being = Rounding()
    state = ThreadSafeSelfState.wrap(being, FIELDS)
    write(state)
    assert (being.energy, state["energy"]) == (8.0, 8.0)


def test_the_objects_form_of_a_number_must_fit_the_field() -> None:
    class Doubling(Loose):
        def __setattr__(self, name: str, value: Any) -> None:
            vars(self)[name] = 2 * value

    target = Doubling(energy=1.0)
    state = ThreadSafeSelfState.wrap(target, {"energy": Field(0.0, high=10.0)})
    with pytest.raises(InvalidValue, match=r"energy: 12.0 lies outside"):
        state["energy"] = 6.0
    assert (state["energy"], state.version) == (1.0, 0)


def test_no_live_list_leaks_in_or_out() -> None:
    being, state = wrapped()
    given_list = [["shock"]]
    state["memory"] = given_list
    given_list[0].append("mine")
    state["memory"].append("yours")
    assert being.memory == state["memory"] == [["shock"]]
    being.memory[0].append("its own")
    assert state["memory"] == [["shock"]]


def test_an_object_that_equals_no_copy_of_itself_is_stored() -> None:
    target = Loose(thing=Loose(depth=1))
    state = ThreadSafeSelfState.wrap(target)
    state["thing"] = Loose(depth=2)
    assert (target.thing.depth, state["thing"].depth) == (2, 2)
    assert state["thing"] is not target.thing


def test_a_conflict_is_found_before_the_object_is_written() -> None:
    being, state = wrapped()
    with pytest.raises(ConflictError), state.transaction() as t:
        t["energy"] = 1.0
        state["energy"] = 2.0
    assert (being.energy, state["energy"]) == (2.0, 2.0)


def test_a_state_over_an_object_is_saved_and_loaded(tmp_path: Any) -> None:
    being, state = wrapped()
    state.store({"energy": 7.0, "memory": ["shock"]})
    state.save(tmp_path / "being")
    state.store({"energy": 8.0, "memory": []})
    state.load(tmp_path / "being")
    assert (being.energy, being.memory) == (7.0, ["shock"])
    state["memory"] = [{1}]
    with pytest.raises(SerializationError):
        state.save(tmp_path / "being")


def test_watchers_hear_of_writes_after_the_object_is_free() -> None:
    being, state = wrapped()
    heard: list[Any] = []

    def watcher(change: Any) -> None:
        heard.append((change.version, dict(change.before), dict(change.after), change.reason))
        if change.version == 1:
            state["energy"] = 9.0  # which needs the object

    with state.watch(watcher):
        state.store({"energy": 7.0, "memory": ["a"]}, reason="test")
    assert heard == [
        (1, {"energy": 50.0, "memory": []}, {"energy": 7.0, "memory": ["a"]}, "test"),
        (2, {"energy": 7.0}, {"energy": 9.0}, None),
    ]
    assert being.energy == 9.0


def test_a_wrapped_state_may_keep_a_history() -> None:
    _, state = wrapped(history=2)
    with state.exclusive("handler") as live:
        live.memory.append("a")
    state["energy"] = 7.0
    assert [(change.reason, change.fields) for change in state.history()] == [
        ("handler", ("memory",)),
        (None, ("energy",)),
    ]


def test_a_write_waits_for_exclusive_access_as_long_as_the_state_allows() -> None:
    _, state = wrapped(exclusive_timeout=0.0, name="Ada")
    with state.exclusive("handler:shock"):
        (said,) = together(lambda: error_of(lambda: state.apply_delta({"energy": 1.0})))
    assert isinstance(said, LockTimeout)
    assert str(said).startswith("Ada was not free within 0 s; handler:shock has held it for")
    state.apply_delta({"energy": 1.0})
    assert state["energy"] == 51.0


def error_of(call: Any) -> BaseException | None:
    try:
        call()
    except StateError as error:
        return error
    return None


# --- reflexes write the cells without the lock


def test_a_write_first_copies_the_writes_of_reflexes_into_the_object() -> None:
    being, state = wrapped()
    state.cells.add([0, 1], [-10.0, 4.0])
    assert (being.energy, state["energy"]) == (50.0, 40.0)
    state["pattern"] = "absorb"
    assert (being.energy, being.ticks, state["energy"]) == (40.0, 7, 40.0)


def test_a_delta_and_a_reflex_add_up() -> None:
    being, state = wrapped()
    state.cells.add([0], [-10.0])
    state.apply_delta({"energy": 1.0})
    state.cells.add([0], [-10.0])
    state.apply_delta({"energy": 1.0})
    assert (being.energy, state["energy"]) == (32.0, 32.0)


def test_a_reflexs_number_refused_by_the_object_is_taken_back_and_reported_once() -> None:
    being = Being()
    state = ThreadSafeSelfState.wrap(being, {"energy": Field(0.0, low=-50.0)})
    state.cells.add([0], [-60.0])
    with pytest.raises(InvalidValue, match=r"energy: the object refused -10.0"):
        state["energy"] = 7.0
    assert (being.energy, state["energy"]) == (50.0, 50.0)
    state["energy"] = 7.0
    assert (being.energy, state["energy"]) == (7.0, 7.0)


class Interfering:
    """Cells in which a reflex writes before each write of the state."""

    def __init__(self, cells: Any, delta: float) -> None:
        self._cells, self._delta, self.times = cells, delta, 3

    def __getattr__(self, name: str) -> Any:
        if name in ("add_and_tell", "compare_and_set", "commit", "merge", "reach", "write") and self.times:
            self.times -= 1
            self._cells.add([0], [self._delta])
        return getattr(self._cells, name)


def interfered(delta: float) -> tuple[Being, ThreadSafeSelfState]:
    being, state = wrapped()
    cells: Any = Interfering(state.cells, delta)
    state._wrapped.cells = state._writer._cells = cells  # type: ignore[union-attr]
    return being, state


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda state: state.__setitem__("energy", 7.0), 7.0),
        (lambda state: state.apply_delta({"energy": 5.0}), 54.0),
        (lambda state: state.update_max("energy", 60.0), 60.0),
        (lambda state: state.update_min("energy", 49.5), 49.0),
        (lambda state: state.compare_and_set("energy", 50.0, 7.0), 49.0),
    ],
    ids=["set", "delta", "raise", "lower", "compare"],
)
def test_a_reflex_in_the_middle_of_a_write_is_before_or_after_it(write: Any, expected: float) -> None:
    being, state = interfered(-1.0)
    state._wrapped.cells.times = 1  # type: ignore[union-attr]
    write(state)
    assert state["energy"] == expected
    state["pattern"] = "so that the object is shown it"
    assert being.energy == expected


def test_a_number_is_compared_and_set_after_a_reflex_without_effect() -> None:
    being, state = interfered(0.0)
    assert state.compare_and_set("energy", 50.0, 7.0)
    assert (being.energy, state["energy"]) == (7.0, 7.0)


# --- as a whole

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.floats(-10, 110)),
        st.tuples(st.just("add"), st.floats(-60, 60)),
        st.tuples(st.just("reflex"), st.floats(-60, 60)),
        st.tuples(st.just("max"), st.floats(0, 100)),
        st.tuples(st.just("exclusive"), st.floats(-60, 160)),
    ),
    max_size=12,
)


@given(operations=OPERATIONS)
@example(operations=[("reflex", 1.0), ("set", 101.0), ("exclusive", 101.0)])
def test_object_and_state_agree_after_each_exclusive_access(operations: Any) -> None:
    being, state = wrapped()
    for kind, number in operations:
        before, refused = state["energy"], False
        try:
            apply(state, kind, number)
        except InvalidValue:
            refused = True
            assert state["energy"] == before
        if kind == "exclusive" or (kind != "reflex" and not refused):  # a refused write takes no exclusive access
            assert being.energy == state["energy"]


def apply(state: ThreadSafeSelfState, kind: str, number: float) -> None:
    if kind == "set":
        state["energy"] = number
    elif kind == "add":
        state.apply_delta({"energy": number})
    elif kind == "max":
        state.update_max("energy", number)
    elif kind == "reflex":
        state.cells.add([0], [number])
    else:
        with state.exclusive() as live:
            live._body["energy"] = number  # past the property that validates
