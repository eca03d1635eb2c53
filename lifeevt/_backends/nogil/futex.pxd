"""Sleeping on a 32-bit word until somebody changes it (futex), and the monotonic clock.

Not one Python object; no function needs the GIL. Who sleeps gives the value it saw: a change before the
sleep began is not missed. No condition variable, since glibc before 2.41 can lose a wake-up there.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t

cdef enum:
    PARKING_FOR_EVER = -1

cdef int parking_sleep(uint32_t* word, uint32_t seen, int64_t wait_ns) noexcept nogil
cdef void parking_wake(uint32_t* word, int32_t sleepers) noexcept nogil
cdef void parking_signal(int32_t file) noexcept nogil
cdef int64_t parking_now_ns() noexcept nogil
cdef int parking_on_main_thread() noexcept nogil
