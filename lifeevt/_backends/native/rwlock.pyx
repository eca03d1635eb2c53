"""RWLock, native, and the waits of Python threads for a lock of C."""

from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.errno cimport EBUSY, ETIMEDOUT
from libc.stdint cimport int32_t, int64_t, uint64_t

from .histogram cimport Histogram
from .numbers cimport whole
from ..nogil.atomics cimport RELAXED, load_i32
from ..nogil.futex cimport NO_TIMEOUT, monotonic_ns, set_main_thread, signal_slice, this_thread
from ..nogil.histogram cimport histogram_record, histogram_record_unshared
from ..nogil.rwlock cimport (
    RWLOCK_ABSENT, RWLOCK_PASSES, RWLOCK_READER, RWLOCK_WRITER, rwlock, rwlock_dequeue, rwlock_destroy,
    rwlock_enqueue, rwlock_find, rwlock_init, rwlock_release, rwlock_try_read, rwlock_try_write, rwlock_wait,
    rwlock_waiter,
)

import threading

from ..contract import PASSES
from ..fork import keep
from ...errors import LockOrderError, LockTimeout

cdef enum:
    ROUNDS = 4                  # after so many a visitor keeps the lock while it waits for the GIL
    SPARE = 8                   # room for writers that join the queue meanwhile

set_main_thread(threading.main_thread().ident)
if PASSES != RWLOCK_PASSES:
    raise ImportError("the backends disagree about how many writers may pass a reader")


cdef int wait_to_visit(rwlock* lock, bint writing) except -1:
    cdef int _
    for _ in range(ROUNDS):
        wait_for(lock, writing, NO_TIMEOUT, False, None)
        if (rwlock_try_write(lock) if writing else rwlock_try_read(lock)) == 0:
            return 0
    return wait_for(lock, writing, NO_TIMEOUT, True, None)


cdef int wait_for(rwlock* lock, bint writing, int64_t limit_ns, bint keeps, on_wait) except -1:
    """Wait in the queue without the GIL, in slices between which signal handlers run; return 0 or ETIMEDOUT.

    ``on_wait(True)`` is called in the queue, before the wait; an exception of it ends the wait. A thread that does not
    keep the lock has had its turn, and tries again: on its way back to the GIL it would hold up the others for
    milliseconds.
    """
    cdef rwlock_waiter waiter
    cdef int code = EBUSY
    with nogil:
        rwlock_enqueue(lock, &waiter, writing)
    try:
        if on_wait is not None:
            on_wait(True)
        code = wait_in_slices(lock, &waiter, limit_ns, keeps)
    finally:
        if code != 0:
            with nogil:
                rwlock_dequeue(lock, &waiter)
    if code != 0 and code != ETIMEDOUT:
        raise OSError(code, "a read-write lock failed")
    return code


cdef int wait_in_slices(rwlock* lock, rwlock_waiter* waiter, int64_t limit_ns, bint keeps) except -1:
    cdef int64_t until_ns = monotonic_ns() + limit_ns, left_ns = limit_ns
    cdef int code = ETIMEDOUT
    while code == ETIMEDOUT and (limit_ns == NO_TIMEOUT or left_ns > 0):
        with nogil:
            code = rwlock_wait(lock, waiter, signal_slice(left_ns))
            if code == 0 and not keeps:
                rwlock_release(lock)
        if code != 0:
            PyErr_CheckSignals()
        left_ns = NO_TIMEOUT if limit_ns == NO_TIMEOUT else until_ns - monotonic_ns()
    return code


cdef int64_t limit_of(timeout_ns) except? -2:
    """Return a wait in nanoseconds, short enough that the clock cannot overflow, or NO_TIMEOUT."""
    if timeout_ns is None:
        return NO_TIMEOUT
    return min(max(whole(timeout_ns), <int64_t> 0), <int64_t> 1 << 62)


cdef class Guarded:
    def __cinit__(self, *_, **__):
        if rwlock_init(&self.lock) != 0:
            raise MemoryError
        keep(self)

    def __dealloc__(self):
        rwlock_destroy(&self.lock)

    def _before_fork(self):
        if rwlock_try_write(&self.lock) != 0:
            wait_for(&self.lock, True, NO_TIMEOUT, True, None)

    def _after_fork_in_parent(self):
        rwlock_release(&self.lock)

    def _after_fork_in_child(self):
        rwlock_init(&self.lock)


