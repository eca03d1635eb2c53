"""The sleep below every wait for events; its contract stands in `_parking.pxd`."""

from libc.errno cimport errno
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport getpid

cdef extern from "<sys/eventfd.h>" nogil:
    int eventfd_write(int file, uint64_t value)

cdef enum:
    NS_PER_SECOND = 1_000_000_000

cdef extern from * nogil:
    """
    #include <linux/futex.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    #define LIFEEVT_FUTEX(word, operation, value, wait) \
        syscall(SYS_futex, (word), (operation) | FUTEX_PRIVATE_FLAG, (value), (wait), (void*) 0, 0)
    #define LIFEEVT_THREAD_ID() ((int) syscall(SYS_gettid))
    """
    int FUTEX_WAIT
    int FUTEX_WAKE
    long LIFEEVT_FUTEX(uint32_t* word, int operation, uint32_t value, const timespec* wait)
    int LIFEEVT_THREAD_ID()


cdef int parking_sleep(uint32_t* word, uint32_t seen, int64_t wait_ns) noexcept nogil:
    """Sleep while `word` is `seen`, at most `wait_ns` (< 0: for ever); 0 or an errno. May wake early."""
    cdef timespec wait
    cdef timespec* limit = NULL
    if wait_ns >= 0:
        wait.tv_sec = wait_ns // NS_PER_SECOND
        wait.tv_nsec = wait_ns % NS_PER_SECOND
        limit = &wait
    return 0 if LIFEEVT_FUTEX(word, FUTEX_WAIT, seen, limit) == 0 else errno


cdef void parking_wake(uint32_t* word, int32_t sleepers) noexcept nogil:
    LIFEEVT_FUTEX(word, FUTEX_WAKE, <uint32_t> sleepers, NULL)


cdef void parking_signal(int32_t file) noexcept nogil:
    """Add one to an event file, for those who wait on files; one that is full, or closed, is left alone."""
    eventfd_write(file, 1)


cdef int64_t parking_now_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * <int64_t> NS_PER_SECOND + now.tv_nsec


cdef int parking_on_main_thread() noexcept nogil:
    return LIFEEVT_THREAD_ID() == getpid()
