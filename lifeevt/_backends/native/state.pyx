"""StateBase, native: a state's most frequent calls, without a frame of Python; and its snapshots."""

cimport cython

from cpython.dict cimport PyDict_Next
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t

from .cells cimport StateCells, copy_all, count_read, read_one
from .numbers cimport plain
from ..nogil.atomics cimport ACQUIRE, load_i64
from ..nogil.cells cimport CELLS_NO_CAUSE, CELL_INTEGER, cell_block, cells_bounded, cells_version, change

from collections.abc import Mapping
from sys import intern

cdef enum:
    FEW = 32  # changes of one delta that fit the C stack

cdef extern from *:
    """
    /* With the GIL the last snapshot is handed out until the next write. Without it two threads could
       take and replace it at once, and sharing it would make all readers fight for its count. */
    #ifdef Py_GIL_DISABLED
    #define LIFEEVT_SHARES_SNAPSHOTS 0
    #else
    #define LIFEEVT_SHARES_SNAPSHOTS 1
    #endif
    """
    bint LIFEEVT_SHARES_SNAPSHOTS

cdef extern from "Python.h":
    ctypedef struct type_flags "PyTypeObject":
        unsigned long tp_flags
    void* PyObject_Malloc(size_t size)
    PyObject* PyObject_Init(PyObject* made, PyTypeObject* kind)
    unsigned long Py_TPFLAGS_MAPPING
    void PyType_Modified(type_flags* kind)
    object PyLong_FromDouble(double number)
    # With borrowed references: with these arguments none of them runs code of a user.
    PyObject* PyDict_GetItemWithError(PyObject* mapping, PyObject* key)
    bint PyUnicode_CheckExact(PyObject* name)
    long PyLong_AsLong(PyObject* number)


cdef class Layout:
    """The names of a state's fields, in order: shared by the state and all its snapshots."""

    def __cinit__(self, index, integers, portable):
        self.index = {intern(name): place for name, place in index.items()}
        self.integers, self.portable = integers, portable
        self.mask = 1
        while self.mask < 2 * <size_t> len(self.index):
            self.mask *= 2
        self.slots = <named*> PyMem_Calloc(self.mask, sizeof(named))
        if self.slots == NULL:
            raise MemoryError
        self.mask -= 1
        for name, place in self.index.items():
            slot_for(self, <PyObject*> name).place = place
            slot_for(self, <PyObject*> name).name = <PyObject*> name

    def __dealloc__(self):
        PyMem_Free(self.slots)


cdef inline named* slot_for(Layout layout, PyObject* name) noexcept:
    """Return the slot of this very object, or the empty one where it belongs. At least half of them are empty.

    An interned name is found by its address, without a hash or a comparison of text. With a dict a read takes 550
    instructions in place of 417, and a delta of 3 fields 1817 in place of 1390 (profiling/gate.py).
    """
    cdef size_t at = (<size_t> name >> 4) ^ (<size_t> name >> 10)
    while layout.slots[at & layout.mask].name != name and layout.slots[at & layout.mask].name != NULL:
        at += 1
    return &layout.slots[at & layout.mask]


cdef inline int32_t place_of(Layout layout, PyObject* name) noexcept:
    """Return the place of a name, or -1 when it is not a plain and known one."""
    cdef const named* slot = slot_for(layout, name)
    return slot.place if slot.name != NULL else equal_place(layout, name)


cdef int32_t equal_place(Layout layout, PyObject* name) noexcept:
    cdef PyObject* place = NULL
    if PyUnicode_CheckExact(name):
        place = PyDict_GetItemWithError(<PyObject*> layout.index, name)
    return -1 if place == NULL else <int32_t> PyLong_AsLong(place)


cdef inline object number_of(double value, bint integer):
    return PyLong_FromDouble(value) if integer else value


@cython.final
@cython.auto_pickle(False)
cdef class StateSnapshot:
    """All fields of one instant: a StateSnapshot that makes its numbers when they are asked for."""

    __reversed__ = None

    def __cinit__(self, *_, **__):
        self.layout = NULL
        raise TypeError("a snapshot is taken by a state")

    def __dealloc__(self):
        if self.layout != NULL:
            Py_DECREF(<object> self.layout)

    @property
    def version(self):
        """The version of the state that this is."""
        return self.version_then

    def __getitem__(self, name):
        cdef Layout layout = <Layout> self.layout
        cdef Py_ssize_t place = layout.index[name]
        return number_of(self.numbers[place], layout.integers[place])

    def __len__(self):
        return len((<Layout> self.layout).index)

    def __iter__(self):
        return iter((<Layout> self.layout).index)

    def __contains__(self, name):
        return name in (<Layout> self.layout).index

    def get(self, key, default=None):
        """Return one field, or the default."""
        return self[key] if key in self else default

    def keys(self):
        """Return a view of the names."""
        return (<Layout> self.layout).index.keys()

    def values(self):
        """Return a view of the numbers."""
        return as_dict(self).values()

    def items(self):
        """Return a view of the pairs."""
        return as_dict(self).items()

    def __eq__(self, other):
        return as_dict(self) == dict(other.items()) if isinstance(other, Mapping) else NotImplemented

    def __setattr__(self, name, value):
        raise AttributeError("a snapshot does not change")

    def __delattr__(self, name):
        raise AttributeError("a snapshot does not change")

    def __reduce__(self):
        return (<Layout> self.layout).portable, (self.version_then, as_dict(self))

    def __sizeof__(self):
        return size_of(len(self))

    def __repr__(self):
        return f"StateSnapshot(version={self.version_then}, {as_dict(self)!r})"


