"""StateCells, native: bounded doubles under a read-write lock of C, read without it."""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_New
from libc.math cimport trunc
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free

from .histogram cimport Histogram
from .rwlock cimport Guarded, visit
from .numbers cimport finite, index_in, listed, plain
from ..nogil.atomics cimport ACQUIRE, RELEASE, load_i64, store_i64
from ..nogil.cells cimport (
    CELL_CLAMPS, CELL_INTEGER, CELL_REFUSES, CELLS_NO_CAUSE, cell, cell_block, cells_add, cells_begin_write,
    cells_bounded, cells_clear, cells_end_write, cells_init, cells_mark, cells_merge, cells_read_all, cells_refused,
    cells_set, cells_sum, cells_version,
)
from ..nogil.change_log cimport change_log_clear, change_record
from ..nogil.futex cimport monotonic_ns
from ..nogil.histogram cimport histogram_record_unshared
from ..nogil.rwlock cimport rwlock_release

cdef enum:
    NOT_PLAIN = -1

ctypedef struct held_number:
    double number
    double kept
    int32_t place

cdef extern from "Python.h":
    bint PyLong_CheckExact(PyObject* number)
    PyObject* PyTuple_GET_ITEM(tuple items, Py_ssize_t index)

cdef extern from *:
    """
    /* With the GIL no object is exchanged between two steps that run no Python. */
    #ifdef Py_GIL_DISABLED
    #define LIFEEVT_OBJECTS_NEED_THE_LOCK 1
    #else
    #define LIFEEVT_OBJECTS_NEED_THE_LOCK 0
    #endif
    static inline void lifeevt_share(PyObject* into, Py_ssize_t at, PyObject* objects) {
        PyObject* shared = PyList_GET_ITEM(objects, at);
        Py_INCREF(shared);
        PyTuple_SET_ITEM(into, at, shared);
    }
    /* Exchange two references without counting: each list owns one before and one after. */
    static inline void lifeevt_exchange(PyObject* one, Py_ssize_t at, PyObject* other, Py_ssize_t there) {
        PyObject* kept = PyList_GET_ITEM(one, at);
        PyList_SET_ITEM(one, at, PyList_GET_ITEM(other, there));
        PyList_SET_ITEM(other, there, kept);
    }
    """
    bint LIFEEVT_OBJECTS_NEED_THE_LOCK
    void lifeevt_share(tuple into, Py_ssize_t at, list objects) noexcept
    void lifeevt_exchange(list one, Py_ssize_t at, list other, Py_ssize_t there) noexcept


cdef int64_t copy_all(StateCells cells, double* into) except -1:
    """Copy the numbers of one instant; return its version."""
    cdef int64_t version = 0
    if cells_read_all(&cells.block, into, &version) != 0:
        visit(&cells.lock, False)
        cells_read_all(&cells.block, into, &version)
        rwlock_release(&cells.lock)
    count_read(cells)
    return version


