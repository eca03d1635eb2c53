"""RWLock, the native twin, and how every room here waits for a lock of C."""

import threading

from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EBUSY, ETIMEDOUT
from libc.stdint cimport int32_t, int64_t

from ._core_numbers cimport whole
from ._rwlock cimport (
    rwlock,
    rwlock_announce_writer,
    rwlock_destroy,
    rwlock_init,
    rwlock_now_ns,
    rwlock_read_within,
    rwlock_release,
    rwlock_write_within,
)

from .errors import LockOrderError, LockTimeout

cdef enum:
    SLICE_NS = 50_000_000       # a waiting main thread looks for Ctrl-C this often
    NS_PER_SECOND = 1_000_000_000


cdef int64_t limit_of(timeout_ns) except? -2:
    return NO_LIMIT if timeout_ns is None else max(whole(timeout_ns), <int64_t> 0)


cdef int wait_for(rwlock* lock, bint writing, int64_t limit_ns, bint keeps) except -1:
    """Wait without the GIL, in slices that answer signals; a writer keeps its place between them.

    Who does not keep the lock has seen it free, and tries again: on the way back to the GIL it would hold
    up everybody for milliseconds.
    """
    cdef int64_t started_ns = rwlock_now_ns(), left_ns = SLICE_NS
    cdef int code = ETIMEDOUT
    rwlock_announce_writer(lock, writing)
    try:
        while code == ETIMEDOUT or code == EBUSY:
            if limit_ns != NO_LIMIT:
                left_ns = limit_ns - (rwlock_now_ns() - started_ns)
            if left_ns <= 0:
                raise LockTimeout(f"the lock was not free within {limit_ns / NS_PER_SECOND:g} s")
            code = wait_slice(lock, writing, min(left_ns, <int64_t> SLICE_NS), keeps)
            if code != 0:
                PyErr_CheckSignals()
    finally:
        rwlock_announce_writer(lock, -<int32_t> writing)
    if code != 0:
        raise OSError(code, "a read-write lock failed")
    return 0


cdef int wait_slice(rwlock* lock, bint writing, int64_t wait_ns, bint keeps) noexcept:
    cdef int code
    with nogil:
        code = rwlock_write_within(lock, wait_ns) if writing else rwlock_read_within(lock, wait_ns)
        if code == 0 and not keeps:
            rwlock_release(lock)
    return code


cdef class RWLock:
    """A read-write lock that prefers writers and refuses re-entry.

    While a writer waits no new reader enters. A thread that holds the lock in any mode gets
    LockOrderError at once when it asks again; LockTimeout after ``timeout_ns``.
    """

    cdef rwlock lock
    cdef set readers
    cdef object writer
    cdef object __weakref__

    def __cinit__(self):
        if rwlock_init(&self.lock) != 0:
            raise MemoryError
        self.readers = set()
        self.writer = None

    def __init__(self):
        """Start free. (``__cinit__`` alone would let any argument pass.)"""

    def __dealloc__(self):
        rwlock_destroy(&self.lock)

    def acquire_read(self, timeout_ns=None):
        """Enter as a reader; blocks while a writer holds the lock or waits for it."""
        cdef int64_t limit_ns = limit_of(timeout_ns)
        cdef object me = self.newcomer()
        take(&self.lock, False, limit_ns)
        self.readers.add(me)

    def release_read(self):
        """Leave as a reader; LockOrderError when this thread is none."""
        cdef object me = threading.get_ident()
        if me not in self.readers:
            raise LockOrderError("this thread does not hold the lock for reading")
        self.readers.discard(me)
        rwlock_release(&self.lock)

    def acquire_write(self, timeout_ns=None):
        """Enter as the only holder; blocks while anybody holds the lock."""
        cdef int64_t limit_ns = limit_of(timeout_ns)
        cdef object me = self.newcomer()
        take(&self.lock, True, limit_ns)
        self.writer = me

    def release_write(self):
        """Leave as the writer; LockOrderError when this thread is not."""
        if self.writer != threading.get_ident():
            raise LockOrderError("this thread does not hold the lock for writing")
        self.writer = None
        rwlock_release(&self.lock)

    cdef object newcomer(self):
        cdef object me = threading.get_ident()
        if me in self.readers or me == self.writer:
            raise LockOrderError("this thread holds the lock already")
        return me
