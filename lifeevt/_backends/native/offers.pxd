"""Offers to the heap as Python gives them: checked, and as numbers of C; and entries as Python gets them."""

from libc.stdint cimport UINT64_MAX, int32_t, int64_t, uint64_t

from .numbers cimport finite, whole
from ..nogil.heap cimport HEAP_ENDS, HEAP_OBJECT, HEAP_TYPES
from ..nogil.type_table cimport NO_TYPE_ID
from ..nogil.order cimport HEAP_LEVELS, heap_event, heap_slot

cdef enum:
    SHED_END = 2
    LAST_SLOT = 0x7fffffff


cdef struct offered:
    heap_event event
    int verdict
    heap_slot victim


cdef struct ticket_of:       # an event, and its slot while it is queued
    uint64_t sequence
    int32_t slot


cdef inline int32_t checked_level(value) except -1:
    cdef int64_t level = whole(value)
    if not 0 <= level < HEAP_LEVELS:
        raise ValueError(f"level is {level}; it must lie in [0, {HEAP_LEVELS})")
    return <int32_t> level


cdef inline int checked_policy(value) except -1:
    cdef int64_t policy = whole(value)
    if not 0 <= policy <= 3:
        raise ValueError(f"{policy} is no policy")
    return <int> policy


cdef inline int fill_policies(int* policies, given) except -1:
    cdef int level
    if not isinstance(given, (tuple, list)):
        given = [given] * HEAP_LEVELS
    if len(given) != HEAP_LEVELS:
        raise ValueError(f"{len(given)} policies; there must be {HEAP_LEVELS}, one a level")
    for level in range(HEAP_LEVELS):
        policies[level] = checked_policy(given[level])
    return 0


cdef inline int checked_end(value, int64_t lowest) except -2:
    cdef int64_t end = whole(value)
    if not lowest <= end < HEAP_ENDS:
        raise ValueError(f"end is {end}; it must lie in [{lowest}, {HEAP_ENDS})")
    return <int> end


cdef inline int32_t checked_level_to_pause(value) except -2:
    cdef int64_t level = whole(value)
    if not 0 <= level <= HEAP_LEVELS:
        raise ValueError(f"level is {level}; it must lie in [0, {HEAP_LEVELS}]")
    return <int32_t> level


cdef inline int32_t checked_type_to_pause(value) except -2:
    cdef int64_t number = whole(value)
    if not -1 <= number < HEAP_TYPES:
        raise ValueError(f"{number} is no type that can be paused")
    return <int32_t> number


cdef inline int32_t checked_file(value) except -2:
    cdef int64_t number = whole(value)
    if not -1 <= number < LAST_SLOT:
        raise ValueError(f"{number} is no file")
    return <int32_t> number


cdef inline ticket_of read_ticket(given) except *:
    cdef ticket_of made
    sequence, slot = given
    cdef int64_t order = whole(sequence), place = whole(slot)
    made.sequence = <uint64_t> order if order >= 0 else UINT64_MAX
    made.slot = <int32_t> place if 0 <= place <= LAST_SLOT else -1
    return made


cdef inline int fill_offer(offered* offer, key, level, arrival_ns) except -1:
    offer.event.key, offer.event.level, offer.event.arrival_ns = whole(key), checked_level(level), whole(arrival_ns)
    offer.event.type_id, offer.event.run, offer.event.has_object = NO_TYPE_ID, offer.event.level, HEAP_OBJECT
    offer.event.intensity = offer.event.timestamp = 0.0
    return 0


cdef inline int fill_type(offered* offer, type_id, intensity) except -1:
    cdef int64_t number = whole(type_id)
    offer.event.intensity = finite(intensity)
    if not NO_TYPE_ID <= number < <int64_t> 2**31:
        raise ValueError(f"{number} is no type")
    offer.event.type_id = <int32_t> number
    return 0


cdef inline int fill_numbers(offered* offers, tuple numbers, Py_ssize_t count) except -1:
    cdef Py_ssize_t index
    if len(numbers) != count:
        raise ValueError("offers and numbers differ in length")
    for index in range(count):
        type_id, intensity = numbers[index]
        fill_type(&offers[index], type_id, intensity)
    return 0


cdef inline int fill_offsets(int64_t* wanted, offsets) except -1:
    cdef tuple given = tuple(offsets)
    cdef int level
    if len(given) != HEAP_LEVELS:
        raise ValueError(f"{len(given)} offsets; there must be {HEAP_LEVELS}, one a level")
    for level in range(HEAP_LEVELS):
        wanted[level] = whole(given[level])
    return 0


cdef inline tuple entry_of(const heap_slot* slot, payload):
    """An entry; one that came as numbers has them for a payload: (type_id, intensity, timestamp)."""
    if not slot.event.has_object:
        payload = (slot.event.type_id, slot.event.intensity, slot.event.timestamp)
    return payload, slot.event.key, slot.event.level, slot.event.arrival_ns, slot.sequence
