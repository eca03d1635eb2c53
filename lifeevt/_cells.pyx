"""The cells below `_core_state.StateCells`; their contract stands in `_cells.pxd`."""

from libc.math cimport trunc
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free


cdef int cells_init(cell_block* block, int32_t length) noexcept nogil:
    block.version = block.writes = 0
    block.length = length
    block.cells = <cell*> calloc(<size_t> (length if length > 0 else 1), sizeof(cell))
    return -1 if block.cells == NULL else 0


cdef void cells_clear(cell_block* block) noexcept nogil:
    free(block.cells)
    block.cells = NULL
    block.length = 0


cdef void cells_add(cell_block* block, int32_t index, double delta) noexcept nogil:
    cdef cell* this = &block.cells[index]
    cdef double number = this.value + delta
    if number < this.low:
        number = this.low
    elif number > this.high:
        number = this.high
    this.value = trunc(number) + 0.0 if this.integer else number  # + 0.0: no negative zero


cdef int64_t cells_written(cell_block* block) noexcept nogil:
    block.writes += 1
    block.version += 1
    return block.version
