"""Bounded numbers with a version. Not one Python object; the caller holds the state's lock."""

from libc.stdint cimport int32_t, int64_t

ctypedef struct cell:
    double value
    double low
    double high
    bint integer

ctypedef struct cell_block:
    cell* cells
    int32_t length
    int64_t version
    int64_t writes

cdef int cells_init(cell_block* block, int32_t length) noexcept nogil
cdef void cells_clear(cell_block* block) noexcept nogil
cdef void cells_add(cell_block* block, int32_t index, double delta) noexcept nogil
cdef int64_t cells_written(cell_block* block) noexcept nogil
