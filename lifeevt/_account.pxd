"""What the events of one level met: how many were late or starved, and four histograms. Not one Python object."""

from libc.stdint cimport int64_t, uint64_t

from ._histogram cimport histogram, histogram_record_alone
from ._looks cimport show_count

ctypedef struct account:
    histogram* wait             # acceptance to start
    histogram* service          # start to end
    histogram* latency          # acceptance to end
    histogram* lateness         # of those that were late: by how much
    uint64_t late
    uint64_t starved            # waited longer than so many budgets

cdef enum:
    STARVED_BUDGETS = 10

cdef inline void account_record(account* self, int64_t budget_ns, int64_t wait_ns, int64_t service_ns) noexcept nogil:
    """For one thread at a time. O(1)."""
    cdef int64_t late_ns = wait_ns + service_ns - budget_ns
    if late_ns > 0:
        show_count(&self.late, self.late + 1)
        histogram_record_alone(self.lateness, late_ns)
    if wait_ns > 0 and wait_ns // STARVED_BUDGETS > budget_ns:
        show_count(&self.starved, self.starved + 1)
    histogram_record_alone(self.wait, wait_ns)
    histogram_record_alone(self.service, service_ns)
    histogram_record_alone(self.latency, wait_ns + service_ns)