cdef class RWLock:
    """RWLock in C: see the reference."""

    def __cinit__(self, name="the lock", measured=False):
        if rwlock_init(&self.lock) != 0:
            raise MemoryError
        self.name, self.readers, self.writer = str(name), {}, None
        if measured:
            self.waits, self.holds = Histogram(), Histogram()
        keep(self)

    def __init__(self, name="the lock", measured=False):
        pass        # see __cinit__

    def _before_fork(self):
        pass        # a fork does not wait for the lock, which a thread may hold for long

    def _after_fork_in_parent(self):
        pass

    def _after_fork_in_child(self):
        cdef object me = this_thread()
        rwlock_init(&self.lock)
        self.readers = {me: self.readers[me]} if me in self.readers else {}
        self.writer = me if self.writer == me else None
        if self.writer is not None:
            rwlock_try_write(&self.lock)
        elif self.readers:
            rwlock_try_read(&self.lock)

    def __dealloc__(self):
        rwlock_destroy(&self.lock)

    @property
    def longest(self):
        return None if self.longest_holder is None else (self.longest_holder, self.longest_ns)

    def acquire_read(self, timeout_ns=None, on_wait=None):
        self.enter(False, timeout_ns, on_wait)

    def release_read(self):
        cdef object me = this_thread()
        cdef object since_ns = self.readers.pop(me, None)
        if since_ns is None:
            raise LockOrderError(f"this thread does not hold {self.name} for reading")
        cdef int64_t stay_ns = 0
        if self.holds is not None:
            stay_ns = monotonic_ns() - <int64_t> since_ns
            histogram_record(&self.holds.counted, stay_ns)
        rwlock_release(&self.lock)
        if stay_ns > self.longest_ns:
            self.note_longest(stay_ns)

    def acquire_write(self, timeout_ns=None, on_wait=None):
        self.enter(True, timeout_ns, on_wait)

    def release_write(self):
        cdef object me = this_thread()
        if self.writer != me:
            raise LockOrderError(f"this thread does not hold {self.name} for writing")
        cdef int64_t stay_ns = 0
        if self.holds is not None:
            stay_ns = monotonic_ns() - self.writing_since_ns
            histogram_record_unshared(&self.holds.counted, stay_ns)     # readers count theirs inside, too
        self.writer = None
        rwlock_release(&self.lock)
        if stay_ns > self.longest_ns:
            self.note_longest(stay_ns)

    def holders(self):
        cdef object writer = self.writer
        return self.readers.copy() if writer is None else {writer: self.writing_since_ns}

    def waiting(self):
        return load_i32(&self.lock.readers.length, RELAXED), load_i32(&self.lock.writers.length, RELAXED)

    def blockers(self, thread):
        cdef uint64_t asked = <uint64_t> whole(thread)
        cdef tuple writers
        cdef int standing
        standing, writers = self.find(asked)
        cdef object writer = self.writer
        if standing == RWLOCK_ABSENT:
            return ()
        if writer is not None:
            return (writer,)
        if standing == RWLOCK_WRITER:
            return tuple(self.readers.copy())
        return writers if standing == RWLOCK_READER else ()

    cdef tuple find(self, uint64_t thread):
        """Return the role of a thread in the queue and the writers that wait there, of one instant."""
        cdef int32_t room = load_i32(&self.lock.writers.length, RELAXED) + SPARE, length = 0, index
        cdef int standing
        cdef uint64_t* writers = <uint64_t*> PyMem_Malloc(room * sizeof(uint64_t))
        if writers == NULL:
            raise MemoryError
        try:
            with nogil:
                standing = rwlock_find(&self.lock, thread, writers, room, &length)
            if length > room:
                return self.find(thread)
            return standing, tuple([writers[index] for index in range(length)])
        finally:
            PyMem_Free(writers)

    cdef int enter(self, bint writing, timeout_ns, on_wait) except -1:
        cdef int64_t limit_ns = limit_of(timeout_ns)
        cdef object me = this_thread()
        if me in self.readers or me == self.writer:
            raise LockOrderError(f"this thread holds {self.name} already")
        if (rwlock_try_write(&self.lock) if writing else rwlock_try_read(&self.lock)) != 0:
            self.wait_inside(writing, limit_ns, on_wait)
        if writing:
            self.writing_since_ns, self.writer = monotonic_ns(), me
        else:
            self.readers[me] = monotonic_ns()
        return 0

    cdef int wait_inside(self, bint writing, int64_t limit_ns, on_wait) except -1:
        cdef int64_t asked_ns = monotonic_ns()
        cdef int code = ETIMEDOUT
        self.refuse_waiting()
        if limit_ns != 0:
            try:
                code = wait_for(&self.lock, writing, limit_ns, True, on_wait)
            finally:
                self.end_wait(asked_ns, code, on_wait)
        if code != 0:
            raise LockTimeout.of(self.name, limit_ns, self.holders(), monotonic_ns())
        return 0

    cdef int refuse_waiting(self) except -1:
        """Refuse a signal handler that interrupts this thread's own wait: neither could ever end."""
        if self.find(this_thread())[0] != RWLOCK_ABSENT:
            raise LockOrderError(f"this thread waits for {self.name} already")
        return 0

    cdef int end_wait(self, int64_t asked_ns, int code, on_wait) except -1:
        if self.waits is not None:
            histogram_record(&self.waits.counted, monotonic_ns() - asked_ns)
        if on_wait is None:
            return 0
        try:
            on_wait(False)
        except BaseException:
            if code == 0:
                rwlock_release(&self.lock)
            raise
        return 0

    cdef int note_longest(self, int64_t stay_ns) except -1:
        self.longest_ns = stay_ns
        self.longest_holder = threading.current_thread().name
        return 0
