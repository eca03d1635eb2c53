"""LoadBalancingStrategy: the budget of a tick, and the bound of an event's wait."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from lifeevt.scheduler import LoadBalancingStrategy
from lifeevt.scheduler.strategy import LoadSample

SECOND = 1_000_000_000
SLICES = 10


def strategy(share: float = 0.5, slices: int = SLICES, interval: float = 1e-6) -> LoadBalancingStrategy:
    """By default a tick of 1000 ns, and parts of 50 ns every 100."""
    return LoadBalancingStrategy(share, slices, interval)


def test_a_part_of_the_budget_falls_due_with_each_part_of_the_tick() -> None:
    balancing = strategy()
    seen = [balancing.gate(now, [0, 0]).allowance_ns for now in (0, 99, 100, 550, 999)]
    assert seen == [50, 50, 100, 300, 500]
    assert balancing.gate(999, [0, 0]).until_ns == 1000


def test_used_time_is_taken_off_and_critical_events_are_not_counted() -> None:
    balancing = strategy()
    balancing.gate(0, [0, 0])
    found = balancing.gate(10, [900, 20, 10])
    assert (found.allowance_ns, found.admits(0), found.admits(3)) == (20, True, True)


def test_a_used_up_part_shuts_the_gate_for_all_but_critical_events_until_the_next() -> None:
    balancing = strategy()
    balancing.gate(0, [0, 0])
    found = balancing.gate(60, [0, 50])
    assert (found.admits(0), found.admits(1), found.until_ns) == (True, False, 100)
    assert balancing.gate(100, [0, 50]).admits(1)


def test_overspent_time_is_taken_off_the_next_ticks() -> None:
    balancing = strategy()
    balancing.gate(0, [0, 0])
    assert balancing.gate(900, [0, 1300]).until_ns == 2600  # two budgets of 500, and 300 of the third
    assert not balancing.gate(2599, [0, 1300]).admits(1)
    assert balancing.gate(2600, [0, 1300]).allowance_ns == 50


def test_an_idle_tick_saves_nothing_for_later() -> None:
    balancing = strategy()
    balancing.gate(0, [0, 0])
    assert balancing.gate(50_000, [0, 0]).allowance_ns == 50


def test_the_loop_gives_the_start_and_length_of_its_ticks() -> None:
    balancing = strategy()
    balancing.gate(0, [0, 0])
    balancing.gate(900, [0, 450])
    balancing.on_tick(LoadSample(900, 2000, ()))  # this tick ends the one before: its use is paid
    assert (balancing.budget_ns, balancing.spent_ns) == (1000, 0)
    assert balancing.gate(900, [0, 450]).allowance_ns == 100
    balancing.on_tick(LoadSample(1000, 2000, ()))  # only a little later: still the same tick
    assert balancing.gate(1000, [0, 500]).allowance_ns == 50


def test_time_used_before_the_strategy_was_set_does_not_count() -> None:
    balancing = strategy()
    assert balancing.gate(0, [0, 10**12]).allowance_ns == 50
    assert balancing.gate(10, [0, 10**12 + 20]).allowance_ns == 30


def test_a_clock_that_goes_back_begins_a_tick() -> None:
    balancing = strategy()
    balancing.gate(5000, [0, 0])
    assert balancing.gate(100, [0, 0]).until_ns == 200


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda: LoadBalancingStrategy(share=0.0), "share is 0.0"),
        (lambda: LoadBalancingStrategy(share=1.1), "share is 1.1"),
        (lambda: LoadBalancingStrategy(share=float("nan")), "share is nan"),
        (lambda: LoadBalancingStrategy(slices=0), "slices is 0"),
        (lambda: LoadBalancingStrategy(interval_seconds=0.0), "interval_seconds is 0.0"),
        (lambda: LoadBalancingStrategy(interval_seconds=float("inf")), "interval_seconds is inf"),
    ],
)
def test_a_value_outside_its_bounds_is_refused(wrong: Callable[[], object], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        wrong()


jobs = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 1), st.integers(1, 400)), max_size=40)
shapes = st.tuples(st.sampled_from([0.1, 0.5, 1.0]), st.sampled_from([1, 3, 10]))


class Server:
    """One server that runs jobs (arrival, level, service) as the gate permits, critical ones first."""

    def __init__(self, balancing: LoadBalancingStrategy, jobs: list[tuple[int, int, int]]) -> None:
        self.balancing, self.coming = balancing, sorted(jobs)
        self.now, self.used, self.queued = 0, [0, 0], [[], []]  # type: ignore[var-annotated]
        self.started: list[tuple[int, int, int, int, int]] = []  # arrival, level, service, start, spent at arrival

    def run(self) -> Server:
        while self.coming or any(self.queued):
            self.admit()
            if not self.process():
                self.wait()
        return self

    def admit(self) -> None:
        while self.coming and self.coming[0][0] <= self.now:
            arrival, level, service = self.coming.pop(0)
            self.queued[level].append((arrival, level, service))

    def process(self) -> bool:
        gate = self.balancing.gate(self.now, self.used)
        for level in (0, 1):
            if self.queued[level] and gate.admits(level):
                arrival, _, service = self.queued[level].pop(0)
                self.started.append((arrival, level, service, self.now, self.balancing.spent_ns))
                self.now += service
                self.used[level] += service
                return True
        return False

    def wait(self) -> None:
        until = self.balancing.gate(self.now, self.used).until_ns
        assert until is not None and until > self.now
        nexts = [self.coming[0][0]] if self.coming else []
        self.now = min([*nexts, until] if self.queued[1] else nexts)


@given(jobs, shapes)
def test_no_tick_spends_more_than_its_budget_and_one_event(
    jobs: list[tuple[int, int, int]], shape: tuple[float, int]
) -> None:
    balancing = strategy(*shape)
    longest = max((job[2] for job in jobs), default=0)
    started = Server(balancing, jobs).run().started
    ticks = 1 + max((each[3] for each in started), default=0) // 1000
    for first in range(ticks):  # over any stretch of ticks
        for last in range(first, ticks):
            spent = sum(each[2] for each in started if each[1] and first * 1000 <= each[3] < last * 1000 + 1000)
            assert spent <= (last - first + 1) * balancing.budget_ns + longest


@given(jobs, shapes)
def test_a_job_starts_within_the_ticks_that_the_work_before_it_needs(
    jobs: list[tuple[int, int, int]], shape: tuple[float, int]
) -> None:
    balancing = strategy(*shape)
    started = Server(balancing, jobs).run().started
    lesser = [each for each in started if each[1]]
    owed = max((each[2] for each in lesser), default=0)  # by the ticks before: one event was processed to its end
    for place, (arrival, _, _, start, _) in enumerate(lesser):
        tick = arrival // 1000 * 1000
        before = sum(each[2] for each in lesser[:place] if each[3] + each[2] > tick)
        critical = sum(each[2] for each in started if not each[1] and tick <= each[3] + each[2] and each[3] < start)
        ticks = -(-(before + owed + critical) // balancing.budget_ns) + 1
        assert start <= arrival + ticks * 1000
