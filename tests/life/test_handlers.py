"""Life's engines as handlers: the same numbers in the same order, one atomic step per event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from life import engines
from life.double import Event, MemoryEntry, SelfState
from life.test_double import state_of, vitals_of
from life_contract import EXACT, GOLDEN, TRACE_EVENTS, VITALS

from lifeevt import AsyncEventProcessor, ManualClock, Status
from lifeevt.life import Engines, EventPipeline, EventQueue, handlers, processor, wrap_state

RECORDING = Path(__file__).parents[2] / "lifeevt" / "cli" / "recording.jsonl"
LIFE = Engines(
    engines.MeaningEngine(), engines.decide_response, engines.execute_action, engines.activate_memory,
    memory_entry=MemoryEntry,
)  # fmt: skip


def engine_for(bare: SelfState, life: Engines = LIFE, **given: Any) -> tuple[EventQueue, Any]:
    queue = EventQueue(maxsize=given.pop("maxsize", 100), clock=given.pop("clock", None))
    return queue, processor(wrap_state(bare), queue, EventPipeline(life), **given)


def remembered(state: Any) -> list[Any]:
    return [(entry.event_type, entry.meaning_significance, entry.weight) for entry in state.memory]


def whole(state: SelfState) -> list[Any]:
    """All of a state that events leave behind, but for wall time."""
    return [state._body.numbers, state.last_pattern, state.recent_events, remembered(state)]


# Life's numbers


@pytest.mark.parametrize("vector", GOLDEN["vectors"], ids=range(200))
def test_one_event_is_processed_as_in_life(vector: dict[str, Any]) -> None:
    bare = state_of(vector)
    queue, engine = engine_for(bare)
    queue.push(Event(**vector["event"], timestamp=0.0))
    engine.process_pending()
    (result,) = engine.results()
    assert result.meaning.significance == pytest.approx(vector["significance"], **EXACT)
    assert result.decision == vector["decision"]
    assert (result.action or None) == (vector["applied"] and pytest.approx(vector["applied"], **EXACT))
    assert vitals_of(bare) == pytest.approx(vector["after"], **EXACT)
    assert {name: engine.state[name] for name in VITALS} == vitals_of(bare)


def test_a_run_of_events_gives_lifes_trace() -> None:
    bare = SelfState()
    queue, engine = engine_for(bare)
    for record, expected in zip(TRACE_EVENTS, GOLDEN["trace"], strict=True):
        queue.push(Event(**record))
        engine.process_pending()
        (result,) = engine.results()
        assert [result.meaning.significance, *vitals_of(bare).values()] == pytest.approx(
            [expected[0], *expected[2:]], **EXACT
        )
        assert result.decision == expected[1]


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_a_worker_in_order_ends_with_the_state_of_lifes_loop(times: int) -> None:
    events = [Event(**json.loads(line)) for line in RECORDING.read_text().splitlines()] * times
    synchronous, asynchronous = SelfState(), SelfState()
    for event in events:
        engines.handle(synchronous, event)
    queue, engine = engine_for(asynchronous, maxsize=len(events))
    with engine:
        for event in events:
            queue.push(event)
        engine.wait_idle()
    assert len(events) == 2000 * times
    assert whole(asynchronous) == whole(synchronous)


# the order of effects


class Witness(SelfState):
    """Records its changes and calls, in order."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            self.__dict__.setdefault("_seen", []).append(name)
        super().__setattr__(name, value)

    def apply_delta(self, deltas: dict[str, float]) -> None:
        self._seen.append(("apply_delta", dict(deltas)))
        super().apply_delta(deltas)

    def get_safe_status_dict(self, include_optional: bool = True, limits: dict[str, int] | None = None) -> Any:
        self._seen.append(("status", include_optional))
        return super().get_safe_status_dict(include_optional, limits)


