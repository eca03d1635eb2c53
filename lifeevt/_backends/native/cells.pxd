"""StateCells for other native modules: the cells, the lock around them, and the objects behind them."""

from libc.stdint cimport int32_t, int64_t

from .histogram cimport Histogram
from .rwlock cimport Guarded, visit
from ..nogil.atomics cimport RELAXED, load_i64, store_i64
from ..nogil.cells cimport cell_block, cells_read, change
from ..nogil.futex cimport monotonic_ns
from ..nogil.rwlock cimport rwlock_release, rwlock_try_write

cdef enum:
    SAMPLE_MASK = 127  # of the sequence, which grows by two with a write: each 64th write is measured

cdef class StateCells(Guarded):
    cdef cell_block block
    cdef int64_t reads
    cdef readonly int64_t conflicts
    cdef int64_t entered_ns     # when the writer came in, if its hold is measured
    cdef int64_t unmeasured     # no sequence with these bits is measured: 0, or one that every sequence gets
    cdef list objects
    cdef readonly Histogram waits       # of writers that did not find the lock free
    cdef readonly Histogram holds

    cdef int enter_late(self) except -1
    cdef void note_hold(self) noexcept
    cdef int64_t added(self, const change* changes, Py_ssize_t count, int64_t cause, double* told) except -1
    cdef int64_t stored(self, int32_t place, double number, int64_t cause) except -1


cdef int64_t copy_all(StateCells cells, double* into) except -1


cdef inline void count_read(StateCells cells) noexcept:
    """Count one more, without a locked instruction: under contention some are missed."""
    store_i64(&cells.reads, load_i64(&cells.reads, RELAXED) + 1, RELAXED)


cdef inline double read_one(StateCells cells, int32_t place) except? -1.0:
    cdef double value = 0.0
    if cells_read(&cells.block, place, &value) != 0:
        visit(&cells.lock, False)
        value = cells.block.cells[place].value
        rwlock_release(&cells.lock)
    count_read(cells)
    return value


cdef inline int enter(StateCells cells, int64_t cause) except -1:
    """Enter the cells for one write, which is due to ``cause``."""
    if rwlock_try_write(&cells.lock) != 0:
        cells.enter_late()
    cells.block.cause = cause
    if not (cells.block.sequence | cells.unmeasured) & SAMPLE_MASK:
        cells.entered_ns = monotonic_ns()
    return 0


cdef inline void leave(StateCells cells) noexcept:
    if cells.entered_ns != 0:
        cells.note_hold()
    rwlock_release(&cells.lock)
