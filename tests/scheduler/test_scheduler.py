"""EventScheduler: the order of events, the strategy, and the measurements."""

from __future__ import annotations

import dataclasses
from array import array
from typing import Any

import pytest

from lifeevt import (
    AsyncEventProcessor,
    AsyncEventQueue,
    Event,
    EventScheduler,
    EventType,
    EventTypes,
    Field,
    ManualClock,
    Priority,
    Status,
    ThreadSafeSelfState,
)
from lifeevt.metrics import LatencySummary
from lifeevt.scheduler import LevelSample, LoadSample, StartGate, Strategy
from lifeevt.scheduler.accounts import MAX_TYPE_ACCOUNTS

MS = 1_000_000
CRITICAL, HIGH, NORMAL, LOW = Priority


def event_of(kind: str, **more: Any) -> Event:
    return Event(kind, 0.5, 0.0, **more)


def test_the_rank_is_that_of_the_types() -> None:
    scheduler = EventScheduler()
    assert scheduler.rank(event_of("shock"), 5) == (5 + 10 * MS, CRITICAL)
    assert scheduler.rank(event_of("shock", priority=LOW, urgency=1.0), 5) == (5, LOW)


def test_a_custom_types_object_ranks_events() -> None:
    types = EventTypes([EventType("ping", HIGH, 3)])
    assert EventScheduler(types=types).rank(event_of("ping_pong"), 0) == (3, HIGH)


@pytest.mark.parametrize("strategy", ["", "prio", "Deadline"])
def test_an_unknown_strategy_is_refused_with_the_choice(strategy: str) -> None:
    choice = "adaptive, deadline, load_balancing, priority"
    with pytest.raises(ValueError, match=f"unknown strategy '{strategy}'; choose {choice}$"):
        EventScheduler(strategy)


def test_every_level_starts_empty() -> None:
    found = EventScheduler().statistics()
    assert (found.strategy, list(found.levels), found.late) == ("deadline", list(Priority), 0)
    empty = LatencySummary()
    for level in found.levels.values():
        assert (level.finished, level.late) == (0, 0)
        assert (level.wait, level.service, level.latency) == (empty, empty, empty)


def test_an_event_is_accounted_for_at_its_level() -> None:
    scheduler = EventScheduler()
    scheduler.observe(event_of("shock"), CRITICAL, 100, 130, 170)
    found = scheduler.statistics().levels[CRITICAL]
    assert (found.finished, found.wait.max_ns, found.service.max_ns, found.latency.max_ns) == (1, 30, 40, 70)
    assert sum(level.finished for level in scheduler.statistics().levels.values()) == 1


@pytest.mark.parametrize(("latency_ns", "late"), [(10 * MS - 1, 0), (10 * MS, 0), (10 * MS + 1, 1)])
def test_an_event_is_late_when_it_took_longer_than_its_budget(latency_ns: int, late: int) -> None:
    scheduler = EventScheduler()
    scheduler.observe(event_of("shock"), CRITICAL, 0, 5, latency_ns)
    assert scheduler.statistics().levels[CRITICAL].late == scheduler.statistics().late == late


def test_the_budget_is_the_types_and_the_level_the_events() -> None:
    scheduler = EventScheduler()
    scheduler.observe(event_of("social", priority=CRITICAL), CRITICAL, 0, 0, 200 * MS)
    assert scheduler.statistics().levels[CRITICAL].late == 0


def test_the_late_of_all_levels_are_summed() -> None:
    scheduler = EventScheduler()
    for kind, level in (("shock", CRITICAL), ("noise", HIGH), ("social", LOW)):
        scheduler.observe(event_of(kind), level, 0, 0, 300 * MS)
    assert scheduler.statistics().late == 3


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="16 is not a valid Priority"):
        EventScheduler().observe(event_of("shock"), 16, 0, 0, 0)


def test_statistics_are_frozen() -> None:
    scheduler = EventScheduler()
    before = scheduler.statistics()
    scheduler.observe(event_of("shock"), CRITICAL, 0, 0, 1)
    assert before.levels[CRITICAL].finished == 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        before.strategy = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        before.levels[CRITICAL] = before.levels[LOW]  # type: ignore[index]


