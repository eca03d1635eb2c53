"""Offers to the heap as Python gives them, checked, and what the heap says to them, for Python."""

from libc.stdint cimport UINT64_MAX, int32_t, int64_t, uint64_t

from .numbers cimport finite, whole
from ..nogil.heap cimport (
    HEAP_ENDS,
    HEAP_KINDS,
    HEAP_LEVELS,
    HEAP_NO_MEMORY,
    HEAP_OBJECT,
    HEAP_REFUSED,
    HEAP_SHED,
    heap_slot,
)

from ..contract import ADMITTED as _ADMITTED
from ..contract import REFUSED as _REFUSED
from ..contract import SHED_END as _SHED_END

cdef enum:
    NO_KIND = -1
    LAST_SLOT = 0x7fffffff

ADMITTED = _ADMITTED
REFUSED = _REFUSED
if _SHED_END != SHED_END:
    raise ImportError("the twins disagree about the number of the end SHED")


cdef int32_t checked_level(value) except -1:
    cdef int64_t level = whole(value)
    if not 0 <= level < HEAP_LEVELS:
        raise ValueError(f"level is {level}; it must lie in [0, {HEAP_LEVELS})")
    return <int32_t> level


cdef int checked_policy(value) except -1:
    cdef int64_t policy = whole(value)
    if not 0 <= policy <= 3:
        raise ValueError(f"{policy} is no policy")
    return <int> policy


cdef int fill_policies(int* policies, given) except -1:
    cdef int level
    if not isinstance(given, (tuple, list)):
        given = [given] * HEAP_LEVELS
    if len(given) != HEAP_LEVELS:
        raise ValueError(f"{len(given)} policies; there must be {HEAP_LEVELS}, one a level")
    for level in range(HEAP_LEVELS):
        policies[level] = checked_policy(given[level])
    return 0


cdef int checked_end(value, int64_t lowest) except -2:
    cdef int64_t end = whole(value)
    if not lowest <= end < HEAP_ENDS:
        raise ValueError(f"end is {end}; it must lie in [{lowest}, {HEAP_ENDS})")
    return <int> end


cdef int32_t checked_level_to_pause(value) except -2:
    cdef int64_t level = whole(value)
    if not 0 <= level <= HEAP_LEVELS:
        raise ValueError(f"level is {level}; it must lie in [0, {HEAP_LEVELS}]")
    return <int32_t> level


cdef int32_t checked_kind_to_pause(value) except -2:
    cdef int64_t number = whole(value)
    if not -1 <= number < HEAP_KINDS:
        raise ValueError(f"{number} is no kind that can be paused")
    return <int32_t> number


cdef int32_t checked_file(value) except -2:
    cdef int64_t number = whole(value)
    if not -1 <= number < LAST_SLOT:
        raise ValueError(f"{number} is no file")
    return <int32_t> number


cdef ticket_of read_ticket(given) except *:
    cdef ticket_of made
    sequence, slot = given
    cdef int64_t order = whole(sequence), place = whole(slot)
    made.sequence = <uint64_t> order if order >= 0 else UINT64_MAX
    made.slot = <int32_t> place if 0 <= place <= LAST_SLOT else -1
    return made


cdef int fill_offer(offered* offer, key, level, arrival_ns) except -1:
    offer.event.key, offer.event.level, offer.event.arrival_ns = whole(key), checked_level(level), whole(arrival_ns)
    offer.event.kind, offer.event.lane, offer.event.has_object = NO_KIND, offer.event.level, HEAP_OBJECT
    offer.event.intensity = offer.event.timestamp = 0.0
    return 0


cdef int fill_kind(offered* offer, kind, intensity) except -1:
    cdef int64_t number = whole(kind)
    offer.event.intensity = finite(intensity)
    if not NO_KIND <= number < <int64_t> 2**31:
        raise ValueError(f"{number} is no kind")
    offer.event.kind = <int32_t> number
    return 0


cdef int fill_numbers(offered* offers, tuple numbers, Py_ssize_t count) except -1:
    cdef Py_ssize_t index
    if len(numbers) != count:
        raise ValueError("offers and numbers differ in length")
    for index in range(count):
        kind, intensity = numbers[index]
        fill_kind(&offers[index], kind, intensity)
    return 0


cdef int fill_offsets(int64_t* wanted, offsets) except -1:
    cdef tuple given = tuple(offsets)
    cdef int level
    if len(given) != HEAP_LEVELS:
        raise ValueError(f"{len(given)} offsets; there must be {HEAP_LEVELS}, one a level")
    for level in range(HEAP_LEVELS):
        wanted[level] = whole(given[level])
    return 0


cdef object verdict_of(const offered* offer, payload):
    if offer.verdict == HEAP_NO_MEMORY:
        raise MemoryError
    if offer.verdict == HEAP_REFUSED:
        return REFUSED
    if offer.verdict == HEAP_SHED:
        return entry_of(&offer.victim, payload)
    return ADMITTED


cdef tuple entry_of(const heap_slot* slot, payload):
    """An entry; one that came as numbers has them for a payload: (kind, intensity, timestamp)."""
    if not slot.event.has_object:
        payload = (slot.event.kind, slot.event.intensity, slot.event.timestamp)
    return payload, slot.event.key, slot.event.level, slot.event.arrival_ns, slot.sequence
