"""A bounded ring of results as plain numbers, oldest first. Not one Python object.

The caller serialises the calls (it is inside the heap). A full ring gives up its oldest result and counts
that. A result keeps its event's slot of the heap until it is taken.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from ..nogil.heap cimport event_heap, heap_slot
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

cdef int results_init(result_ring* ring, int64_t capacity) noexcept nogil
cdef void results_clear(result_ring* ring) noexcept nogil
cdef void results_put(result_ring* ring, event_heap* heap, const result_record* record) noexcept nogil
cdef int results_take(result_ring* ring, result_record* record) noexcept nogil
cdef void results_of_event(result_record* record, const heap_slot* event, int32_t slot) noexcept nogil
