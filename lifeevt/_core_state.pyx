"""StateCells, the native twin: bounded doubles under a read-write lock of C, read without it."""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport trunc
from libc.stdint cimport int32_t, int64_t

from ._cells cimport (
    LIFEEVT_COUNT,
    cells_add,
    cells_begin,
    cells_clear,
    cells_init,
    cells_read,
    cells_read_all,
    cells_set,
    cells_version,
    cells_written,
)
from ._core_lock cimport NO_LIMIT, take
from ._core_numbers cimport finite, index_in, listed
from ._rwlock cimport rwlock_destroy, rwlock_init, rwlock_release


cdef inline double read_one(StateCells cells, int32_t place) except? -1.0:
    cdef double value = 0.0
    if cells_read(&cells.block, place, &value) != 0:
        take(&cells.lock, False, NO_LIMIT)
        value = cells.block.cells[place].value
        rwlock_release(&cells.lock)
    LIFEEVT_COUNT(&cells.reads)
    return value


cdef inline int64_t copy_all(StateCells cells, double* into) except -1:
    """Copy the cells of one instant; return its version."""
    cdef int64_t version = 0
    if cells_read_all(&cells.block, into, &version) != 0:
        take(&cells.lock, False, NO_LIMIT)
        cells_read_all(&cells.block, into, &version)
        rwlock_release(&cells.lock)
    LIFEEVT_COUNT(&cells.reads)
    return version


cdef class StateCells:
    """Bounded numbers under a read-write lock, with a version that counts writes.

    All calls are atomic and thread-safe; they block only for another call's few operations.
    """

    def __cinit__(self, values, lows, highs, integers):
        cdef tuple given = listed(values), least = listed(lows), most = listed(highs), whole_ones = listed(integers)
        cdef Py_ssize_t index, count = len(given)
        if rwlock_init(&self.lock) != 0:
            raise MemoryError
        if not count == len(least) == len(most) == len(whole_ones):
            raise ValueError("values, lows, highs and integers differ in length")
        if cells_init(&self.block, count) != 0:
            raise MemoryError
        for index in range(count):
            self.block.cells[index].low = finite(least[index])
            self.block.cells[index].high = finite(most[index])
            self.block.cells[index].integer = bool(whole_ones[index])
            self.check_bounds(index)
            self.block.cells[index].value = self.bounded(index, given[index])

    def __dealloc__(self):
        cells_clear(&self.block)
        rwlock_destroy(&self.lock)

    def __len__(self):
        """Return the number of cells."""
        return self.block.length

    @property
    def version(self):
        """How many writes there were."""
        return cells_version(&self.block)

    def read(self, index):
        """Return one cell; IndexError outside. O(1)."""
        return read_one(self, index_in(index, self.block.length))

    def read_all(self):
        """Return the version and all cells of one instant. O(cells)."""
        cdef Py_ssize_t index, length = self.block.length
        cdef int64_t version
        cdef double* seen = <double*> PyMem_Malloc((length + 1) * sizeof(double))
        if seen == NULL:
            raise MemoryError
        try:
            version = copy_all(self, seen)
            return version, tuple([seen[index] for index in range(length)])
        finally:
            PyMem_Free(seen)

    def write(self, index, value):
        """Store a value and return the new version; ValueError for NaN or outside the bounds. O(1)."""
        cdef int32_t place = index_in(index, self.block.length)
        cdef double number = self.bounded(place, value)
        take(&self.lock, True, NO_LIMIT)
        cells_begin(&self.block)
        cells_set(&self.block, place, number)
        cdef int64_t version = cells_written(&self.block)
        rwlock_release(&self.lock)
        return version

    def add(self, indices, deltas):
        """Add each delta to its cell, clamped to its bounds, all or nothing; return the new version.

        ValueError for a delta that is not finite. O(deltas).
        """
        cdef tuple into = listed(indices), given = listed(deltas)
        cdef Py_ssize_t count = len(into), index
        if count != len(given):
            raise ValueError("indices and deltas differ in length")
        cdef change* changes = <change*> PyMem_Malloc((count + 1) * sizeof(change))
        if changes == NULL:
            raise MemoryError
        try:
            for index in range(count):
                changes[index].place = index_in(into[index], self.block.length)
            for index in range(count):
                changes[index].amount = finite(given[index])
            return self.added(changes, count)
        finally:
            PyMem_Free(changes)

    def counts(self):
        """Return how many reads and writes there were; reads may be a few short under contention."""
        return self.reads, cells_version(&self.block)

    cdef int64_t added(self, const change* changes, Py_ssize_t count) except -1:
        cdef Py_ssize_t index
        take(&self.lock, True, NO_LIMIT)
        cells_begin(&self.block)
        for index in range(count):
            cells_add(&self.block, changes[index].place, changes[index].amount)
        cdef int64_t version = cells_written(&self.block)
        rwlock_release(&self.lock)
        return version

    cdef int check_bounds(self, Py_ssize_t index) except -1:
        cdef double low = self.block.cells[index].low, high = self.block.cells[index].high
        if self.block.cells[index].integer and (low != trunc(low) or high != trunc(high)):
            raise ValueError(f"an integer cell has the bounds [{low}, {high}]")
        return 0

    cdef double bounded(self, Py_ssize_t index, value) except? -1.0:
        cdef double number = finite(value)
        if self.block.cells[index].integer:
            number = trunc(number) + 0.0
        if not self.block.cells[index].low <= number <= self.block.cells[index].high:
            raise ValueError(
                f"{number} lies outside [{self.block.cells[index].low}, {self.block.cells[index].high}]"
            )
        return number
