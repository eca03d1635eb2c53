"""A wrapped SelfState: Life's names and rules, and no live containers for readers."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from actors import Actor, together
from life import engines
from life.double import VITALS, Event, MemoryEntry, SelfState
from life.test_double import state_of, vitals_of
from life_contract import EXACT, GOLDEN, TRACE_EVENTS

from lifeevt import Field, InvalidValue, LockTimeout, ThreadSafeSelfState
from lifeevt.life import LifeState, wrap_state


@pytest.fixture
def being() -> SelfState:
    return SelfState()


@pytest.fixture
def state(being: SelfState) -> LifeState:
    return wrap_state(being)


def entry(number: float = 0.0) -> MemoryEntry:
    return MemoryEntry("noise", 0.1, number)


# Life's own names, and Life's own rules


@pytest.mark.parametrize("vector", GOLDEN["vectors"][::10], ids=range(20))
def test_the_loop_gives_lifes_numbers_through_the_wrapper(vector: dict[str, Any]) -> None:
    bare = state_of(vector)
    state: Any = wrap_state(bare)
    engines.handle(state, Event(**vector["event"], timestamp=0.0))
    assert vitals_of(state) == vitals_of(bare) == pytest.approx(vector["after"], **EXACT)


def test_a_run_of_events_gives_lifes_trace_through_the_wrapper(state: LifeState) -> None:
    for record, expected in zip(TRACE_EVENTS, GOLDEN["trace"], strict=True):
        engines.handle(state, Event(**record))  # type: ignore[arg-type]
        assert [state.energy, state.stability, state.integrity] == pytest.approx(expected[2:], **EXACT)


def test_every_attribute_has_its_own_name(state: LifeState, being: SelfState) -> None:
    for name in ("energy", "ticks", "life_id", "active", "circadian_phase", "memory", "last_pattern"):
        assert getattr(state, name) == getattr(being, name)
    assert not hasattr(state, "nobody_has_this")
    assert isinstance(state, ThreadSafeSelfState)


def test_a_delta_follows_lifes_rules_not_ours(state: LifeState) -> None:
    version = state.apply_delta({"energy": 5.0, "nobody_knows": 1.0, "ticks": 1.9, "stability": float("nan")})
    assert (version, state.energy, state.ticks, state.stability) == (1, 100.0, 1, 1.0)
    with pytest.raises(TypeError, match="memory"):
        state.apply_delta({"energy": -1.0, "memory": 1.0})
    assert state["energy"] == 99.0, "the fields before it stay applied, and are published"


def test_a_report_has_the_changes_of_a_delta(state: LifeState) -> None:
    report: Any = state.apply_delta({"energy": -3.0, "stability": 1.0, "unknown": 2.0}, report=True)
    assert dict(report.applied) == {"energy": -3.0, "stability": 0.0}


def test_an_assignment_out_of_range_raises_lifes_error(state: LifeState) -> None:
    for wrong in (lambda: state.update_energy(101.0), lambda: setattr(state, "energy", -1.0)):
        with pytest.raises(ValueError, match="energy"):
            wrong()
    with pytest.raises(AttributeError, match="immutable"):
        state.birth_timestamp = 3.0
    state.energy = 7.0
    assert (state.energy, state["energy"], state.snapshot()["energy"], state.is_viable()) == (7.0, 7.0, 7.0, False)


def test_methods_of_life_run_in_exclusive_access_and_are_published(state: LifeState) -> None:
    state.update_vital_params(energy=50.0, stability=0.5)
    assert (state["energy"], state["stability"]) == (50.0, 0.5)
    assert state.version == 1


def test_an_attribute_that_is_not_published_is_set_on_the_object(state: LifeState, being: SelfState) -> None:
    state.last_pattern = "absorb"
    state.clarity_state = True
    assert (being.last_pattern, being.clarity_state) == ("absorb", True)


def test_a_published_number_that_became_nan_is_reset(state: LifeState, being: SelfState) -> None:
    with pytest.raises(InvalidValue, match="energy"), state.exclusive():
        being._body.numbers["energy"] = float("nan")
    assert (being.energy, state.energy) == (100.0, 100.0)


# containers


def test_reading_returns_no_live_container(state: LifeState, being: SelfState) -> None:
    being.memory.append(entry())
    status = state.get_safe_status_dict()
    seen = [status["memory"], status["learning_params"]["event_type_sensitivity"], state.memory]
    state.memory.append(entry(1.0))
    status["memory"][0].weight = 0.5
    seen[1]["noise"] = 9.0
    assert [len(each) for each in seen] == [1, 5, 1]
    assert being.memory[0].weight == 1.0
    assert being.learning_params["event_type_sensitivity"]["noise"] == 0.2
    assert state.get_safe_status_dict()["memory"] is not state.get_safe_status_dict()["memory"]


def test_a_change_of_a_copied_list_reaches_the_object(state: LifeState, being: SelfState) -> None:
    memory = state.memory
    for number in range(60):
        memory.append(entry(number))
    assert len(being.memory) == len(memory) == 50, "by the object's own append"
    assert memory.total_weight() == 50.0
    state.recent_events += ["noise", "shock"]
    state.recent_events[0] = "calm"
    assert being.recent_events == state.recent_events == ["calm", "shock"]
    assert type(being.recent_events) is list


def test_a_change_of_a_copied_dict_reaches_the_object(state: LifeState, being: SelfState) -> None:
    state.planning["goal"] = 1
    state.planning.update(way=2)
    state.planning |= {"end": 3}
    assert state.planning.pop("goal") == 1
    assert being.planning == {"way": 2, "end": 3}
    assert type(being.planning) is dict


def test_a_copied_container_is_a_plain_one_for_other_code(state: LifeState) -> None:
    state.recent_events.append("noise")
    read = state.recent_events
    assert json.loads(json.dumps(read)) == ["noise"]
    assert [type(each) for each in (copy.deepcopy(read), pickle.loads(pickle.dumps(state.planning)))] == [list, dict]
    other = wrap_state(SelfState())
    other.recent_events = read
    assert type(other.target.recent_events) is list


# exclusive access


def test_exclusive_access_gives_the_bare_object_and_every_call_works_in_it(state: LifeState, being: SelfState) -> None:
    with state.exclusive("handler") as live:
        assert live is being
        live.energy -= 10.0
        assert state["energy"] == 100.0, "published at the end"
        assert state.energy == 90.0, "but this thread is inside"
        state.apply_delta({"energy": -1.0})
        state.memory.append(entry())
        state.stability = 0.5
    assert (state["energy"], state["stability"], state.version) == (89.0, 0.5, 1)


def test_readers_of_published_numbers_do_not_wait_for_exclusive_access(being: SelfState) -> None:
    state = wrap_state(being, exclusive_timeout=0.01)
    with state.exclusive("a long handler") as live, Actor() as reader:
        live.energy = 1.0
        assert reader.do(lambda: (state.energy, state.snapshot()["ticks"])) == (100.0, 0)
        with pytest.raises(LockTimeout, match="a long handler"):
            reader.do(lambda: state.memory)
        with pytest.raises(LockTimeout, match="a long handler"):
            reader.do(state.update_energy, 3.0)


def test_a_wrapped_state_is_wrapped_once(state: LifeState, being: SelfState) -> None:
    assert wrap_state(state) is state
    assert state.target is being


def test_an_adopter_chooses_what_is_published(being: SelfState) -> None:
    state = wrap_state(being, {"energy": Field(0.0), "circadian_phase": Field(0.0)})
    being.circadian_phase = 1.0  # outside exclusive access: published by the next
    state.apply_delta({"energy": -1.0})
    assert dict(state.snapshot()) == {"energy": 99.0, "circadian_phase": 1.0}
    assert state.stability == 1.0


def test_threads_that_change_one_state_lose_no_change(state: LifeState, being: SelfState) -> None:
    def changes() -> None:
        for _ in range(100):
            state.apply_delta({"fatigue": 1.0})
            state.recent_events.append("noise")
            assert state.get_safe_status_dict()["energy"] == 100.0

    together(changes, changes, changes)
    assert (being.fatigue, len(being.recent_events)) == (300.0, 300)


def test_the_defaults_of_the_published_fields_are_lifes(state: LifeState) -> None:
    assert vitals_of(state) == VITALS
