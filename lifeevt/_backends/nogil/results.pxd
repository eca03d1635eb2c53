"""A bounded ring of results as plain numbers, oldest first. Not one Python object.

The caller serialises the calls (it is inside the heap). A full ring gives up its oldest result and counts
that. A result keeps its event's slot of the heap until it is taken.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free

from ..nogil.atomics cimport RELAXED, store_i64
from ..nogil.heap cimport event_heap, heap_abandon, heap_slot
from ..nogil.reflex cimport reflex_outcome

ctypedef struct result_record:
    uint64_t sequence
    int64_t queued_ns
    int64_t started_ns
    int64_t finished_ns
    double intensity
    double timestamp
    int32_t kind                # or -1
    int32_t level
    int32_t status
    int32_t slot                # of the heap, or -1: where the caller keeps an object for it
    reflex_outcome reflex

ctypedef struct result_ring:
    result_record* records
    int64_t capacity
    int64_t first               # place of the oldest
    int64_t length
    int64_t overwritten


cdef inline int results_init(result_ring* ring, int64_t capacity) noexcept nogil:
    ring.first = ring.length = ring.overwritten = 0
    ring.capacity = capacity
    ring.records = <result_record*> calloc(<size_t> capacity, sizeof(result_record))  # untouched until used
    return -1 if ring.records == NULL else 0


cdef inline void results_clear(result_ring* ring) noexcept nogil:
    free(ring.records)
    ring.records = NULL
    ring.length = 0


cdef inline void results_put(result_ring* ring, event_heap* heap, const result_record* record) noexcept nogil:
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
    """Move the oldest result out: 1, or 0 when there is none. Its slot is the caller's from there."""
    if ring.length == 0:
        return 0
    record[0] = ring.records[ring.first]
    _drop_first(ring)
    return 1


cdef inline void results_of_event(result_record* record, const heap_slot* event, int32_t slot) noexcept nogil:
    """Fill in what an event brings along; nothing has answered it yet."""
    record.sequence = event.sequence
    record.queued_ns = event.event.arrival_ns
    record.intensity = event.event.intensity
    record.timestamp = event.event.timestamp
    record.kind = event.event.kind
    record.level = event.event.level
    record.status = 0
    record.slot = slot


cdef inline void _drop_first(result_ring* ring) noexcept nogil:
    ring.first += 1
    if ring.first == ring.capacity:
        ring.first = 0
    store_i64(&ring.length, ring.length - 1, RELAXED)
