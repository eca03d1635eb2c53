"""Account, the reference: three histograms and a count."""

from __future__ import annotations

from .histogram import Histogram
from .numbers import Rooted, int64


class Account(Rooted):
    """How the events of one level fared: three histograms of nanoseconds, and how many were late.

    ``wait`` is acceptance to start, ``service`` start to end, ``latency`` acceptance to end. One thread
    at a time may record; any may read.
    """

    def __init__(self) -> None:
        self._late = 0
        self._wait, self._service, self._latency = Histogram(), Histogram(), Histogram()

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
        """How many took longer than their budget."""
        return self._late

    def record(self, budget_ns: int, wait_ns: int, service_ns: int) -> None:
        """Count one event that waited and was answered for so long. O(1)."""
        budget, wait, service = int64(budget_ns), int64(wait_ns), int64(service_ns)
        self._late += wait + service > budget
        self._wait.record(wait)
        self._service.record(service)
        self._latency.record(wait + service)
