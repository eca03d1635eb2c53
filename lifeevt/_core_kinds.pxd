"""KindTable for other native modules: the numbers of event types, and the table of C."""

from ._kinds cimport kind_table

cdef class KindTable:
    cdef kind_table table
    cdef dict codes             # name to number
    cdef list names
    cdef list accounts

    cdef int code_of(self, name) except -2
