"""The steps of the heap that need the mutex; `heap.pxd` says what the heap is."""

from libc.stdint cimport INT32_MAX, UINT64_MAX, int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from ..nogil.atomics cimport RELAXED, SEQ_CST, store_i32, store_u32
from ..nogil.order cimport (
    HELD, IN_HEAP, PAUSED, difference, heap_event, order_add, order_add_again, order_arrange, order_clear,
    order_compact, order_compact_aside, order_count_live, order_discard, order_head, order_init, order_is_sound,
    order_key, order_remove, order_reserve, order_reserve_aside, order_reserve_shift, order_set_aside, order_shift,
    order_tag, sum_within,
)
from ..nogil.pausing cimport (
    heap_count_aside, heap_first_unpaused, heap_is_paused, heap_return, heap_return_unpaused, heap_set_paused,
)
from ..nogil.reserved_memory cimport memory_commit, memory_free, memory_reserve

cdef enum:
    NOWHERE = -1


cdef int heap_init(event_heap* heap, int32_t capacity) noexcept nogil:
    """Make an empty heap; -1 without memory, else 0."""
    cdef int32_t slot_bits = 1
    while (<int64_t> 1 << slot_bits) < min(2 * <int64_t> capacity + HEAP_SPARE, <int64_t> INT32_MAX):
        slot_bits += 1
    return heap_init_tagged(heap, capacity, slot_bits)


cdef int heap_init_tagged(event_heap* heap, int32_t capacity, int32_t slot_bits) noexcept nogil:
    """Like `heap_init`, with a choice of `slot_bits`: the more of them, the sooner the order renumbers its entries."""
    cdef size_t slots = min(2 * <size_t> capacity + HEAP_SPARE, <size_t> INT32_MAX, <size_t> 1 << slot_bits)
    cdef int level
    memset(heap, 0, sizeof(event_heap))
    pthread_mutex_init(&heap.mutex, NULL)
    heap.capacity = capacity
    heap.signal = -1
    heap.free_slot = heap.stale_slot = NOWHERE
    for level in range(HEAP_LEVELS):
        heap.oldest[level] = heap.newest[level] = NOWHERE
    if memory_reserve(&heap.slot_memory, slots * sizeof(heap_slot)) != 0:
        return -1
    heap.slots = <heap_slot*> heap.slot_memory.start
    return order_init(&heap.order, heap.slots, capacity, slot_bits)


cdef void heap_clear(event_heap* heap) noexcept nogil:
    """Free the memory."""
    order_clear(&heap.order)
    memory_free(&heap.slot_memory)
    pthread_mutex_destroy(&heap.mutex)
    memset(heap, 0, sizeof(event_heap))


cdef void heap_reset_after_fork(event_heap* heap) noexcept nogil:
    """Make the mutex and the counts of watchers anew, in the child of a fork, which has one thread."""
    pthread_mutex_init(&heap.mutex, NULL)
    heap.watchers = heap.idle_watchers = 0


cdef int heap_offer(
    event_heap* heap, const heap_event* event, int policy, int shed_end, int32_t* slot, heap_slot* victim,
) noexcept nogil:
    """Queue an event; return a `heap_verdict`. On HEAP_SHED it has the slot of its victim, a copy of which is kept."""
    cdef int verdict = HEAP_ADMITTED
    cdef int32_t shed = NOWHERE
    if order_reserve(&heap.order, heap.accepted) != 0 or event.run <= PAUSED and order_reserve_aside(&heap.order) != 0:
        return HEAP_NO_MEMORY       # before any event is shed, or its end would be lost
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
    """Return the slot of the first event that may leave, or -1, which is not final when `unsettled`. O(log n)."""
    cdef int32_t run
    return _head(heap, &run)


cdef int32_t heap_pop(event_heap* heap, int32_t above, int end, heap_slot* out) noexcept nogil:
    """Remove the head if its level is below `above`, and end it, or let it run (`end` < 0); -1 if there is none.

    Its slot stays taken until `heap_release`.
    """
    cdef int32_t slot, run
    slot = _head(heap, &run)
    if slot == NOWHERE or heap.slots[slot].event.level >= above:
        return NOWHERE
    out[0] = heap.slots[slot]
    order_remove(&heap.order, run)
    _leave(heap, slot)
    if end < 0:
        heap.running += 1
    else:
        heap.ends[end] += 1
    return slot


