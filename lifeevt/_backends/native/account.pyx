"""Account, native: what the events of one level met."""

from .histogram cimport Histogram
from .numbers cimport whole
from ..nogil.account cimport account_record, account_shed
from ..nogil.atomics cimport RELAXED, load_u64


cdef class Account:
    """Account in C: see the reference."""

    def __cinit__(self):
        self.waits, self.services, self.latencies, self.latenesses = Histogram(), Histogram(), Histogram(), Histogram()
        self.kept.wait = &self.waits.counted
        self.kept.service = &self.services.counted
        self.kept.latency = &self.latencies.counted
        self.kept.lateness = &self.latenesses.counted
        self.kept.late = self.kept.starved = self.kept.shed = 0

    def __init__(self):
        pass        # __cinit__ alone would let any argument pass

    @property
    def wait(self):
        return self.waits

    @property
    def service(self):
        return self.services

    @property
    def latency(self):
        return self.latencies

    @property
    def late(self):
        return load_u64(&self.kept.late, RELAXED)

    @property
    def lateness(self):
        return self.latenesses

    @property
    def starved(self):
        return load_u64(&self.kept.starved, RELAXED)

    @property
    def shed(self):
        return load_u64(&self.kept.shed, RELAXED)

    def record(self, budget_ns, wait_ns, service_ns):
        account_record(&self.kept, whole(budget_ns), whole(wait_ns), whole(service_ns))

    def record_shed(self):
        account_shed(&self.kept, NULL)
