"""The lock below `_core_lock.RWLock` and `_core_state.StateCells`; its contract stands in `_rwlock.pxd`."""

from libc.errno cimport EBUSY
from libc.stdint cimport int32_t, int64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, clockid_t, timespec

cdef enum:
    NS_PER_SECOND = 1_000_000_000

cdef extern from "<sched.h>" nogil:
    int sched_yield()

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

cdef extern from * nogil:
    """
    #define LIFEEVT_ANNOUNCE(place, change) __atomic_fetch_add((place), (change), __ATOMIC_SEQ_CST)
    #define LIFEEVT_ANNOUNCED(place) __atomic_load_n((place), __ATOMIC_SEQ_CST)
    """
    void LIFEEVT_ANNOUNCE(int32_t* place, int32_t change)
    int32_t LIFEEVT_ANNOUNCED(const int32_t* place)


cdef int rwlock_init(rwlock* self) noexcept nogil:
    self.writers_waiting = 0
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
    if LIFEEVT_ANNOUNCED(&self.writers_waiting) > 0:
        return EBUSY
    return pthread_rwlock_tryrdlock(&self.lock)


cdef int rwlock_try_write(rwlock* self) noexcept nogil:
    return pthread_rwlock_trywrlock(&self.lock)


cdef int rwlock_read_within(rwlock* self, int64_t wait_ns) noexcept nogil:
    cdef timespec deadline = _after(wait_ns)
    cdef int code = pthread_rwlock_clockrdlock(&self.lock, CLOCK_MONOTONIC, &deadline)
    if code == 0 and LIFEEVT_ANNOUNCED(&self.writers_waiting) > 0:
        pthread_rwlock_unlock(&self.lock)
        sched_yield()
        return EBUSY
    return code


cdef int rwlock_write_within(rwlock* self, int64_t wait_ns) noexcept nogil:
    cdef timespec deadline = _after(wait_ns)
    return pthread_rwlock_clockwrlock(&self.lock, CLOCK_MONOTONIC, &deadline)


cdef void rwlock_announce_writer(rwlock* self, int32_t change) noexcept nogil:
    LIFEEVT_ANNOUNCE(&self.writers_waiting, change)


cdef int64_t rwlock_now_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * <int64_t> NS_PER_SECOND + now.tv_nsec


cdef int rwlock_release(rwlock* self) noexcept nogil:
    return pthread_rwlock_unlock(&self.lock)


cdef timespec _after(int64_t wait_ns) noexcept nogil:
    cdef timespec deadline
    clock_gettime(CLOCK_MONOTONIC, &deadline)
    cdef int64_t nanoseconds = deadline.tv_nsec + wait_ns
    deadline.tv_sec += nanoseconds // NS_PER_SECOND
    deadline.tv_nsec = nanoseconds % NS_PER_SECOND
    return deadline
