# cython: cdivision=True
"""How the events of one level fared: four histograms, and how many were late, starved or shed. Not one Python object.

One thread at a time records; any thread may load a number.
"""

from libc.stdint cimport int64_t, uint64_t

from ..nogil.atomics cimport RELAXED, store_u64
from ..nogil.histogram cimport histogram, histogram_record_pair

ctypedef struct account:
    histogram* wait             # from acceptance to start
    histogram* service          # from start to end
    histogram* latency          # from acceptance to end
    histogram* lateness         # by how much the late ones exceeded their budget
    uint64_t late
    uint64_t starved            # waited longer than STARVED_BUDGETS
    uint64_t shed               # had waited too long to be processed

cdef enum:
    STARVED_BUDGETS = 10


cdef inline void account_record(account* self, int64_t budget_ns, int64_t wait_ns, int64_t service_ns) noexcept nogil:
    """Record one event. O(1)."""
    account_record_pair(self, NULL, budget_ns, wait_ns, service_ns)


cdef inline void account_record_pair(
    account* self, account* other, int64_t budget_ns, int64_t wait_ns, int64_t service_ns
) noexcept nogil:
    """Record one event in two accounts, of which the other may be NULL: cheaper than twice. O(1)."""
    cdef int64_t late_ns = wait_ns + service_ns - budget_ns
    cdef bint paired = other != NULL
    histogram_record_pair(self.wait, other.wait if paired else NULL, wait_ns)
    histogram_record_pair(self.service, other.service if paired else NULL, service_ns)
    histogram_record_pair(self.latency, other.latency if paired else NULL, wait_ns + service_ns)
    if late_ns > 0:
        histogram_record_pair(self.lateness, other.lateness if paired else NULL, late_ns)
        _count_late(self, budget_ns, wait_ns)
        if paired:
            _count_late(other, budget_ns, wait_ns)


cdef inline void account_shed(account* self, account* other) noexcept nogil:
    """Count one shed event in two accounts, of which the other may be NULL. O(1)."""
    store_u64(&self.shed, self.shed + 1, RELAXED)
    if other != NULL:
        store_u64(&other.shed, other.shed + 1, RELAXED)


cdef inline void _count_late(account* self, int64_t budget_ns, int64_t wait_ns) noexcept nogil:
    store_u64(&self.late, self.late + 1, RELAXED)
    if wait_ns > 0 and wait_ns // STARVED_BUDGETS > budget_ns:
        store_u64(&self.starved, self.starved + 1, RELAXED)