cdef class StateCells(Guarded):
    """StateCells in C: see the reference."""

    def __cinit__(self, values, lows, highs, integers, clamping=(), refusing=(), objects=(), measured=True):
        cdef tuple given = tuple(values), no = (False,) * len(given)
        cdef Py_ssize_t index = 0
        cdef cell* this
        self.objects = list(objects)
        self.unmeasured = not measured
        self.waits, self.holds = Histogram(), Histogram()
        if cells_init(&self.block, len(given), len(self.objects)) != 0:
            raise MemoryError
        for value, low, high, integer, clamps, refuses in zip(
            given, lows, highs, integers, clamping or no, refusing or no, strict=True
        ):
            this = &self.block.cells[index]
            this.low, this.high = low, high
            this.flags = CELL_INTEGER * bool(integer) | CELL_CLAMPS * bool(clamps) | CELL_REFUSES * bool(refuses)
            self.block.refuses = self.block.refuses or this.flags & CELL_REFUSES
            this.value = bounded(&self.block, index, value)
            index += 1

    def __dealloc__(self):
        cells_clear(&self.block)

    def __len__(self):
        return self.block.length

    @property
    def version(self):
        return cells_version(&self.block)

    # --- reading

    def read(self, index):
        return read_one(self, index_in(index, self.block.length))

    def read_all(self):
        return self.read_whole()[:2]

    def read_object(self, int64_t index):
        cdef int32_t place = index_in(index - self.block.length, self.block.objects)
        count_read(self)
        if not LIFEEVT_OBJECTS_NEED_THE_LOCK:
            return self.objects[place]
        visit(&self.lock, False)
        found = self.objects[place]
        rwlock_release(&self.lock)
        return found

    def read_whole(self):
        cdef Py_ssize_t index, length = self.block.length
        cdef int64_t version
        cdef double* seen = <double*> PyMem_Malloc((length + 1) * sizeof(double))
        if seen == NULL:
            raise MemoryError
        try:
            objects = PyTuple_New(self.block.objects)
            version = copy_whole(self, seen, objects)
            return version, tuple([seen[index] for index in range(length)]), objects
        finally:
            PyMem_Free(seen)

    def stamp(self, index):
        cdef int32_t place = index_in(index, self.block.length + self.block.objects)
        visit(&self.lock, False)
        cdef int64_t stamp = self.block.cells[place].stamp
        rwlock_release(&self.lock)
        return stamp

    # --- writing

    def write(self, index, value, int64_t cause=CELLS_NO_CAUSE):
        cdef int32_t place = index_in(index, self.block.length)
        return self.stored(place, bounded(&self.block, place, value), cause)

    def add(self, indices, deltas, int64_t cause=CELLS_NO_CAUSE):
        return self.add_and_tell(indices, deltas, cause)[0]

    def add_and_tell(self, indices, deltas, int64_t cause=CELLS_NO_CAUSE):
        cdef tuple into = listed(indices), given = listed(deltas)
        cdef Py_ssize_t count = len(into), index
        if count != len(given):
            raise ValueError("indices and deltas differ in length")
        cdef change* changes = <change*> PyMem_Malloc((count + 1) * (sizeof(change) + sizeof(double)))
        if changes == NULL:
            raise MemoryError
        cdef double* applied = <double*> &changes[count + 1]
        try:
            for index in range(count):
                changes[index].place = index_in(into[index], self.block.length)
            for index in range(count):
                changes[index].amount = finite(given[index])
            version = self.added(changes, count, cause, applied)
            return version, tuple([applied[index] for index in range(count)])
        finally:
            PyMem_Free(changes)

    def compare_and_set(self, index, double expected, value, int64_t cause=CELLS_NO_CAUSE):
        cdef int32_t place = index_in(index, self.block.length)
        cdef double number = bounded(&self.block, place, value)
        cdef int64_t version = 0
        enter(self, cause)
        if self.block.cells[place].value == expected:
            version = write_one(self, place, number)
        leave(self)
        return version

    def reach(self, index, value, bint upward, int64_t cause=CELLS_NO_CAUSE):
        cdef int32_t place = index_in(index, self.block.length)
        cdef double number = bounded(&self.block, place, value), present
        enter(self, cause)
        cdef int64_t version = cells_version(&self.block)
        present = self.block.cells[place].value
        if number > present if upward else number < present:
            version = write_one(self, place, number)
        leave(self)
        return version

    def commit(self, int64_t since, watched, places, values, int64_t cause=CELLS_NO_CAUSE):
        cdef tuple looked_at = listed(watched), targets = listed(places), given = tuple(values)
        cdef list exchanged = values
        cdef int32_t total = self.block.length + self.block.objects, length = len(targets), looks = len(looked_at)
        cdef int32_t index
        if length != len(given):
            raise ValueError("places and values differ in length")
        cdef change* changes = <change*> PyMem_Malloc((length + looks + 1) * sizeof(change))
        if changes == NULL:
            raise MemoryError
        try:
            for index in range(looks):
                changes[length + index].place = index_in(looked_at[index], total)
            for index in range(length):
                changes[index].place = index_in(targets[index], total)
            for index in range(length):
                if changes[index].place < self.block.length:
                    changes[index].amount = bounded(&self.block, changes[index].place, given[index])
            if len(exchanged) != length:
                raise ValueError("values changed meanwhile")
            return committed(self, since, changes, length, looks, exchanged, cause)
        finally:
            PyMem_Free(changes)

    def absorb(self, int64_t since, tuple held, tuple kept, places=(), values=(), int64_t cause=CELLS_NO_CAUSE):
        cdef int64_t version
        cdef tuple targets = listed(places)
        cdef int32_t length = self.block.length, objects = len(targets), index, count
        cdef list exchanged = values if objects else []
        if not len(held) == len(kept) == length:
            raise ValueError("held and kept are not of a number for each cell")
        cdef held_number* changes = <held_number*> PyMem_Malloc((length + objects + 1) * sizeof(held_number))
        if changes == NULL:
            raise MemoryError
        try:
            for index in range(objects):
                changes[length + index].place = length + index_in(targets[index] - length, self.block.objects)
            if len(exchanged) != objects:
                raise ValueError("places and values differ in length")
            count = held_numbers(&self.block, held, kept, changes)
            if count < 0 or count + objects == 0:
                return 0, (None if count < 0 else held)
            enter(self, cause)
            version = absorb_all(self, since, changes, count, objects, exchanged)
            leave(self)
            return version, as_merged(held, changes, count)
        finally:
            PyMem_Free(changes)

    # --- figures and changes

    def counts(self):
        return self.reads, cells_version(&self.block)

    @property
    def changes_waiting(self):
        return load_i64(&self.block.log.length, ACQUIRE)

    def record(self, bint records):
        visit(&self.lock, True)
        store_i64(&self.block.log.on, records, RELEASE)
        if not records:
            change_log_clear(&self.block.log)
        rwlock_release(&self.lock)

    def take_changes(self):
        cdef change_record* records
        cdef int64_t length
        visit(&self.lock, True)
        records, length = self.block.log.records, self.block.log.length
        self.block.log.records = NULL
        self.block.log.capacity = 0
        store_i64(&self.block.log.length, 0, RELEASE)
        rwlock_release(&self.lock)
        return listed_changes(records, length)

    cdef int64_t stored(self, int32_t place, double number, int64_t cause) except -1:
        enter(self, cause)
        cdef int64_t version = write_one(self, place, number)
        leave(self)
        return version

    cdef int64_t added(self, const change* changes, Py_ssize_t count, int64_t cause, double* applied) except -1:
        """Add changes; note in ``applied``, unless it is NULL, by how much each number changed."""
        cdef int32_t index = -1
        cdef int64_t version = 0
        cdef double sum_there = 0.0
        enter(self, cause)
        if self.block.refuses:
            index = cells_refused(&self.block, changes, count)
        if index >= 0:
            sum_there = cells_sum(&self.block, changes, index)
        else:
            version = write_changes(self, changes, count, applied)
        leave(self)
        if index >= 0:
            raise outside(&self.block.cells[changes[index].place], sum_there, changes[index].place)
        return version

    cdef int enter_late(self) except -1:
        cdef int64_t began_ns = monotonic_ns()
        visit(&self.lock, True)
        if not self.unmeasured:
            histogram_record_unshared(&self.waits.counted, monotonic_ns() - began_ns)
        return 0

    cdef void note_hold(self) noexcept:
        histogram_record_unshared(&self.holds.counted, monotonic_ns() - self.entered_ns)
        self.entered_ns = 0


