"""What stages report: frozen summaries of latency, and the ledger that balances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ._backends import Histogram
from .event import Priority
from .result import Status

__all__ = ["LatencySummary", "Ledger"]


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
    """Return the summary of what ``histogram`` holds now. O(buckets)."""
    count = histogram.count
    if not count:
        return LatencySummary()
    p50, p95, p99 = (histogram.percentile(q) for q in (50.0, 95.0, 99.0))
    return LatencySummary(count, histogram.minimum, histogram.total / count, p50, p95, p99, histogram.maximum)


@dataclass(frozen=True)
class Ledger:
    """Where every accepted event is: queued, running, or at exactly one end.

    ``refused`` events were never accepted: their sender was told.
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
        """Events accepted that have not ended: queued or running."""
        return self.queued + self.running

    @property
    def balanced(self) -> bool:
        """Whether accepted = sum of the ends + in flight; anything else is a defect."""
        return self.accepted == sum(self.ends.values()) + self.in_flight


@dataclass(frozen=True)
class QueueStatistics:
    """One instant of a queue; ``high_water`` is the most it ever held, ``deferred`` what comes by itself later.

    ``limited`` events came more often than their type or their source may; the ledger does not count them.
    """

    capacity: int
    depth: int
    depth_by_level: Mapping[Priority, int]
    high_water: int
    ledger: Ledger
    deferred: int = 0
    limited: int = 0
