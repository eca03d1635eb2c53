"""StateCells for other native modules: the cells and the lock around them."""

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