cdef void heap_release(event_heap* heap, int32_t slot) noexcept nogil:
    """Give back a slot that is not queued. O(1)."""
    heap.slots[slot].newer = heap.free_slot
    heap.free_slot = slot


cdef void heap_abandon(event_heap* heap, int32_t slot) noexcept nogil:
    """Release a slot as stale: the caller, without the GIL, cannot drop the object of it. O(1)."""
    if heap.slots[slot].event.has_object == 0:
        heap_release(heap, slot)
        return
    heap.slots[slot].newer = heap.stale_slot
    store_i32(&heap.stale_slot, slot, RELAXED)


cdef int32_t heap_next_stale(event_heap* heap) noexcept nogil:
    """Release one stale slot and return it, for the caller to drop its object; or return -1. O(1)."""
    cdef int32_t slot = heap.stale_slot
    if slot != NOWHERE:
        store_i32(&heap.stale_slot, heap.slots[slot].newer, RELAXED)
        heap.slots[slot].event.has_object = False
        heap_release(heap, slot)
    return slot


cdef int32_t heap_keep(event_heap* heap) noexcept nogil:
    """Take a slot for something that is not queued; -1 without memory, or when HEAP_SPARE are kept."""
    return _take_slot(heap, True)


cdef int heap_finish(event_heap* heap, int end) noexcept nogil:
    """Move one running event to its end; -1 when none is running, else 0."""
    if heap.running == 0:
        return -1
    heap.running -= 1
    heap.ends[end] += 1
    return 0


cdef bint heap_holds(event_heap* heap, int32_t slot, uint64_t sequence) noexcept nogil:
    """Return whether the event of a ticket is queued."""
    return 0 <= slot < heap.slots_made and sequence != UINT64_MAX and heap.slots[slot].sequence == sequence


cdef void heap_withdraw(event_heap* heap, int32_t slot, int end, heap_slot* out) noexcept nogil:
    """Remove an event before its turn, and end it; its slot stays taken until `heap_release`. O(log n)."""
    out[0] = heap.slots[slot]
    _shed(heap, slot)
    heap.ends[end] += 1


cdef int heap_replace(event_heap* heap, int32_t slot, const heap_event* event) noexcept nogil:
    """Put another event in the place of a queued one; -1 without memory, else 0. O(log n).

    It takes over the sequence and the arrival, and of key and level the more urgent ones; so its turn is never later.
    """
    cdef heap_slot* stored = &heap.slots[slot]
    cdef heap_event made = event[0]
    cdef bint aside = stored.event.run <= PAUSED, advances
    if order_reserve(&heap.order, heap.accepted) != 0:
        return -1
    made.key, made.level = min(event.key, stored.event.key), min(event.level, stored.event.level)
    if order_key(&heap.order, &made) > order_key(&heap.order, &stored.event):
        made.key, made.level = stored.event.key, stored.event.level
    advances = order_key(&heap.order, &made) < order_key(&heap.order, &stored.event) and not aside
    if advances:
        order_discard(&heap.order, slot)
    if made.level != stored.event.level:
        _leave_level(heap, slot)
        _append_to_level(heap, slot, made.level)
    stored.event.key, stored.event.level = made.key, made.level
    stored.event.type_id, stored.event.intensity = event.type_id, event.intensity
    stored.event.has_object = event.has_object
    if advances:
        stored.event.run = IN_HEAP
        order_add_again(&heap.order, slot)
        order_compact(&heap.order)
    elif stored.event.run == PAUSED and not heap_is_paused(heap, slot):
        heap_return(heap, slot)
    return 0


cdef int heap_bring_back(event_heap* heap, int32_t slot) noexcept nogil:
    """Let a held event leave when its turn comes; -1 without memory, else 0. O(log n)."""
    if heap.slots[slot].event.run != HELD:
        return 0
    if order_reserve(&heap.order, heap.accepted) != 0:
        return -1
    heap_return(heap, slot)
    order_compact_aside(&heap.order, heap.aside)
    return 0


cdef int heap_pause(event_heap* heap, int32_t level, int32_t type_id, bint paused) noexcept nogil:
    """Pause a level, all of them (HEAP_LEVELS) or a type, or let its events leave again; -1 without memory, else 0."""
    heap_set_paused(heap, level, type_id, paused)
    return 0 if paused else heap_return_unpaused(heap)


cdef uint64_t heap_book(event_heap* heap, int end) noexcept nogil:
    """Count an event that was accepted and ended at once, without a slot; return its sequence. O(1)."""
    heap.ends[end] += 1
    heap.accepted += 1
    return heap.accepted - 1


