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

from ..nogil.change_log cimport change_trail, trail_add

cdef extern from * nogil:
    """
    #define LIFEEVT_LOAD(place) __atomic_load_n((place), __ATOMIC_ACQUIRE)
    #define LIFEEVT_STORE(place, number) __atomic_store_n((place), (number), __ATOMIC_RELEASE)
    #define LIFEEVT_STORE_RELAXED(place, number) __atomic_store_n((place), (number), __ATOMIC_RELAXED)
    #define LIFEEVT_COUNT(place) \\
        __atomic_store_n((place), __atomic_load_n((place), __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED)
    #if defined(__x86_64__) || defined(__i386__)
    #define LIFEEVT_PAUSE() __builtin_ia32_pause()
    #else
    #define LIFEEVT_PAUSE() ((void) 0)
    #endif
    static inline double lifeevt_load_double(const double* place) {
        double number;
        __atomic_load(place, &number, __ATOMIC_ACQUIRE);
        return number;
    }
    static inline void lifeevt_store_double(double* place, double number) {
        __atomic_store(place, &number, __ATOMIC_RELEASE);
    }
    """
    int64_t LIFEEVT_LOAD(const int64_t* place)
    void LIFEEVT_STORE(int64_t* place, int64_t number)
    void LIFEEVT_STORE_RELAXED(int64_t* place, int64_t number)
    void LIFEEVT_COUNT(int64_t* place)
    void LIFEEVT_PAUSE()
    double lifeevt_load_double(const double* place)
    void lifeevt_store_double(double* place, double number)

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

cdef int cells_init(cell_block* block, int32_t length, int32_t objects) noexcept nogil
cdef void cells_clear(cell_block* block) noexcept nogil
cdef int cells_read_again(const cell_block* block, int32_t index, double* into) noexcept nogil
cdef int cells_read_all(const cell_block* block, double* into, int64_t* version) noexcept nogil
cdef int32_t cells_refused(const cell_block* block, const change* changes, int32_t count) noexcept nogil
cdef double cells_sum(const cell_block* block, const change* changes, int32_t last) noexcept nogil
cdef double cells_bounded(const cell* self, double number, bint* fits) noexcept nogil


cdef inline int64_t cells_version(const cell_block* block) noexcept nogil:
    """How many writes have ended; one that goes on does not count yet."""
    return LIFEEVT_LOAD(&block.sequence) >> 1


cdef inline void cells_begin(cell_block* block) noexcept nogil:
    LIFEEVT_STORE_RELAXED(&block.sequence, block.sequence + 1)


cdef inline void cells_mark(cell_block* block, int32_t index, double before, double after) noexcept nogil:
    cdef int64_t version = (block.sequence + 1) >> 1
    block.cells[index].stamp = version
    if block.trail.on:
        trail_add(&block.trail, version, index, before, after, block.cause)


cdef inline void cells_set(cell_block* block, int32_t index, double number) noexcept nogil:
    cells_mark(block, index, block.cells[index].value, number)
    lifeevt_store_double(&block.cells[index].value, number)


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
    LIFEEVT_STORE(&block.sequence, block.sequence + 1)
    return block.sequence >> 1


cdef inline int cells_read(const cell_block* block, int32_t index, double* into) noexcept nogil:
    """Read one cell, and try again when a writer is at work. One load is all or nothing by itself;
    the sequence is asked so that no number of an unfinished write is seen.
    """
    cdef int64_t sequence = LIFEEVT_LOAD(&block.sequence)
    into[0] = lifeevt_load_double(&block.cells[index].value)
    if not sequence & 1 and LIFEEVT_LOAD(&block.sequence) == sequence:
        return 0
    return cells_read_again(block, index, into)
