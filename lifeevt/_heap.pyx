"""The heap below `_core_heap.EventHeap`; its contract stands in `_heap.pxd`."""

from libc.stdint cimport UINT64_MAX, int32_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

cdef extern from "<stdlib.h>" nogil:
    int posix_memalign(void** block, size_t alignment, size_t size)

cdef extern from * nogil:
    void __builtin_prefetch(const void* place)

cdef enum:
    ARITY = 4
    FIRST_ROOM = 61             # with the padding below, whole cache lines
    PADDING = 3                 # puts the four children of every rank on one cache line
    CACHE_LINE = 64
    NOWHERE = -1


cdef int heap_init(event_heap* heap, int32_t capacity) noexcept nogil:
    memset(heap, 0, sizeof(event_heap))
    pthread_mutex_init(&heap.mutex, NULL)
    heap.capacity = capacity
    heap.free_slot = heap.stale_slot = NOWHERE
    cdef int level
    for level in range(HEAP_LEVELS):
        heap.oldest[level] = heap.newest[level] = NOWHERE
    return _make_room(heap, FIRST_ROOM)


cdef void heap_clear(event_heap* heap) noexcept nogil:
    free(heap.block)
    free(heap.slot_of)
    free(heap.slots)
    pthread_mutex_destroy(&heap.mutex)
    memset(heap, 0, sizeof(event_heap))


cdef int heap_offer(
    event_heap* heap, const heap_event* event, int policy, int shed_end, int32_t* slot, heap_slot* victim,
) noexcept nogil:
    """On HEAP_SHED the new event stands in its victim's slot; `victim` holds what stood there."""
    cdef int verdict = HEAP_ADMITTED
    cdef int32_t shed
    if heap.length >= heap.room and _make_room(heap, 2 * heap.room + PADDING) != 0:
        return HEAP_NO_MEMORY       # before anything is shed: no victim may be forgotten
    if heap.queued >= heap.capacity:
        shed = _victim(heap, event.level, policy)
        if shed == NOWHERE:
            heap.refused += policy != HEAP_WAIT
            return HEAP_REFUSED
        victim[0] = heap.slots[shed]
        _leave(heap, shed)
        heap_release(heap, shed)
        heap.ends[shed_end] += 1
        verdict = HEAP_SHED
        if heap.length > 2 * heap.queued + 64:
            _rebuild(heap)
    slot[0] = _take_slot(heap, event.has_object)
    if slot[0] == NOWHERE:
        return HEAP_NO_MEMORY
    _enter(heap, slot[0], event)
    return verdict


cdef int32_t heap_head(event_heap* heap) noexcept nogil:
    """The slot of the most urgent event, or -1."""
    _bury_dead(heap)
    return <int32_t> heap.slot_of[0] if heap.length > 0 else NOWHERE


cdef int32_t heap_pop(event_heap* heap, int32_t above, int end, heap_slot* out) noexcept nogil:
    """Remove the head when its level is below `above`; end < 0 means that it runs. -1: nothing.

    Its slot stays taken until `heap_release`.
    """
    cdef int32_t slot = heap_head(heap)
    if slot == NOWHERE or heap.slots[slot].event.level >= above:
        return NOWHERE
    out[0] = heap.slots[slot]
    _remove_head(heap)
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
    heap.stale_slot = slot


cdef int32_t heap_next_stale(event_heap* heap) noexcept nogil:
    """Release one stale slot and return it, or -1: the caller then drops what it keeps for it."""
    cdef int32_t slot = heap.stale_slot
    if slot != NOWHERE:
        heap.stale_slot = heap.slots[slot].newer
        heap.slots[slot].event.has_object = False
        heap_release(heap, slot)
    return slot


cdef int32_t heap_keep(event_heap* heap) noexcept nogil:
    """Take a slot for something that is not queued; -1 without memory."""
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


