"""Submitter for Cython code that has no GIL: `from lifeevt._core cimport Submitter`.

`offer` is safe from any thread, with or without the GIL; make the object in Python by `engine.submitter()`.
"""

from libc.stdint cimport int32_t

from .heap cimport EventHeap
from .type_table cimport TypeTable

cdef enum submitter_verdict:
    SUBMITTER_INVALID = -1      # no such type, an intensity outside [-1, 1], no time of the years 1 to 9999
    SUBMITTER_REFUSED = 0       # the queue is full, the type comes too often, or the engine takes no event
    SUBMITTER_ACCEPTED = 1

cdef class Submitter:
    cdef EventHeap events
    cdef TypeTable type_table
    cdef bint accepts

    cdef int offer(self, int32_t type_id, double intensity, double timestamp) noexcept nogil
