"""The changes of a state since somebody last took them. Not one Python object.

One writer at a time, who holds the state's lock for writing, adds; who takes them holds it too. The memory
grows as it must: a change that found none is counted in `lost`.
"""

from libc.stdint cimport int32_t, int64_t

ctypedef struct change_record:
    int64_t version
    int64_t cause
    double before
    double after
    int32_t place

ctypedef struct change_trail:
    change_record* records      # NULL until the first change
    int64_t length
    int64_t room
    int64_t lost
    int64_t on                  # looked at without the lock, and so is the length

cdef void trail_init(change_trail* self) noexcept nogil
cdef void trail_clear(change_trail* self) noexcept nogil
cdef void trail_add(
    change_trail* self, int64_t version, int32_t place, double before, double after, int64_t cause
) noexcept nogil
