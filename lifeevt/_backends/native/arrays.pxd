"""NumberOffers for other native modules: events as arrays of numbers, on their way into the heap."""

from cpython.buffer cimport Py_buffer
from libc.stdint cimport int32_t, int64_t

from .type_table cimport TypeTable
from ..nogil.heap cimport event_heap
from ..nogil.order cimport heap_event

cdef enum:
    CHUNK = 256                 # events of an array taken in during one stay in the heap

cdef class NumberOffers:
    cdef TypeTable type_table
    cdef Py_buffer[3] buffers
    cdef const int32_t* types
    cdef const double* intensities
    cdef const double* timestamps       # or NULL
    cdef int64_t arrival_ns
    cdef Py_ssize_t length
    cdef Py_ssize_t next
    cdef Py_ssize_t limited     # of those before the next

    cdef int check(self) except -1
    cdef void fill(self, heap_event* event, Py_ssize_t place) noexcept nogil
    cdef bint admits(self, event_heap* heap, const heap_event* event) noexcept nogil
    cdef Py_ssize_t offer_while_room(self, event_heap* heap) noexcept nogil
    cdef bint _offer_until(self, event_heap* heap, Py_ssize_t until) noexcept nogil