# --- strategies


class Watched:
    """A heap as a scheduler sees it."""

    def __init__(self) -> None:
        self.moved: list[Any] = []
        self.postponed: list[Any] = []
        self.waiting = [1, 0, 0, 6, 1, *[0] * 11]

    def __getattr__(self, name: str) -> Any:
        counts: Any = {"counts": lambda: (0,) * 6, "depths": lambda: self.waiting}
        return {**counts, "shift": self.moved.append, "postpone": self._postpone}[name]

    def _postpone(self, *given: int) -> None:
        self.postponed.append(given)


class Recording(Strategy):
    """Keeps its arguments, and moves the levels below 0 back by 1 ns a tick."""

    name = "recording"
    late_offset_ns = 9

    def __init__(self) -> None:
        self.loads: list[LoadSample] = []
        self.used: list[list[int]] = []

    @property
    def offsets_ns(self) -> tuple[int, ...]:
        return 0, len(self.loads)

    def gate(self, now_ns: int, used_ns: Any) -> StartGate:
        self.used.append(list(used_ns))
        return StartGate(1, 5, now_ns + 1)

    def on_tick(self, load: LoadSample) -> None:
        self.loads.append(load)


def test_a_scheduler_is_given_or_made_for_a_strategy() -> None:
    scheduler = EventScheduler()
    assert EventScheduler.of(scheduler) is scheduler
    assert EventScheduler.of("priority").strategy.name == "priority"


def test_setting_a_strategy_returns_the_previous_one() -> None:
    scheduler = EventScheduler()
    before = scheduler.strategy
    assert scheduler.set_strategy("priority") is before
    assert scheduler.statistics().strategy == scheduler.strategy.name == "priority"


def test_a_queue_that_follows_is_moved_at_once_and_when_the_offsets_change() -> None:
    scheduler, heap = EventScheduler("load_balancing"), Watched()
    scheduler.attach(heap)
    scheduler.set_strategy("deadline")
    scheduler.set_strategy("deadline")
    assert [offsets[:2] for offsets in heap.moved] == [(-(2**59), 0), (0, 0)]


def test_only_one_queue_follows() -> None:
    scheduler = EventScheduler()
    scheduler.attach(Watched())
    with pytest.raises(ValueError, match="another"):
        scheduler.attach(Watched())


def test_a_switch_that_is_refused_changes_nothing() -> None:
    scheduler = EventScheduler("priority")
    with pytest.raises(ValueError, match="unknown strategy"):
        scheduler.set_strategy("nope")
    assert scheduler.strategy.name == "priority"


def test_a_tick_returns_the_measurements_since_the_last() -> None:
    recording = Recording()
    scheduler, heap = EventScheduler(recording), Watched()
    scheduler.attach(heap)
    scheduler.observe(event_of("shock"), CRITICAL, 0, 30 * MS, 40 * MS)
    scheduler.tick(50 * MS, 100 * MS, 3)
    heap.waiting = [0] * 16
    scheduler.observe(event_of("noise"), HIGH, 0, 1, 3)
    load = scheduler.tick(150 * MS, 100 * MS)
    first = recording.loads[0]
    assert (first.now_ns, first.interval_ns, first.tick_late_ns, len(first.levels)) == (50 * MS, 100 * MS, 3, 4)
    assert first.levels[CRITICAL] == LevelSample(1, 1, 30 * MS, 10 * MS, 1)
    assert first.levels[LOW] == LevelSample(depth=7), "the level below LOW has no account of its own"
    assert load.levels == (LevelSample(), LevelSample(1, 0, 1, 2), LevelSample(), LevelSample())
    assert [offsets[1] for offsets in heap.moved] == [0, 1, 2]
    assert heap.postponed == [(50 * MS, 9, 1), (150 * MS, 9, 1)]


def test_the_strategy_gives_the_gate_from_the_use_of_each_level() -> None:
    recording = Recording()
    scheduler = EventScheduler(recording)
    scheduler.observe(event_of("noise"), HIGH, 0, 1, 8)
    assert scheduler.gate(3) == StartGate(1, 5, 4)
    assert recording.used == [[0, 7, 0, 0]]


