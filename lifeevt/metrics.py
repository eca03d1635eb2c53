"""Metrics: summaries of latency, the ledger, statistics of a queue, and rates estimated from a counter."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ._backends import Histogram
from ._public import publish
from .clock import NS_PER_SECOND
from .event import Priority
from .result import Status

__all__ = ["LatencySummary", "Ledger"]

SAMPLES = 64  # kept in a window


@dataclass(frozen=True)
class LatencySummary:
    """A distribution of times in nanoseconds; all zero when nothing was recorded.

    The percentiles are the upper ends of histogram buckets: at most 1/64 above the true value.
    """

    count: int = 0
    min_ns: int = 0
    mean_ns: float = 0.0
    p50_ns: int = 0
    p95_ns: int = 0
    p99_ns: int = 0
    max_ns: int = 0


def summarize(histogram: Histogram) -> LatencySummary:
    """Return the summary of a histogram's present content. O(buckets)."""
    count = histogram.count
    if not count:
        return LatencySummary()
    p50, p95, p99 = (histogram.percentile(q) for q in (50.0, 95.0, 99.0))
    return LatencySummary(count, histogram.minimum, histogram.total / count, p50, p95, p99, histogram.maximum)


@dataclass(frozen=True)
class Ledger:
    """The place of every accepted event: queued, running, or at exactly one end. Immutable.

    ``refused`` counts the events that were never accepted; their senders were told.
    """

    accepted: int
    refused: int
    queued: int
    running: int
    ends: Mapping[Status, int] = field(default_factory=dict)

    @classmethod
    def of(cls, counts: tuple[int, int, int, int, tuple[int, ...], int]) -> Ledger:
        """Build a ledger from the counts that the heap keeps under one lock."""
        accepted, refused, queued, running, ends, _ = counts
        return cls(accepted, refused, queued, running, MappingProxyType({each: ends[each] for each in Status}))

    @property
    def in_flight(self) -> int:
        """Accepted events that have not ended: queued or running."""
        return self.queued + self.running

    @property
    def balanced(self) -> bool:
        """Whether accepted = sum of the ends + in flight; anything else is a defect."""
        return self.accepted == sum(self.ends.values()) + self.in_flight


@dataclass(frozen=True)
class QueueStatistics:
    """One instant of a queue; ``high_water`` is the largest depth so far, ``deferred`` the events due later.

    ``limited`` events were refused by a rate limit of their type or source; the ledger does not count them.
    """

    capacity: int
    depth: int
    depth_by_level: Mapping[Priority, int]
    high_water: int
    ledger: Ledger
    deferred: int = 0
    limited: int = 0


class RateWindow:
    """Events a second over the last ``seconds``, estimated from samples of a counter that only grows.

    The rate is the counter's growth between two samples: the newest, and the newest of those at least ``seconds``
    older (else the oldest). Events after the newest sample are not in it. Samples closer than a 64th of the window are
    left out. For one thread at a time. O(1) amortised.

    Raises:
        ValueError: unless ``seconds`` lies in (0, 1e9).
    """

    def __init__(self, seconds: float = 10.0) -> None:
        if not 0.0 < seconds < 1e9:
            raise ValueError(f"seconds is {seconds}; it must be a positive number")
        self._window_ns = max(round(seconds * NS_PER_SECOND), SAMPLES)
        self._samples: deque[tuple[int, int]] = deque()

    def sample(self, now_ns: int, count: int) -> None:
        """Note the counter's present value."""
        if self._samples and now_ns - self._samples[-1][0] < self._window_ns // SAMPLES:
            return
        self._samples.append((now_ns, count))
        while len(self._samples) > 2 and self._samples[1][0] <= now_ns - self._window_ns:
            self._samples.popleft()

    @property
    def per_second(self) -> float:
        """The rate; 0 before the second sample."""
        if len(self._samples) < 2:
            return 0.0
        (then_ns, before), (now_ns, count) = self._samples[0], self._samples[-1]
        return (count - before) * NS_PER_SECOND / (now_ns - then_ns)


__dir__ = publish(__name__)
