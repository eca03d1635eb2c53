"""Bounded numbers that are read without a lock, by a sequence lock. Not one Python object.

A writer holds the state's lock for writing, calls `cells_begin_write` before its first change and `cells_end_write`
after its last one: between the two the sequence is odd. A reader loads the sequence, copies, and loads it again: when
it was odd, or has changed, the copy is thrown away and made again. After CELLS_TRIES attempts `cells_read` and
`cells_read_all` return -1, and the caller takes the lock, under which plain reads are whole. Half the sequence, rounded
down, is the version of the state.

The order of the accesses follows H.-J. Boehm, "Can seqlocks get along with programming language memory models?" (MSPC
2012), in the form without a fence, which ThreadSanitizer would not see: numbers are stored with RELEASE and loaded with
ACQUIRE. So a reader that got a number of an unfinished write also sees that write's odd sequence, and tries again.

Behind the numbers are `objects` cells without a number, for the objects of Python there: only their stamps are used. A
stamp is the version that wrote a cell last; it is read under the lock. `cause` is the event of a write, for the log.
"""

from libc.math cimport trunc
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

from ..nogil.atomics cimport (
    ACQUIRE, RELAXED, RELEASE, gather_f64, load_f64, load_i64, spin_pause, store_f64, store_i64,
)
from ..nogil.change_log cimport change_log, change_log_append, change_log_clear, change_log_init, rarely

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
    int32_t length          # of the numbers; the objects follow them
    int32_t objects
    int64_t sequence
    int64_t cause
    change_log log
    bint refuses            # whether any of the numbers does

ctypedef struct change:
    double amount
    int32_t place


cdef inline int cells_init(cell_block* block, int32_t length, int32_t objects) noexcept nogil:
    """Make cells that are 0; -1 without memory, else 0."""
    cdef size_t count = <size_t> length + <size_t> objects
    block.sequence = 0
    block.length, block.objects = length, objects
    block.cause = CELLS_NO_CAUSE
    block.refuses = False
    change_log_init(&block.log)
    block.cells = <cell*> calloc(count if count > 0 else 1, sizeof(cell))
    return -1 if block.cells == NULL else 0


cdef inline void cells_clear(cell_block* block) noexcept nogil:
    """Free the memory."""
    change_log_clear(&block.log)
    free(block.cells)
    block.cells = NULL
    block.length = block.objects = 0


# Reading, without the lock


cdef inline int64_t cells_version(const cell_block* block) noexcept nogil:
    """Return how many writes have ended."""
    return load_i64(&block.sequence, ACQUIRE) >> 1


cdef inline int cells_read(const cell_block* block, int32_t index, double* into) noexcept nogil:
    """Copy one number; 0, or -1 when a writer was at work at every attempt. O(1).

    One load is never torn; the sequence tells whether the number belongs to an unfinished write.
    """
    cdef int64_t sequence = load_i64(&block.sequence, ACQUIRE)
    into[0] = load_f64(&block.cells[index].value, ACQUIRE)
    if not sequence & 1 and load_i64(&block.sequence, ACQUIRE) == sequence:
        return 0
    return _retry_read(block, index, into)


cdef inline int _retry_read(const cell_block* block, int32_t index, double* into) noexcept nogil:
    cdef int64_t sequence
    cdef int _try
    for _try in range(CELLS_TRIES):
        spin_pause()
        sequence = load_i64(&block.sequence, ACQUIRE)
        into[0] = load_f64(&block.cells[index].value, ACQUIRE)
        if _is_undisturbed(block, sequence):
            return 0
    return -1


cdef inline int cells_read_all(const cell_block* block, double* into, int64_t* version) noexcept nogil:
    """Copy all numbers of one instant, and its version; 0, or -1 as `cells_read`. O(cells)."""
    cdef int64_t sequence
    cdef int _try
    for _try in range(CELLS_TRIES):
        sequence = load_i64(&block.sequence, ACQUIRE)
        gather_f64(&block.cells[0].value, sizeof(cell), into, block.length)
        if _is_undisturbed(block, sequence):
            version[0] = sequence >> 1
            return 0
        spin_pause()
    return -1


cdef inline bint _is_undisturbed(const cell_block* block, int64_t sequence) noexcept nogil:
    """Return whether no writer was at work since the sequence was loaded."""
    return not sequence & 1 and load_i64(&block.sequence, ACQUIRE) == sequence


# Writing, under the lock


cdef inline void cells_begin_write(cell_block* block) noexcept nogil:
    """Make the sequence odd."""
    store_i64(&block.sequence, block.sequence + 1, RELAXED)


cdef inline int64_t cells_end_write(cell_block* block) noexcept nogil:
    """Make the sequence even; return the new version."""
    store_i64(&block.sequence, block.sequence + 1, RELEASE)
    return block.sequence >> 1


cdef inline void cells_mark(cell_block* block, int32_t index, double before, double after) noexcept nogil:
    """Stamp a cell with the version of this write, and log the change if the log is on."""
    cdef int64_t version = (block.sequence + 1) >> 1
    block.cells[index].stamp = version
    if rarely(block.log.on):
        change_log_append(&block.log, version, index, before, after, block.cause)


cdef inline void cells_set(cell_block* block, int32_t index, double number) noexcept nogil:
    """Store a number as it is."""
    cells_mark(block, index, block.cells[index].value, number)
    store_f64(&block.cells[index].value, number, RELEASE)


cdef inline void cells_add(cell_block* block, int32_t index, double delta) noexcept nogil:
    """Add to a number, clamped to its bounds."""
    cdef const cell* this = &block.cells[index]
    cdef double number = this.value + delta
    if number < this.low:
        number = this.low
    elif number > this.high:
        number = this.high
    cells_set(block, index, trunc(number) + 0.0 if this.flags & CELL_INTEGER else number)  # + 0.0: no negative zero


cdef inline void cells_merge(
    cell_block* block, int64_t since, int32_t index, double number, double base
) noexcept nogil:
    """Set a number that was `base`; add the difference instead if it was written after version `since`."""
    if block.cells[index].stamp > since:
        cells_add(block, index, number - base)
    else:
        cells_set(block, index, number)


# The result of a write before it is made, under the lock


cdef inline int32_t cells_refused(const cell_block* block, const change* changes, int32_t count) noexcept nogil:
    """Return the first change that would leave the bounds of a refusing number, or -1; several may be of one number."""
    cdef int32_t index
    cdef const cell* this
    for index in range(count):
        this = &block.cells[changes[index].place]
        if this.flags & CELL_REFUSES and not this.low <= cells_sum(block, changes, index) <= this.high:
            return index
    return -1


cdef inline double cells_sum(const cell_block* block, const change* changes, int32_t last) noexcept nogil:
    """Return the number that the last of these changes would leave, unclamped."""
    cdef int32_t place = changes[last].place, index
    cdef bint integer = block.cells[place].flags & CELL_INTEGER
    cdef double number = block.cells[place].value
    for index in range(last + 1):
        if changes[index].place == place:
            number = (trunc(number) if integer else number) + changes[index].amount
    return number


cdef inline double cells_bounded(const cell* self, double number, bint* fits) noexcept nogil:
    """Return a number as this cell would store it, and in `fits` whether it may."""
    if self.flags & CELL_INTEGER:
        number = trunc(number) + 0.0
    fits[0] = self.flags & CELL_CLAMPS or self.low <= number <= self.high
    if number < self.low:
        return self.low
    return self.high if number > self.high else number
