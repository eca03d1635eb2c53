"""A bounded ring of results as plain numbers, oldest first. Not one Python object.

A caller holds the heap's mutex. A full ring overwrites its oldest result, and counts that. A result keeps the slot of
its event in the heap until it is taken.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free

from ..nogil.atomics cimport RELAXED, store_i64
from ..nogil.heap cimport event_heap, heap_abandon
from ..nogil.order cimport heap_slot
from ..nogil.reflex cimport reflex_outcome

ctypedef struct result_record:
    uint64_t sequence
    int64_t queued_ns
    int64_t started_ns
    int64_t finished_ns
    double intensity
    double timestamp
    int32_t type_id             # or NO_TYPE_ID
    int32_t level
    int32_t status
    int32_t slot                # of the heap, or -1: where the caller keeps an object for it
    reflex_outcome reflex

ctypedef struct result_ring:
    result_record* records
    int64_t capacity
    int64_t first               # where the oldest is
    int64_t length
    int64_t overwritten


cdef inline int results_init(result_ring* ring, int64_t capacity) noexcept nogil:
    """Make an empty ring; -1 without memory, else 0."""
    ring.first = ring.length = ring.overwritten = 0
    ring.capacity = capacity
    ring.records = <result_record*> calloc(<size_t> capacity, sizeof(result_record))  # untouched until used
    return -1 if ring.records == NULL else 0


cdef inline void results_clear(result_ring* ring) noexcept nogil:
    """Free the memory."""
    free(ring.records)
    ring.records = NULL
    ring.length = 0


cdef inline void results_put(result_ring* ring, event_heap* heap, const result_record* record) noexcept nogil:
    """Append a result. O(1)."""
    cdef int64_t place
    if ring.length == ring.capacity:
        if ring.records[ring.first].slot >= 0:
            heap_abandon(heap, ring.records[ring.first].slot)
        _drop_first(ring)
        ring.overwritten += 1
    place = ring.first + ring.length
    if place >= ring.capacity:
        place -= ring.capacity
    ring.records[place] = record[0]
    store_i64(&ring.length, ring.length + 1, RELAXED)


cdef inline int results_take(result_ring* ring, result_record* record) noexcept nogil:
    """Move the oldest result out, with its slot; return 1, or 0 when there is none. O(1)."""
    if ring.length == 0:
        return 0
    record[0] = ring.records[ring.first]
    _drop_first(ring)
    return 1


cdef inline void results_of_event(result_record* record, const heap_slot* event, int32_t slot) noexcept nogil:
    """Begin the result of an event with a copy of its numbers."""
    record.sequence = event.sequence
    record.queued_ns = event.event.arrival_ns
    record.intensity = event.event.intensity
    record.timestamp = event.event.timestamp
    record.type_id = event.event.type_id
    record.level = event.event.level
    record.status = 0
    record.slot = slot


cdef inline void _drop_first(result_ring* ring) noexcept nogil:
    ring.first += 1
    if ring.first == ring.capacity:
        ring.first = 0
    store_i64(&ring.length, ring.length - 1, RELAXED)
