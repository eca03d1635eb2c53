"""Offers and tickets for other native modules, and how an entry is made."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from ..nogil.heap cimport heap_event, heap_slot

cdef enum:
    SHED_END = 2

cdef object ADMITTED
cdef object REFUSED


cdef struct offered:
    heap_event event
    int verdict
    heap_slot victim


cdef struct ticket_of:       # which event, and where it is while it is queued
    uint64_t sequence
    int32_t slot


cdef int32_t checked_level(value) except -1
cdef int checked_policy(value) except -1
cdef int fill_policies(int* policies, given) except -1
cdef int checked_end(value, int64_t lowest) except -2
cdef int32_t checked_level(value) except -1
cdef int32_t checked_level_to_pause(value) except -2
cdef int32_t checked_kind_to_pause(value) except -2
cdef int32_t checked_file(value) except -2
cdef ticket_of read_ticket(given) except *
cdef int fill_offer(offered* offer, key, level, arrival_ns) except -1
cdef int fill_kind(offered* offer, kind, intensity) except -1
cdef int fill_numbers(offered* offers, tuple numbers, Py_ssize_t count) except -1
cdef int fill_offsets(int64_t* wanted, offsets) except -1
cdef object verdict_of(const offered* offer, payload)
cdef tuple entry_of(const heap_slot* slot, payload)
