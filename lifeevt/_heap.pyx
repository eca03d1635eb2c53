"""The heap below `_core_heap.EventHeap`; its contract stands in `_heap.pxd`."""

from libc.stdint cimport INT32_MAX, INT64_MAX, UINT32_MAX, UINT64_MAX, int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memset

from ._pages cimport pages_free, pages_ready, pages_reserve

cdef extern from * nogil:
    """
    /* As one number of 128 bits: a subtraction with borrow, and no branch to mispredict. */
    #ifdef __SIZEOF_INT128__
    static inline int LIFEEVT_BEFORE(int64_t key, uint64_t tag, int64_t other_key, uint64_t other_tag) {
        return (__int128) (((unsigned __int128) (uint64_t) key << 64) | tag)
            < (__int128) (((unsigned __int128) (uint64_t) other_key << 64) | other_tag);
    }
    #else
    static inline int LIFEEVT_BEFORE(int64_t key, uint64_t tag, int64_t other_key, uint64_t other_tag) {
        return (key < other_key) | ((key == other_key) & (tag < other_tag));
    }
    #endif
    """
    int LIFEEVT_BEFORE(int64_t key, uint64_t tag, int64_t other_key, uint64_t other_tag)
    void __builtin_prefetch(const void* place)

cdef enum:
    ARITY = 4
    PADDING = 3                 # puts the four children of every rank on one cache line
    PIECE = 64                  # places of a piece of a lane; the last one holds the number of the next piece
    LINK = 63
    AHEAD = 3                   # how far before its turn a slot is asked for
    DEAD_ALLOWED = 64           # beside as many as there are living ones
    NOWHERE = -1
    FROM_HEAP = -1


ctypedef struct rank_walk:
    int32_t lane
    uint32_t place


cdef int heap_init(event_heap* heap, int32_t capacity) noexcept nogil:
    cdef int32_t slot_bits = 1
    while (<int64_t> 1 << slot_bits) < min(2 * <int64_t> capacity + HEAP_SPARE, <int64_t> INT32_MAX):
        slot_bits += 1
    return heap_init_tagged(heap, capacity, slot_bits)


cdef int heap_init_tagged(event_heap* heap, int32_t capacity, int32_t slot_bits) noexcept nogil:
    """Like `heap_init`, which chooses `slot_bits`: with many of them, the numbers for sequences soon run out."""
    cdef size_t ranks = 2 * <size_t> capacity + DEAD_ALLOWED + 2
    cdef size_t slots = min(2 * <size_t> capacity + HEAP_SPARE, <size_t> INT32_MAX, <size_t> 1 << slot_bits)
    cdef size_t pieces = ranks // LINK + 3 * HEAP_LANES
    cdef int level
    memset(heap, 0, sizeof(event_heap))
    pthread_mutex_init(&heap.mutex, NULL)
    heap.capacity = capacity
    heap.slot_bits = slot_bits
    heap.numbers = (<uint64_t> 1 << (64 - slot_bits)) - 1       # the last one is that of `_never`
    heap.free_slot = heap.stale_slot = NOWHERE
    heap.free_piece = UINT32_MAX
    for level in range(HEAP_LEVELS):
        heap.oldest[level] = heap.newest[level] = NOWHERE
    for level in range(HEAP_LANES):
        heap.heads[level] = _never()
    if (
        pages_reserve(&heap.rank_pages, (min(ranks, <size_t> INT32_MAX) + PADDING) * sizeof(heap_rank)) != 0
        or pages_reserve(&heap.piece_pages, pieces * PIECE * sizeof(heap_rank)) != 0
        or pages_reserve(&heap.slot_pages, slots * sizeof(heap_slot)) != 0
        or _make_room(heap) != 0
    ):
        return -1
    heap.pieces = <heap_rank*> heap.piece_pages.start
    heap.slots = <heap_slot*> heap.slot_pages.start
    heap.ranks[0] = _never()
    return 0


cdef void heap_clear(event_heap* heap) noexcept nogil:
    pages_free(&heap.rank_pages)
    pages_free(&heap.piece_pages)
    pages_free(&heap.slot_pages)
    free(heap.elders)
    pthread_mutex_destroy(&heap.mutex)
    memset(heap, 0, sizeof(event_heap))