cdef inline int64_t write_one(StateCells cells, int32_t place, double number) noexcept:
    cells_begin_write(&cells.block)
    cells_set(&cells.block, place, number)
    return cells_end_write(&cells.block)


cdef int64_t write_changes(StateCells cells, const change* changes, Py_ssize_t count, double* applied) noexcept:
    cdef Py_ssize_t index
    cdef double before
    cells_begin_write(&cells.block)
    for index in range(count):
        before = cells.block.cells[changes[index].place].value
        cells_add(&cells.block, changes[index].place, changes[index].amount)
        if applied != NULL:
            applied[index] = cells.block.cells[changes[index].place].value - before
    return cells_end_write(&cells.block)


cdef tuple committed(
    StateCells cells, int64_t since, change* changes, int32_t length, int32_t looks, list values, int64_t cause
):
    """Commit ``length`` changes, after which stand ``looks`` watched places."""
    cdef int32_t index, conflicts = 0
    cdef int64_t version = 0
    cdef change* watched = &changes[length]
    enter(cells, cause)
    for index in range(looks):
        if cells.block.cells[watched[index].place].stamp > since:
            watched[conflicts].place = watched[index].place
            conflicts += 1
    if conflicts == 0:
        version = exchange_all(cells, changes, length, values)
    else:
        cells.conflicts += 1
    leave(cells)
    return version, tuple([watched[index].place for index in range(conflicts)])


