"""The changes of a state since the log was last taken. Not one Python object.

A caller holds the state's lock for writing. The memory grows as it must: a change that finds none is counted in `lost`.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, realloc

from ..nogil.atomics cimport RELEASE, store_i64

cdef extern from * nogil:
    """
    /* Keeps the code behind it out of the common path: a delta of 3 fields takes 1400 instructions instead of 1407, and
       a reflex 605 instead of 607 (profiling/gate.py, bar 1 % above 1389 and 605). */
    #define LIFEEVT_RARELY(condition) __builtin_expect(!!(condition), 0)
    """
    bint rarely "LIFEEVT_RARELY"(int64_t condition)

cdef enum:
    FIRST_CAPACITY = 256

ctypedef struct change_record:
    int64_t version
    int64_t cause
    double before
    double after
    int32_t place

ctypedef struct change_log:
    change_record* records      # NULL until the first change
    int64_t length              # also read without the lock, as `on` is
    int64_t capacity
    int64_t lost
    int64_t on


cdef inline void change_log_init(change_log* self) noexcept nogil:
    """Begin without memory, switched off."""
    self.records = NULL
    self.length = self.capacity = self.lost = 0
    self.on = False


cdef inline void change_log_clear(change_log* self) noexcept nogil:
    """Forget every change, and free the memory."""
    free(self.records)
    self.records = NULL
    self.capacity = 0
    store_i64(&self.length, 0, RELEASE)


cdef inline void change_log_append(
    change_log* self, int64_t version, int32_t place, double before, double after, int64_t cause
) noexcept nogil:
    """Record one change. O(1), amortised."""
    if rarely(self.length == self.capacity) and _grow(self) != 0:
        self.lost += 1
        return
    cdef change_record* record = &self.records[self.length]
    record.version, record.cause = version, cause
    record.before, record.after = before, after
    record.place = place
    store_i64(&self.length, self.length + 1, RELEASE)


cdef inline int _grow(change_log* self) noexcept nogil:
    cdef int64_t capacity = 2 * self.capacity if self.capacity > 0 else FIRST_CAPACITY
    cdef change_record* records = <change_record*> realloc(self.records, <size_t> capacity * sizeof(change_record))
    if records == NULL:
        return -1
    self.records, self.capacity = records, capacity
    return 0
