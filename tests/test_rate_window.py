"""RateWindow: events a second, from samples of a counter."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from lifeevt.metrics import RateWindow

SECOND = 1_000_000_000


def test_the_rate_is_the_growth_between_two_samples() -> None:
    window = RateWindow(10.0)
    assert window.per_second == 0.0
    window.sample(0, 5)
    assert window.per_second == 0.0
    window.sample(2 * SECOND, 25)
    assert window.per_second == 10.0


def test_times_older_than_the_window_are_forgotten() -> None:
    window = RateWindow(2.0)
    for second, count in ((0, 0), (1, 1000), (2, 1001), (3, 1002), (4, 1003)):
        window.sample(second * SECOND, count)
    assert window.per_second == 1.0


def test_samples_that_are_too_close_are_left_out() -> None:
    window = RateWindow(64.0)
    window.sample(0, 0)
    window.sample(SECOND - 1, 500)
    assert window.per_second == 0.0
    window.sample(SECOND, 7)
    assert window.per_second == 7.0


@given(st.lists(st.tuples(st.integers(1, 3 * SECOND), st.integers(0, 1000)), min_size=2, max_size=80))
def test_the_estimate_is_exact_for_a_period_that_covers_the_window(steps: list[tuple[int, int]]) -> None:
    window, now, count = RateWindow(5.0), 0, 0
    samples = [(0, 0)]
    window.sample(0, 0)
    for pause, more in steps:
        now, count = now + pause, count + more
        window.sample(now, count)
        if now - samples[-1][0] >= 5 * SECOND // 64:
            samples.append((now, count))
    newest = samples[-1]
    older = [sample for sample in samples if sample[0] <= newest[0] - 5 * SECOND] or samples[:1]
    expected = (newest[1] - older[-1][1]) * SECOND / (newest[0] - older[-1][0]) if len(samples) > 1 else 0.0
    assert window.per_second == expected
    assert len(window._samples) <= 66


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_window_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds is"):
        RateWindow(seconds)
