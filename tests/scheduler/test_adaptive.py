"""AdaptiveStrategy: moves within its bounds, with hysteresis, on record; its replay and its starvation bound."""

from __future__ import annotations

import json
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifeevt import EventScheduler
from lifeevt._backends.contract import REJECT
from lifeevt.scheduler import AdaptiveBounds, AdaptiveDecision, AdaptiveStrategy, LevelSample, LoadSample
from lifeevt.scheduler.adaptive import AdaptiveSettings, decide, replay

MS = 1_000_000
TICK = 50 * MS
BOUNDS = AdaptiveBounds()


def load_of(late: int = 0, depth: int = 0, tick_late_ns: int = 0, finished: int = 100) -> LoadSample:
    """A tick in which ``late`` of ``finished`` NORMAL events of 1 ms were late, and ``depth`` wait."""
    normal = LevelSample(finished, late, 0, finished * MS, depth)
    return LoadSample(0, TICK, (LevelSample(), LevelSample(), normal, LevelSample()), tick_late_ns)


CALM, BETWEEN, PRESSED = load_of(), load_of(late=5), load_of(late=50)

few = st.integers(0, 50)
level_loads = st.builds(LevelSample, few, few, st.integers(0, 10**10), st.integers(0, 10**9), st.integers(0, 500))
loads = st.builds(
    LoadSample, st.integers(0, 10**12), st.just(TICK), st.tuples(*[level_loads] * 4), st.integers(0, 2 * TICK)
) | st.sampled_from([CALM, BETWEEN, PRESSED, load_of(tick_late_ns=TICK)])
bounds = st.builds(
    AdaptiveBounds,
    least_spread_ns=st.integers(1, 100),
    most_spread_ns=st.integers(100, 5000),
    patience_ns=st.integers(1000, 10**10),
    least_share=st.integers(1, 1000),
    most_batch=st.integers(1, 20),
    batch_ns=st.integers(1, 10**8),
    late_high=st.integers(11, 1000),
    calm_ticks=st.integers(1, 4),
)


def told(strategy: AdaptiveStrategy, *loads: LoadSample) -> list[tuple[int, int, int, int]]:
    for load in loads:
        strategy.on_tick(load)
    return [each.after.moved for each in list(strategy.decisions)[-len(loads) :]]


def test_while_it_is_calm_it_is_the_order_by_deadline() -> None:
    strategy = AdaptiveStrategy()
    assert set(told(strategy, *[CALM] * 50)) == {(0, 0, 1000, 1)}
    assert set(strategy.offsets_ns) == {0} and strategy.gate(0, [0]).admits(3) and not strategy.changes()


def test_pressure_sets_the_levels_apart_at_once_up_to_the_bound() -> None:
    strategy = AdaptiveStrategy()
    spreads = [moved[0] for moved in told(strategy, *[PRESSED] * 5)]
    assert spreads == [50 * MS, 200 * MS, 800 * MS, 1000 * MS, 1000 * MS]
    assert list(strategy.offsets_ns[:4]) == [0, 1000 * MS, 2000 * MS, 3000 * MS]
    assert strategy.late_offset_ns == BOUNDS.patience_ns and strategy.batch == 4  # 4 ms of 1 ms each


def test_waiting_events_are_pressure_before_any_is_late() -> None:
    strategy = AdaptiveStrategy()
    told(strategy, CALM, load_of(depth=49))
    assert not strategy.changes()
    told(strategy, load_of(depth=50))
    assert strategy.changes()[0].reason.startswith("pressed: 0 of 1000 late, 50000000 ns wait")


def test_between_the_two_thresholds_nothing_moves() -> None:
    strategy = AdaptiveStrategy()
    told(strategy, PRESSED)
    assert set(told(strategy, *[BETWEEN] * 100)) == {(50 * MS, BOUNDS.patience_ns, 1000, 2)}


def test_it_loosens_only_after_so_many_calm_ticks_in_a_row() -> None:
    strategy = AdaptiveStrategy()
    told(strategy, PRESSED, *[CALM] * 9, BETWEEN, *[CALM] * 9)
    assert len(strategy.changes()) == 1
    assert told(strategy, CALM) == [(0, 0, 1000, 1)]


