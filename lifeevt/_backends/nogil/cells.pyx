"""The cells below `_core_state.StateCells`; their contract stands in `_cells.pxd`."""

from libc.math cimport trunc
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

from ..nogil.change_log cimport trail_clear, trail_init


cdef int cells_init(cell_block* block, int32_t length, int32_t objects) noexcept nogil:
    cdef size_t count = <size_t> length + <size_t> objects
    block.sequence = 0
    block.length, block.objects = length, objects
    block.cause = CELLS_NO_CAUSE
    block.refuses = False
    trail_init(&block.trail)
    block.cells = <cell*> calloc(count if count > 0 else 1, sizeof(cell))
    return -1 if block.cells == NULL else 0


cdef void cells_clear(cell_block* block) noexcept nogil:
    trail_clear(&block.trail)
    free(block.cells)
    block.cells = NULL
    block.length = block.objects = 0


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


cdef int32_t cells_refused(const cell_block* block, const change* changes, int32_t count) noexcept nogil:
    """The first change that would leave the bounds of a refusing number, or -1; several may be of one number."""
    cdef int32_t index
    cdef const cell* this
    for index in range(count):
        this = &block.cells[changes[index].place]
        if this.flags & CELL_REFUSES and not this.low <= cells_sum(block, changes, index) <= this.high:
            return index
    return -1


cdef double cells_sum(const cell_block* block, const change* changes, int32_t last) noexcept nogil:
    """What the number of the last of these changes would be, unclamped."""
    cdef int32_t place = changes[last].place, index
    cdef bint integer = block.cells[place].flags & CELL_INTEGER
    cdef double number = block.cells[place].value
    for index in range(last + 1):
        if changes[index].place == place:
            number = (trunc(number) if integer else number) + changes[index].amount
    return number


cdef double cells_bounded(const cell* self, double number, bint* fits) noexcept nogil:
    """A number as this cell would store it; whether it may."""
    if self.flags & CELL_INTEGER:
        number = trunc(number) + 0.0
    fits[0] = self.flags & CELL_CLAMPS or self.low <= number <= self.high
    if number < self.low:
        return self.low
    return self.high if number > self.high else number
