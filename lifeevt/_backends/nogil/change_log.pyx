"""The trail below `_cells`; its contract stands in `_trail.pxd`."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, realloc

cdef extern from * nogil:
    """
    #define LIFEEVT_PUBLISH(place, number) __atomic_store_n((place), (number), __ATOMIC_RELEASE)
    """
    void LIFEEVT_PUBLISH(int64_t* place, int64_t number)

cdef enum:
    FIRST_ROOM = 256


cdef void trail_init(change_trail* self) noexcept nogil:
    self.records = NULL
    self.length = self.room = self.lost = 0
    self.on = False


cdef void trail_clear(change_trail* self) noexcept nogil:
    free(self.records)
    self.records = NULL
    self.room = 0
    LIFEEVT_PUBLISH(&self.length, 0)


cdef void trail_add(
    change_trail* self, int64_t version, int32_t place, double before, double after, int64_t cause
) noexcept nogil:
    if self.length == self.room and _grow(self) != 0:
        self.lost += 1
        return
    cdef change_record* record = &self.records[self.length]
    record.version, record.cause = version, cause
    record.before, record.after = before, after
    record.place = place
    LIFEEVT_PUBLISH(&self.length, self.length + 1)


cdef int _grow(change_trail* self) noexcept nogil:
    cdef int64_t room = 2 * self.room if self.room > 0 else FIRST_ROOM
    cdef change_record* records = <change_record*> realloc(self.records, <size_t> room * sizeof(change_record))
    if records == NULL:
        return -1
    self.records, self.room = records, room
    return 0