cdef int heap_check(event_heap* heap) noexcept nogil:
    """0 when sound; 1: a rank is out of order; 2: entries and levels disagree; 3: the ledger does."""
    cdef int32_t place, alive = 0, listed = 0
    cdef int level
    cdef uint64_t total = heap.running + <uint64_t> heap.queued
    for place in range(heap.length):
        if place > 0 and _before(&heap.ranks[place], &heap.ranks[(place - 1) // ARITY]):
            return 1
        alive += heap.slots[heap.slot_of[place]].sequence == heap.ranks[place].sequence
    for level in range(HEAP_LEVELS):
        listed += _list_length(heap, level)
        if heap.depth[level] != _list_length(heap, level):
            return 2
    for level in range(HEAP_ENDS):
        total += heap.ends[level]
    if alive != heap.queued or listed != heap.queued:
        return 2
    return 0 if total == heap.accepted else 3


cdef int32_t _list_length(event_heap* heap, int level) noexcept nogil:
    cdef int32_t slot = heap.oldest[level], length = 0
    while slot != NOWHERE and length <= heap.queued:
        length += 1
        slot = heap.slots[slot].newer
    return length


cdef inline int32_t _before(const heap_rank* left, const heap_rank* right) noexcept nogil:
    # Without `and` and `or` there is no branch to mispredict: which child is less is a coin's toss.
    return (left.key < right.key) | ((left.key == right.key) & (left.sequence < right.sequence))


cdef int32_t _victim(event_heap* heap, int32_t level, int policy) noexcept nogil:
    cdef int32_t lowest = HEAP_LEVELS - 1
    while heap.depth[lowest] == 0:
        lowest -= 1
    if policy == HEAP_REJECT or policy == HEAP_WAIT or lowest < level:
        return NOWHERE
    if policy == HEAP_DROP_LOWEST and lowest == level:
        return NOWHERE
    return heap.oldest[lowest] if policy == HEAP_DROP_OLDEST else heap.newest[lowest]


cdef void _enter(event_heap* heap, int32_t slot, const heap_event* event) noexcept nogil:
    cdef heap_slot* entry = &heap.slots[slot]
    cdef heap_rank rank
    entry.event = event[0]
    rank.key = event.key
    entry.sequence = rank.sequence = heap.accepted
    _append_to_level(heap, slot, event.level)
    heap.accepted += 1
    heap.queued += 1
    if heap.queued > heap.high_water:
        heap.high_water = heap.queued
    heap.length += 1
    _rise(heap, 0, heap.length - 1, rank, <uint32_t> slot)


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
    heap.queued -= 1
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


cdef inline int32_t _least_of_four(const heap_rank* ranks) noexcept nogil:
    cdef int32_t left = _before(&ranks[1], &ranks[0])
    cdef int32_t right = 2 + _before(&ranks[3], &ranks[2])
    return left + (right - left) * _before(&ranks[right], &ranks[left])


cdef void _sift_down(event_heap* heap, int32_t place, heap_rank rank, uint32_t slot) noexcept nogil:
    """Let the hole sink to a leaf, then let the rank rise from there: it mostly belongs low."""
    cdef int32_t top = place, child = ARITY * place + 1, best
    while child + ARITY <= heap.length:
        _prefetch_children(heap, child)
        best = child + _least_of_four(&heap.ranks[child])
        _move(heap, best, place)
        place = best
        child = ARITY * place + 1
    if child < heap.length:
        best = child
        for child in range(best + 1, heap.length):
            best = child if _before(&heap.ranks[child], &heap.ranks[best]) else best
        _move(heap, best, place)
        place = best
    _rise(heap, top, place, rank, slot)


cdef void _rise(event_heap* heap, int32_t top, int32_t place, heap_rank rank, uint32_t slot) noexcept nogil:
    cdef int32_t parent
    while place > top:
        parent = (place - 1) // ARITY
        if not _before(&rank, &heap.ranks[parent]):
            break
        _move(heap, parent, place)
        place = parent
    heap.ranks[place] = rank
    heap.slot_of[place] = slot


cdef inline void _move(event_heap* heap, int32_t source, int32_t target) noexcept nogil:
    heap.ranks[target] = heap.ranks[source]
    heap.slot_of[target] = heap.slot_of[source]


cdef inline void _prefetch_children(event_heap* heap, int32_t child) noexcept nogil:
    """Ask for the next row while this one is compared: its four lines, one of which is needed."""
    cdef const heap_rank* row = &heap.ranks[ARITY * child + 1]
    __builtin_prefetch(row)
    __builtin_prefetch(row + ARITY)
    __builtin_prefetch(row + 2 * ARITY)
    __builtin_prefetch(row + 3 * ARITY)


cdef void _remove_head(event_heap* heap) noexcept nogil:
    heap.length -= 1
    if heap.length > 0:
        _sift_down(heap, 0, heap.ranks[heap.length], heap.slot_of[heap.length])


cdef inline bint _dead(event_heap* heap, int32_t place) noexcept nogil:
    return heap.slots[heap.slot_of[place]].sequence != heap.ranks[place].sequence


cdef void _bury_dead(event_heap* heap) noexcept nogil:
    while heap.length > 0 and _dead(heap, 0):
        _remove_head(heap)


cdef void _rebuild(event_heap* heap) noexcept nogil:
    """Drop the dead ranks at once; done when they are half of all, so O(1) a shed event."""
    cdef int32_t place, kept = 0
    for place in range(heap.length):
        if not _dead(heap, place):
            heap.ranks[kept] = heap.ranks[place]
            heap.slot_of[kept] = heap.slot_of[place]
            kept += 1
    heap.length = kept
    for place in range((kept - 2) // ARITY if kept > 1 else -1, -1, -1):
        _sift_down(heap, place, heap.ranks[place], heap.slot_of[place])


cdef int32_t _take_slot(event_heap* heap, bint has_object) noexcept nogil:
    """A slot: a stale one only for a caller who will put something new where the old thing is."""
    cdef int32_t slot, room
    cdef void* grown
    if has_object and heap.stale_slot != NOWHERE:
        heap_next_stale(heap)
    slot = heap.free_slot
    if slot != NOWHERE:
        heap.free_slot = heap.slots[slot].newer
        return slot
    if heap.slots_made == heap.slots_room:
        room = 64 if heap.slots_room == 0 else 2 * heap.slots_room
        grown = realloc(heap.slots, <size_t> room * sizeof(heap_slot))
        if grown == NULL:
            return NOWHERE
        heap.slots = <heap_slot*> grown
        heap.slots_room = room
    heap.slots[heap.slots_made].sequence = UINT64_MAX
    heap.slots_made += 1
    return heap.slots_made - 1


cdef int _make_room(event_heap* heap, int32_t room) noexcept nogil:
    cdef void* block = NULL
    cdef void* slot_of
    if posix_memalign(&block, CACHE_LINE, <size_t> (room + PADDING) * sizeof(heap_rank)) != 0:
        return -1
    slot_of = realloc(heap.slot_of, <size_t> room * sizeof(uint32_t))
    if slot_of == NULL:
        free(block)
        return -1
    if heap.length > 0:
        memcpy(<heap_rank*> block + PADDING, heap.ranks, <size_t> heap.length * sizeof(heap_rank))
    free(heap.block)
    heap.block = block
    heap.ranks = <heap_rank*> block + PADDING
    heap.slot_of = <uint32_t*> slot_of
    heap.room = room
    return 0
