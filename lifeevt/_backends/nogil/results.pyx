"""The ring below `_core_reactor.Reactor`; its contract stands in `_results.pxd`."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

from ..nogil.heap cimport event_heap, heap_abandon, heap_slot
from ..nogil.atomics cimport show_length


cdef int results_init(result_ring* ring, int64_t capacity) noexcept nogil:
    ring.first = ring.length = ring.overwritten = 0
    ring.capacity = capacity
    ring.records = <result_record*> calloc(<size_t> capacity, sizeof(result_record))  # untouched until used
    return -1 if ring.records == NULL else 0


cdef void results_clear(result_ring* ring) noexcept nogil:
    free(ring.records)
    ring.records = NULL
    ring.length = 0


cdef void results_put(result_ring* ring, event_heap* heap, const result_record* record) noexcept nogil:
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
    show_length(&ring.length, ring.length + 1)


cdef int results_take(result_ring* ring, result_record* record) noexcept nogil:
    """Move the oldest result out: 1, or 0 when there is none. Its slot is the caller's from there."""
    if ring.length == 0:
        return 0
    record[0] = ring.records[ring.first]
    _drop_first(ring)
    return 1


cdef void results_of_event(result_record* record, const heap_slot* event, int32_t slot) noexcept nogil:
    """Fill in what an event brings along; nothing has answered it yet."""
    record.sequence = event.sequence
    record.queued_ns = event.event.arrival_ns
    record.intensity = event.event.intensity
    record.timestamp = event.event.timestamp
    record.kind = event.event.kind
    record.level = event.event.level
    record.status = 0
    record.slot = slot


cdef void _drop_first(result_ring* ring) noexcept nogil:
    ring.first += 1
    if ring.first == ring.capacity:
        ring.first = 0
    show_length(&ring.length, ring.length - 1)
