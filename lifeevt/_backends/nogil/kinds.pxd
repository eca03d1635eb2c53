"""What the worker must know of an event's type, by number. Not one Python object.

A table never moves and only grows, so whoever got a number from it may read that row without a lock.
"""

from libc.math cimport rint
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

from ..nogil.account cimport account
from ..nogil.bucket cimport bucket_admits, token_bucket
from ..nogil.heap cimport event_heap, heap_event

cdef enum:
    KINDS_ROOM = 4096
    KINDS_LANES = 16
    KINDS_NO_ROW = -1
    KINDS_NO_KIND = -1

ctypedef struct event_kind:
    int64_t budget_ns
    int32_t level
    int32_t lane            # kinds of one budget share a lane, since their keys ascend with their arrivals
    int32_t row             # of the reflex that answers, or KINDS_NO_ROW
    int32_t attended        # whether Python must see the event
    account* met            # what its events met, beside their level's account, or NULL
    token_bucket* bucket    # that its events draw from, or NULL; read and changed inside the heap
    int32_t exact           # 1: the name alone decides level and budget; 0: the event may; -1: Python decides more

ctypedef struct kind_table:
    event_kind* kinds
    int32_t length


cdef inline bint kinds_admits(const kind_table* table, event_heap* heap, const heap_event* event) noexcept nogil:
    """Whether the limit of its kind lets an event come now; takes a token, or counts it. From inside the heap."""
    cdef token_bucket* bucket = table.kinds[event.kind].bucket
    if bucket == NULL or bucket_admits(bucket, event.arrival_ns):
        return True
    heap.limited += 1
    return False


cdef inline int kinds_init(kind_table* table) noexcept nogil:
    table.length = 0
    table.kinds = <event_kind*> calloc(KINDS_ROOM, sizeof(event_kind))
    return -1 if table.kinds == NULL else 0


cdef inline void kinds_clear(kind_table* table) noexcept nogil:
    free(table.kinds)
    table.kinds = NULL
    table.length = 0


cdef inline int32_t kinds_add(kind_table* table, int32_t level, int64_t budget_ns, int32_t exact) noexcept nogil:
    """The number of a new kind, or KINDS_NO_KIND when there is no room."""
    cdef event_kind* kind
    if table.length == KINDS_ROOM:
        return KINDS_NO_KIND
    kind = &table.kinds[table.length]
    kinds_change(table, table.length, level, budget_ns, exact)
    kind.row = KINDS_NO_ROW
    kind.attended = True
    table.length += 1
    return table.length - 1


cdef inline void kinds_change(
    kind_table* table, int32_t kind, int32_t level, int64_t budget_ns, int32_t exact
) noexcept nogil:
    cdef event_kind* changed = &table.kinds[kind]
    changed.lane = _lane(table, budget_ns)
    changed.budget_ns = budget_ns
    changed.level = level
    changed.exact = exact


cdef inline void kinds_rank(
    const kind_table* table, int32_t kind, double urgency, int64_t arrival_ns, heap_event* event
) noexcept nogil:
    """Fill an event's place in line: its virtual deadline (docs/adr/0001), its level and its lane."""
    cdef const event_kind* known = &table.kinds[kind]
    event.kind = kind
    event.level = known.level
    event.lane = known.lane
    event.arrival_ns = arrival_ns
    event.key = arrival_ns + known.budget_ns
    if urgency != 0.0:      # rounded half to even, as the reference does
        event.key -= <int64_t> rint(urgency * <double> known.budget_ns)


cdef inline int32_t _lane(const kind_table* table, int64_t budget_ns) noexcept nogil:
    cdef int32_t index, lanes = 0
    for index in range(table.length):
        if table.kinds[index].budget_ns == budget_ns:
            return table.kinds[index].lane
        if table.kinds[index].lane >= lanes:
            lanes = table.kinds[index].lane + 1
    return lanes if lanes < KINDS_LANES else -1
