"""Sleeping on a word until another thread changes it, clock and threads: what differs by platform. No Python object.

A futex is a word of 32 bits in the caller's memory. A thread that goes to sleep gives the value that it saw; if the
word has another value by then, the thread does not sleep. So a change before the sleep is not missed. A thread that
wakes others changes the word first. (H. Franke, R. Russell, M. Kirkwood, "Fuss, futexes and furwocks", Ottawa Linux
Symposium 2002.)

On Linux the kernel keeps the sleepers. Elsewhere, and with LIFEEVT_PORTABLE, a table of POSIX mutexes and condition
variables keeps them by the address of their word, as the kernel's hash table does, and the ParkingLot of WebKit. Linux
builds do not use condition variables because glibc before 2.41 can lose a signal (bug 25847).
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef enum:
    NO_TIMEOUT = -1
    FUTEX_ALL = 0x7fffffff      # threads to wake
    SIGNAL_SLICE_NS = 50_000_000

cdef bint futex_is_portable() noexcept nogil
cdef int futex_wait(uint32_t* word, uint32_t seen, int64_t wait_ns) noexcept nogil
cdef void futex_wake(uint32_t* word, int32_t threads) noexcept nogil
cdef void notify_file(int32_t file) noexcept nogil
cdef int64_t monotonic_ns() noexcept nogil
cdef uint64_t this_thread() noexcept nogil
cdef void set_main_thread(uint64_t thread) noexcept nogil
cdef bint is_main_thread() noexcept nogil


cdef inline int64_t signal_slice(int64_t wait_ns) noexcept nogil:
    """Shorten a wait of the main thread, which must look for signals between slices; other threads wait at once."""
    if 0 <= wait_ns < SIGNAL_SLICE_NS or not is_main_thread():
        return wait_ns
    return SIGNAL_SLICE_NS
