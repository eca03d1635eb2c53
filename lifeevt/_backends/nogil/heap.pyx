"""The heap below `_core_heap.EventHeap`; its contract stands in `_heap.pxd`."""

from libc.stdint cimport INT32_MAX, UINT64_MAX, int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from ..nogil.atomics cimport RELAXED, SEQ_CST, store_i32, store_u32
from ..nogil.order cimport (
    FROM_HEAP,
    HELD,
    PARKED,
    difference,
    heap_event,
    order_add,
    order_add_again,
    order_arrange,
    order_aside_ready,
    order_clear,
    order_head,
    order_init,
    order_living,
    order_key,
    order_ready,
    order_ready_to_shift,
    order_remove,
    order_set_aside,
    order_shift,
    order_slot,
    order_sound,
    order_stale,
    order_sweep_aside,
    order_tag,
    sum_within,
)
from ..nogil.compaction cimport order_forget, order_sweep
from ..nogil.reserved_memory cimport pages_free, pages_ready, pages_reserve

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
    heap.signal = -1
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


cdef void heap_renew(event_heap* heap) noexcept nogil:
    """In the child of a fork: nobody else is inside, and nobody watches."""
    pthread_mutex_init(&heap.mutex, NULL)
    heap.watchers = heap.idle_watchers = 0


cdef int heap_offer(
    event_heap* heap, const heap_event* event, int policy, int shed_end, int32_t* slot, heap_slot* victim,
) noexcept nogil:
    """On HEAP_SHED the new event stands in its victim's slot; `victim` holds what stood there."""
    cdef int verdict = HEAP_ADMITTED
    cdef int32_t shed = NOWHERE
    if order_ready(&heap.order, heap.accepted) != 0 or event.lane <= PARKED and order_aside_ready(&heap.order) != 0:
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
    """The slot of the most urgent event that may leave, or -1, which is no last word when `unsettled`."""
    cdef int32_t lane
    return _head(heap, &lane)


cdef int32_t heap_pop(event_heap* heap, int32_t above, int end, heap_slot* out) noexcept nogil:
    """Remove the head when its level is below `above`; end < 0 means that it runs. -1: nothing.

    Its slot stays taken until `heap_release`.
    """
    cdef int32_t slot, lane
    slot = _head(heap, &lane)
    if slot == NOWHERE or heap.slots[slot].event.level >= above:
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
    if heap.slots[slot].event.has_object == 0:
        heap_release(heap, slot)
        return
    heap.slots[slot].newer = heap.stale_slot
    store_i32(&heap.stale_slot, slot, RELAXED)


cdef int32_t heap_next_stale(event_heap* heap) noexcept nogil:
    """Release one stale slot and return it, or -1: the caller then drops what it keeps for it."""
    cdef int32_t slot = heap.stale_slot
    if slot != NOWHERE:
        store_i32(&heap.stale_slot, heap.slots[slot].newer, RELAXED)
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


cdef bint heap_holds(event_heap* heap, int32_t slot, uint64_t sequence) noexcept nogil:
    """Whether a ticket is good: its event is queued."""
    return 0 <= slot < heap.slots_made and sequence != UINT64_MAX and heap.slots[slot].sequence == sequence


cdef void heap_withdraw(event_heap* heap, int32_t slot, int end, heap_slot* out) noexcept nogil:
    """Take out an event before its turn, and end it; its slot stays taken until `heap_release`. O(log n)."""
    out[0] = heap.slots[slot]
    _shed(heap, slot)
    heap.ends[end] += 1


cdef int heap_replace(event_heap* heap, int32_t slot, const heap_event* event) noexcept nogil:
    """Let another event stand where one is queued: 0, or -1 without memory. O(log n).

    It has the sequence and the arrival of the one before, and its key and its level, but for what is more urgent
    in its own; its place is never a later one.
    """
    cdef heap_slot* entry = &heap.slots[slot]
    cdef heap_event made = event[0]
    cdef bint aside = entry.event.lane <= PARKED, advances
    if order_ready(&heap.order, heap.accepted) != 0:
        return -1
    made.key, made.level = min(event.key, entry.event.key), min(event.level, entry.event.level)
    if order_key(&heap.order, &made) > order_key(&heap.order, &entry.event):
        made.key, made.level = entry.event.key, entry.event.level
    advances = order_key(&heap.order, &made) < order_key(&heap.order, &entry.event) and not aside
    if advances:
        order_forget(&heap.order, slot)
    if made.level != entry.event.level:
        _leave_level(heap, slot)
        _append_to_level(heap, slot, made.level)
    entry.event.key, entry.event.level = made.key, made.level
    entry.event.kind, entry.event.intensity = event.kind, event.intensity
    entry.event.has_object = event.has_object
    if advances:
        entry.event.lane = FROM_HEAP
        order_add_again(&heap.order, slot)
        order_sweep(&heap.order)
    elif entry.event.lane == PARKED and not _is_paused(heap, slot):
        _return(heap, slot)
    return 0


