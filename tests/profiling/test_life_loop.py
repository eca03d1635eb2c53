"""The peer of Life's shape processes events as Life does."""

from __future__ import annotations

import pytest

from benches import workloads
from benches.life_loop import MEMORY_CAP, LifeLoop, LifeState, Meaning, MemoryEntry, decide_response
from benches.peers import PlainBeing
from lifeevt import Event


def after(*events: Event) -> LifeLoop:
    life = LifeLoop(len(events))
    for event in events:
        life.queue.push(event)
    assert life.tick() == len(events)
    return life


def test_a_strong_shock_changes_a_fresh_state_by_the_contract() -> None:
    state = after(Event("shock", -0.9)).state
    assert state.energy == pytest.approx(99.6575, abs=1e-12)
    assert state.stability == pytest.approx(0.9775, abs=1e-12)
    assert state.integrity == pytest.approx(0.98875, abs=1e-12)
    assert (state.last_pattern, state.last_significance, state.recent_events) == ("dampen", 1.0, ["shock"])
    assert [entry.event_type for entry in state.memory] == ["action", "shock"]


def test_an_event_without_intensity_means_nothing() -> None:
    state = after(Event("shock", 0.0)).state
    assert (state.energy, state.recent_events, list(state.memory)) == (100.0, [], [])


def test_without_memory_effects_the_loop_gives_the_results_of_the_plain_being() -> None:
    being = PlainBeing()
    for event in workloads.events(300):
        life = after(event)
        being.state = {"energy": 100.0, "stability": 1.0, "integrity": 1.0}
        being.process(event)
        assert {name: getattr(life.state, name) for name in being.state} == pytest.approx(being.state, abs=1e-12)


def test_memory_keeps_fifty_and_a_full_queue_drops_the_new_event() -> None:
    life = after(*workloads.events(200))
    assert len(life.state.memory) == MEMORY_CAP
    for event in workloads.events(201):
        life.queue.push(event)
    assert (life.queue.dropped, life.tick()) == (1, 200)


def test_the_lightest_memory_goes_first() -> None:
    state = LifeState()
    for place in range(MEMORY_CAP + 1):
        state.memory.append(MemoryEntry(f"{place}", 0.0, 0.0, 0.0, weight=0.5 if place == 7 else 1.0))
    assert [entry.event_type for entry in state.memory] == [f"{place}" for place in range(51) if place != 7]


@pytest.mark.parametrize(
    ("state", "significance", "emotion", "remembered", "pattern"),
    [
        ({}, 0.4, "neutral", [], "absorb"),
        ({}, 0.5, "neutral", [], "dampen"),
        ({}, 0.1, "neutral", [0.6], "dampen"),
        ({}, 0.1, "fear", [], "dampen"),
        ({}, 0.5, "joy", [], "amplify"),
        ({"energy": 29.0, "stability": 0.2}, 0.1, "neutral", [], "dampen"),
        ({"integrity": 0.2}, 0.1, "neutral", [0.45], "dampen"),
    ],
)
def test_the_first_rule_that_holds_decides(
    state: dict[str, float], significance: float, emotion: str, remembered: list[float], pattern: str
) -> None:
    made = LifeState(**state, activated_memory=[MemoryEntry("x", each, 0.0, 0.0) for each in remembered])  # type: ignore[arg-type]
    assert decide_response(made, Meaning(significance, {}, emotion)) == pattern


@pytest.mark.parametrize("energy", [-0.1, 100.1])
def test_an_energy_out_of_range_is_refused(energy: float) -> None:
    with pytest.raises(ValueError, match="energy is"):
        LifeState().update_energy(energy)


def test_a_delta_is_clamped_and_an_unknown_field_left_out() -> None:
    state = LifeState()
    state.apply_delta({"energy": 5.0, "fatigue": -1.0, "ticks": 2, "unknown": 1.0, "stability": -3.0})
    assert (state.energy, state.fatigue, state.ticks, state.stability) == (100.0, 0.0, 2, 0.0)
    assert not hasattr(state, "unknown")
