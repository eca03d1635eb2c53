"""EventHeap for other native modules: the payloads beside the C heap."""

from libc.stdint cimport int32_t

from .arrays cimport NumberOffers
from .offers cimport offered
from .watch cimport Watched, enter

cdef enum:
    NO_END = -1

cdef object ADMITTED
cdef object REFUSED

cdef class EventHeap(Watched):
    cdef list payloads          # by slot; touched only with the GIL, so the collector sees all of it
    cdef int limit

    cdef object place(self, offered* offer, payload, int policy)
    cdef object place_number(self, offered* offer, int policy)
    cdef Py_ssize_t offer_some(self, NumberOffers given, const int* how, list shed) except -1
    cdef object pop_head(self, int32_t above, int end)
    cdef object payload_of(self, int32_t slot)
    cdef object kept(self, int32_t slot, payload)
    cdef int make_places(self) except -1
    cdef int sweep(self) except -1


cdef object verdict_of(const offered* offer, payload)
