"""Life's loop by its own signature: the same work in the same order in every mode."""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from actors import wait_until
from life import double, engines
from life.double import Event, SelfState
from life.test_handlers import LIFE, RECORDING, whole

from lifeevt import ManualClock
from lifeevt.life import Engines, EventQueue, LifeState, LoopReport, Subsystems, run_loop, wrap_state

EVENTS = [Event(**json.loads(line)) for line in RECORDING.read_text().splitlines()[:600]]
MODES = ("sync", "async", "shadow")
INTERVAL = 1.0


class World:
    """A clock that calls ``between(k)`` while the loop waits after tick k."""

    def __init__(self, between: Callable[[int], object] = lambda _: None, **queue: Any) -> None:
        self.clock = ManualClock(wall_start=0.0)
        self.queue = EventQueue(clock=self.clock, **queue)
        self.ticks, self.mode, self._between = 0, "", between

    def wait(self, seconds: float) -> None:
        self.ticks += 1
        self._between(self.ticks)
        if self.mode == "async":  # the worker processes all events before time goes on
            wait_until(lambda: not self.queue.by_urgency.ledger().in_flight)
        self.clock.advance(seconds)

    def run(self, state: Any, mode: str, ticks: int, **given: Any) -> LoopReport:
        self.mode = mode
        given = {"event_queue": self.queue, "engines": LIFE, **given}
        return run_loop(state, given.pop("monitor", None), INTERVAL, clock=self.clock, wait=self.wait, mode=mode,
                        ticks=ticks, **given)  # fmt: skip


def feeding(world: list[World], groups: list[list[Event]]) -> Callable[[int], None]:
    """Push a group of events after each tick."""

    def between(tick: int) -> None:
        for event in groups[tick - 1] if tick <= len(groups) else []:
            world[0].queue.push(event)

    return between


def fed(groups: list[list[Event]]) -> World:
    world: list[World] = []
    world.append(World(feeding(world, groups), maxsize=1000))
    return world[0]


GROUPS = [EVENTS[start : start + 20] for start in range(0, len(EVENTS), 20)]
TICKS = len(GROUPS) + 1


# the signature


