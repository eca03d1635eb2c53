"""Entering a read-write lock from Python code: tried first, waited for without the GIL."""

from libc.stdint cimport int64_t

from ._rwlock cimport rwlock, rwlock_try_read, rwlock_try_write

cdef enum:
    NO_LIMIT = -1

cdef int wait_for(rwlock* lock, bint writing, int64_t limit_ns, bint keeps) except -1


cdef inline int take(rwlock* lock, bint writing, int64_t limit_ns) except -1:
    """Enter the lock: try first, for a free one costs no switch of the GIL."""
    cdef int code = rwlock_try_write(lock) if writing else rwlock_try_read(lock)
    return 0 if code == 0 else wait_for(lock, writing, limit_ns, True)


cdef inline int visit(rwlock* lock, bint writing) except -1:
    """Enter the lock for a few operations, without a limit; a free one costs no switch of the GIL."""
    while (rwlock_try_write(lock) if writing else rwlock_try_read(lock)) != 0:
        wait_for(lock, writing, NO_LIMIT, False)
    return 0
