"""Token buckets and the limits of types and sources, exact to the nanosecond."""

from __future__ import annotations

import sys
import threading
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifeevt import RateLimit
from lifeevt.queue import RateLimiter, TokenBucket

limits = st.builds(
    RateLimit,
    st.integers(1, 7) | st.integers(1, 10**6),
    st.sampled_from([1e-9, 3e-9, 1e-6, 1.0, 7.0]),
    st.none() | st.integers(1, 9),
)
pauses = st.lists(st.integers(0, 3) | st.integers(0, 10**9) | st.just(0), max_size=60)


class NaiveBucket:
    """Tokens as a fraction that grows with time: slow and obviously right."""

    def __init__(self, limit: RateLimit) -> None:
        self.limit, self.tokens, self.then = limit, Fraction(limit.most), 0

    def refill(self, now_ns: int) -> None:
        self.tokens += Fraction((now_ns - self.then) * self.limit.count, self.limit.period_ns)
        self.tokens, self.then = min(self.tokens, Fraction(self.limit.most)), now_ns

    def admits(self, now_ns: int) -> bool:
        self.refill(now_ns)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@given(limits, pauses)
def test_a_bucket_agrees_with_one_of_fractions(limit: RateLimit, pauses: list[int]) -> None:
    bucket, naive, now = TokenBucket(limit), NaiveBucket(limit), 0
    for pause in pauses:
        now += pause
        naive.refill(now)
        assert bucket.is_full(now) == (naive.tokens == limit.most)
        assert bucket.has_token(now) == (naive.tokens >= 1)
        assert bucket.admits(now) == naive.admits(now)


@given(limits, pauses)
def test_the_next_instant_is_the_first_with_a_token(limit: RateLimit, pauses: list[int]) -> None:
    bucket, now = TokenBucket(limit), 0
    for pause in pauses:
        now += pause
        ready = bucket.ready_ns(now)
        assert bucket.has_token(ready) and ready >= now
        assert ready == now or not bucket.has_token(ready - 1)
        bucket.admits(now)


@given(limits, pauses)
def test_no_interval_lets_more_pass_than_burst_and_rate_allow(limit: RateLimit, pauses: list[int]) -> None:
    bucket, now, passed = TokenBucket(limit), 0, []
    for pause in pauses:
        now += pause
        passed += [now] * bucket.admits(now)
    for first, began in enumerate(passed):
        for last in range(first, len(passed)):
            allowed = limit.most + Fraction((passed[last] - began) * limit.count, limit.period_ns)
            assert last - first + 1 <= allowed


def test_ten_a_second_means_one_every_tenth_after_the_burst() -> None:
    bucket = TokenBucket(RateLimit(10, 1.0, burst=2))
    tenth = 10**8
    at = [0, 0, 0, tenth - 1, tenth, tenth, 3 * tenth, 3 * tenth, 3 * tenth]
    assert [bucket.admits(now) for now in at] == [True, True, False, False, True, False, True, True, False]


def test_a_clock_that_stops_for_years_costs_nothing() -> None:
    bucket = TokenBucket(RateLimit(3, 1.0))
    assert [bucket.admits(2**62) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"count": 0}, "count is 0"), ({"count": 2**41}, "count is"), ({"count": 1.5}, "count is 1.5"),
        ({"count": True}, "count is True"), ({"count": 1, "burst": 0}, "burst is 0"),
        ({"count": 1, "seconds": 0.0}, "seconds is 0.0"), ({"count": 1, "seconds": float("nan")}, "seconds is nan"),
        ({"count": 1, "seconds": 1e-10}, "at least 1 ns"), ({"count": 1, "seconds": 1e10}, "seconds is 1"),
    ],
)  # fmt: skip
def test_a_limit_outside_its_bounds_is_refused(given: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        RateLimit(**given)


ONE = RateLimit(1, 1.0)
TWO = RateLimit(2, 1.0)
SECOND = 10**9


def test_without_a_limit_everything_passes_and_nothing_is_kept() -> None:
    limiter = RateLimiter()
    assert all(limiter.admits("noise", "a", 0, None, None) for _ in range(9)) and len(limiter) == 0


def test_a_type_is_limited_over_all_its_sources() -> None:
    limiter = RateLimiter()
    assert [limiter.admits("noise", source, 0, TWO, None) for source in ("a", "b", "c")] == [True, True, False]
    assert limiter.admits("idle", "a", 0, TWO, None)


def test_a_flood_of_one_source_does_not_touch_the_others() -> None:
    limiter = RateLimiter()
    flood = [limiter.admits("noise", "flood", 0, None, ONE) for _ in range(5)]
    assert flood == [True, False, False, False, False]
    assert limiter.admits("noise", "other", 0, None, ONE) and limiter.admits("noise", None, 0, None, ONE)


def test_a_refusal_by_one_limit_takes_no_token_of_the_other() -> None:
    limiter = RateLimiter()
    assert limiter.admits("noise", "a", 0, TWO, ONE)
    assert not limiter.admits("noise", "a", 0, TWO, ONE)
    assert limiter.admits("noise", "b", 0, TWO, ONE)
    assert not limiter.admits("noise", "c", 0, TWO, ONE)
    assert limiter.admits("noise", "c", SECOND, TWO, ONE)


def test_a_changed_limit_holds_at_once() -> None:
    limiter = RateLimiter()
    assert limiter.admits("noise", None, 0, ONE, None) and not limiter.admits("noise", None, 0, ONE, None)
    assert [limiter.admits("noise", None, 0, TWO, None) for _ in range(3)] == [True, True, False]


def test_unknown_sources_do_not_make_it_grow() -> None:
    limiter = RateLimiter(room=8)
    for second in range(10):
        for number in range(8):
            assert limiter.admits("noise", f"{second}-{number}", second * SECOND, None, ONE)
        assert len(limiter) == 8


def test_when_all_places_are_in_use_the_others_share_one_bucket() -> None:
    limiter = RateLimiter(room=2)
    assert [limiter.admits("noise", source, 0, None, ONE) for source in "abcde"] == [True, True, True, False, False]
    assert len(limiter) == 2


def test_a_limiter_needs_room() -> None:
    with pytest.raises(ValueError, match="room is 0"):
        RateLimiter(0)


def test_many_threads_do_not_get_more_tokens_than_there_are() -> None:
    limiter, start, passed = RateLimiter(), threading.Barrier(4), list[int]()
    limit = RateLimit(500, 1.0)

    def flood() -> None:
        start.wait()
        passed.append(sum(limiter.admits("noise", "a", 0, limit, limit) for _ in range(400)))

    threads = [threading.Thread(target=flood) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert sum(passed) == 500


@pytest.mark.parametrize("method", ["admits", "has_token", "ready_ns", "is_full"])
@pytest.mark.parametrize(("instant", "error"), [(1.5, TypeError), ("1", TypeError), (2**63, OverflowError)])
def test_an_instant_that_is_no_whole_number_of_64_bits_is_refused(
    method: str, instant: Any, error: type[Exception]
) -> None:
    bucket = TokenBucket(RateLimit(10, 1.0))
    with pytest.raises(error):
        getattr(bucket, method)(instant)
    assert bucket.is_full(0)