def test_a_late_loop_gets_more_of_its_ticks_and_gives_it_back() -> None:
    strategy, late = AdaptiveStrategy(), load_of(tick_late_ns=TICK // 4)
    assert [moved[2] for moved in told(strategy, late, late, late)] == [500, 250, 250]
    assert strategy.offsets_ns[0] < -(10**17) and strategy.offsets_ns[1] == 0
    gate = strategy.gate(0, [0, 0, 0, 0])
    assert 0 < gate.allowance_ns < TICK and not strategy.gate(1, [0, 0, TICK, 0]).admits(2)
    assert strategy.gate(1, [0, 0, TICK, 0]).admits(0)
    told(strategy, *[CALM] * 60)
    assert strategy.settings.share == 1000 and strategy.gate(0, [0, 0, TICK, 0]).admits(3)


def test_every_decision_is_reported_and_kept() -> None:
    heard: list[AdaptiveDecision] = []
    strategy = AdaptiveStrategy(on_decision=heard.append)
    told(strategy, CALM, PRESSED)
    assert heard == list(strategy.decisions) and [each.number for each in heard] == [0, 1]
    assert [each.changed for each in heard] == [False, True]


@given(bounds, st.lists(loads, max_size=60))
def test_nothing_leaves_its_bounds(bounds: AdaptiveBounds, loads: list[LoadSample]) -> None:
    strategy = AdaptiveStrategy(bounds)
    for load in loads:
        strategy.on_tick(load)
        spread, late, share, batch = strategy.settings.moved
        assert spread == 0 or bounds.least_spread_ns // 4 <= spread <= bounds.most_spread_ns
        assert late in (0, bounds.patience_ns) and bounds.least_share <= share <= 1000
        assert 1 <= batch <= bounds.most_batch
        if strategy.decisions[-1].reason.startswith("pressed"):
            assert batch == 1 or batch * max(strategy.settings.service_ns[1:]) <= bounds.batch_ns


@given(bounds, st.lists(loads, max_size=40), st.integers(0, 40))
def test_a_replay_of_the_record_decides_the_same_to_the_bit(
    bounds: AdaptiveBounds, loads: list[LoadSample], first: int
) -> None:
    strategy = AdaptiveStrategy(bounds)
    for load in loads:
        strategy.on_tick(load)
    record = list(strategy.decisions)[first:]
    written = [AdaptiveDecision.from_dict(json.loads(json.dumps(each.to_dict()))) for each in record]
    assert written == record
    assert replay(bounds, written) == record


def test_a_replay_under_other_bounds_shows_their_decisions() -> None:
    strategy = AdaptiveStrategy()
    told(strategy, PRESSED, PRESSED)
    found = replay(replace(BOUNDS, most_spread_ns=60 * MS), strategy.decisions)
    assert [each.after.spread_ns for each in found] == [50 * MS, 60 * MS]


def test_a_decision_depends_on_its_arguments_alone() -> None:
    once = decide(BOUNDS, AdaptiveSettings(), PRESSED)
    assert once == decide(BOUNDS, AdaptiveSettings(), PRESSED) and once[0].spread_ns == 50 * MS


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"most_batch": 0}, "most_batch is 0"), ({"patience_ns": 0.5}, "patience_ns is 0.5"),
        ({"late_low": 100}, "late_low < late_high"), ({"late_high": 1001}, "late_high <= 1000"),
        ({"least_share": 1001}, "least_share <= 1000"), ({"least_spread_ns": 2**40}, "above most_spread_ns"),
    ],
)  # fmt: skip
def test_bounds_that_make_no_sense_are_refused(wrong: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        AdaptiveBounds(**wrong)


# The bound, against a naive model: events come and go in any order, and any loads are reported in between.
BUDGETS = (10, 10, 50, 200)
SMALL = AdaptiveBounds(least_spread_ns=5, most_spread_ns=300, patience_ns=1000, calm_ticks=1)
moves = st.lists(
    st.tuples(st.sampled_from(["come", "come", "go", "go", "tick"]), st.integers(0, 3), st.integers(0, 400), loads),
    max_size=80,
)


class Line:
    """A heap that a scheduler steers, and beside it a list that is searched."""

    def __init__(self, core: ModuleType) -> None:
        self.strategy = AdaptiveStrategy(SMALL)
        self.scheduler = EventScheduler(self.strategy)
        self.heap = core.EventHeap(1000)
        self.scheduler.attach(self.heap)
        self.now, self.count = 0, 0
        self.waiting: dict[int, list[int]] = {}  # by number: key, level, arrival

    def come(self, level: int) -> None:
        key = self.now + BUDGETS[level]
        self.heap.offer(key, level, self.now, self.count, REJECT)
        self.waiting[self.count] = [key, level, self.now]
        self.count += 1

    def tick(self, load: LoadSample) -> None:
        accounts = self.scheduler.accounts  # the measurements are made up
        for level, each in enumerate(load.levels):
            for _ in range(min(each.finished, 3)):
                accounts[level].record(BUDGETS[level], each.wait_ns % 300, each.service_ns % 20)
        self.scheduler.tick(self.now, 50, load.tick_late_ns % 60)
        late_ns = self.strategy.late_offset_ns
        for entry in self.waiting.values():
            if late_ns and entry[1] > 0 and entry[0] < self.now and entry[0] - entry[2] < late_ns:
                entry[0] += late_ns

    def go(self) -> tuple[int, list[int]]:
        offsets = self.strategy.offsets_ns
        number = min(self.waiting, key=lambda each: (self.waiting[each][0] + offsets[self.waiting[each][1]], each))
        assert self.heap.pop(0)[0] == number, "an inversion"
        return number, self.waiting.pop(number)


@given(moves)
def test_no_event_is_overtaken_by_one_that_arrives_after_the_bound(
    core: ModuleType, moves: list[tuple[str, int, int, LoadSample]]
) -> None:
    line = Line(core)
    for what, level, pause, load in [*moves, *[("go", 0, 0, CALM)] * 80]:
        line.now += pause
        if what == "come":
            line.come(level)
        elif what == "tick":
            line.tick(load)
        elif line.waiting:
            _, (_, gone_level, arrival) = line.go()
            for _, level_of, began in line.waiting.values():
                bound = began + BUDGETS[level_of] + level_of * SMALL.most_spread_ns + SMALL.patience_ns
                critical = gone_level == 0 and line.strategy.settings.share < 1000
                assert arrival < bound or critical
    assert not line.waiting and line.heap.counts()[0] == line.count


def test_late_events_are_postponed_under_pressure_but_no_critical_ones(core: ModuleType) -> None:
    line = Line(core)
    for level in (3, 0, 1):
        line.come(level)
    line.now = 500  # all are late
    line.scheduler.accounts[1].record(10, 20, 1)
    line.scheduler.tick(line.now, 50)
    for level in (1, 3):
        line.heap.offer(line.now + BUDGETS[level], level, line.now, f"fresh {level}", REJECT)
    assert [entry[0] for entry in iter(lambda: line.heap.pop(0), None)] == [1, "fresh 1", "fresh 3", 2, 0]
