"""A pthread read-write lock that prefers writers. Not one Python object; no function needs the GIL.

Functions return 0 or an errno: EBUSY (try, or a reader that found a writer waiting), ETIMEDOUT
(within). A writer that waits in slices announces itself for the whole of it, or readers would slip
in between two slices. The kind is
PREFER_WRITER_NONRECURSIVE: glibc's other kinds starve a writer; with this one a nested read
deadlocks, so callers refuse re-entry before they come here. Waits use the monotonic clock.
"""

from libc.stdint cimport int32_t, int64_t

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_rwlock_t:
        pass

ctypedef struct rwlock:
    pthread_rwlock_t lock
    int32_t writers_waiting

cdef int rwlock_init(rwlock* self) noexcept nogil
cdef int rwlock_destroy(rwlock* self) noexcept nogil
cdef int rwlock_try_read(rwlock* self) noexcept nogil
cdef int rwlock_try_write(rwlock* self) noexcept nogil
cdef int rwlock_read_within(rwlock* self, int64_t wait_ns) noexcept nogil
cdef int rwlock_write_within(rwlock* self, int64_t wait_ns) noexcept nogil
cdef void rwlock_announce_writer(rwlock* self, int32_t change) noexcept nogil
cdef int64_t rwlock_now_ns() noexcept nogil
cdef int rwlock_release(rwlock* self) noexcept nogil
