"""Account, native: the counts of C for the events of one level."""

from libc.stdint cimport int64_t

from .histogram cimport Histogram
from ..nogil.account cimport account_record, account_shed
from ..nogil.atomics cimport RELAXED, load_u64


cdef class Account:
    """Account in C: see the reference."""

    def __cinit__(self):
        self.wait, self.service, self.latency, self.lateness = Histogram(), Histogram(), Histogram(), Histogram()
        self.kept.wait = &self.wait.counted
        self.kept.service = &self.service.counted
        self.kept.latency = &self.latency.counted
        self.kept.lateness = &self.lateness.counted
        self.kept.late = self.kept.starved = self.kept.shed = 0

    def __init__(self):
        pass        # __cinit__ alone would let any argument pass

    @property
    def late(self):
        return load_u64(&self.kept.late, RELAXED)

    @property
    def starved(self):
        return load_u64(&self.kept.starved, RELAXED)

    @property
    def shed(self):
        return load_u64(&self.kept.shed, RELAXED)

    def record(self, int64_t budget_ns, int64_t wait_ns, int64_t service_ns):
        account_record(&self.kept, budget_ns, wait_ns, service_ns)

    def record_shed(self):
        account_shed(&self.kept, NULL)
