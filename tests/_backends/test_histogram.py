"""Histogram: how far a bucket may be off, percentiles beside a sorted list, bad input."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from strategies import INT64_MAX, INT64_MIN, durations

PERCENTS = st.floats(0.0, 100.0) | st.sampled_from([0.0, 50.0, 95.0, 99.0, 100.0])


def histogram_of(core: ModuleType, *found: int) -> Any:
    histogram = core.Histogram()
    for duration in found:
        histogram.record(duration)
    return histogram


def sums(histogram: Any) -> tuple[int, int, int, int]:
    return histogram.count, histogram.total, histogram.minimum, histogram.maximum


def contents(histogram: Any) -> Any:
    return sums(histogram), histogram.buckets()


def test_an_empty_histogram_is_all_zeros(core: ModuleType) -> None:
    histogram = core.Histogram()
    assert contents(histogram) == ((0, 0, 0, 0), [])
    assert histogram.percentile(0.0) == histogram.percentile(100.0) == 0


@given(durations)
@example(INT64_MAX)
@example(127)
@example(128)
def test_a_bucket_is_at_most_a_64th_too_long(core: ModuleType, duration: int) -> None:
    ((upper, count),) = histogram_of(core, duration).buckets()
    assert count == 1
    assert 0 <= upper - duration <= duration / 64


@given(durations)
def test_the_upper_end_of_a_bucket_lies_in_it(core: ModuleType, duration: int) -> None:
    ((upper, _),) = histogram_of(core, duration).buckets()
    assert histogram_of(core, duration, upper).buckets() == [(upper, 2)]
    if upper < INT64_MAX:
        assert len(histogram_of(core, upper, upper + 1).buckets()) == 2, "the next duration has a bucket of its own"


def test_short_durations_are_counted_exactly(core: ModuleType) -> None:
    assert histogram_of(core, *range(128)).buckets() == [(duration, 1) for duration in range(128)]


@given(st.lists(durations, max_size=50))
def test_the_sums_are_exact(core: ModuleType, found: list[int]) -> None:
    histogram = histogram_of(core, *found)
    assert sums(histogram) == (len(found), sum(found), min(found, default=0), max(found, default=0))
    assert sum(count for _, count in histogram.buckets()) == len(found)
    assert histogram.buckets() == sorted(histogram.buckets())


@given(st.lists(durations, min_size=1, max_size=50), PERCENTS)
def test_a_percentile_is_that_of_a_sorted_list_within_a_bucket(
    core: ModuleType, found: list[int], percent: float
) -> None:
    rank = max(math.ceil(percent / 100.0 * len(found)), 1)
    exact = sorted(found)[rank - 1]
    assert exact <= histogram_of(core, *found).percentile(percent) <= min(exact + exact // 64, max(found))


def test_the_percentiles_of_a_known_load(core: ModuleType) -> None:
    histogram = histogram_of(core, *range(1, 101))
    assert [histogram.percentile(percent) for percent in (0, 1, 50, 95, 99, 99.5, 100)] == [1, 1, 50, 95, 99, 100, 100]


def test_the_total_is_wider_than_64_bits(core: ModuleType) -> None:
    assert histogram_of(core, *[INT64_MAX] * 5).total == 5 * INT64_MAX


def test_a_negative_duration_counts_as_zero(core: ModuleType) -> None:
    assert contents(histogram_of(core, -1, INT64_MIN)) == ((2, 0, 0, 0), [(0, 2)])


# bad input


@pytest.mark.parametrize("percent", ["50", None])
def test_a_percent_that_is_no_number_is_refused(core: ModuleType, percent: Any) -> None:
    with pytest.raises(TypeError):
        histogram_of(core, 1).percentile(percent)


@pytest.mark.native
@pytest.mark.parametrize(
    ("duration", "error"),
    [
        ("1", TypeError),
        (None, TypeError),
        (2**63, OverflowError),
        (-(2**64), OverflowError),
    ],
)
def test_a_duration_that_is_no_64_bit_integer_is_refused(
    core: ModuleType, duration: Any, error: type[Exception]
) -> None:
    histogram = core.Histogram()
    with pytest.raises(error):
        histogram.record(duration)
    assert sums(histogram) == (0, 0, 0, 0)


@pytest.mark.parametrize("name", ["count", "total", "minimum", "maximum"])
def test_the_sums_cannot_be_set(core: ModuleType, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(core.Histogram(), name, 7)