def test_the_signature_is_lifes_with_new_keywords_after_it() -> None:
    given = inspect.signature(run_loop).parameters.values()
    positional = [(each.name, each.default) for each in given if each.kind is each.POSITIONAL_OR_KEYWORD]
    assert positional[:2] == [("self_state", inspect.Parameter.empty), ("monitor", inspect.Parameter.empty)]
    assert positional[2:] == [
        ("tick_interval", 1.0), ("snapshot_period", 10), ("stop_event", None), ("event_queue", None),
        ("disable_weakness_penalty", False), ("disable_learning", False), ("disable_adaptation", False),
        ("disable_adaptive_processing", False), ("enable_memory_hierarchy", None),
        ("enable_silence_detection", True), ("log_flush_period_ticks", 10), ("enable_profiling", False),
        ("structured_logger", None), ("semantic_monitor", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"mode": "later"}, ValueError, "sync, async, shadow"), ({"tick_interval": 0.0}, ValueError, "tick_interval"),
        ({"mode": "async", "event_queue": double.EventQueue(), "engines": LIFE}, TypeError, "EventQueue"),
        ({"event_queue": double.EventQueue()}, TypeError, "engines"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_before_the_first_tick(given: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        run_loop(SelfState(), None, **given)


def test_the_environment_chooses_the_mode_when_none_is_given(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    for mode in MODES:
        monkeypatch.setenv("LIFEEVT_LIFE_MODE", mode)
        assert World().run(SelfState(), None, 1).mode == mode  # type: ignore[arg-type]
    monkeypatch.delenv("LIFEEVT_LIFE_MODE")
    assert run_loop(SelfState(), None, ticks=1).mode == "sync"


# equal to Life's own loop


def lifes_way() -> SelfState:
    state = SelfState()
    for number in range(TICKS):
        engines.tick(state, GROUPS[number - 1] if number else [], INTERVAL)
    return state


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "wrapped"])
def test_sync_mode_gives_exactly_the_state_of_lifes_loop(wrapped: bool) -> None:
    bare = SelfState()
    report = fed(GROUPS).run(wrap_state(bare) if wrapped else bare, "sync", TICKS)
    assert whole(bare) == whole(lifes_way())
    assert (report.ticks, report.events, report.failed_events, report.failed_ticks) == (TICKS, 600, 0, 0)


def test_sync_mode_works_with_lifes_own_queue() -> None:
    bare, queue = SelfState(), double.EventQueue()
    queue.push(Event("shock", 0.9, 0.0))
    World().run(bare, "sync", 1, event_queue=queue)
    assert bare.recent_events == ["shock"]


def test_async_mode_gives_the_same_memories_and_nearly_the_same_vitals() -> None:
    bare, life = SelfState(), lifes_way()
    report = fed(GROUPS).run(bare, "async", TICKS)
    assert report.events == 600
    assert bare.recent_events == life.recent_events
    assert [entry.event_type for entry in bare.memory] == [entry.event_type for entry in life.memory]
    assert (bare.ticks, bare.age) == (TICKS, float(TICKS))
    # events are processed before the tick advances the time of day, so recovery differs a little
    assert [bare.energy, bare.stability, bare.integrity] == pytest.approx(
        [life.energy, life.stability, life.integrity], abs=1e-2
    )


@pytest.mark.parametrize("mode", MODES)
def test_intensity_is_smoothed_once_a_tick_with_events_and_decays_once_a_tick(mode: str) -> None:
    groups = [[Event("joy", 0.5, 0.0), Event("joy", 0.8, 0.0), Event("fear", -0.9, 0.0)], [], [Event("joy", 0.1, 0.0)]]
    seen: list[float] = []
    bare = SelfState()
    subsystems = Subsystems(semantic_monitor=lambda live: seen.append(live.last_event_intensity))
    fed(groups).run(bare, mode, 4, subsystems=subsystems)
    first = 0.3 * 0.8 * 0.7
    assert seen == pytest.approx([0.0, first, first * 0.7, (0.3 * 0.1 + 0.7 * first * 0.7) * 0.7])


def test_an_echo_comes_with_the_next_tick_and_keeps_the_intensity() -> None:
    bare = SelfState()
    bare.last_event_intensity = 0.5
    echoes = iter([Event("memory_echo", 0.2, 0.0), None, None])
    seen: list[Any] = []
    subsystems = Subsystems(
        echo=lambda live: next(echoes),
        semantic_monitor=lambda live: seen.append((live.last_event_intensity, list(live.recent_events))),
    )
    World().run(bare, "sync", 3, subsystems=subsystems)
    assert seen[0] == (0.5, [])
    assert seen[1] == (pytest.approx((0.3 * 0.2 + 0.7 * 0.5) * 0.7), ["memory_echo"])


# the duties and their order


def test_duties_come_in_the_contracts_order_in_their_ticks() -> None:
    seen: list[str] = []

    def note(name: str) -> Any:
        return lambda *_: seen.append(name)

    names = (
        "tick_started", "clarity", "metrics", "adaptive_processing", "feedback", "after_events", "learning",
        "memory_decay", "consolidation", "adaptation", "semantic_monitor", "flush_log", "save_snapshot",
    )  # fmt: skip
    subsystems = Subsystems(sinks=(note("sink"),), **{name: note(name) for name in names})
    bare = SelfState()
    bare.ticks = 299
    world = World()
    world.queue.push(Event("noise", 0.2, 0.0))
    world.run(bare, "sync", 1, subsystems=subsystems, monitor=note("monitor"))
    assert seen == [
        "tick_started", "clarity", "metrics", "adaptive_processing", "feedback", "sink", "after_events", "learning",
        "memory_decay", "consolidation", "adaptation", "semantic_monitor", "monitor", "flush_log", "save_snapshot",
        "flush_log",
    ]  # fmt: skip
    seen.clear()
    switches: Any = {"disable_learning": True, "disable_adaptation": True, "disable_adaptive_processing": True}
    bare.ticks = 299
    World().run(bare, "sync", 1, subsystems=subsystems, enable_memory_hierarchy=False, **switches)
    assert not {"learning", "adaptation", "adaptive_processing", "consolidation"} & set(seen)


@pytest.mark.parametrize("mode", MODES)
def test_zero_vitals_do_not_end_the_loop(mode: str) -> None:
    bare = SelfState()
    bare.update_vital_params(0.0, 0.0, 0.0)
    report = fed([[Event("shock", 0.9, 0.0)], [Event("recovery", 1.0, 0.0)]]).run(bare, mode, 4)
    assert (report.ticks, report.events, report.failed_ticks, bare.active) == (4, 2, 0, True)
    assert bare.recent_events == ["shock", "recovery"]


def test_weakness_costs_by_the_second_unless_it_is_switched_off() -> None:
    for switched_off, expected in ((False, 0.5 - 0.04), (True, 0.5)):
        bare = SelfState()
        bare.update_vital_params(50.0, 0.5, 0.01)
        World().run(bare, "sync", 1, disable_weakness_penalty=switched_off)
        assert bare.integrity == pytest.approx(expected)


def test_broken_vitals_are_repaired_every_hundredth_tick() -> None:
    bare = SelfState()
    bare.ticks = 100
    bare._body.numbers.update(energy=float("nan"), stability=0.0, integrity=float("inf"))
    World().run(bare, "sync", 1, disable_weakness_penalty=True)
    assert (bare.energy, bare.stability, bare.integrity) == (0.001, 0.0001, 1.0)


# errors


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_failed_tick_costs_integrity_and_the_loop_continues(mode: str) -> None:
    calls: list[int] = []

    def fails(live: Any) -> None:
        calls.append(live.ticks)
        raise RuntimeError("no insight")

    bare = SelfState()
    report = World().run(bare, mode, 3, subsystems=Subsystems(semantic_monitor=fails))
    assert (report.failed_ticks, calls) == (3, [1, 2, 3])
    assert bare.integrity == pytest.approx(1.0 - 3 * 0.05)


def test_after_a_failed_tick_only_async_mode_sleeps() -> None:
    world = World()
    failing = Subsystems(semantic_monitor=lambda live: 1 / 0)
    world.run(SelfState(), "sync", 3, subsystems=failing)
    assert world.ticks == 0
    world.run(SelfState(), "async", 3, subsystems=failing)
    assert world.ticks == 2, "on deadlines it does: the others' events must go on"


@pytest.mark.parametrize("mode", MODES)
def test_a_failed_event_fails_no_other_event(mode: str) -> None:
    group: list[Any] = [Event("shock", 0.9, 0.0), {"type": "clarity_moment", "timestamp": 0.0}, Event("calm", 0.1, 0.0)]
    bare = SelfState()
    report = fed([group]).run(bare, mode, 2)
    assert (report.events, report.failed_events) == (3, 1)
    assert bare.recent_events == ["shock", "calm"]


def test_a_sink_that_fails_loses_no_event() -> None:
    bare, received = SelfState(), list[Any]()
    subsystems = Subsystems(sinks=(lambda event: 1 / 0, received.append))
    fed([[Event("shock", 0.9, 0.0)]]).run(bare, "sync", 2, subsystems=subsystems)
    assert bare.recent_events == ["shock"]
    assert "shock" in received[0]


# stopping, and starting again


@pytest.mark.parametrize("mode", MODES)
def test_only_the_stop_event_ends_the_loop(mode: str) -> None:
    stop = threading.Event()
    world = World(lambda tick: stop.set() if tick == 3 else None)
    assert world.run(SelfState(), mode, None, stop_event=stop).ticks == 3  # type: ignore[arg-type]


def test_the_mode_is_changed_and_changed_back_with_one_queue_and_one_state() -> None:
    bare, world = SelfState(), World()
    for mode in ("sync", "async", "sync", "async", "shadow"):
        world.queue.push(Event("shock", 0.5, 0.0))
        assert world.run(bare, mode, 2).events == 1
        assert world.queue.pop_all() == []
    assert bare.recent_events == ["shock"] * 5


def test_the_monitor_gets_a_state_that_any_thread_may_read() -> None:
    seen: list[Any] = []
    bare = SelfState()
    bare.ticks = 9
    World().run(bare, "async", 1, monitor=lambda state: seen.append((type(state).__mro__, state.energy)))
    assert LifeState in seen[0][0]
    assert seen[0][1] == 100.0


# the shadow


def test_a_shadow_reports_no_difference_between_equal_modes() -> None:
    bare = SelfState()
    report = fed(GROUPS[:5]).run(bare, "shadow", 6)
    assert report.shadow is not None
    assert (report.shadow.compared, report.shadow.diverged) == (100, 0)
    assert report.shadow.synchronous.count == report.shadow.asynchronous.count == 100
    assert bare.recent_events == [each.type for each in EVENTS[:100] if each.intensity]


def test_a_shadow_reports_each_difference() -> None:
    threads = threading.get_ident()

    def moody(state: Any, meaning: Any) -> str:
        return engines.decide_response(state, meaning) if threading.get_ident() == threads else "amplify"

    life = Engines(LIFE.meaning_engine, moody, LIFE.execute_action, LIFE.activate_memory)
    report = fed([[Event("shock", 0.9, 0.0)]]).run(SelfState(), "shadow", 2, engines=life)
    assert report.shadow is not None
    (first, *others) = report.shadow.divergences
    assert (first.tick, first.what, first.synchronous, first.asynchronous) == (2, "shock.pattern", "dampen", "amplify")
    assert {each.what for each in others} >= {"energy"}


def test_the_pace_of_async_ticks_is_absolute() -> None:
    world = World()
    slow = Subsystems(semantic_monitor=lambda live: world.clock.advance(0.4 if live.ticks != 3 else 2.5))
    report = world.run(SelfState(), "async", 6, subsystems=slow)
    assert report.lateness.max_ns == 0
    assert round(report.period.max_ns / 1e9) == 3, "two deadlines passed in the third tick and are left out"
    assert round(report.period.min_ns / 1e9) == 1
