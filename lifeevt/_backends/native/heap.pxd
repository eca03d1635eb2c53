"""EventHeap for other native modules: the payloads beside the heap of C, and events on their way in and out."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from .arrays cimport NumberOffers
from .numbers cimport index_in
from .watch cimport Watched
from ..nogil.heap cimport HEAP_OBJECT
from ..nogil.order cimport HEAP_LEVELS, heap_event, heap_slot

cdef enum:
    NO_END = -1

cdef object ADMITTED
cdef object REFUSED


cdef struct offered:
    heap_event event
    int verdict
    int32_t slot                # where the event is now, or -1
    heap_slot victim


cdef struct ticket_of:          # an event, and its slot while it is queued
    uint64_t sequence
    int32_t slot


cdef class EventHeap(Watched):
    cdef list payloads          # by slot; touched only with the GIL, so the collector sees all of it
    cdef readonly int32_t capacity

    cdef object place(self, offered* offer, payload, int policy)
    cdef object place_number(self, offered* offer, int policy)
    cdef Py_ssize_t offer_some(self, NumberOffers given, const int* how, list shed) except -1
    cdef object pop_head(self, int32_t above, int end)
    cdef object take_payload(self, int32_t slot)
    cdef object store_payload(self, int32_t slot, payload)
    cdef int reserve_payload(self) except -1
    cdef int drop_stale(self) except -1


cdef object verdict_of(const offered* offer, payload)


cdef inline int fill_offer(
    offered* offer, int64_t key, int32_t level, int64_t arrival_ns, int32_t type_id, double intensity
) except -1:
    offer.event.key, offer.event.level, offer.event.arrival_ns = key, index_in(level, HEAP_LEVELS), arrival_ns
    offer.event.type_id, offer.event.run, offer.event.has_object = type_id, level, HEAP_OBJECT
    offer.event.intensity, offer.event.timestamp = intensity, 0.0
    return 0


cdef inline int fill_policies(int* policies, given) except -1:
    """Fill in the policy of each level; one that is given alone is that of all."""
    cdef tuple by_level = tuple(given) if isinstance(given, (tuple, list)) else (given,) * HEAP_LEVELS
    cdef int level
    if len(by_level) != HEAP_LEVELS:
        raise ValueError(f"{len(by_level)} policies; there must be {HEAP_LEVELS}, one a level")
    for level in range(HEAP_LEVELS):
        policies[level] = by_level[level]
    return 0


cdef inline ticket_of read_ticket(given) except *:
    sequence, slot = given
    return ticket_of(sequence, slot)


cdef inline tuple entry_of(const heap_slot* slot, payload):
    """Return an entry; one that came as numbers has them for a payload: (type_id, intensity, timestamp)."""
    if not slot.event.has_object:
        payload = (slot.event.type_id, slot.event.intensity, slot.event.timestamp)
    return payload, slot.event.key, slot.event.level, slot.event.arrival_ns, slot.sequence
