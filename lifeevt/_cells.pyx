"""The cells below `_core_state.StateCells`; their contract stands in `_cells.pxd`."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free


cdef int cells_init(cell_block* block, int32_t length) noexcept nogil:
    block.sequence = 0
    block.length = length
    block.cells = <cell*> calloc(<size_t> (length if length > 0 else 1), sizeof(cell))
    return -1 if block.cells == NULL else 0


cdef void cells_clear(cell_block* block) noexcept nogil:
    free(block.cells)
    block.cells = NULL
    block.length = 0


cdef int cells_read_again(const cell_block* block, int32_t index, double* into) noexcept nogil:
    cdef int64_t sequence
    cdef int _try
    for _try in range(CELLS_TRIES):
        LIFEEVT_PAUSE()
        sequence = LIFEEVT_LOAD(&block.sequence)
        into[0] = lifeevt_load_double(&block.cells[index].value)
        if _unbroken(block, sequence):
            return 0
    return -1


cdef int cells_read_all(const cell_block* block, double* into, int64_t* version) noexcept nogil:
    cdef int64_t sequence
    cdef int32_t index
    cdef int _try
    for _try in range(CELLS_TRIES):
        sequence = LIFEEVT_LOAD(&block.sequence)
        for index in range(block.length):
            into[index] = lifeevt_load_double(&block.cells[index].value)
        if _unbroken(block, sequence):
            version[0] = sequence >> 1
            return 0
        LIFEEVT_PAUSE()
    return -1


cdef bint _unbroken(const cell_block* block, int64_t sequence) noexcept nogil:
    """Whether no writer was at work since the sequence was read."""
    return not sequence & 1 and LIFEEVT_LOAD(&block.sequence) == sequence
