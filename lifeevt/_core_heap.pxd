"""EventHeap for other native modules: the C heap and the payloads beside it."""

from libc.stdint cimport int32_t

from ._core_arrays cimport NumberOffers
from ._core_offer cimport offered
from ._heap cimport event_heap, heap_enter, heap_leave_quietly, heap_slot, heap_try_enter

cdef enum:
    NO_END = -1
    TRIES = 64                  # a stay in the heap is short: most end before a switch of the GIL would

cdef extern from * nogil:
    """
    #if defined(__x86_64__) || defined(__i386__)
    #define LIFEEVT_PAUSE() __builtin_ia32_pause()
    #else
    #define LIFEEVT_PAUSE() ((void) 0)
    #endif
    """
    void LIFEEVT_PAUSE()


cdef class EventHeap:
    cdef event_heap heap
    cdef list payloads          # by slot; touched only with the GIL, so the collector sees all of it
    cdef int limit

    cdef object place(self, offered* offer, payload, int policy)
    cdef object place_number(self, offered* offer, int policy)
    cdef Py_ssize_t offer_some(self, NumberOffers given, int how, list shed) except -1
    cdef object pop_head(self, int32_t above, int end)
    cdef object payload_of(self, int32_t slot)
    cdef object kept(self, int32_t slot, payload)
    cdef int make_places(self) except -1
    cdef int sweep(self) except -1


cdef inline void enter(event_heap* heap) noexcept:
    """Enter from Python code: try for a moment, else wait without the GIL until it is free, and try again.

    Who waited does not keep the mutex on the way back to the GIL, which may take milliseconds.
    """
    cdef int _
    while True:
        for _ in range(TRIES):
            if heap_try_enter(heap) == 0:
                return
            LIFEEVT_PAUSE()
        with nogil:
            heap_enter(heap)
            heap_leave_quietly(heap)