cdef int64_t exchange_all(StateCells cells, const change* changes, int32_t length, list values) noexcept:
    cdef int32_t index, place
    cells_begin_write(&cells.block)
    for index in range(length):
        place = changes[index].place
        if place < cells.block.length:
            cells_set(&cells.block, place, changes[index].amount)
        else:
            cells_mark(&cells.block, place, 0.0, 0.0)
            lifeevt_exchange(values, index, cells.objects, place - cells.block.length)
    return cells_end_write(&cells.block)


cdef int64_t absorb_all(
    StateCells cells, int64_t since, held_number* changes, int32_t count, int32_t objects, list values
) noexcept:
    """Exchange objects, whose places stand behind those of all cells; merge numbers, and note their new values."""
    cdef int32_t index, place
    cells_begin_write(&cells.block)
    for index in range(objects):
        place = changes[cells.block.length + index].place
        cells_mark(&cells.block, place, 0.0, 0.0)
        lifeevt_exchange(values, index, cells.objects, place - cells.block.length)
    for index in range(count):
        cells_merge(&cells.block, since, changes[index].place, changes[index].number, changes[index].kept)
        changes[index].kept = cells.block.cells[changes[index].place].value
    return cells_end_write(&cells.block)


cdef int64_t copy_whole(StateCells cells, double* into, tuple objects) except -1:
    """Copy the numbers and the objects of one instant; return its version."""
    cdef int64_t version = 0
    if not (LIFEEVT_OBJECTS_NEED_THE_LOCK and cells.block.objects > 0):
        version = copy_all(cells, into)
        copy_objects(cells, objects)
        return version
    visit(&cells.lock, False)
    cells_read_all(&cells.block, into, &version)
    copy_objects(cells, objects)
    rwlock_release(&cells.lock)
    count_read(cells)
    return version


cdef void copy_objects(StateCells cells, tuple into) noexcept:
    cdef int32_t place
    for place in range(cells.block.objects):
        lifeevt_share(into, place, cells.objects)


cdef list listed_changes(change_record* records, int64_t length):
    cdef int64_t index
    try:
        return [
            (records[index].version, records[index].place, records[index].before, records[index].after,
             records[index].cause)
            for index in range(length)
        ]
    finally:
        free(records)


cdef double bounded(const cell_block* block, Py_ssize_t index, value) except? -1.0:
    """Return a number as a cell stores it; ValueError when it lies outside."""
    cdef const cell* this = &block.cells[index]
    cdef double number = finite(value)
    cdef bint fits
    cdef double kept = cells_bounded(this, number, &fits)
    if not fits:
        raise outside(this, trunc(number) + 0.0 if this.flags & CELL_INTEGER else number, index)
    return kept


cdef object outside(const cell* this, double number, Py_ssize_t index):
    return ValueError(f"{number} lies outside [{this.low}, {this.high}]", index)


cdef int32_t held_numbers(const cell_block* block, tuple held, tuple kept, held_number* into) noexcept:
    """Find the cells whose numbers differ between two tuples; return how many they are.

    NOT_PLAIN: one of the numbers is not an int or float that its cell can store unchanged.
    """
    cdef PyObject* now
    cdef PyObject* before
    cdef const cell* this
    cdef int32_t place, count = 0
    for place in range(block.length):
        now, before = PyTuple_GET_ITEM(held, place), PyTuple_GET_ITEM(kept, place)
        if now == before:
            continue
        this = &block.cells[place]
        into[count].place = place
        into[count].number, into[count].kept = plain(now), plain(before)
        if this.flags & CELL_INTEGER and not PyLong_CheckExact(now):
            return NOT_PLAIN
        if not this.low <= into[count].number <= this.high or into[count].kept != into[count].kept:
            return NOT_PLAIN
        count += into[count].number != into[count].kept
    return count


cdef tuple as_merged(tuple held, const held_number* changes, int32_t count):
    """Return what is held, with the numbers that became others meanwhile."""
    cdef int32_t index
    cdef list other = None
    for index in range(count):
        if changes[index].kept != changes[index].number:
            other = list(held) if other is None else other
            other[changes[index].place] = changes[index].kept
    return held if other is None else tuple(other)
