"""The table of event types: how the worker treats an event, by the number of its type. Not one Python object.

A table never moves and only grows, so a thread that got a number from it may read that row without a lock.
"""

from libc.math cimport rint
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

from ..nogil.account cimport account
from ..nogil.bucket cimport bucket_admits, token_bucket
from ..nogil.heap cimport event_heap
from ..nogil.order cimport HEAP_RUNS, heap_event

cdef enum:
    MAX_TYPES = 4096
    NO_ROW = -1
    NO_TYPE_ID = -1

ctypedef struct event_type:
    int64_t budget_ns
    int32_t level
    int32_t run             # types of one budget share a run of the heap: their keys ascend with their arrivals
    int32_t row             # of the reflex that processes the events, or NO_ROW
    int32_t needs_python        # whether Python must see the events
    account* account        # beside that of the level, or NULL
    token_bucket* bucket    # that the events draw from, or NULL; used inside the heap
    int32_t exact           # 1: the name alone decides level and budget; 0: the event may; -1: Python decides more

ctypedef struct type_table:
    event_type* types
    int32_t length


cdef inline int types_init(type_table* table) noexcept nogil:
    """Make an empty table; -1 without memory, else 0."""
    table.length = 0
    table.types = <event_type*> calloc(MAX_TYPES, sizeof(event_type))
    return -1 if table.types == NULL else 0


cdef inline void types_clear(type_table* table) noexcept nogil:
    """Free the memory."""
    free(table.types)
    table.types = NULL
    table.length = 0


cdef inline int32_t types_add(type_table* table, int32_t level, int64_t budget_ns, int32_t exact) noexcept nogil:
    """Return the number of a new type, or NO_TYPE_ID when the table is full. O(types)."""
    cdef event_type* added
    if table.length == MAX_TYPES:
        return NO_TYPE_ID
    added = &table.types[table.length]
    types_change(table, table.length, level, budget_ns, exact)
    added.row = NO_ROW
    added.needs_python = True
    table.length += 1
    return table.length - 1


cdef inline void types_change(
    type_table* table, int32_t type_id, int32_t level, int64_t budget_ns, int32_t exact
) noexcept nogil:
    """Give the events that come from now on another level and budget. O(types)."""
    cdef event_type* changed = &table.types[type_id]
    changed.run = _run_of(table, budget_ns)
    changed.budget_ns = budget_ns
    changed.level = level
    changed.exact = exact


cdef inline void types_schedule(
    const type_table* table, int32_t type_id, double urgency, int64_t arrival_ns, heap_event* event
) noexcept nogil:
    """Fill in where an event belongs in the heap: its virtual deadline (docs/adr/0001), its level and its run."""
    cdef const event_type* known = &table.types[type_id]
    event.type_id = type_id
    event.level = known.level
    event.run = known.run
    event.arrival_ns = arrival_ns
    event.key = arrival_ns + known.budget_ns
    if urgency != 0.0:      # rounded half to even, as the reference does
        event.key -= <int64_t> rint(urgency * <double> known.budget_ns)


cdef inline bint types_admit(const type_table* table, event_heap* heap, const heap_event* event) noexcept nogil:
    """Take a token for an event, or count a refusal; return whether it may come. From inside the heap."""
    cdef token_bucket* bucket = table.types[event.type_id].bucket
    if bucket == NULL or bucket_admits(bucket, event.arrival_ns):
        return True
    heap.limited += 1
    return False


cdef inline int32_t _run_of(const type_table* table, int64_t budget_ns) noexcept nogil:
    """Return the run of the types with this budget, a new one for a new budget, or -1 when all runs are taken."""
    cdef int32_t index, runs = 0
    for index in range(table.length):
        if table.types[index].budget_ns == budget_ns:
            return table.types[index].run
        if table.types[index].run >= runs:
            runs = table.types[index].run + 1
    return runs if runs < HEAP_RUNS else -1
