"""What the order of the heap needs seldom; its contract stands in `_order.pxd`."""

from libc.stdint cimport INT32_MAX, INT64_MIN, UINT32_MAX, UINT64_MAX, int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcpy, memset

from ..nogil.reserved_memory cimport pages_free, pages_ready, pages_reserve

cdef enum:
    KEPT = -16                  # marks the lane of an event aside of which a rank is kept

ctypedef struct rank_walk:
    int32_t lane
    uint32_t place


cdef int order_init(heap_order* order, heap_slot* slots, int64_t capacity, int32_t slot_bits) noexcept nogil:
    cdef size_t ranks = 2 * <size_t> capacity + DEAD_ALLOWED + 2
    cdef size_t pieces = ranks // LINK + 3 * HEAP_LANES
    cdef int lane
    memset(order, 0, sizeof(heap_order))
    order.slots = slots
    order.slot_bits = slot_bits
    order.numbers = (<uint64_t> 1 << (64 - slot_bits)) - 1      # the last one is that of `rank_never`
    order.free_piece = UINT32_MAX
    order.sweep_lane = FROM_HEAP
    order.dead_allowed = <int32_t> min(capacity + DEAD_ALLOWED, <int64_t> INT32_MAX)
    for lane in range(HEAP_LANES):
        order.heads[lane] = rank_never()
    if (
        pages_reserve(&order.rank_pages, (min(ranks, <size_t> INT32_MAX) + PADDING) * sizeof(heap_rank)) != 0
        or pages_reserve(&order.piece_pages, pieces * PIECE * sizeof(heap_rank)) != 0
        or pages_reserve(&order.aside_pages, min(ranks, <size_t> INT32_MAX) * sizeof(heap_rank)) != 0
        or order_make_room(order) != 0
    ):
        return -1
    order.pieces = <heap_rank*> order.piece_pages.start
    order.aside = <heap_rank*> order.aside_pages.start
    order.ranks[0] = rank_never()
    return 0


cdef void order_clear(heap_order* order) noexcept nogil:
    pages_free(&order.rank_pages)
    pages_free(&order.piece_pages)
    pages_free(&order.aside_pages)
    free(order.elders)


cdef int order_make_room(heap_order* order) noexcept nogil:
    return _room_for(order, <size_t> order.length + 1)