# For `match`: register() does it for classes of Python alone.
(<type_flags*> StateSnapshot).tp_flags |= Py_TPFLAGS_MAPPING
PyType_Modified(<type_flags*> StateSnapshot)


cdef dict as_dict(StateSnapshot snapshot):
    cdef Layout layout = <Layout> snapshot.layout
    cdef Py_ssize_t place
    return {
        name: number_of(snapshot.numbers[place], layout.integers[place]) for name, place in layout.index.items()
    }


cdef inline size_t size_of(Py_ssize_t length):
    return (<PyTypeObject*> StateSnapshot).tp_basicsize + max(length - 1, 0) * sizeof(double)


cdef StateSnapshot taken(Layout layout, StateCells cells):
    """Take a snapshot: one piece of memory, with the numbers inside."""
    cdef PyObject* made = <PyObject*> PyObject_Malloc(size_of(cells.block.length))
    if made == NULL:
        raise MemoryError
    PyObject_Init(made, <PyTypeObject*> StateSnapshot)
    cdef StateSnapshot snapshot = <StateSnapshot> made
    Py_DECREF(snapshot)  # the variable's reference is the one
    Py_INCREF(layout)
    snapshot.layout = <PyObject*> layout
    snapshot.version_then = copy_all(cells, snapshot.numbers)
    return snapshot


cdef Py_ssize_t parsed(Layout layout, dict delta, change* into, Py_ssize_t size) noexcept:
    """Copy a plain delta of up to ``size`` changes; -1 when it is not plain. Runs no code of a user."""
    cdef PyObject* name
    cdef PyObject* number
    cdef Py_ssize_t position = 0, count = 0
    with cython.critical_section(delta):
        while PyDict_Next(delta, &position, &name, &number):
            if count == size:
                return -1
            into[count].place = place_of(layout, name)
            into[count].amount = plain(number)
            if into[count].place < 0 or not isfinite(into[count].amount):
                return -1
            count += 1
    return count


cdef inline bint is_slow(const cell_block* block) noexcept:
    """Return whether a delta takes the slow path: changes are logged, or a field may reject it."""
    return block.refuses or load_i64(&block.log.on, ACQUIRE)


@cython.auto_pickle(False)
cdef class StateBase:
    """StateBase in C: see the reference."""

    def _attach(self, cells, index, integers, portable, writes=True):
        self.cells = self.layout = self.last = None
        self.block = NULL
        if all([type(name) is str for name in index]):
            portable.register(StateSnapshot)
            self.layout = Layout(index, integers, portable)
            self.cells = cells
            self.block = &self.cells.block
            self.writes = bool(writes)

    def __getitem__(self, name):
        cdef int32_t place = -1 if self.block == NULL else place_of(self.layout, <PyObject*> name)
        if place < 0:
            return self._read_slowly(name)
        return number_of(read_one(self.cells, place), self.block.cells[place].flags & CELL_INTEGER)

    def __setitem__(self, name, value):
        cdef int32_t place = -1
        cdef double number = plain(<PyObject*> value)
        cdef bint fits = False
        if isfinite(number) and self.block != NULL and self.writes and not load_i64(&self.block.log.on, ACQUIRE):
            place = place_of(self.layout, <PyObject*> name)
        if place >= 0:
            number = cells_bounded(&self.block.cells[place], number, &fits)
        if not fits:
            self._store_slowly(name, value)
            return
        self.cells.stored(place, number, CELLS_NO_CAUSE)
        if load_i64(&self.block.log.on, ACQUIRE):  # a watcher was added meanwhile
            self.deliver_changes()

    @cython.binding(False)
    @cython.embedsignature(True)
    @cython.embedsignature.format("clinic")
    def apply_delta(self, delta, *, report=False, reason=None, event=None):
        """Add each number to its field, clamped to its bounds, and return the new version.

        All or nothing: UnknownField or InvalidValue (NaN, infinite, no number, a field that rejects what leaves
        its bounds) change no field. With ``report`` a DeltaReport says by how much each field changed.
        Watchers are given ``reason`` and ``event``. O(k).
        """
        cdef change few[FEW]
        cdef change* changes = few
        cdef Py_ssize_t count = -1, size
        cdef int64_t version = 0
        if report is False and type(delta) is dict and self.block != NULL and self.writes and not is_slow(self.block):
            size = len(<dict> delta)
            if size > FEW:
                changes = <change*> PyMem_Malloc(size * sizeof(change))
                if changes == NULL:
                    raise MemoryError
            try:
                count = parsed(self.layout, <dict> delta, changes, size)
                if count >= 0:
                    version = self.cells.added(changes, count, CELLS_NO_CAUSE, NULL)
            finally:
                if changes != few:
                    PyMem_Free(changes)
            if count >= 0:
                if is_slow(self.block):  # a watcher was added meanwhile
                    self.deliver_changes()
                return version
        return self._apply_delta_slowly(delta, report, reason, event)

    @cython.binding(False)
    @cython.embedsignature(True)
    @cython.embedsignature.format("clinic")
    def snapshot(self):
        """Return all fields of one instant, with the version. O(fields)."""
        if self.block == NULL or self.block.objects > 0:
            return self._snapshot_slowly()
        if not LIFEEVT_SHARES_SNAPSHOTS:
            return taken(self.layout, self.cells)
        if self.last is None or self.last.version_then != cells_version(self.block):
            self.last = taken(self.layout, self.cells)
        else:
            count_read(self.cells)
        return self.last

    @property
    def version(self):
        """The number of writes."""
        if self.block == NULL:
            return self._cells.version
        return cells_version(self.block)
