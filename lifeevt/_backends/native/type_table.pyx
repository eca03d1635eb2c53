"""TypeTable, native: event types by name for Python, by number for C."""

cimport cython

from libc.stdint cimport int32_t, int64_t

from .account cimport Account
from .bucket cimport Bucket
from .numbers cimport index_in
from .watch cimport enter
from ..nogil.heap cimport heap_leave_quietly
from ..nogil.type_table cimport NO_TYPE_ID, types_add, types_change, types_clear, types_init
from ..nogil.order cimport HEAP_LEVELS


cdef class TypeTable:
    """TypeTable in C: see the reference."""

    def __cinit__(self):
        self.type_ids, self.names, self.accounts, self.buckets = {}, [], [], []
        if types_init(&self.table) != 0:
            raise MemoryError

    def __init__(self):
        pass        # __cinit__ alone would let any argument pass

    def __dealloc__(self):
        types_clear(&self.table)

    def __len__(self):
        return self.table.length

    def add(self, name, int32_t level, int64_t budget_ns, bint exact=True, bint plain=True):
        cdef int32_t type_id
        index_in(level, HEAP_LEVELS)
        with cython.critical_section(self):
            if name in self.type_ids:
                return self.type_ids[name]
            type_id = types_add(&self.table, level, budget_ns, <int32_t> exact if plain else -1)
            if type_id != NO_TYPE_ID:
                self.names.append(name)
                self.buckets.append(None)
                self.type_ids[name] = type_id
            return type_id

    def change(self, type_id, int32_t level, int64_t budget_ns, bint exact=True, bint plain=True):
        cdef int32_t index = index_in(type_id, self.table.length)
        index_in(level, HEAP_LEVELS)
        with cython.critical_section(self):
            types_change(&self.table, index, level, budget_ns, <int32_t> exact if plain else -1)

    def account(self, type_id, Account account):
        cdef int32_t index = index_in(type_id, self.table.length)
        with cython.critical_section(self):
            self.accounts.append(account)   # for good: the worker may be at the one before
            self.table.types[index].account = NULL if account is None else &account.kept

    def limit(self, type_id, Bucket bucket):
        cdef int32_t index = index_in(type_id, self.table.length)
        cdef object _before
        if bucket is not None:
            self.events = bucket.events
        if self.events is None:
            return
        enter(&self.events.heap)        # buckets are used inside the heap alone, so the one before is not in use
        _before = self.buckets[index]
        self.buckets[index] = bucket
        self.table.types[index].bucket = NULL if bucket is None else &bucket.kept
        heap_leave_quietly(&self.events.heap)

    def set_reflex(self, type_id, int32_t row, bint needs_python):
        cdef int32_t index = index_in(type_id, self.table.length)
        self.table.types[index].row = row
        self.table.types[index].needs_python = needs_python

    def type_id(self, name):
        return self.type_ids.get(name, NO_TYPE_ID)

    def name(self, type_id):
        return self.names[index_in(type_id, self.table.length)]

    def describe(self, type_id):
        cdef int32_t index = index_in(type_id, self.table.length)
        return (
            self.table.types[index].level, self.table.types[index].budget_ns,
            self.table.types[index].row, bool(self.table.types[index].needs_python),
        )
