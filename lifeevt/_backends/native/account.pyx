"""Account, native: what the events of one level met."""

from .histogram cimport Histogram
from .numbers cimport whole
from ..nogil.account cimport account_record, account_shed
from ..nogil.atomics cimport RELAXED, load_u64


cdef class Account:
    """How the events of one level or type fared: histograms of nanoseconds, and counts.

    ``wait`` is acceptance to start, ``service`` start to end, ``latency`` acceptance to end; ``lateness`` is how
    much longer than its budget a late one took. One thread at a time may record; any may read.
    """

    def __cinit__(self):
        self.waits, self.services, self.latencies, self.latenesses = Histogram(), Histogram(), Histogram(), Histogram()
        self.kept.wait = &self.waits.counted
        self.kept.service = &self.services.counted
        self.kept.latency = &self.latencies.counted
        self.kept.lateness = &self.latenesses.counted
        self.kept.late = self.kept.starved = self.kept.shed = 0

    def __init__(self):
        """Start empty. (``__cinit__`` alone would let any argument pass.)"""

    @property
    def wait(self):
        """The durations from acceptance to start."""
        return self.waits

    @property
    def service(self):
        """The durations from start to end."""
        return self.services

    @property
    def latency(self):
        """The durations from acceptance to end."""
        return self.latencies

    @property
    def late(self):
        """How many took longer than their budget."""
        return load_u64(&self.kept.late, RELAXED)

    @property
    def lateness(self):
        """By how much those that were late exceeded their budget."""
        return self.latenesses

    @property
    def starved(self):
        """How many waited longer than ten times their budget before they were started."""
        return load_u64(&self.kept.starved, RELAXED)

    @property
    def shed(self):
        """How many were shed because they had waited too long to be answered."""
        return load_u64(&self.kept.shed, RELAXED)

    def record(self, budget_ns, wait_ns, service_ns):
        """Count one event that waited and was answered for so long. O(1)."""
        account_record(&self.kept, whole(budget_ns), whole(wait_ns), whole(service_ns))

    def record_shed(self):
        """Count one event that was shed because it had waited too long. O(1)."""
        account_shed(&self.kept, NULL)