cdef int heap_bring_back(event_heap* heap, int32_t slot) noexcept nogil:
    """Let an event leave that was held: 0, or -1 without memory. O(log n)."""
    if heap.slots[slot].event.lane != HELD:
        return 0
    if order_ready(&heap.order, heap.accepted) != 0:
        return -1
    _return(heap, slot)
    order_sweep_aside(&heap.order, heap.aside)
    return 0


cdef int heap_pause(event_heap* heap, int32_t level, int32_t kind, bint paused) noexcept nogil:
    """Let no event of a level, or of a kind (the other is < 0), leave, or let them again: 0, or -1 without memory.

    The level HEAP_LEVELS is all of them, beside what is paused by itself.
    O(1) to pause; what is paused is set aside when it comes first, in O(log n). O(k log n) to go on.
    """
    if level == HEAP_LEVELS and heap.all_paused != paused:
        heap.all_paused = paused
        heap.paused_count += 1 if paused else -1
    elif 0 <= level < HEAP_LEVELS and (heap.paused_levels >> level & 1) != paused:
        heap.paused_levels ^= 1 << level
        heap.paused_count += 1 if paused else -1
    if kind >= 0 and heap.paused_kinds[kind] != paused:
        heap.paused_kinds[kind] = paused
        heap.paused_count += 1 if paused else -1
    return 0 if paused else _unpark(heap)


cdef int heap_open(event_heap* heap) noexcept nogil:
    """Let everybody leave, also those that are held: 0, or -1 without memory. What is paused stays named."""
    cdef int32_t place, slot
    if order_ready(&heap.order, heap.accepted) != 0:    # or new numbers would move what waits, in the middle
        return -1
    for place in range(heap.order.aside_length):
        if order_stale(&heap.order, &heap.order.aside[place]):
            continue
        slot = order_slot(&heap.order, &heap.order.aside[place])
        if order_ready(&heap.order, heap.accepted) != 0:
            return -1
        _return(heap, slot)
    heap.order.aside_length = 0
    return 0


cdef uint64_t heap_book(event_heap* heap, int end) noexcept nogil:
    """Count an event that was accepted and ended at once, without a place; its sequence."""
    heap.ends[end] += 1
    heap.accepted += 1
    return heap.accepted - 1


cdef uint32_t* heap_nudge(event_heap* heap) noexcept nogil:
    """Let everybody look again: the caller wakes those of `epoch`, and of the word returned, once outside."""
    store_u32(&heap.epoch, heap.epoch + 1, SEQ_CST)
    if heap.sleeper != NULL:
        store_u32(heap.sleeper, HEAP_AWAKE, SEQ_CST)
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
        order_arrange(&heap.order)
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
    if order_living(&heap.order) != heap.queued - heap.aside or listed != heap.queued:
        return 2
    if _waiting_aside(heap) < heap.aside:
        return 2
    return 0 if total == heap.accepted else 3


cdef inline int32_t _head(event_heap* heap, int32_t* lane) noexcept nogil:
    """The first that may leave, or -1."""
    heap.unsettled = False
    if heap.queued == heap.aside:
        return NOWHERE
    return order_head(&heap.order, lane) if heap.paused_count == 0 else _settle(heap, lane)


cdef int32_t _settle(event_heap* heap, int32_t* lane) noexcept nogil:
    """The first that is not paused, or -1; those before it are set aside, but not too many in one stay."""
    cdef int32_t slot, settled = 0
    while heap.queued > heap.aside:
        slot = order_head(&heap.order, lane)
        if not _is_paused(heap, slot):
            return slot
        if settled == HEAP_SETTLED or order_aside_ready(&heap.order) != 0:
            heap.unsettled = settled == HEAP_SETTLED
            return NOWHERE
        order_set_aside(&heap.order, order_tag(&heap.order, slot))
        order_remove(&heap.order, lane[0])
        heap.slots[slot].event.lane = PARKED
        heap.aside += 1
        settled += 1
    return NOWHERE


