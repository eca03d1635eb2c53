"""StateCells for other native modules: the cells and the lock around them; and the front of a state."""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t

from ._cells cimport cell_block
from ._rwlock cimport rwlock

ctypedef struct change:
    double amount
    int32_t place

cdef class StateCells:
    cdef rwlock lock
    cdef cell_block block
    cdef int64_t reads

    cdef int64_t added(self, const change* changes, Py_ssize_t count) except -1
    cdef int check_bounds(self, Py_ssize_t index) except -1
    cdef double bounded(self, Py_ssize_t index, value) except? -1.0


cdef struct named:
    PyObject* name
    int32_t place

cdef class Layout:
    cdef dict index             # place by name; every name is exactly a str, so that a look-up runs no code
    cdef named* slots           # the same by the address of the name, which is interned as every literal is
    cdef size_t mask
    cdef bytes integers         # by place: whether the field is an integer
    cdef object portable        # what a snapshot is rebuilt as elsewhere

cdef class StateSnapshot:
    cdef PyObject* layout       # owned; the collector need not see it, for a layout leads to no snapshot
    cdef int64_t version_then
    cdef double numbers[1]      # the first of as many as the layout has

cdef class StateFront:
    cdef StateCells cells       # None, and no block, while nothing is attached
    cdef cell_block* block
    cdef Layout layout
    cdef StateSnapshot last