@pytest.mark.parametrize("by_arrays", [False, True])
def test_an_engine_processes_strictly_by_level_and_follows_a_switch(by_arrays: bool) -> None:
    state = ThreadSafeSelfState({"energy": Field(1.0)})
    engine = AsyncEventProcessor(state, [], scheduler="priority")
    names = ["social", "shock", "idle", "noise", "social", "decay"]

    def submit() -> None:
        if by_arrays:
            engine.submit_arrays(array("i", map(engine.type_id, names)), array("d", [0.0] * len(names)))
        else:
            engine.submit_many(Event(name, urgency=1.0 if name == "social" else 0.0) for name in names)

    submit()
    engine.process_pending(2)
    engine.scheduler.set_strategy("deadline")
    submit()
    engine.scheduler.set_strategy("priority")
    engine.process_pending()
    levels = [result.priority for result in engine.results()]
    assert levels == [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 3]
    assert engine.ledger().balanced and not engine.ledger().in_flight


# --- statistics of types, of unprocessed events, and of rates


def engine_of(**more: Any) -> AsyncEventProcessor:
    return AsyncEventProcessor(ThreadSafeSelfState({"energy": Field(1.0)}), [], **more)


@pytest.mark.parametrize("handlers", [None, {"*": lambda event, state: None}])
@pytest.mark.parametrize("clock", [None, ManualClock()])
def test_each_type_has_an_account_for_reflexes_and_handlers(handlers: Any, clock: ManualClock | None) -> None:
    engine = engine_of(handlers=handlers, clock=clock)
    engine.submit_many(event_of(name) for name in ("social_conflict", "social", "shock", "joy", "void"))
    engine.submit(event_of("joy", metadata={"internal": True}))
    engine.process_pending()
    types = engine.statistics().scheduler.types
    assert {name: each.finished for name, each in types.items()} == {"social": 2, "shock": 1, "*": 2, "internal": 1}


def test_a_type_that_is_added_has_an_account_from_then_on() -> None:
    types = EventTypes.life()
    engine = engine_of(scheduler=EventScheduler(types=types))
    for _ in range(2):
        engine.submit(event_of("joy"))
        engine.process_pending()
        types.add(EventType("joy", HIGH, 7))
    found = engine.statistics().scheduler.types
    assert (found["*"].finished, found["joy"].finished) == (1, 1)


def test_too_many_types_share_one_account() -> None:
    types = EventTypes([EventType(f"t{number}", LOW, 1) for number in range(MAX_TYPE_ACCOUNTS + 3)])
    scheduler = EventScheduler(types=types)
    for each in types:
        scheduler.observe(event_of(each.name), LOW, 0, 0, 0)
    found = scheduler.statistics().types
    assert (len(found), found["(others)"].finished) == (MAX_TYPE_ACCOUNTS + 1, 4)


def test_unprocessed_events_are_counted_by_level_and_end() -> None:
    queue = AsyncEventQueue(1, "drop_lowest")
    engine = engine_of(queue=queue)
    for name in ("social", "idle", "shock"):
        engine.submit(event_of(name))
    engine.stop()
    levels = engine.statistics().scheduler.levels
    assert [dict(level.unprocessed) for level in levels.values()] == [
        {Status.CANCELLED: 1}, {}, {Status.SHED: 1}, {Status.SHED: 1}
    ]  # fmt: skip


def test_late_and_starved_events_are_reported_with_their_lateness() -> None:
    scheduler = EventScheduler()
    scheduler.observe(event_of("shock"), CRITICAL, 0, 101 * MS, 102 * MS)
    found = scheduler.statistics()
    for met in (found.levels[CRITICAL], found.types["shock"]):
        assert (met.late, met.starved, met.lateness.max_ns) == (1, 1, 92 * MS)


def test_rates_are_those_between_ticks() -> None:
    engine = engine_of(clock=ManualClock())
    engine.scheduler.tick(0, 1000 * MS)
    engine.submit_many([event_of("noise")] * 30)
    engine.process_pending(20)
    engine.scheduler.tick(2000 * MS, 1000 * MS)
    found = engine.statistics().scheduler
    assert (found.arrivals_per_second, found.processed_per_second) == (15.0, 10.0)
