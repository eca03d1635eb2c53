"""TypeTable, native: event types by name for Python, by number for C."""

cimport cython

from libc.stdint cimport int32_t, int64_t

from .account cimport Account
from .bucket cimport Bucket
from .numbers cimport index_in, whole
from .watch cimport enter
from ..nogil.heap cimport heap_leave_quietly
from ..nogil.type_table cimport NO_ROW, NO_TYPE_ID, types_add, types_change, types_clear, types_init
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

    def add(self, name, level, budget_ns, exact=True, plain=True):
        cdef int64_t wanted = whole(level), budget = whole(budget_ns)
        cdef int32_t type_id
        if not 0 <= wanted < HEAP_LEVELS:
            raise ValueError(f"level is {wanted}; it must lie in [0, {HEAP_LEVELS})")
        cdef int32_t only_name = bool(exact) if plain else -1
        with cython.critical_section(self):
            if name in self.type_ids:
                return self.type_ids[name]
            type_id = types_add(&self.table, <int32_t> wanted, budget, only_name)
            if type_id != NO_TYPE_ID:
                self.names.append(name)
                self.buckets.append(None)
                self.type_ids[name] = type_id
            return type_id

    def change(self, type_id, level, budget_ns, exact=True, plain=True):
        cdef int32_t index = index_in(type_id, self.table.length)
        cdef int64_t wanted = whole(level), budget = whole(budget_ns)
        if not 0 <= wanted < HEAP_LEVELS:
            raise ValueError(f"level is {wanted}; it must lie in [0, {HEAP_LEVELS})")
        cdef int32_t only_name = bool(exact) if plain else -1
        with cython.critical_section(self):
            types_change(&self.table, index, <int32_t> wanted, budget, only_name)

    def account(self, type_id, Account account):
        cdef int32_t index = index_in(type_id, self.table.length)
        with cython.critical_section(self):
            self.accounts.append(account)   # for good: the worker may be at the one before
            self.table.types[index].account = NULL if account is None else &account.kept

    def limit(self, type_id, Bucket bucket):
        cdef int32_t index = index_in(type_id, self.table.length)
        cdef object _before
        if bucket is not None and bucket.events is None:
            raise ValueError("the bucket is no heap's")
        if bucket is not None and self.events is None:
            self.events = bucket.events
        if bucket is not None and bucket.events is not self.events:
            raise ValueError("the bucket is another heap's")
        if self.events is None:
            return
        enter(&self.events.heap)        # where alone it is used: nobody is at the one before
        _before = self.buckets[index]
        self.buckets[index] = bucket
        self.table.types[index].bucket = NULL if bucket is None else &bucket.kept
        heap_leave_quietly(&self.events.heap)

    def set_reflex(self, type_id, row, needs_python):
        cdef int32_t index = index_in(type_id, self.table.length)
        cdef int64_t place = whole(row)
        if not NO_ROW <= place < <int64_t> 2**31:
            raise ValueError(f"{place} is no row")
        self.table.types[index].row = <int32_t> place
        self.table.types[index].needs_python = bool(needs_python)

    def type_id(self, name):
        return self.find(name)

    def name(self, type_id):
        return self.names[index_in(type_id, self.table.length)]

    def describe(self, type_id):
        cdef int32_t index = index_in(type_id, self.table.length)
        return (
            self.table.types[index].level, self.table.types[index].budget_ns,
            self.table.types[index].row, bool(self.table.types[index].needs_python),
        )

    cdef int find(self, name) except -2:
        type_id = self.type_ids.get(name)
        return NO_TYPE_ID if type_id is None else <int> type_id
