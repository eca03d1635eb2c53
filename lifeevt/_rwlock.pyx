"""The lock below `_core.RWLock` and `_core.StateCells`; its contract stands in `_rwlock.pxd`."""

from libc.stdint cimport int64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, clockid_t, timespec

cdef enum:
    NS_PER_SECOND = 1_000_000_000

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_rwlockattr_t:
        pass
    int PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP
    int pthread_rwlockattr_init(pthread_rwlockattr_t* attributes)
    int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t* attributes, int kind)
    int pthread_rwlockattr_destroy(pthread_rwlockattr_t* attributes)
    int pthread_rwlock_init(pthread_rwlock_t* lock, const pthread_rwlockattr_t* attributes)
    int pthread_rwlock_destroy(pthread_rwlock_t* lock)
    int pthread_rwlock_tryrdlock(pthread_rwlock_t* lock)
    int pthread_rwlock_trywrlock(pthread_rwlock_t* lock)
    int pthread_rwlock_clockrdlock(pthread_rwlock_t* lock, clockid_t clock, const timespec* deadline)
    int pthread_rwlock_clockwrlock(pthread_rwlock_t* lock, clockid_t clock, const timespec* deadline)
    int pthread_rwlock_unlock(pthread_rwlock_t* lock)


cdef int rwlock_init(rwlock* self) noexcept nogil:
    cdef pthread_rwlockattr_t attributes
    cdef int code = pthread_rwlockattr_init(&attributes)
    if code != 0:
        return code
    code = pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP)
    if code == 0:
        code = pthread_rwlock_init(&self.lock, &attributes)
    pthread_rwlockattr_destroy(&attributes)
    return code


cdef int rwlock_destroy(rwlock* self) noexcept nogil:
    return pthread_rwlock_destroy(&self.lock)


cdef int rwlock_try_read(rwlock* self) noexcept nogil:
    return pthread_rwlock_tryrdlock(&self.lock)


cdef int rwlock_try_write(rwlock* self) noexcept nogil:
    return pthread_rwlock_trywrlock(&self.lock)


cdef int rwlock_read_within(rwlock* self, int64_t wait_ns) noexcept nogil:
    cdef timespec deadline = _after(wait_ns)
    return pthread_rwlock_clockrdlock(&self.lock, CLOCK_MONOTONIC, &deadline)


cdef int rwlock_write_within(rwlock* self, int64_t wait_ns) noexcept nogil:
    cdef timespec deadline = _after(wait_ns)
    return pthread_rwlock_clockwrlock(&self.lock, CLOCK_MONOTONIC, &deadline)


cdef int rwlock_release(rwlock* self) noexcept nogil:
    return pthread_rwlock_unlock(&self.lock)


cdef timespec _after(int64_t wait_ns) noexcept nogil:
    cdef timespec deadline
    clock_gettime(CLOCK_MONOTONIC, &deadline)
    cdef int64_t nanoseconds = deadline.tv_nsec + wait_ns
    deadline.tv_sec += nanoseconds // NS_PER_SECOND
    deadline.tv_nsec = nanoseconds % NS_PER_SECOND
    return deadline
