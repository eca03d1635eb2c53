"""Pausing: events of paused levels and types, and held events, wait aside of the heap's order. Not one Python object.

To pause is O(1): a paused event is set aside when it comes first in the order, at most HEAP_SETTLED of them in one
critical section. To go on puts the events back into the order, in O(k log n) for k of them.
"""

from libc.stdint cimport int32_t

from ..nogil.heap cimport HEAP_SETTLED, HEAP_TYPES, event_heap
from ..nogil.order cimport (
    HEAP_LEVELS, IN_HEAP, PAUSED, order_add_again, order_head, order_is_stale, order_remove, order_reserve,
    order_reserve_aside, order_set_aside, order_slot, order_tag,
)


cdef inline bint heap_is_paused(event_heap* heap, int32_t slot) noexcept nogil:
    """Return whether the level or the type of an event is paused."""
    cdef int32_t level = heap.slots[slot].event.level, type_id = heap.slots[slot].event.type_id
    if heap.all_paused:
        return True
    return (heap.paused_levels >> level & 1) != 0 or (0 <= type_id < HEAP_TYPES and heap.paused_types[type_id] != 0)


cdef inline void heap_set_paused(event_heap* heap, int32_t level, int32_t type_id, bint paused) noexcept nogil:
    """Note a pause or its end: of a level, all of them (HEAP_LEVELS), or a type; the other is < 0."""
    if level == HEAP_LEVELS and heap.all_paused != paused:
        heap.all_paused = paused
        heap.paused_count += 1 if paused else -1
    elif 0 <= level < HEAP_LEVELS and (heap.paused_levels >> level & 1) != paused:
        heap.paused_levels ^= 1 << level
        heap.paused_count += 1 if paused else -1
    if 0 <= type_id < HEAP_TYPES and heap.paused_types[type_id] != paused:
        heap.paused_types[type_id] = paused
        heap.paused_count += 1 if paused else -1


cdef inline int32_t heap_first_unpaused(event_heap* heap, int32_t* run) noexcept nogil:
    """Return the first event that is not paused, or -1; set those before it aside, at most HEAP_SETTLED in one call."""
    cdef int32_t slot, settled = 0
    while heap.queued > heap.aside:
        slot = order_head(&heap.order, run)
        if not heap_is_paused(heap, slot):
            return slot
        if settled == HEAP_SETTLED or order_reserve_aside(&heap.order) != 0:
            heap.unsettled = settled == HEAP_SETTLED
            return -1
        order_set_aside(&heap.order, order_tag(&heap.order, slot))
        order_remove(&heap.order, run[0])
        heap.slots[slot].event.run = PAUSED
        heap.aside += 1
        settled += 1
    return -1


cdef inline void heap_return(event_heap* heap, int32_t slot) noexcept nogil:
    """Put an event back into the order; after `order_reserve`. Its entry aside is stale then. O(log n)."""
    heap.slots[slot].event.run = IN_HEAP
    heap.aside -= 1
    order_add_again(&heap.order, slot)


cdef inline int heap_return_unpaused(event_heap* heap) noexcept nogil:
    """Put the events that are no longer paused back into the order; -1 without memory, else 0. O(aside log n)."""
    cdef int32_t place = 0, slot
    while place < heap.order.aside_length:
        if order_is_stale(&heap.order, &heap.order.aside[place]):
            heap.order.aside_length -= 1
            heap.order.aside[place] = heap.order.aside[heap.order.aside_length]
            continue
        slot = order_slot(&heap.order, &heap.order.aside[place])
        if heap.slots[slot].event.run == PAUSED and not heap_is_paused(heap, slot):
            if order_reserve(&heap.order, heap.accepted) != 0:
                return -1
            heap_return(heap, slot)
        else:
            place += 1
    return 0


cdef inline int heap_return_all(event_heap* heap) noexcept nogil:
    """Put every event aside back into the order, held ones too; -1 without memory, else 0. O(aside log n)."""
    cdef int32_t place, slot
    if order_reserve(&heap.order, heap.accepted) != 0:      # now: new numbers in the loop would change `aside`
        return -1
    for place in range(heap.order.aside_length):
        if order_is_stale(&heap.order, &heap.order.aside[place]):
            continue
        slot = order_slot(&heap.order, &heap.order.aside[place])
        if order_reserve(&heap.order, heap.accepted) != 0:
            return -1
        heap_return(heap, slot)
    heap.order.aside_length = 0
    return 0


cdef inline int32_t heap_count_aside(event_heap* heap) noexcept nogil:
    """Return how many entries aside are not stale. O(aside)."""
    cdef int32_t place, waiting = 0
    for place in range(heap.order.aside_length):
        waiting += not order_is_stale(&heap.order, &heap.order.aside[place])
    return waiting