cdef uint32_t* heap_wake_all(event_heap* heap) noexcept nogil:
    """Change the words of the watchers and of the worker; the caller wakes them after `heap_leave`.

    Returns the worker's word, or NULL.
    """
    store_u32(&heap.epoch, heap.epoch + 1, SEQ_CST)
    if heap.sleeper != NULL:
        store_u32(heap.sleeper, HEAP_AWAKE, SEQ_CST)
    return heap.sleeper


cdef int heap_shift(event_heap* heap, const int64_t* offsets) noexcept nogil:
    """Change the offsets of the levels, also for queued events; -1, and no change, without memory, else 0. O(n)."""
    return order_shift(&heap.order, offsets)


cdef int64_t heap_postpone(event_heap* heap, int64_t before, int64_t by_ns, int32_t level) noexcept nogil:
    """Give events of `level` and below that have a key before `before` a later one; return how many, or -1. O(n)."""
    cdef int32_t height, slot
    cdef int64_t moved = 0
    if order_reserve_shift(&heap.order) != 0:
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
    """Postpone one event, unless its key is `by_ns` from its arrival already; return whether it was."""
    if event.key >= before or difference(event.key, event.arrival_ns) >= by_ns:
        return False
    event.key = sum_within(event.key, by_ns)
    return True


cdef int heap_check(event_heap* heap) noexcept nogil:
    """Return 0 when sound; 1: an entry is out of order; 2: entries and levels disagree; 3: the ledger does. O(n)."""
    cdef int32_t listed = 0
    cdef int level
    cdef uint64_t total = heap.running + <uint64_t> heap.queued
    if not order_is_sound(&heap.order):
        return 1
    for level in range(HEAP_LEVELS):
        listed += _list_length(heap, level)
        if heap.depth[level] != _list_length(heap, level):
            return 2
    for level in range(HEAP_ENDS):
        total += heap.ends[level]
    if order_count_live(&heap.order) != heap.queued - heap.aside or listed != heap.queued:
        return 2
    if heap_count_aside(heap) < heap.aside:
        return 2
    return 0 if total == heap.accepted else 3


cdef inline int32_t _head(event_heap* heap, int32_t* run) noexcept nogil:
    """Return the slot of the first event that may leave, or -1."""
    heap.unsettled = False
    if heap.queued == heap.aside:
        return NOWHERE
    return order_head(&heap.order, run) if heap.paused_count == 0 else heap_first_unpaused(heap, run)


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
    order_discard(&heap.order, slot)
    heap.aside -= heap.slots[slot].event.run <= PAUSED
    _leave(heap, slot)
    if heap.order.tombstones > 0:
        order_compact(&heap.order)
    if heap.order.aside_length > heap.aside:
        order_compact_aside(&heap.order, heap.aside)


cdef inline void _enter(event_heap* heap, int32_t slot, const heap_event* event) noexcept nogil:
    cdef heap_slot* stored = &heap.slots[slot]
    cdef int32_t queued
    stored.event = event[0]
    stored.sequence = heap.accepted
    _append_to_level(heap, slot, event.level)
    if event.run > PAUSED:
        order_add(&heap.order, order_key(&heap.order, event), heap.accepted, slot, event.run)
    elif event.run == HELD:
        order_set_aside(&heap.order, order_tag(&heap.order, slot))
        heap.aside += 1
    else:
        stored.event.run = IN_HEAP      # numbers below it mean that an event is aside
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
    cdef heap_slot* stored = &heap.slots[slot]
    cdef int32_t level = stored.event.level
    if stored.older == NOWHERE:
        heap.oldest[level] = stored.newer
    else:
        heap.slots[stored.older].newer = stored.newer
    if stored.newer == NOWHERE:
        heap.newest[level] = stored.older
    else:
        heap.slots[stored.newer].older = stored.older
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
    """Return a slot, or -1; a stale one only for a caller that overwrites its object."""
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
        if memory_commit(&heap.slot_memory, (<size_t> heap.slots_made + 1) * sizeof(heap_slot)) != 0:
            return NOWHERE
        heap.slots_room = <int32_t> min(
            heap.slot_memory.committed // sizeof(heap_slot), <size_t> 1 << heap.order.slot_bits, <size_t> INT32_MAX
        )
    heap.slots[heap.slots_made].sequence = UINT64_MAX
    store_i32(&heap.slots_made, heap.slots_made + 1, RELAXED)
    return heap.slots_made - 1