cdef int heap_offer(
    event_heap* heap, const heap_event* event, int policy, int shed_end, int32_t* slot, heap_slot* victim,
) noexcept nogil:
    """On HEAP_SHED the new event stands in its victim's slot; `victim` holds what stood there."""
    cdef int verdict = HEAP_ADMITTED
    cdef int32_t shed
    if heap.length >= heap.room and _make_room(heap) != 0:
        return HEAP_NO_MEMORY       # before anything is shed: no victim may be forgotten
    if heap.accepted - heap.base >= heap.numbers and _renumber(heap) != 0:
        return HEAP_NO_MEMORY
    if heap.queued >= heap.capacity:
        shed = _victim(heap, event.level, policy)
        if shed == NOWHERE:
            heap.refused += policy != HEAP_WAIT
            return HEAP_REFUSED
        victim[0] = heap.slots[shed]
        _shed(heap, shed)
        heap.ends[shed_end] += 1
        verdict = HEAP_SHED
    slot[0] = _take_slot(heap, event.has_object)
    if slot[0] == NOWHERE:
        return HEAP_NO_MEMORY
    _enter(heap, slot[0], event)
    return verdict


cdef int32_t heap_head(event_heap* heap) noexcept nogil:
    """The slot of the most urgent event, or -1."""
    cdef int32_t lane
    return _head(heap, &lane) if heap.queued > 0 else NOWHERE


cdef int32_t heap_pop(event_heap* heap, int32_t above, int end, heap_slot* out) noexcept nogil:
    """Remove the head when its level is below `above`; end < 0 means that it runs. -1: nothing.

    Its slot stays taken until `heap_release`.
    """
    cdef int32_t slot, lane
    if heap.queued == 0:
        return NOWHERE
    slot = _head(heap, &lane)
    if heap.slots[slot].event.level >= above:
        return NOWHERE
    out[0] = heap.slots[slot]
    _remove_first(heap, lane)
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


