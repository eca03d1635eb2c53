"""KindTable for other native modules: the numbers of event types, and the table of C."""

from .watch cimport Watched
from ..nogil.kinds cimport type_table

cdef class KindTable:
    cdef type_table table
    cdef dict codes             # name to number
    cdef list names
    cdef list accounts
    cdef list buckets           # by number; one is in use for as long as it stands here
    cdef Watched events         # the heap whose events are limited, or None

    cdef int code_of(self, name) except -2
