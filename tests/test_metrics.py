"""LatencySummary and Ledger: the reports of the stages."""

from __future__ import annotations

import dataclasses
from types import ModuleType

import pytest
from hypothesis import given, strategies as st

from lifeevt import Ledger, Status
from lifeevt.metrics import LatencySummary, summarize
from strategies import durations


def test_nothing_recorded_is_all_zero(core: ModuleType) -> None:
    assert summarize(core.Histogram()) == LatencySummary(0, 0, 0.0, 0, 0, 0, 0)


@given(st.lists(durations, min_size=1, max_size=40))
def test_a_summary_is_close_to_the_sorted_times(core: ModuleType, times: list[int]) -> None:
    histogram = core.Histogram()
    for each in times:
        histogram.record(each)
    summary = summarize(histogram)
    assert (summary.count, summary.min_ns, summary.max_ns) == (len(times), min(times), max(times))
    assert summary.mean_ns == sum(times) / len(times)
    for percent, found in ((50, summary.p50_ns), (95, summary.p95_ns), (99, summary.p99_ns)):
        exact = sorted(times)[max(-(-percent * len(times) // 100), 1) - 1]
        assert exact <= found <= exact * 65 // 64 + 1


def test_a_summary_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        LatencySummary().count = 1  # type: ignore[misc]


def test_a_ledger_names_every_end() -> None:
    ledger = Ledger.of((21, 7, 4, 2, (1, 2, 3, 4, 5, 0, *[0] * 10), 9))
    assert ledger.ends == {
        Status.PROCESSED: 1, Status.IGNORED: 2, Status.SHED: 3,
        Status.CANCELLED: 4, Status.DEAD_LETTERED: 5, Status.DELIVERED: 0, Status.COALESCED: 0, Status.EXPIRED: 0,
    }  # fmt: skip
    assert (ledger.accepted, ledger.refused, ledger.queued, ledger.running, ledger.in_flight) == (21, 7, 4, 2, 6)
    assert ledger.balanced


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.lists(st.integers(0, 9), max_size=3))
def test_a_ledger_balances_when_every_accepted_event_is_somewhere(
    accepted: int, queued: int, running: int, ends: list[int]
) -> None:
    ledger = Ledger(accepted, 5, queued, running, dict(zip(Status, ends, strict=False)))
    assert ledger.balanced is (accepted == queued + running + sum(ends))


def test_the_ends_are_read_only() -> None:
    ledger = Ledger.of((0, 0, 0, 0, (0,) * 16, 0))
    with pytest.raises(TypeError):
        ledger.ends[Status.SHED] = 1  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        ledger.accepted = 1  # type: ignore[misc]
