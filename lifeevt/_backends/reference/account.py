"""Account, the reference: four histograms and two counts."""

from __future__ import annotations

from ..contract import STARVED_BUDGETS
from .histogram import Histogram, record_each
from .uncopyable import Uncopyable


class Account(Uncopyable):
    """The durations in nanoseconds of the events of one level or type, and the numbers of late, starved and shed ones.

    One thread at a time may record; any may read.
    """

    def __init__(self) -> None:
        self._late = self._starved = self._shed = 0
        self._wait, self._service, self._latency, self._lateness = (Histogram() for _ in range(4))

    @property
    def wait(self) -> Histogram:
        """The durations from acceptance to start."""
        return self._wait

    @property
    def service(self) -> Histogram:
        """The durations from start to end."""
        return self._service

    @property
    def latency(self) -> Histogram:
        """The durations from acceptance to end."""
        return self._latency

    @property
    def late(self) -> int:
        """The number of events that took longer than their budget."""
        return self._late

    @property
    def lateness(self) -> Histogram:
        """The durations by which late events exceeded their budget."""
        return self._lateness

    @property
    def starved(self) -> int:
        """The number of events that waited longer than ten times their budget for their start."""
        return self._starved

    @property
    def shed(self) -> int:
        """The number of events that were shed because they had waited too long."""
        return self._shed

    def record(self, budget_ns: int, wait_ns: int, service_ns: int) -> None:
        """Count one event, with its wait and service time. O(1)."""
        latency_ns = wait_ns + service_ns
        if latency_ns > budget_ns:
            self._lateness.record(latency_ns - budget_ns)
            self._late += 1
            self._starved += max(wait_ns, 0) // STARVED_BUDGETS > budget_ns
        record_each((self._wait, wait_ns), (self._service, service_ns), (self._latency, latency_ns))

    def record_shed(self) -> None:
        """Count one event that was shed because it had waited too long. O(1)."""
        self._shed += 1
