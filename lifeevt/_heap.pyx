"""The heap below `_core_heap.EventHeap`; its contract stands in `_heap.pxd`."""

from libc.stdint cimport INT32_MAX, UINT64_MAX, int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from ._looks cimport show
from ._order cimport (
    DEAD_ALLOWED,
    difference,
    heap_event,
    order_add,
    order_clear,
    order_forget,
    order_head,
    order_init,
    order_living,
    order_key,
    order_ready,
    order_ready_to_shift,
    order_rebuild,
    order_remove,
    order_shift,
    order_sound,
    sum_within,
)
from ._pages cimport pages_free, pages_ready, pages_reserve

cdef enum:
    NOWHERE = -1


cdef int heap_init(event_heap* heap, int32_t capacity) noexcept nogil:
    cdef int32_t slot_bits = 1
    while (<int64_t> 1 << slot_bits) < min(2 * <int64_t> capacity + HEAP_SPARE, <int64_t> INT32_MAX):
        slot_bits += 1
    return heap_init_tagged(heap, capacity, slot_bits)


cdef int heap_init_tagged(event_heap* heap, int32_t capacity, int32_t slot_bits) noexcept nogil:
    """Like `heap_init`, which chooses `slot_bits`: with many of them, the numbers for sequences soon run out."""
    cdef size_t slots = min(2 * <size_t> capacity + HEAP_SPARE, <size_t> INT32_MAX, <size_t> 1 << slot_bits)
    cdef int level
    memset(heap, 0, sizeof(event_heap))
    pthread_mutex_init(&heap.mutex, NULL)
    heap.capacity = capacity
    heap.free_slot = heap.stale_slot = NOWHERE
    for level in range(HEAP_LEVELS):
        heap.oldest[level] = heap.newest[level] = NOWHERE
    if pages_reserve(&heap.slot_pages, slots * sizeof(heap_slot)) != 0:
        return -1
    heap.slots = <heap_slot*> heap.slot_pages.start
    return order_init(&heap.order, heap.slots, capacity, slot_bits)


cdef void heap_clear(event_heap* heap) noexcept nogil:
    order_clear(&heap.order)
    pages_free(&heap.slot_pages)
    pthread_mutex_destroy(&heap.mutex)
    memset(heap, 0, sizeof(event_heap))


cdef int heap_offer(
    event_heap* heap, const heap_event* event, int policy, int shed_end, int32_t* slot, heap_slot* victim,
) noexcept nogil:
    """On HEAP_SHED the new event stands in its victim's slot; `victim` holds what stood there."""
    cdef int verdict = HEAP_ADMITTED
    cdef int32_t shed = NOWHERE
    if order_ready(&heap.order, heap.accepted) != 0:
        return HEAP_NO_MEMORY       # before anything is shed: no victim may be forgotten
    if heap.queued >= heap.capacity:
        shed = _victim(heap, event.level, policy)
        if shed == NOWHERE:
            heap.refused += policy != HEAP_WAIT
            return HEAP_REFUSED
        victim[0] = heap.slots[shed]
        _shed(heap, shed)
        heap.ends[shed_end] += 1
        verdict = HEAP_SHED
    slot[0] = _take_slot(heap, event.has_object) if shed == NOWHERE else shed
    if slot[0] == NOWHERE:
        return HEAP_NO_MEMORY
    _enter(heap, slot[0], event)
    return verdict


cdef int32_t heap_head(event_heap* heap) noexcept nogil:
    """The slot of the most urgent event, or -1."""
    cdef int32_t lane
    return order_head(&heap.order, &lane) if heap.queued > 0 else NOWHERE


cdef int32_t heap_pop(event_heap* heap, int32_t above, int end, heap_slot* out) noexcept nogil:
    """Remove the head when its level is below `above`; end < 0 means that it runs. -1: nothing.

    Its slot stays taken until `heap_release`.
    """
    cdef int32_t slot, lane
    if heap.queued == 0:
        return NOWHERE
    slot = order_head(&heap.order, &lane)
    if heap.slots[slot].event.level >= above:
        return NOWHERE
    out[0] = heap.slots[slot]
    order_remove(&heap.order, lane)
    _leave(heap, slot)
    if end < 0:
        heap.running += 1
    else:
        heap.ends[end] += 1
    return slot


cdef void heap_release(event_heap* heap, int32_t slot) noexcept nogil:
    """Give a slot back that is not queued."""
    heap.slots[slot].newer = heap.free_slot
    heap.free_slot = slot


cdef void heap_abandon(event_heap* heap, int32_t slot) noexcept nogil:
    """Like `heap_release`, by one who cannot drop what is kept for the slot: it becomes stale."""
    if not heap.slots[slot].event.has_object:
        heap_release(heap, slot)
        return
    heap.slots[slot].newer = heap.stale_slot
    show(&heap.stale_slot, slot)


cdef int32_t heap_next_stale(event_heap* heap) noexcept nogil:
    """Release one stale slot and return it, or -1: the caller then drops what it keeps for it."""
    cdef int32_t slot = heap.stale_slot
    if slot != NOWHERE:
        show(&heap.stale_slot, heap.slots[slot].newer)
        heap.slots[slot].event.has_object = False
        heap_release(heap, slot)
    return slot


cdef int32_t heap_keep(event_heap* heap) noexcept nogil:
    """Take a slot for something that is not queued; -1 without memory, or when `HEAP_SPARE` are kept."""
    return _take_slot(heap, True)


cdef int heap_finish(event_heap* heap, int end) noexcept nogil:
    if heap.running == 0:
        return -1
    heap.running -= 1
    heap.ends[end] += 1
    return 0


