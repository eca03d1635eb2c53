"""Entering a read-write lock from Python code: tried first, waited for without the GIL; and RWLock itself."""

from libc.stdint cimport int64_t, uint64_t

from .histogram cimport Histogram
from ..nogil.rwlock cimport rwlock, rwlock_try_read, rwlock_try_write

cdef int wait_to_visit(rwlock* lock, bint writing) except -1


cdef inline int visit(rwlock* lock, bint writing) except -1:
    """Enter the lock for a few operations, without a limit; a free one costs no switch of the GIL.

    A thread that waited gives the lock back before it asks for the GIL, which may take milliseconds, and tries again.
    It does so only a few times, and then keeps the lock: so every thread gets in.
    """
    if (rwlock_try_write(lock) if writing else rwlock_try_read(lock)) == 0:
        return 0
    return wait_to_visit(lock, writing)


cdef class Guarded:
    """Data that a read-write lock of C guards, and that is whole in the child of a fork, too."""

    cdef rwlock lock
    cdef object __weakref__


cdef class RWLock:
    cdef rwlock lock
    cdef str name
    cdef dict readers           # the thread of each: since when, in nanoseconds
    cdef object writer
    cdef int64_t writing_since_ns
    cdef readonly Histogram waits       # or None
    cdef readonly Histogram holds
    cdef int64_t longest_ns
    cdef object longest_holder
    cdef object __weakref__

    cdef int enter(self, bint writing, timeout_ns, on_wait) except -1
    cdef int wait_inside(self, bint writing, int64_t limit_ns, on_wait) except -1
    cdef int refuse_waiting(self) except -1
    cdef tuple find(self, uint64_t thread)
    cdef int end_wait(self, int64_t asked_ns, int code, on_wait) except -1
    cdef int note_longest(self, int64_t stay_ns) except -1
