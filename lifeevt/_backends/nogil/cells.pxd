"""Bounded numbers with a sequence word beside the lock. Not one Python object.

Who writes holds the state's lock for writing, calls `cells_begin` before the first change and
`cells_written` after the last one: between the two the sequence is odd. Who reads needs no lock:
`cells_read` and `cells_read_all` look at the sequence, copy, look again, and fail (-1) when a
writer was in between on each of a few tens of tries; then, and only then, a reader takes the lock.
Under either lock the cells may be read plainly. Half the sequence, rounded down, is the version.

Behind the numbers stand `objects` cells without a number: the stamps of Python's objects. A stamp is the
version that wrote the place last; only who holds the lock reads it. Who writes says in `cause` whose
doing it is, for the trail.

Values are loaded with acquire and stored with release: a reader that got a value of an unfinished
write so sees that write's odd sequence too. No fence is needed, which ThreadSanitizer would not see.
"""

from libc.math cimport trunc
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

from ..nogil.atomics cimport ACQUIRE, RELAXED, RELEASE, load_f64, load_i64, spin_pause, store_f64, store_i64
from ..nogil.change_log cimport change_trail, trail_add, trail_clear, trail_init

cdef enum:
    CELLS_TRIES = 40        # of a reader, before it takes the lock
    CELL_INTEGER = 1        # cut to a whole number on every write
    CELL_CLAMPS = 2         # a number stored outside the bounds becomes the bound; else it is refused
    CELL_REFUSES = 4        # a delta that leaves the bounds is refused; else the number becomes the bound
    CELLS_NO_CAUSE = -1

ctypedef struct cell:
    double value
    double low
    double high
    int64_t stamp
    int32_t flags

ctypedef struct cell_block:
    cell* cells
    int32_t length          # numbers; after them stand the objects
    int32_t objects
    int64_t sequence
    int64_t cause
    change_trail trail
    bint refuses            # whether any of them does

ctypedef struct change:
    double amount
    int32_t place


cdef inline int64_t cells_version(const cell_block* block) noexcept nogil:
    """How many writes have ended; one that goes on does not count yet."""
    return load_i64(&block.sequence, ACQUIRE) >> 1


cdef inline void cells_begin(cell_block* block) noexcept nogil:
    store_i64(&block.sequence, block.sequence + 1, RELAXED)


cdef inline void cells_mark(cell_block* block, int32_t index, double before, double after) noexcept nogil:
    cdef int64_t version = (block.sequence + 1) >> 1
    block.cells[index].stamp = version
    if block.trail.on:
        trail_add(&block.trail, version, index, before, after, block.cause)


cdef inline void cells_set(cell_block* block, int32_t index, double number) noexcept nogil:
    cells_mark(block, index, block.cells[index].value, number)
    store_f64(&block.cells[index].value, number, RELEASE)


cdef inline void cells_add(cell_block* block, int32_t index, double delta) noexcept nogil:
    cdef const cell* this = &block.cells[index]
    cdef double number = this.value + delta
    if number < this.low:
        number = this.low
    elif number > this.high:
        number = this.high
    cells_set(block, index, trunc(number) + 0.0 if this.flags & CELL_INTEGER else number)  # no negative zero


cdef inline void cells_merge(
    cell_block* block, int64_t since, int32_t index, double number, double base
) noexcept nogil:
    """Set a number that was ``base``; add the difference to one that somebody wrote after version ``since``."""
    if block.cells[index].stamp > since:
        cells_add(block, index, number - base)
    else:
        cells_set(block, index, number)


cdef inline int64_t cells_written(cell_block* block) noexcept nogil:
    store_i64(&block.sequence, block.sequence + 1, RELEASE)
    return block.sequence >> 1


cdef inline int cells_read(const cell_block* block, int32_t index, double* into) noexcept nogil:
    """Read one cell, and try again when a writer is at work. One load is all or nothing by itself;
    the sequence is asked so that no number of an unfinished write is seen.
    """
    cdef int64_t sequence = load_i64(&block.sequence, ACQUIRE)
    into[0] = load_f64(&block.cells[index].value, ACQUIRE)
    if not sequence & 1 and load_i64(&block.sequence, ACQUIRE) == sequence:
        return 0
    return cells_read_again(block, index, into)


cdef inline int cells_init(cell_block* block, int32_t length, int32_t objects) noexcept nogil:
    cdef size_t count = <size_t> length + <size_t> objects
    block.sequence = 0
    block.length, block.objects = length, objects
    block.cause = CELLS_NO_CAUSE
    block.refuses = False
    trail_init(&block.trail)
    block.cells = <cell*> calloc(count if count > 0 else 1, sizeof(cell))
    return -1 if block.cells == NULL else 0


cdef inline void cells_clear(cell_block* block) noexcept nogil:
    trail_clear(&block.trail)
    free(block.cells)
    block.cells = NULL
    block.length = block.objects = 0


cdef inline int cells_read_again(const cell_block* block, int32_t index, double* into) noexcept nogil:
    cdef int64_t sequence
    cdef int _try
    for _try in range(CELLS_TRIES):
        spin_pause()
        sequence = load_i64(&block.sequence, ACQUIRE)
        into[0] = load_f64(&block.cells[index].value, ACQUIRE)
        if _unbroken(block, sequence):
            return 0
    return -1


cdef inline int cells_read_all(const cell_block* block, double* into, int64_t* version) noexcept nogil:
    cdef int64_t sequence
    cdef int32_t index
    cdef int _try
    for _try in range(CELLS_TRIES):
        sequence = load_i64(&block.sequence, ACQUIRE)
        for index in range(block.length):
            into[index] = load_f64(&block.cells[index].value, ACQUIRE)
        if _unbroken(block, sequence):
            version[0] = sequence >> 1
            return 0
        spin_pause()
    return -1


cdef inline bint _unbroken(const cell_block* block, int64_t sequence) noexcept nogil:
    """Whether no writer was at work since the sequence was read."""
    return not sequence & 1 and load_i64(&block.sequence, ACQUIRE) == sequence


cdef inline int32_t cells_refused(const cell_block* block, const change* changes, int32_t count) noexcept nogil:
    """The first change that would leave the bounds of a refusing number, or -1; several may be of one number."""
    cdef int32_t index
    cdef const cell* this
    for index in range(count):
        this = &block.cells[changes[index].place]
        if this.flags & CELL_REFUSES and not this.low <= cells_sum(block, changes, index) <= this.high:
            return index
    return -1


cdef inline double cells_sum(const cell_block* block, const change* changes, int32_t last) noexcept nogil:
    """What the number of the last of these changes would be, unclamped."""
    cdef int32_t place = changes[last].place, index
    cdef bint integer = block.cells[place].flags & CELL_INTEGER
    cdef double number = block.cells[place].value
    for index in range(last + 1):
        if changes[index].place == place:
            number = (trunc(number) if integer else number) + changes[index].amount
    return number


cdef inline double cells_bounded(const cell* self, double number, bint* fits) noexcept nogil:
    """A number as this cell would store it; whether it may."""
    if self.flags & CELL_INTEGER:
        number = trunc(number) + 0.0
    fits[0] = self.flags & CELL_CLAMPS or self.low <= number <= self.high
    if number < self.low:
        return self.low
    return self.high if number > self.high else number
