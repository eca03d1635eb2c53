"""What the events of one level met: how many were late, and three histograms. Not one Python object."""

from libc.stdint cimport int64_t, uint64_t

from ._histogram cimport histogram, histogram_record_alone
from ._looks cimport show_count

ctypedef struct account:
    histogram* wait             # acceptance to start
    histogram* service          # start to end
    histogram* latency          # acceptance to end
    uint64_t late


cdef inline void account_record(account* self, int64_t budget_ns, int64_t wait_ns, int64_t service_ns) noexcept nogil:
    """For one thread at a time. O(1)."""
    show_count(&self.late, self.late + (wait_ns + service_ns > budget_ns))
    histogram_record_alone(self.wait, wait_ns)
    histogram_record_alone(self.service, service_ns)
    histogram_record_alone(self.latency, wait_ns + service_ns)
