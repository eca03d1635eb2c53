"""Histogram, the reference: a dict of bucket numbers to counts."""

from __future__ import annotations

import math
import threading

from .. import fork
from ..contract import SUB_BUCKETS
from .uncopyable import Uncopyable

SUB_BITS = SUB_BUCKETS.bit_length()


class Histogram(Uncopyable, fork.Mutexed):
    """Counts of durations in log-linear buckets, each at most 1/64 wide; thread-safe.

    The layout is that of HdrHistogram: linear up to 64 ns, then 64 buckets a power of two. O(1).
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._buckets: dict[int, int] = {}
        self._count = self._total = self._minimum = self._maximum = 0
        fork.keep(self, depth=1)  # the cells' lock may be held meanwhile

    @property
    def count(self) -> int:
        """The number of durations."""
        return self._count

    @property
    def total(self) -> int:
        """The sum of the durations in nanoseconds."""
        return self._total

    @property
    def minimum(self) -> int:
        """The shortest duration in nanoseconds, 0 when empty."""
        return self._minimum

    @property
    def maximum(self) -> int:
        """The longest duration in nanoseconds, 0 when empty."""
        return self._maximum

    def record(self, duration_ns: int) -> None:
        """Count one duration in nanoseconds; a negative one counts as 0."""
        record_each((self, duration_ns))

    def percentile(self, percent: float) -> int:
        """Return the duration that ``percent`` of the records do not exceed, 0 when empty. O(buckets)."""
        left = max(math.ceil(percent / 100.0 * self._count), 1)
        for upper, count in self.buckets():
            left -= count
            if left <= 0:
                return min(upper, self._maximum)
        return self._maximum

    def buckets(self) -> list[tuple[int, int]]:
        """Return (largest duration, count) of every bucket in use, shortest first."""
        with self._mutex:
            return [(_upper_of(bucket), count) for bucket, count in sorted(self._buckets.items())]


def record_each(*durations: tuple[Histogram, int]) -> None:
    """Count one duration in nanoseconds in each of several histograms; a negative one counts as 0."""
    for histogram, duration_ns in durations:
        duration = max(duration_ns, 0)
        # Tene, HdrHistogram: a number keeps its 7 leading bits. The power of two that they are shifted by names a
        # group of 64 buckets, and the bits themselves, of which the first is 1, the bucket: its number follows by
        # one addition. Below 128 nothing is shifted and each duration is its own bucket.
        shift = max(duration.bit_length() - SUB_BITS, 0)
        bucket = shift * SUB_BUCKETS + (duration >> shift)
        with histogram._mutex:
            histogram._buckets[bucket] = histogram._buckets.get(bucket, 0) + 1
            histogram._minimum = min(histogram._minimum, duration) if histogram._count else duration
            histogram._maximum = max(histogram._maximum, duration)
            histogram._count += 1
            histogram._total += duration


def _upper_of(bucket: int) -> int:
    """Return the largest duration that counts in a bucket."""
    shift = max(bucket // SUB_BUCKETS - 1, 0)
    return ((bucket - shift * SUB_BUCKETS + 1) << shift) - 1
