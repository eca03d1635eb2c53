"""The changes of a state since somebody last took them. Not one Python object.

One writer at a time, who holds the state's lock for writing, adds; who takes them holds it too. The memory
grows as it must: a change that found none is counted in `lost`.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, realloc

from ..nogil.atomics cimport RELEASE, store_i64

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

cdef enum:
    FIRST_ROOM = 256


cdef inline void trail_init(change_trail* self) noexcept nogil:
    self.records = NULL
    self.length = self.room = self.lost = 0
    self.on = False


cdef inline void trail_clear(change_trail* self) noexcept nogil:
    free(self.records)
    self.records = NULL
    self.room = 0
    store_i64(&self.length, 0, RELEASE)


cdef inline void trail_add(
    change_trail* self, int64_t version, int32_t place, double before, double after, int64_t cause
) noexcept nogil:
    if self.length == self.room and _grow(self) != 0:
        self.lost += 1
        return
    cdef change_record* record = &self.records[self.length]
    record.version, record.cause = version, cause
    record.before, record.after = before, after
    record.place = place
    store_i64(&self.length, self.length + 1, RELEASE)


cdef inline int _grow(change_trail* self) noexcept nogil:
    cdef int64_t room = 2 * self.room if self.room > 0 else FIRST_ROOM
    cdef change_record* records = <change_record*> realloc(self.records, <size_t> room * sizeof(change_record))
    if records == NULL:
        return -1
    self.records, self.room = records, room
    return 0