cdef int heap_check(event_heap* heap) noexcept nogil:
    """0 when sound; 1: a rank is out of order; 2: entries and levels disagree; 3: the ledger does."""
    cdef int32_t place, living = 0, ranks = 0, listed = 0
    cdef int level
    cdef uint64_t total = heap.running + <uint64_t> heap.queued
    cdef rank_walk walk = rank_walk(FROM_HEAP, 0)
    cdef heap_rank* rank = _next_rank(heap, &walk)
    while rank != NULL:
        ranks += 1
        living += not _dead(heap, rank)
        rank = _next_rank(heap, &walk)
    for place in range(1, heap.length):
        if _before(&heap.ranks[place], &heap.ranks[(place - 1) // ARITY]):
            return 1
    for level in range(HEAP_LANES):
        if not _lane_sound(heap, level):
            return 1
    for level in range(HEAP_LEVELS):
        listed += _list_length(heap, level)
        if heap.depth[level] != _list_length(heap, level):
            return 2
    for level in range(HEAP_ENDS):
        total += heap.ends[level]
    if living != heap.queued or ranks - living != heap.dead or listed != heap.queued:
        return 2
    return 0 if total == heap.accepted else 3


cdef bint _lane_sound(event_heap* heap, int32_t lane) noexcept nogil:
    """Whether the ranks of a lane ascend, and whether its head and its last rank are what they are said to be."""
    cdef rank_walk walk = rank_walk(lane, heap.lanes[lane].first)
    cdef heap_rank* rank = NULL
    cdef heap_rank* before = NULL
    if heap.lanes[lane].first == heap.lanes[lane].end:
        return heap.heads[lane].tag == UINT64_MAX
    while True:
        rank = _next_rank(heap, &walk)
        if rank == NULL or walk.lane != lane:
            return before != NULL and before.tag == heap.lanes[lane].last.tag
        if _before(rank, before if before != NULL else &heap.heads[lane]):
            return False
        before = rank


cdef int32_t _list_length(event_heap* heap, int level) noexcept nogil:
    cdef int32_t slot = heap.oldest[level], length = 0
    while slot != NOWHERE and length <= heap.queued:
        length += 1
        slot = heap.slots[slot].newer
    return length


# Ranks. A tag has room for so many sequences only: it holds the distance from `base`, called a number. When
# the numbers run out, every rank gets a new one, in the same order, so that nothing in the heap need move.


cdef inline heap_rank _never() noexcept nogil:
    """What no rank is after: the head of an empty lane."""
    cdef heap_rank rank
    rank.key, rank.tag = INT64_MAX, UINT64_MAX
    return rank


cdef inline int _before(const heap_rank* left, const heap_rank* right) noexcept nogil:
    return LIFEEVT_BEFORE(left.key, left.tag, right.key, right.tag)


cdef inline int32_t _slot_of(event_heap* heap, const heap_rank* rank) noexcept nogil:
    return <int32_t> (rank.tag & ((<uint64_t> 1 << heap.slot_bits) - 1))


cdef inline uint64_t _sequence_of(event_heap* heap, const heap_rank* rank) noexcept nogil:
    cdef uint64_t number = rank.tag >> heap.slot_bits
    return heap.elders[number] if number < heap.elder_count else heap.base + number


cdef inline bint _dead(event_heap* heap, const heap_rank* rank) noexcept nogil:
    return heap.slots[_slot_of(heap, rank)].sequence != _sequence_of(heap, rank)


cdef int32_t _head(event_heap* heap, int32_t* lane) noexcept nogil:
    """The slot and the lane (or FROM_HEAP) of the least living rank; there must be one. Buries the dead before it."""
    cdef heap_rank least
    while True:
        lane[0] = _least(heap, &least)
        if heap.dead == 0 or not _dead(heap, &least):
            return _slot_of(heap, &least)
        _remove_first(heap, lane[0])
        heap.dead -= 1


cdef inline int32_t _least(event_heap* heap, heap_rank* least) noexcept nogil:
    cdef int32_t found = FROM_HEAP, lane
    least[0] = heap.ranks[0]
    for lane in range(heap.lanes_open):
        if _before(&heap.heads[lane], least):
            found = lane
            least[0] = heap.heads[lane]
    return found


cdef inline void _remove_first(event_heap* heap, int32_t lane) noexcept nogil:
    if lane == FROM_HEAP:
        _remove_top(heap)
    else:
        _advance(heap, lane)


cdef void _rebuild(event_heap* heap) noexcept nogil:
    """Drop the dead ranks at once; done when they are half of all, so O(1) a shed event."""
    cdef int32_t place, kept = 0
    for place in range(heap.length):
        if not _dead(heap, &heap.ranks[place]):
            heap.ranks[kept] = heap.ranks[place]
            kept += 1
    heap.length = kept
    for place in range((kept - 2) // ARITY if kept > 1 else -1, -1, -1):
        _sift_down(heap, place, heap.ranks[place])
    if kept == 0:
        heap.ranks[0] = _never()
    for place in range(heap.lanes_open):
        _tidy(heap, place)
    heap.dead = 0


cdef heap_rank* _next_rank(event_heap* heap, rank_walk* walk) noexcept nogil:
    """Every rank in turn: those of the heap, then those of each lane; NULL at the end."""
    if walk.lane == FROM_HEAP:
        if walk.place < <uint32_t> heap.length:
            walk.place += 1
            return &heap.ranks[walk.place - 1]
        walk.lane, walk.place = 0, heap.lanes[0].first
    while walk.place == heap.lanes[walk.lane].end:
        walk.lane += 1
        if walk.lane == HEAP_LANES:
            walk.lane, walk.place = FROM_HEAP, <uint32_t> heap.length
            return NULL
        walk.place = heap.lanes[walk.lane].first
    walk.place = _onward(heap, walk.place) + 1
    return &heap.pieces[walk.place - 1]


cdef int _renumber(event_heap* heap) noexcept nogil:
    """Give the queued new numbers; 0, or -1 without memory. O(n), once in as many offers as there are numbers.

    Counted from the oldest of them. When that one is so old that this would gain little, they become the
    elders: their numbers are places in a sorted table of their sequences, which costs O(n log n).
    """
    cdef uint64_t oldest = heap.accepted
    cdef rank_walk walk = rank_walk(FROM_HEAP, 0)
    cdef heap_rank* rank
    _rebuild(heap)
    rank = _next_rank(heap, &walk)
    while rank != NULL:
        oldest = min(oldest, _sequence_of(heap, rank))
        rank = _next_rank(heap, &walk)
    if heap.accepted - oldest <= heap.numbers // 2:
        _number_from(heap, NULL, 0, oldest)
        return 0
    return _make_elders(heap)


cdef int _make_elders(event_heap* heap) noexcept nogil:
    cdef uint64_t* elders
    cdef uint64_t count = 0
    cdef rank_walk walk = rank_walk(FROM_HEAP, 0)
    cdef heap_rank* rank = _next_rank(heap, &walk)
    if <uint64_t> heap.queued >= heap.numbers:
        return -1
    elders = <uint64_t*> malloc((<size_t> heap.queued + 1) * sizeof(uint64_t))
    if elders == NULL:
        return -1
    while rank != NULL:
        elders[count] = _sequence_of(heap, rank)
        count += 1
        rank = _next_rank(heap, &walk)
    qsort(elders, count, sizeof(uint64_t), &_compare_sequences)
    _number_from(heap, elders, count, heap.accepted - count)
    return 0


cdef void _number_from(event_heap* heap, uint64_t* elders, uint64_t count, uint64_t base) noexcept nogil:
    cdef uint64_t sequence, number
    cdef int32_t lane
    cdef rank_walk walk = rank_walk(FROM_HEAP, 0)
    cdef heap_rank* rank = _next_rank(heap, &walk)
    while rank != NULL:
        sequence = _sequence_of(heap, rank)
        number = _index_of(elders, count, sequence) if count > 0 else sequence - base
        rank.tag = (number << heap.slot_bits) | <uint64_t> _slot_of(heap, rank)
        rank = _next_rank(heap, &walk)
    free(heap.elders)
    heap.elders, heap.elder_count, heap.base = elders, count, base
    for lane in range(heap.lanes_open):
        _tidy(heap, lane)


cdef int _compare_sequences(const void* left, const void* right) noexcept nogil:
    cdef uint64_t one = (<const uint64_t*> left)[0], other = (<const uint64_t*> right)[0]
    return (one > other) - (one < other)


cdef uint64_t _index_of(const uint64_t* sorted_sequences, uint64_t count, uint64_t sequence) noexcept nogil:
    cdef uint64_t low = 0, middle
    while count > 1:
        middle = count // 2
        if sorted_sequences[low + middle] <= sequence:
            low += middle
        count -= middle
    return low


# Lanes: lines of ranks that came in order, in pieces that are taken from one store and linked.


cdef inline uint32_t _onward(event_heap* heap, uint32_t place) noexcept nogil:
    """The place itself, or the first one of the next piece when it holds the link to that."""
    return place if place % PIECE != LINK else <uint32_t> heap.pieces[place].tag * PIECE


cdef inline bint _line_up(event_heap* heap, int32_t lane, const heap_rank* rank) noexcept nogil:
    """Put a rank at the end of its lane, if it belongs there."""
    cdef heap_lane* line = &heap.lanes[lane]
    if <uint32_t> lane >= <uint32_t> heap.lanes_open and _open_lanes(heap, lane) != 0:
        return False
    if line.first == line.end:
        heap.heads[lane] = rank[0]
    elif _before(rank, &line.last):
        return _overtake_last(heap, lane, rank)
    if line.end % PIECE == LINK and _lengthen(heap, line) != 0:
        return False
    heap.pieces[line.end] = rank[0]
    line.end += 1
    line.last = rank[0]
    return True


cdef bint _overtake_last(event_heap* heap, int32_t lane, const heap_rank* rank) noexcept nogil:
    """Take the last one's place and send that to the heap, or one far too late would keep the lane shut."""
    cdef heap_lane* line = &heap.lanes[lane]
    if line.first == line.end - 1:
        heap.heads[lane] = rank[0]
    elif line.end % PIECE < 2 or _before(rank, &heap.pieces[line.end - 2]):
        return False
    _push(heap, &line.last)
    heap.pieces[line.end - 1] = line.last = rank[0]
    return True


cdef inline void _advance(event_heap* heap, int32_t lane) noexcept nogil:
    """Remove the first rank of a lane."""
    cdef heap_lane* line = &heap.lanes[lane]
    cdef uint32_t piece = line.first // PIECE
    line.first += 1
    if line.first == line.end:
        line.first = line.end = piece * PIECE
        heap.heads[lane] = _never()
        return
    if line.first % PIECE == LINK:
        line.first = _onward(heap, line.first)
        _free_piece(heap, piece)
    heap.heads[lane] = heap.pieces[line.first]
    # Beyond the end, or the piece, this asks for a slot that is not needed soon; it does no harm.
    __builtin_prefetch(&heap.slots[_slot_of(heap, &heap.pieces[line.first + AHEAD])])


cdef void _tidy(event_heap* heap, int32_t lane) noexcept nogil:
    """Close the gaps that the dead leave in a lane, and look again what its head and its last rank are."""
    cdef heap_lane* line = &heap.lanes[lane]
    cdef uint32_t source = line.first, target = line.first
    while source != line.end:
        source = _onward(heap, source)
        if not _dead(heap, &heap.pieces[source]):
            target = _onward(heap, target)
            heap.pieces[target] = line.last = heap.pieces[source]
            target += 1
        source += 1
    _cut(heap, line, target)
    if target == line.first:
        line.first = line.end = target // PIECE * PIECE
    heap.heads[lane] = heap.pieces[line.first] if line.first != line.end else _never()


cdef inline void _cut(event_heap* heap, heap_lane* line, uint32_t end) noexcept nogil:
    """Let a lane end earlier; the pieces that it no longer reaches become free in one go."""
    cdef uint32_t kept = end // PIECE, last = line.end // PIECE
    if kept != last:
        heap.pieces[last * PIECE + LINK].tag = heap.free_piece
        heap.free_piece = <uint32_t> heap.pieces[kept * PIECE + LINK].tag
    line.end = end


cdef int _lengthen(event_heap* heap, heap_lane* line) noexcept nogil:
    cdef uint32_t piece = _take_piece(heap)
    if piece == UINT32_MAX:
        return -1
    heap.pieces[line.end].tag = piece
    line.end = piece * PIECE
    return 0


cdef int _open_lanes(event_heap* heap, int32_t lane) noexcept nogil:
    cdef uint32_t piece
    if not 0 <= lane < HEAP_LANES:
        return -1
    while heap.lanes_open <= lane:
        piece = _take_piece(heap)
        if piece == UINT32_MAX:
            return -1
        heap.lanes[heap.lanes_open].first = heap.lanes[heap.lanes_open].end = piece * PIECE
        heap.lanes_open += 1
    return 0


cdef uint32_t _take_piece(event_heap* heap) noexcept nogil:
    """The piece that was freed last, whose memory is near, or a new one; UINT32_MAX without memory."""
    cdef uint32_t piece = heap.free_piece
    if piece != UINT32_MAX:
        heap.free_piece = <uint32_t> heap.pieces[piece * PIECE + LINK].tag
        return piece
    piece = heap.pieces_made
    # With a little more than that: `_advance` looks ahead.
    if pages_ready(&heap.piece_pages, (<size_t> piece * PIECE + PIECE + AHEAD) * sizeof(heap_rank)) != 0:
        return UINT32_MAX
    heap.pieces_made += 1
    return piece


cdef inline void _free_piece(event_heap* heap, uint32_t piece) noexcept nogil:
    heap.pieces[piece * PIECE + LINK].tag = heap.free_piece
    heap.free_piece = piece


# The heap, for those that came out of order.


cdef void _push(event_heap* heap, const heap_rank* rank) noexcept nogil:
    heap.length += 1
    _rise(heap, 0, heap.length - 1, rank[0])


cdef void _remove_top(event_heap* heap) noexcept nogil:
    heap.length -= 1
    if heap.length > 0:
        _sift_down(heap, 0, heap.ranks[heap.length])
        __builtin_prefetch(&heap.slots[_slot_of(heap, heap.ranks)])
    else:
        heap.ranks[0] = _never()


cdef inline int32_t _least_of_four(const heap_rank* ranks) noexcept nogil:
    cdef int32_t left = _before(&ranks[1], &ranks[0])
    cdef int32_t right = 2 + _before(&ranks[3], &ranks[2])
    return left + (right - left) * _before(&ranks[right], &ranks[left])


cdef void _sift_down(event_heap* heap, int32_t place, heap_rank rank) noexcept nogil:
    """Let the hole sink to a leaf, then let the rank rise from there: it mostly belongs low."""
    cdef int32_t top = place, child = ARITY * place + 1, best
    while child + ARITY <= heap.length:
        _prefetch_children(heap, child)
        best = child + _least_of_four(&heap.ranks[child])
        heap.ranks[place] = heap.ranks[best]
        place = best
        child = ARITY * place + 1
    if child < heap.length:
        best = child
        for child in range(best + 1, heap.length):
            best = child if _before(&heap.ranks[child], &heap.ranks[best]) else best
        heap.ranks[place] = heap.ranks[best]
        place = best
    _rise(heap, top, place, rank)


cdef inline void _rise(event_heap* heap, int32_t top, int32_t place, heap_rank rank) noexcept nogil:
    cdef int32_t parent
    while place > top:
        parent = <int32_t> (<uint32_t> (place - 1) // ARITY)
        if not _before(&rank, &heap.ranks[parent]):
            break
        heap.ranks[place] = heap.ranks[parent]
        place = parent
    heap.ranks[place] = rank


cdef inline void _prefetch_children(event_heap* heap, int32_t child) noexcept nogil:
    """Ask for the next row while this one is compared: its four lines, one of which is needed."""
    cdef const heap_rank* row = &heap.ranks[ARITY * child + 1]
    __builtin_prefetch(row)
    __builtin_prefetch(row + ARITY)
    __builtin_prefetch(row + 2 * ARITY)
    __builtin_prefetch(row + 3 * ARITY)


cdef int _make_room(event_heap* heap) noexcept nogil:
    if pages_ready(&heap.rank_pages, (<size_t> heap.length + 1 + PADDING) * sizeof(heap_rank)) != 0:
        return -1
    heap.ranks = <heap_rank*> heap.rank_pages.start + PADDING
    heap.room = <int32_t> min(heap.rank_pages.ready // sizeof(heap_rank) - PADDING, <size_t> INT32_MAX)
    return 0


# Slots, levels and what is shed.


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
    _forget(heap, slot)
    _leave(heap, slot)
    heap_release(heap, slot)
    if heap.dead > heap.queued + DEAD_ALLOWED:
        _rebuild(heap)


cdef void _forget(event_heap* heap, int32_t slot) noexcept nogil:
    """Take out the rank of an event that leaves before its turn: at either end of its lane, or else it stays, dead."""
    cdef heap_slot* entry = &heap.slots[slot]
    cdef int32_t lane = entry.event.lane
    cdef heap_lane* line = &heap.lanes[lane]
    if <uint32_t> lane >= <uint32_t> heap.lanes_open or line.first == line.end:
        heap.dead += 1
    elif _sequence_of(heap, &heap.heads[lane]) == entry.sequence:
        _advance(heap, lane)
    elif _sequence_of(heap, &line.last) == entry.sequence and line.end % PIECE > 1:
        line.end -= 1
        line.last = heap.pieces[line.end - 1]
    else:
        heap.dead += 1


cdef inline void _enter(event_heap* heap, int32_t slot, const heap_event* event) noexcept nogil:
    cdef heap_slot* entry = &heap.slots[slot]
    cdef heap_rank rank
    entry.event = event[0]
    entry.sequence = heap.accepted
    rank.key = event.key
    rank.tag = ((heap.accepted - heap.base) << heap.slot_bits) | <uint64_t> slot
    _append_to_level(heap, slot, event.level)
    heap.accepted += 1
    heap.queued += 1
    if heap.queued > heap.high_water:
        heap.high_water = heap.queued
    if not _line_up(heap, event.lane, &rank):
        _push(heap, &rank)


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
            heap.slot_pages.ready // sizeof(heap_slot), <size_t> 1 << heap.slot_bits, <size_t> INT32_MAX
        )
    heap.slots[heap.slots_made].sequence = UINT64_MAX
    heap.slots_made += 1
    return heap.slots_made - 1