cdef uint32_t* heap_nudge(event_heap* heap) noexcept nogil:
    """Let everybody look again: the caller wakes those of `epoch`, and of the word returned, once outside."""
    LIFEEVT_PUT_WORD(&heap.epoch, heap.epoch + 1)
    if heap.sleeper != NULL:
        LIFEEVT_PUT_WORD(heap.sleeper, HEAP_AWAKE)
    return heap.sleeper


cdef int heap_shift(event_heap* heap, const int64_t* offsets) noexcept nogil:
    """Let every level stand behind its keys by its offset, also what waits; 0, or -1 and nothing has changed. O(n)."""
    return order_shift(&heap.order, offsets)


cdef int64_t heap_postpone(event_heap* heap, int64_t before, int64_t by_ns, int32_t level) noexcept nogil:
    """Give those of `level` and below whose key is before `before` a later one, once; how many, or -1. O(n)."""
    cdef int32_t height, slot
    cdef int64_t moved = 0
    if order_ready_to_shift(&heap.order) != 0:
        return -1
    for height in range(level, HEAP_LEVELS):
        slot = heap.oldest[height]
        while slot != NOWHERE:
            moved += _postponed(&heap.slots[slot].event, before, by_ns)
            slot = heap.slots[slot].newer
    if moved > 0:
        order_shift(&heap.order, heap.order.offsets)
    return moved


cdef bint _postponed(heap_event* event, int64_t before, int64_t by_ns) noexcept nogil:
    if event.key >= before or difference(event.key, event.arrival_ns) >= by_ns:
        return False
    event.key = sum_within(event.key, by_ns)
    return True


cdef int heap_check(event_heap* heap) noexcept nogil:
    """0 when sound; 1: a rank is out of order; 2: entries and levels disagree; 3: the ledger does."""
    cdef int32_t listed = 0
    cdef int level
    cdef uint64_t total = heap.running + <uint64_t> heap.queued
    if not order_sound(&heap.order):
        return 1
    for level in range(HEAP_LEVELS):
        listed += _list_length(heap, level)
        if heap.depth[level] != _list_length(heap, level):
            return 2
    for level in range(HEAP_ENDS):
        total += heap.ends[level]
    if order_living(&heap.order) != heap.queued or listed != heap.queued:
        return 2
    return 0 if total == heap.accepted else 3


cdef int32_t _list_length(event_heap* heap, int level) noexcept nogil:
    cdef int32_t slot = heap.oldest[level], length = 0
    while slot != NOWHERE and length <= heap.queued:
        length += 1
        slot = heap.slots[slot].newer
    return length


cdef int32_t _victim(event_heap* heap, int32_t level, int policy) noexcept nogil:
    cdef int32_t lowest = HEAP_LEVELS - 1
    while heap.depth[lowest] == 0:
        lowest -= 1
    if policy == HEAP_REJECT or policy == HEAP_WAIT or lowest < level:
        return NOWHERE
    if policy == HEAP_DROP_LOWEST and lowest == level:
        return NOWHERE
    return heap.oldest[lowest] if policy == HEAP_DROP_OLDEST else heap.newest[lowest]


cdef void _shed(event_heap* heap, int32_t slot) noexcept nogil:
    order_forget(&heap.order, slot)
    _leave(heap, slot)
    if heap.order.dead > heap.queued + DEAD_ALLOWED:
        order_rebuild(&heap.order)


cdef inline void _enter(event_heap* heap, int32_t slot, const heap_event* event) noexcept nogil:
    cdef heap_slot* entry = &heap.slots[slot]
    entry.event = event[0]
    entry.sequence = heap.accepted
    _append_to_level(heap, slot, event.level)
    order_add(&heap.order, order_key(&heap.order, event), heap.accepted, slot, event.lane)
    heap.accepted += 1
    show(&heap.queued, heap.queued + 1)
    if heap.queued > heap.high_water:
        heap.high_water = heap.queued


cdef void _leave(event_heap* heap, int32_t slot) noexcept nogil:
    cdef heap_slot* entry = &heap.slots[slot]
    cdef int32_t level = entry.event.level
    if entry.older == NOWHERE:
        heap.oldest[level] = entry.newer
    else:
        heap.slots[entry.older].newer = entry.newer
    if entry.newer == NOWHERE:
        heap.newest[level] = entry.older
    else:
        heap.slots[entry.newer].older = entry.older
    heap.depth[level] -= 1
    show(&heap.queued, heap.queued - 1)
    entry.sequence = UINT64_MAX


cdef void _append_to_level(event_heap* heap, int32_t slot, int32_t level) noexcept nogil:
    heap.slots[slot].older = heap.newest[level]
    heap.slots[slot].newer = NOWHERE
    if heap.newest[level] == NOWHERE:
        heap.oldest[level] = slot
    else:
        heap.slots[heap.newest[level]].newer = slot
    heap.newest[level] = slot
    heap.depth[level] += 1


cdef int32_t _take_slot(event_heap* heap, bint has_object) noexcept nogil:
    """A slot: a stale one only for a caller who will put something new where the old thing is."""
    cdef int32_t slot
    if has_object and heap.stale_slot != NOWHERE:
        heap_next_stale(heap)
    slot = heap.free_slot
    if slot != NOWHERE:
        heap.free_slot = heap.slots[slot].newer
        return slot
    if heap.slots_made == heap.slots_room:
        if pages_ready(&heap.slot_pages, (<size_t> heap.slots_made + 1) * sizeof(heap_slot)) != 0:
            return NOWHERE
        heap.slots_room = <int32_t> min(
            heap.slot_pages.ready // sizeof(heap_slot), <size_t> 1 << heap.order.slot_bits, <size_t> INT32_MAX
        )
    heap.slots[heap.slots_made].sequence = UINT64_MAX
    show(&heap.slots_made, heap.slots_made + 1)
    return heap.slots_made - 1
