"""A state's base and its snapshots, for other native modules."""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t

from .cells cimport StateCells
from ..nogil.cells cimport cell_block


cdef struct named:
    PyObject* name
    int32_t place

cdef class Layout:
    cdef dict index             # place by name; every name is exactly a str, so that a look-up runs no code
    cdef named* slots           # the same by the address of the name, which is interned as every literal is
    cdef size_t mask
    cdef bytes integers         # by place: whether the field is an integer
    cdef object portable        # the class as which a snapshot is pickled

cdef class StateSnapshot:
    cdef PyObject* layout       # owned; the collector need not see it, for a layout leads to no snapshot
    cdef int64_t version_then
    cdef double numbers[1]      # the first of as many as the layout has

cdef class StateBase:
    cdef StateCells cells       # None, and no block, while nothing is attached
    cdef cell_block* block
    cdef bint writes            # whether a plain delta may go to the cells at once
    cdef Layout layout
    cdef StateSnapshot last