def test_the_effects_of_an_event_come_in_the_contracts_order() -> None:
    bare, pending = Witness(), list[Any]()
    bare.recovery_efficiency = 0.5
    bare._seen.clear()
    seen = bare._seen

    def noting(name: str, call: Any) -> Any:
        return lambda *given, **named: (seen.append(name), call(*given, **named))[1]

    life = Engines(
        engines.MeaningEngine(), noting("decide", engines.decide_response), noting("act", engines.execute_action),
        noting("activate", engines.activate_memory), noting("register", lambda *given: given[-1].append(given)),
        noting("remember", MemoryEntry),
    )  # fmt: skip
    queue = EventQueue()
    engine = processor(wrap_state(bare), queue, EventPipeline(life, pending, lambda: 12.5))
    queue.push(Event("recovery", 0.8, 0.0))
    engine.process_pending()
    impact = {"energy": 0.8 * 0.8 * 0.5 * 0.5 * 0.5, "stability": 0.016 * 0.5, "integrity": 0.0064 * 0.5}
    assert seen == [
        ("status", False), "activate", "activated_memory", "decide", "last_pattern",
        ("apply_delta", pytest.approx(impact)), "act", "energy", "register", "last_significance", "remember",
    ]  # fmt: skip
    assert pending[0][:4] == (
        "action_0_dampen_12500", "dampen", {"energy": 100.0, "stability": 1.0, "integrity": 1.0}, 12.5,
    )  # fmt: skip


def test_an_event_without_significance_changes_no_field() -> None:
    bare = SelfState()
    queue, engine = engine_for(bare)
    queue.push(Event("shock", 0.0, 0.0))
    engine.process_pending()
    (result,) = engine.results()
    assert (result.decision, result.action, result.status) == (None, None, Status.PROCESSED)
    assert (engine.state.version, bare.memory, bare.recent_events) == (0, [], [])


def test_the_pattern_ignore_changes_only_the_last_pattern() -> None:
    bare = SelfState()
    ignoring = Engines(engines.MeaningEngine(), lambda *_: "ignore", engines.execute_action)
    queue, engine = engine_for(bare, ignoring)
    queue.push(Event("shock", 0.9, 0.0))
    engine.process_pending()
    assert (bare.last_pattern, bare.energy, list(bare.memory)) == ("ignore", 100.0, [])


# errors


def test_an_exception_fails_one_event_and_not_the_batch() -> None:
    bare = SelfState()
    queue, engine = engine_for(bare)
    for event in (Event("shock", 0.9, 0.0), {"type": "clarity_moment", "timestamp": 0.0}, Event("shock", 0.9, 0.0)):
        queue.push(event)
    engine.process_pending()
    assert [each.status for each in engine.results()] == [Status.PROCESSED, Status.DEAD_LETTERED, Status.PROCESSED]
    assert len(bare.recent_events) == 2


def test_the_changes_of_an_event_before_its_failure_are_published() -> None:
    def fails(pattern: str, state: Any) -> None:
        raise RuntimeError("no hands")

    bare = SelfState()
    queue, engine = engine_for(bare, Engines(engines.MeaningEngine(), engines.decide_response, fails))
    queue.push(Event("shock", 0.9, 0.0))
    engine.process_pending()
    (result,) = engine.results()
    assert "no hands" in result.error
    assert engine.state["energy"] == bare.energy < 100.0


def test_at_zero_vitals_the_engine_keeps_working() -> None:
    bare = SelfState()
    bare.update_vital_params(0.0, 0.0, 0.0)
    queue, engine = engine_for(bare)
    with engine:
        for name in ("shock", "recovery"):
            queue.push(Event(name, 0.9, 0.0))
        engine.wait_idle()
        assert [each.status for each in engine.results()] == [Status.PROCESSED] * 2
    assert bare.active
    assert bare.energy > 0.0


def test_an_engine_that_lacks_a_method_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="process"):
        Engines(object(), engines.decide_response, engines.execute_action)
    with pytest.raises(TypeError, match="execute_action"):
        Engines(engines.MeaningEngine(), engines.decide_response, None)  # type: ignore[arg-type]


def test_the_handlers_also_work_in_an_engine_made_by_hand() -> None:
    state = wrap_state(SelfState())
    mine = handlers(engines.MeaningEngine(), engines.decide_response, engines.execute_action)
    queue = EventQueue(clock=ManualClock())
    engine = AsyncEventProcessor(state, [], mine, queue.by_urgency, "priority")
    for name in ("calm", "shock"):
        queue.push(Event(name, 0.9, 0.0))
    engine.process_pending()
    assert state.recent_events == ["shock", "calm"]
    assert state["energy"] == pytest.approx(99.6575 - 0.005, abs=0.05)