cdef int _room_for(heap_order* order, size_t ranks) noexcept nogil:
    if pages_ready(&order.rank_pages, (ranks + PADDING) * sizeof(heap_rank)) != 0:
        return -1
    order.ranks = <heap_rank*> order.rank_pages.start + PADDING
    order.room = <int32_t> min(order.rank_pages.ready // sizeof(heap_rank) - PADDING, <size_t> INT32_MAX)
    return 0


cdef void order_rebuild(heap_order* order) noexcept nogil:
    """Drop the dead ranks at once. O(n): for when the sweep could not keep up, or before new numbers."""
    cdef int32_t place, kept = 0
    for place in range(order.length):
        if not order_dead(order, &order.ranks[place]):
            order.ranks[kept] = order.ranks[place]
            kept += 1
    order.length = kept
    _heapify(order)
    for place in range(order.lanes_open):
        _tidy(order, place)
    order.dead = 0
    order.sweep_lane, order.sweep_place = FROM_HEAP, order.length
    _thin_aside(order)


cdef void _thin_aside(heap_order* order) noexcept nogil:
    """Keep one rank of each that waits aside: those that were set aside again have several."""
    cdef int32_t place, kept = 0
    cdef heap_event* event
    for place in range(order.aside_length):
        event = &order.slots[order_slot(order, &order.aside[place])].event
        if event.lane > KEPT and not order_stale(order, &order.aside[place]):
            event.lane += KEPT
            order.aside[kept] = order.aside[place]
            kept += 1
    order.aside_length = kept
    for place in range(kept):
        order.slots[order_slot(order, &order.aside[place])].event.lane -= KEPT


cdef void _heapify(heap_order* order) noexcept nogil:
    cdef int32_t place
    for place in range((order.length - 2) // ARITY if order.length > 1 else -1, -1, -1):
        order_sift_down(order, place, order.ranks[place])
    if order.length == 0:
        order.ranks[0] = rank_never()


cdef int order_ready_to_shift(heap_order* order) noexcept nogil:
    """Bury the dead while their places tell them apart, and make room for all in the heap; 0, or -1 without memory."""
    order_rebuild(order)
    return _room_for(order, <size_t> order_living(order) + 1)


cdef int order_shift(heap_order* order, const int64_t* offsets) noexcept nogil:
    """Let every rank stand by these offsets, those that wait and those that come; 0, or -1 without memory. O(n)."""
    if order_ready_to_shift(order) != 0:
        return -1
    memcpy(order.offsets, offsets, sizeof(order.offsets))
    order_arrange(order)
    return 0


cdef void order_arrange(heap_order* order) noexcept nogil:
    """Put every rank where its event stands now; after `order_ready_to_shift`, since when none was added. O(n).

    What stands in the lanes goes into the heap: by other places it need not ascend. What is aside has no place.
    """
    cdef int32_t place
    _empty_lanes(order)
    for place in range(order.length):
        order.ranks[place].key = order_key(order, &order.slots[order_slot(order, &order.ranks[place])].event)
    _heapify(order)


cdef int64_t order_living(heap_order* order) noexcept nogil:
    """How many living ranks there are, or -1 when the dead are not as many as counted. O(n)."""
    cdef int64_t living = 0, ranks = 0
    cdef rank_walk walk = rank_walk(FROM_HEAP, 0)
    cdef heap_rank* rank = _next_rank(order, &walk)
    while rank != NULL:
        ranks += 1
        living += not order_dead(order, rank)
        rank = _next_rank(order, &walk)
    return living if ranks - living == order.dead else -1


cdef bint order_sound(heap_order* order) noexcept nogil:
    """Whether every rank is where it belongs. O(n)."""
    cdef int32_t place
    for place in range(1, order.length):
        if rank_before(&order.ranks[place], &order.ranks[(place - 1) // ARITY]):
            return False
    for place in range(HEAP_LANES):
        if not _lane_sound(order, place):
            return False
    return True


cdef bint _lane_sound(heap_order* order, int32_t lane) noexcept nogil:
    """Whether the living ranks of a lane ascend, and its head and its last rank are what they are said to be."""
    cdef rank_walk walk = rank_walk(lane, order.lanes[lane].first)
    cdef heap_rank* rank = NULL
    cdef heap_rank* last = NULL
    cdef heap_rank before
    if order.lanes[lane].first == order.lanes[lane].end:
        return order.heads[lane].tag == UINT64_MAX
    before = order_nobody(order)
    if order.heads[lane].tag != order.pieces[order.lanes[lane].first].tag:
        return False
    while True:
        rank = _next_rank(order, &walk)
        if rank == NULL or walk.lane != lane:
            return last != NULL and last.tag == order.lanes[lane].last.tag
        last = rank
        if order_dead(order, rank):
            continue        # what the sweep leaves behind has no order, and comes too early, if at all
        if rank.key != INT64_MIN and rank_before(rank, &before):
            return False
        before = rank[0]


cdef heap_rank* _next_rank(heap_order* order, rank_walk* walk) noexcept nogil:
    """Every rank in turn: those of the heap, then those of each lane; NULL at the end."""
    if walk.lane == FROM_HEAP:
        if walk.place < <uint32_t> order.length:
            walk.place += 1
            return &order.ranks[walk.place - 1]
        walk.lane, walk.place = 0, order.lanes[0].first
    while walk.place == order.lanes[walk.lane].end:
        walk.lane += 1
        if walk.lane == HEAP_LANES:
            walk.lane, walk.place = FROM_HEAP, <uint32_t> order.length
            return NULL
        walk.place = order.lanes[walk.lane].first
    walk.place = order_onward(order, walk.place) + 1
    return &order.pieces[walk.place - 1]


cdef int order_renumber(heap_order* order, uint64_t sequence) noexcept nogil:
    """Give the ranks new numbers before `sequence` is used; 0, or -1 without memory.

    O(n), once in as many offers as there are numbers: at least 2**33, mostly 2**43. They count from the oldest
    sequence. When that one is so old that this would gain little, the ranks become the elders: their numbers
    are places in a sorted table of their sequences, which costs O(n log n).
    """
    cdef uint64_t oldest = sequence
    cdef rank_walk walk = rank_walk(FROM_HEAP, 0)
    cdef heap_rank* rank
    cdef int32_t place
    order_rebuild(order)
    rank = _next_rank(order, &walk)
    while rank != NULL:
        oldest = min(oldest, order_sequence(order, rank))
        rank = _next_rank(order, &walk)
    for place in range(order.aside_length):
        oldest = min(oldest, order_sequence(order, &order.aside[place]))
    if sequence - oldest <= order.numbers // 2:
        _number_from(order, NULL, 0, oldest)
        return 0
    return _make_elders(order, sequence)


cdef int _make_elders(heap_order* order, uint64_t sequence) noexcept nogil:
    cdef uint64_t* elders
    cdef uint64_t count = <uint64_t> (order_living(order) + order.aside_length), place = 0
    cdef int32_t waiting
    cdef rank_walk walk = rank_walk(FROM_HEAP, 0)
    cdef heap_rank* rank = _next_rank(order, &walk)
    if count >= order.numbers:
        return -1
    elders = <uint64_t*> malloc(<size_t> count * sizeof(uint64_t))
    if elders == NULL:
        return -1
    while rank != NULL:
        elders[place] = order_sequence(order, rank)
        place += 1
        rank = _next_rank(order, &walk)
    for waiting in range(order.aside_length):
        elders[place] = order_sequence(order, &order.aside[waiting])
        place += 1
    qsort(elders, count, sizeof(uint64_t), &_compare_sequences)
    _number_from(order, elders, count, sequence - count)
    return 0


cdef void _number_from(heap_order* order, uint64_t* elders, uint64_t count, uint64_t base) noexcept nogil:
    cdef int32_t lane
    cdef rank_walk walk = rank_walk(FROM_HEAP, 0)
    cdef heap_rank* rank = _next_rank(order, &walk)
    while rank != NULL:
        _renumber_one(order, rank, elders, count, base)
        rank = _next_rank(order, &walk)
    for lane in range(order.aside_length):
        _renumber_one(order, &order.aside[lane], elders, count, base)
    free(order.elders)
    order.elders, order.elder_count, order.base = elders, count, base
    for lane in range(order.lanes_open):
        _tidy(order, lane)


cdef inline void _renumber_one(
    heap_order* order, heap_rank* rank, uint64_t* elders, uint64_t count, uint64_t base
) noexcept nogil:
    cdef uint64_t sequence = order_sequence(order, rank)
    cdef uint64_t number = _index_of(elders, count, sequence) if count > 0 else sequence - base
    rank.tag = (number << order.slot_bits) | <uint64_t> order_slot(order, rank)


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


# Lanes: pieces are taken from one store and linked.


cdef void _tidy(heap_order* order, int32_t lane) noexcept nogil:
    """Close the gaps that the dead leave in a lane, and look again what its head and its last rank are."""
    cdef heap_lane* line = &order.lanes[lane]
    cdef uint32_t source = line.first, target = line.first
    while source != line.end:
        source = order_onward(order, source)
        if not order_dead(order, &order.pieces[source]):
            target = order_onward(order, target)
            order.pieces[target] = line.last = order.pieces[source]
            target += 1
        source += 1
    order_cut(order, line, target)
    if target == line.first:
        line.first = line.end = target // PIECE * PIECE
    order.heads[lane] = order.pieces[line.first] if line.first != line.end else rank_never()


cdef void _empty_lanes(heap_order* order) noexcept nogil:
    """Append what stands in the lanes to the ranks of the heap, which has room and is no heap then."""
    cdef rank_walk walk = rank_walk(0, order.lanes[0].first)
    cdef int32_t lane, length = order.length
    cdef heap_rank* rank = _next_rank(order, &walk)
    while rank != NULL:
        order.ranks[length] = rank[0]
        length += 1
        rank = _next_rank(order, &walk)
    order.length = length
    for lane in range(order.lanes_open):
        order_cut(order, &order.lanes[lane], order.lanes[lane].first)
        order.lanes[lane].first = order.lanes[lane].end = order.lanes[lane].first // PIECE * PIECE
        order.heads[lane] = rank_never()


cdef void order_cut(heap_order* order, heap_lane* line, uint32_t end) noexcept nogil:
    """Let a lane end earlier; the pieces that it no longer reaches become free in one go."""
    cdef uint32_t kept = end // PIECE, last = line.end // PIECE
    if kept != last:
        order.pieces[last * PIECE + LINK].tag = order.free_piece
        order.free_piece = <uint32_t> order.pieces[kept * PIECE + LINK].tag
    line.end = end


cdef int order_lengthen(heap_order* order, heap_lane* line) noexcept nogil:
    cdef uint32_t piece = _take_piece(order)
    if piece == UINT32_MAX:
        return -1
    order.pieces[line.end].tag = piece
    line.end = piece * PIECE
    return 0


cdef int order_open_lanes(heap_order* order, int32_t lane) noexcept nogil:
    cdef uint32_t piece
    if not 0 <= lane < HEAP_LANES:
        return -1
    while order.lanes_open <= lane:
        piece = _take_piece(order)
        if piece == UINT32_MAX:
            return -1
        order.lanes[order.lanes_open].first = order.lanes[order.lanes_open].end = piece * PIECE
        order.lanes_open += 1
    return 0


cdef uint32_t _take_piece(heap_order* order) noexcept nogil:
    """The piece that was freed last, whose memory is near, or a new one; UINT32_MAX without memory."""
    cdef uint32_t piece = order.free_piece
    if piece != UINT32_MAX:
        order.free_piece = <uint32_t> order.pieces[piece * PIECE + LINK].tag
        return piece
    piece = order.pieces_made
    # With a little more than that: `order_advance` looks ahead.
    if pages_ready(&order.piece_pages, (<size_t> piece * PIECE + PIECE + AHEAD) * sizeof(heap_rank)) != 0:
        return UINT32_MAX
    order.pieces_made += 1
    return piece


# What waits aside, and ranks of what is queued already.


cdef uint64_t order_tag(heap_order* order, int32_t slot) noexcept nogil:
    """The tag of a slot that is queued already: its number may be one of an elder."""
    cdef uint64_t sequence = order.slots[slot].sequence
    cdef bint elder = order.elder_count > 0 and sequence < order.base + order.elder_count
    cdef uint64_t number = _index_of(order.elders, order.elder_count, sequence) if elder else sequence - order.base
    return (number << order.slot_bits) | <uint64_t> slot


cdef void order_add_again(heap_order* order, int32_t slot) noexcept nogil:
    """Add the rank of a slot that is queued already, at its place as it is now; after `order_ready`."""
    cdef heap_rank rank
    rank.key, rank.tag = order_key(order, &order.slots[slot].event), order_tag(order, slot)
    order_push(order, &rank)


cdef int order_aside_ready(heap_order* order) noexcept nogil:
    """Make sure that one rank can be set aside; 0, or -1 without memory."""
    if pages_ready(&order.aside_pages, (<size_t> order.aside_length + 1) * sizeof(heap_rank)) == 0:
        return 0
    _thin_aside(order)
    return pages_ready(&order.aside_pages, (<size_t> order.aside_length + 1) * sizeof(heap_rank))


cdef void order_set_aside(heap_order* order, uint64_t tag) noexcept nogil:
    """Add a rank to what waits aside; after `order_aside_ready`. Its key is the slot's."""
    order.aside[order.aside_length].key, order.aside[order.aside_length].tag = 0, tag
    order.aside_length += 1


cdef void order_sweep_aside(heap_order* order, int32_t waiting) noexcept nogil:
    """Look at a few of those aside, when there are more ranks than events `waiting`, and drop what has moved on."""
    cdef int _look
    for _look in range(LOOKS_A_SWEEP):
        if order.aside_length <= waiting:
            return
        if order.aside_place <= 0 or order.aside_place > order.aside_length:
            order.aside_place = order.aside_length
        order.aside_place -= 1
        if order_stale(order, &order.aside[order.aside_place]):
            order.aside_length -= 1
            order.aside[order.aside_place] = order.aside[order.aside_length]
