"""QueueBase for other native modules: the calls of a queue without a frame of Python."""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from .heap cimport EventHeap, offered
from .type_table cimport TypeTable
from ..nogil.order cimport HEAP_LEVELS

cdef enum:
    NOT_PLAIN = -3              # beside the verdicts of the heap: the slow path takes it

cdef class QueueBase:
    cdef EventHeap events
    cdef TypeTable type_table
    cdef object event_type          # the class whose slots lie at the offsets below
    cdef object no_metadata
    cdef Py_ssize_t[5] offsets
    cdef int[HEAP_LEVELS] policies
    cdef bint[HEAP_LEVELS] raises   # whether a full queue is an error
    cdef bint[HEAP_LEVELS] waits    # whether a full queue makes `put` wait
    cdef bint waits_anywhere
    cdef bint puts                  # whether time and order are the stock ones, and the queue is open
    cdef bint gets                  # the same, and nothing that is queued takes Python to be handed out

    cdef int fill(self, event, int64_t arrival_ns, offered* offer) noexcept
    cdef bint brings_metadata(self, PyObject* owner) noexcept
    cdef bint leaves(self, const offered* offer) noexcept
    cdef int offer_plain(self, event, bint may_wait, int* level) except -2
    cdef object pop_plain(self)