cdef inline bint _is_paused(event_heap* heap, int32_t slot) noexcept nogil:
    cdef int32_t level = heap.slots[slot].event.level, kind = heap.slots[slot].event.kind
    if heap.all_paused:
        return True
    return (heap.paused_levels >> level & 1) != 0 or (0 <= kind < HEAP_KINDS and heap.paused_kinds[kind] != 0)


cdef int _unpark(event_heap* heap) noexcept nogil:
    """Let everybody aside leave whom nothing keeps there any more."""
    cdef int32_t place = 0, slot
    while place < heap.order.aside_length:
        if order_stale(&heap.order, &heap.order.aside[place]):
            heap.order.aside_length -= 1
            heap.order.aside[place] = heap.order.aside[heap.order.aside_length]
            continue
        slot = order_slot(&heap.order, &heap.order.aside[place])
        if heap.slots[slot].event.lane == PARKED and not _is_paused(heap, slot):
            if order_ready(&heap.order, heap.accepted) != 0:
                return -1
            _return(heap, slot)     # its rank here is stale now
        else:
            place += 1
    return 0


cdef inline void _return(event_heap* heap, int32_t slot) noexcept nogil:
    heap.slots[slot].event.lane = FROM_HEAP
    heap.aside -= 1
    order_add_again(&heap.order, slot)


cdef inline uint64_t _new_tag(event_heap* heap, int32_t slot) noexcept nogil:
    return ((heap.accepted - heap.order.base) << heap.order.slot_bits) | <uint64_t> slot


cdef int32_t _waiting_aside(event_heap* heap) noexcept nogil:
    cdef int32_t place, waiting = 0
    for place in range(heap.order.aside_length):
        waiting += not order_stale(&heap.order, &heap.order.aside[place])
    return waiting


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
    heap.aside -= heap.slots[slot].event.lane <= PARKED
    _leave(heap, slot)
    if heap.order.dead > 0:
        order_sweep(&heap.order)
    if heap.order.aside_length > heap.aside:
        order_sweep_aside(&heap.order, heap.aside)


cdef inline void _enter(event_heap* heap, int32_t slot, const heap_event* event) noexcept nogil:
    cdef heap_slot* entry = &heap.slots[slot]
    cdef int32_t queued
    entry.event = event[0]
    entry.sequence = heap.accepted
    _append_to_level(heap, slot, event.level)
    if event.lane > PARKED:
        order_add(&heap.order, order_key(&heap.order, event), heap.accepted, slot, event.lane)
    elif event.lane == HELD:
        order_set_aside(&heap.order, _new_tag(heap, slot))
        heap.aside += 1
    else:
        entry.event.lane = FROM_HEAP        # a number below that says what is aside
        order_add_again(&heap.order, slot)
    heap.accepted += 1
    queued = heap.queued + 1
    store_i32(&heap.queued, queued, RELAXED)
    if queued > heap.high_water:
        heap.high_water = queued


cdef inline void _leave(event_heap* heap, int32_t slot) noexcept nogil:
    _leave_level(heap, slot)
    store_i32(&heap.queued, heap.queued - 1, RELAXED)
    heap.slots[slot].sequence = UINT64_MAX


cdef inline void _leave_level(event_heap* heap, int32_t slot) noexcept nogil:
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


cdef inline void _append_to_level(event_heap* heap, int32_t slot, int32_t level) noexcept nogil:
    heap.slots[slot].older = heap.newest[level]
    heap.slots[slot].newer = NOWHERE
    if heap.newest[level] == NOWHERE:
        heap.oldest[level] = slot
    else:
        heap.slots[heap.newest[level]].newer = slot
    heap.newest[level] = slot
    heap.depth[level] += 1


cdef inline int32_t _take_slot(event_heap* heap, bint has_object) noexcept nogil:
    """A slot, or -1: a stale one only for a caller who will put something new where the old thing is."""
    cdef int32_t slot = heap.free_slot
    if slot == NOWHERE or heap.stale_slot != NOWHERE:
        return _find_slot(heap, has_object)
    heap.free_slot = heap.slots[slot].newer
    return slot


cdef int32_t _find_slot(event_heap* heap, bint has_object) noexcept nogil:
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
    store_i32(&heap.slots_made, heap.slots_made + 1, RELAXED)
    return heap.slots_made - 1
