"""A bounded 4-ary heap of (key, sequence) with slots for what waits, and the ledger of its events.

Not one Python object: every function runs without the GIL. The caller serialises the calls.
Order: smallest key first, equal keys by sequence. Costs: offer and pop O(log n), shedding O(1).
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef enum:
    HEAP_LEVELS = 16
    HEAP_ENDS = 16

cdef enum heap_policy:
    HEAP_REJECT = 0
    HEAP_DROP_OLDEST = 1
    HEAP_DROP_LOWEST = 2
    HEAP_WAIT = 3               # refuses like HEAP_REJECT, and does not count it

cdef enum heap_verdict:
    HEAP_NO_MEMORY = -1
    HEAP_ADMITTED = 0
    HEAP_REFUSED = 1
    HEAP_SHED = 2

ctypedef struct heap_rank:
    int64_t key
    uint64_t sequence

ctypedef struct heap_slot:
    int64_t key
    int64_t arrival_ns
    uint64_t sequence       # UINT64_MAX when the slot is free
    int32_t level
    int32_t older           # neighbours by arrival on the same level; `newer` also links free slots
    int32_t newer

ctypedef struct event_heap:
    heap_rank* ranks        # the hot part: sifting touches nothing else but the slot numbers beside it
    uint32_t* slot_of
    void* block
    int32_t length          # ranks in use; those whose slot has moved on are dead
    int32_t room
    heap_slot* slots
    int32_t slots_made
    int32_t slots_room
    int32_t free_slot
    int32_t oldest[HEAP_LEVELS]
    int32_t newest[HEAP_LEVELS]
    int32_t depth[HEAP_LEVELS]
    int32_t capacity
    int32_t queued
    int32_t high_water
    uint64_t accepted
    uint64_t refused
    uint64_t running
    uint64_t ends[HEAP_ENDS]

cdef int heap_init(event_heap* heap, int32_t capacity) noexcept nogil
cdef void heap_clear(event_heap* heap) noexcept nogil
cdef int heap_offer(
    event_heap* heap, int64_t key, int32_t level, int64_t arrival_ns, int policy, int shed_end,
    int32_t* slot, heap_slot* victim,
) noexcept nogil
cdef int32_t heap_pop(event_heap* heap, int32_t above, int end, heap_slot* out) noexcept nogil
cdef int heap_finish(event_heap* heap, int end) noexcept nogil
cdef int heap_check(event_heap* heap) noexcept nogil
