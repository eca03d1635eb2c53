"""A state inherits its hot calls from the base of its backend, and a user's class overrides them as usual."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from parity.outcomes import Odd
from state.test_state import vitals

from lifeevt import Field, ThreadSafeSelfState, UnknownField


class Halved(ThreadSafeSelfState):
    """Overrides calls of the base, and calls on."""

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
    """Has slots of its own."""

    __slots__ = ("extra",)


def test_the_overrides_of_a_users_class_win() -> None:
    state = Halved({"energy": Field(50.0)})
    assert (state["energy"], state.apply_delta({"energy": 10.0}), state.snapshot()) == (25.0, 1, {"energy": 55.0})
    assert state.version == -1


def test_a_users_class_without_overrides_has_the_calls_of_the_base(core: Any) -> None:
    for state in (Named("calm"), vitals()):
        assert isinstance(state, core.StateBase)
        for name in ("__getitem__", "__setitem__", "apply_delta", "snapshot", "version"):
            served = inspect.getattr_static(type(state), name)
            assert served is inspect.getattr_static(core.StateBase, name)


def test_a_state_is_of_exactly_its_class() -> None:
    state = Named("calm")
    assert type(state) is Named and state.title == "calm"
    assert type(vitals()) is ThreadSafeSelfState
    shown = [ThreadSafeSelfState.__name__, ThreadSafeSelfState.__qualname__, ThreadSafeSelfState.__module__]
    assert shown == ["ThreadSafeSelfState", "ThreadSafeSelfState", "lifeevt"]


def test_the_hot_calls_show_their_signatures() -> None:
    given = list(inspect.signature(ThreadSafeSelfState.apply_delta).parameters)
    assert given == ["self", "delta", "report", "reason", "event"]
    assert list(inspect.signature(ThreadSafeSelfState.snapshot).parameters) == ["self"]
    assert all(inspect.getdoc(getattr(ThreadSafeSelfState, name)) for name in ("apply_delta", "snapshot", "version"))
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


def test_a_name_is_compared_by_value() -> None:
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


def test_a_state_that_is_initialised_again_forgets_its_fields() -> None:
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


def test_a_reader_racing_with_deltas_sees_whole_deltas(backend: str, isolated: Callable[..., str]) -> None:
    assert int(isolated("threads/isolated/state_races.py", backend, "whole", timeout=100)) >= 20_000


@pytest.mark.reference
def test_a_delta_in_two_steps_is_caught(isolated: Callable[..., str]) -> None:
    with pytest.raises(AssertionError, match="half a delta"):
        isolated("threads/isolated/state_races.py", "reference", "halves")
