"""Watched for other native modules: the C heap, and how Python code enters it."""

from libc.stdint cimport int32_t, uint32_t

from ..nogil.atomics cimport spin_pause
from ..nogil.heap cimport event_heap, heap_enter, heap_leave_quietly, heap_try_enter

cdef enum:
    TRIES = 64                  # a stay in the heap is short: most end before a switch of the GIL would

cdef class Watched:
    cdef object __weakref__
    cdef event_heap heap

    cdef uint32_t count_watcher(self, bint idle, int32_t change) noexcept


cdef inline void enter(event_heap* heap) noexcept:
    """Enter from Python code: try for a moment, else wait without the GIL until it is free, and try again.

    A thread that waited gives the mutex back before it takes the GIL, which may last milliseconds.
    """
    cdef int _
    while True:
        for _ in range(TRIES):
            if heap_try_enter(heap) == 0:
                return
            spin_pause()
        with nogil:
            heap_enter(heap)
            heap_leave_quietly(heap)
