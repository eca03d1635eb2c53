"""The double of Life has Life's numbers and Life's weaknesses."""

from __future__ import annotations

from typing import Any

import pytest
from life import engines
from life.double import Event, MemoryEntry, SelfState
from life_contract import EXACT, GOLDEN, TRACE_EVENTS, VITALS


def state_of(vector: dict[str, Any]) -> SelfState:
    """The state before a golden vector, its recalled memories in place."""
    state = SelfState()
    before = dict(vector["before"])
    for significance in before.pop("activated_significances"):
        state.memory.append(MemoryEntry(vector["event"]["type"], significance, 0.0))
    for name, value in before.items():
        setattr(state, name, value)
    return state


def vitals_of(state: Any) -> dict[str, float]:
    return {name: getattr(state, name) for name in VITALS}


@pytest.mark.parametrize("vector", GOLDEN["vectors"], ids=range(200))
def test_the_engines_and_the_loop_of_the_double_give_lifes_numbers(vector: dict[str, Any]) -> None:
    state, event = state_of(vector), Event(**vector["event"], timestamp=0.0)
    engine = engines.MeaningEngine()
    assert engine.process(event, state).significance == pytest.approx(vector["selfstate_significance"], **EXACT)
    meaning = engine.process(event, state.get_safe_status_dict(include_optional=False))
    assert meaning.significance == pytest.approx(vector["significance"], **EXACT)
    assert meaning.impact == pytest.approx(vector["meaning_impact"], **EXACT)
    engines.handle(state, event)
    assert (state.last_pattern or None) == vector["decision"]
    assert vitals_of(state) == pytest.approx(vector["after"], **EXACT)


def test_the_double_gives_lifes_trace_for_a_run_of_events() -> None:
    state = SelfState()
    for record, expected in zip(TRACE_EVENTS, GOLDEN["trace"], strict=True):
        engines.handle(state, Event(**record))
        assert [state.energy, state.stability, state.integrity] == pytest.approx(expected[2:], **EXACT)


def test_a_delta_is_clamped_and_an_assignment_is_not() -> None:
    state = SelfState()
    state.apply_delta({"energy": 5.0, "fatigue": -1.0, "ticks": 1.9, "nobody_knows": 3.0, "stability": float("nan")})
    assert (state.energy, state.fatigue, state.ticks, state.stability) == (100.0, 0.0, 1, 1.0)
    with pytest.raises(ValueError, match="energy"):
        state.energy = 101.0
    with pytest.raises(TypeError, match="memory"):
        state.apply_delta({"energy": -1.0, "memory": 1.0})
    assert state.energy == 99.0, "the fields before it stay applied"


def test_a_status_holds_live_containers_and_is_cached_for_a_while() -> None:
    state = SelfState()
    status = state.get_safe_status_dict(include_optional=False)
    assert status["memory"] is state.memory
    assert not {"life_id", "learning_params", "subjective_time_base_rate"} & status.keys()
    state.apply_delta({"energy": -1.0})
    assert state.get_safe_status_dict(include_optional=False) is status


def test_the_memory_keeps_the_fifty_heaviest_entries() -> None:
    state = SelfState()
    for number in range(60):
        state.memory.append(MemoryEntry("noise", 0.0, float(number), weight=number % 2))
    assert len(state.memory) == 50
    assert sum(entry.weight for entry in state.memory) == 30
