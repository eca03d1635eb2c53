"""The twin's front of a state: fast where a call is plain, and nowhere different."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from parity.outcomes import Odd
from state.test_state import vitals

from lifeevt import Field, ThreadSafeSelfState, UnknownField

LOOKS = ["__name__", "__qualname__", "__module__", "__doc__"]


class Halved(ThreadSafeSelfState):
    """Overrides what the front answers, and calls on."""

    def __getitem__(self, name: str) -> float:
        return super().__getitem__(name) / 2.0

    def apply_delta(self, delta: Any) -> int:
        return super().apply_delta({name: amount / 2.0 for name, amount in delta.items()})

    def snapshot(self) -> Any:
        return dict(super().snapshot())

    @property
    def version(self) -> int:
        return -super().version


class Named(ThreadSafeSelfState):
    """Has a constructor of its own, and overrides nothing."""

    def __init__(self, title: str) -> None:
        super().__init__({"energy": Field(1.0)})
        self.title = title


class Slotted(ThreadSafeSelfState):
    """Leaves the front no room."""

    __slots__ = ("extra",)


def test_what_a_users_class_overrides_wins() -> None:
    state = Halved({"energy": Field(50.0)})
    assert (state["energy"], state.apply_delta({"energy": 10.0}), state.snapshot()) == (25.0, 1, {"energy": 55.0})
    assert state.version == -1


def test_a_users_class_without_overrides_has_the_same_front(core: Any) -> None:
    for state in (Named("calm"), vitals()):
        assert isinstance(state, core.StateFront)
        for name in ("__getitem__", "apply_delta", "snapshot", "version"):
            served = inspect.getattr_static(type(state), name)
            assert served is inspect.getattr_static(core.StateFront, name, vars(ThreadSafeSelfState)[name])


def test_a_state_keeps_the_name_of_its_class_and_is_one() -> None:
    state = Named("calm")
    assert isinstance(state, Named) and state.title == "calm"
    for kind in (type(state), type(vitals())):
        wanted = Named if kind is type(state) else ThreadSafeSelfState
        assert [getattr(kind, each) for each in LOOKS] == [getattr(wanted, each) for each in LOOKS]
        assert type(state) is type(Named("again"))


def test_signatures_and_docstrings_are_the_specifications() -> None:
    kind = type(vitals())
    for name in ("apply_delta", "snapshot"):
        ours, specified = getattr(kind, name), getattr(ThreadSafeSelfState, name)
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(specified).parameters)
        assert inspect.getdoc(ours) == inspect.getdoc(specified)
    assert inspect.getdoc(kind.version) == inspect.getdoc(ThreadSafeSelfState.version)
    given = list(inspect.signature(ThreadSafeSelfState).parameters)
    assert given == ["fields", "history", "measured", "pause"]
    assert vitals().apply_delta(delta={"energy": 1.0}) == 1


def test_a_class_with_slots_of_its_own_works() -> None:
    state = Slotted({"energy": Field(1.0)})
    state.extra = 5
    assert (state["energy"], state.apply_delta({"energy": 1.0}), dict(state.snapshot())) == (1.0, 1, {"energy": 2.0})


def test_a_users_class_is_announced_once() -> None:
    seen: list[str] = []

    class Watched(ThreadSafeSelfState):
        def __init_subclass__(cls) -> None:
            seen.append(cls.__name__)

    class Child(Watched):
        pass

    assert Child({"energy": Field(1.0)})["energy"] == 1.0
    assert seen == ["Child"]


def test_a_subclass_of_a_states_own_class_works() -> None:
    class Again(type(vitals())):  # type: ignore[misc]
        pass

    state = Again({"energy": Field(1.0)})
    assert (state.apply_delta({"energy": 1.0}), state["energy"], state.version) == (1, 2.0, 1)


def test_a_name_is_known_by_what_it_says() -> None:
    state = vitals()
    unshared = "".join(["en", "ergy"])
    for name in (unshared, Odd("energy")):
        state.apply_delta({name: 1.0})
        assert state[name] == state.snapshot()[name] == state["energy"]
    assert state["energy"] == 52.0


def test_fields_may_be_named_by_a_subclass_of_str() -> None:
    state = ThreadSafeSelfState({Odd("energy"): Field(1.0)})
    assert (state.apply_delta({"energy": 1.0}), state["energy"], state.version) == (1, 2.0, 1)
    assert state.snapshot() == {"energy": 2.0}


def test_a_state_that_is_made_anew_forgets_what_it_was() -> None:
    state = vitals()
    state.apply_delta({"energy": 1.0})
    held = state.snapshot()
    state.__init__({"other": Field(7.0)})  # type: ignore[misc]
    assert (dict(state.snapshot()), state.version, held["energy"]) == ({"other": 7.0}, 0, 51.0)
    with pytest.raises(UnknownField):
        state["energy"]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 31, 32, 33, 64, 256])
def test_a_state_may_have_any_number_of_fields(count: int) -> None:
    state = ThreadSafeSelfState({f"field {index}": Field(index) for index in range(count)})
    state.apply_delta({name: 0.5 for name in state})
    assert list(state.snapshot().values()) == [index + 0.5 for index in range(count)]
    assert [state[name] for name in state] == list(state.snapshot().values())


def test_a_reader_racing_with_deltas_sees_whole_ones(backend: str, isolated: Callable[..., str]) -> None:
    assert int(isolated("threads/isolated/state_races.py", backend, "whole", timeout=100)) >= 20_000


@pytest.mark.reference
def test_a_delta_in_two_steps_is_caught(isolated: Callable[..., str]) -> None:
    with pytest.raises(AssertionError, match="half a delta"):
        isolated("threads/isolated/state_races.py", "reference", "halves")
