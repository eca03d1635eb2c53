"""TypeTable for other native modules: the numbers of event types, and the table of C."""

from .watch cimport Watched
from ..nogil.type_table cimport type_table

cdef class TypeTable:
    cdef type_table table
    cdef dict type_ids          # name to number
    cdef list names
    cdef list accounts
    cdef list buckets           # by number; one is in use for as long as it stands here
    cdef Watched events         # the heap whose events are limited, or None
