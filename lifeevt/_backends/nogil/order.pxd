# cython: cdivision=True
"""The order of what waits in the heap: by key, equal keys by sequence. Not one Python object.

A rank that comes after the last one of its lane stands in line there, in O(1); any other goes into a 4-ary
heap, in O(log n). The first one is the least of the lanes' heads and of the heap's top. A rank whose slot has
moved on, or stands at an earlier place since, is dead: it is dropped when it comes first, or when the sweep comes past,
which looks at a few places each time that an event leaves before its turn. What is not to leave yet waits aside.

A tag has room for so many sequences only: it holds the distance from `base`, called a number. When the numbers
run out, every rank gets a new one, in the same order, so that nothing need move.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN, UINT64_MAX, int32_t, int64_t, uint32_t, uint64_t

from ..nogil.reserved_memory cimport page_run

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
    /* A sum that stays within 64 bits: it stops at either end. */
    static inline int64_t LIFEEVT_SUM(int64_t key, int64_t offset) {
        int64_t sum;
        return __builtin_add_overflow(key, offset, &sum) ? (offset < 0 ? INT64_MIN : INT64_MAX) : sum;
    }
    static inline int64_t LIFEEVT_DIFFERENCE(int64_t left, int64_t right) {
        int64_t difference;
        return __builtin_sub_overflow(left, right, &difference) ? (right > 0 ? INT64_MIN : INT64_MAX) : difference;
    }
    /* A macro: gcc takes a function that only prefetches for one that does nothing, and drops its calls. */
    #define LIFEEVT_PREFETCH_LINES(place) do { \
        const char* lifeevt_line = (const char*) (place); \
        __builtin_prefetch(lifeevt_line); \
        __builtin_prefetch(lifeevt_line + 64); \
        __builtin_prefetch(lifeevt_line + 128); \
        __builtin_prefetch(lifeevt_line + 192); \
    } while (0)
    """
    int LIFEEVT_BEFORE(int64_t key, uint64_t tag, int64_t other_key, uint64_t other_tag)
    int64_t sum_within "LIFEEVT_SUM"(int64_t key, int64_t offset)
    int64_t difference "LIFEEVT_DIFFERENCE"(int64_t left, int64_t right)
    void LIFEEVT_PREFETCH_LINES(const void* place)
    void __builtin_prefetch(const void* place)

cdef enum:
    HEAP_LANES = 16
    HEAP_LEVELS = 16
    ARITY = 4
    PADDING = 3                 # puts the four children of every rank on one cache line
    PIECE = 64                  # places of a piece of a lane; the last one holds the number of the next piece
    LINK = 63
    AHEAD = 3                   # how far before its turn a slot is asked for
    DEAD_ALLOWED = 64           # beside as many as the heap holds events at most
    LOOKS_A_SWEEP = 16          # places looked at each time
    FROM_HEAP = -1
    PARKED = -2                 # lanes of what waits aside: what it is may not leave now,
    HELD = -3                   # or what it waits for has not come

ctypedef struct heap_rank:     # with the tag below the key, a rank compares as one signed number of 128 bits
    uint64_t tag            # the number of its sequence above, the number of its slot below
    int64_t key

ctypedef struct heap_lane:      # a line of ranks in pieces that are linked; empty when first == end
    heap_rank last
    uint32_t first
    uint32_t end
    uint64_t unused

ctypedef struct heap_event:
    int64_t key
    int64_t arrival_ns
    double intensity
    double timestamp        # wall seconds, carried along
    int32_t kind            # the number of its type, or -1
    int32_t level
    int32_t lane            # its events mostly come with ascending keys; others than 0 to 15: none, and HELD: none yet
    int32_t has_object      # bits: whether the caller keeps something for its slot, and whether it wants to see it

ctypedef struct heap_slot:
    heap_event event
    uint64_t sequence       # UINT64_MAX when the slot is not queued
    int32_t older           # neighbours by arrival on the same level; `newer` also links free slots
    int32_t newer

ctypedef struct heap_order:
    heap_rank* ranks        # the 4-ary heap; the first one is `rank_never` when there is none
    heap_rank* pieces       # what stands in the lanes, PIECE ranks each
    heap_slot* slots
    int32_t length          # ranks in the heap; those whose slot has moved on are dead
    int32_t room
    int32_t lanes_open      # lanes below this number have a piece
    int32_t dead            # dead ranks, in the heap and in the lanes
    int32_t dead_allowed    # with more of them the room for ranks might not do
    int32_t aside_length    # ranks of what waits aside, in any order; some of them have moved on
    int32_t aside_place     # where the sweep is: there,
    int32_t sweep_place     # in the heap, from its end,
    int32_t sweep_lane      # or in this lane,
    uint32_t sweep_source   # which it closes up: it has moved what lives before `source` down to `target`,
    uint32_t sweep_target   # and nothing lives between them
    int32_t slot_bits       # of a tag
    int64_t offsets[HEAP_LEVELS]    # by how much each level stands behind its keys, in nanoseconds
    uint64_t base           # what lies between a sequence and its number in the tags
    uint64_t numbers        # how many numbers there are
    uint64_t* elders        # the sequences of the least numbers, where `base` does not hold, or NULL
    uint64_t elder_count
    heap_rank heads[HEAP_LANES]     # the first rank of each lane, or `rank_never`
    heap_lane lanes[HEAP_LANES]
    uint32_t free_piece
    uint32_t pieces_made
    heap_rank* aside
    page_run rank_pages
    page_run piece_pages
    page_run aside_pages

cdef int order_init(heap_order* order, heap_slot* slots, int64_t capacity, int32_t slot_bits) noexcept nogil
cdef void order_clear(heap_order* order) noexcept nogil
cdef int order_make_room(heap_order* order) noexcept nogil
cdef int order_renumber(heap_order* order, uint64_t sequence) noexcept nogil
cdef int order_open_lanes(heap_order* order, int32_t lane) noexcept nogil
cdef int order_lengthen(heap_order* order, heap_lane* line) noexcept nogil
cdef void order_rebuild(heap_order* order) noexcept nogil
cdef void order_cut(heap_order* order, heap_lane* line, uint32_t end) noexcept nogil
cdef void order_add_again(heap_order* order, int32_t slot) noexcept nogil
cdef int order_aside_ready(heap_order* order) noexcept nogil
cdef void order_set_aside(heap_order* order, uint64_t tag) noexcept nogil
cdef uint64_t order_tag(heap_order* order, int32_t slot) noexcept nogil
cdef void order_sweep_aside(heap_order* order, int32_t waiting) noexcept nogil
cdef int order_ready_to_shift(heap_order* order) noexcept nogil
cdef void order_arrange(heap_order* order) noexcept nogil
cdef int order_shift(heap_order* order, const int64_t* offsets) noexcept nogil
cdef int64_t order_living(heap_order* order) noexcept nogil
cdef bint order_sound(heap_order* order) noexcept nogil


cdef inline int order_ready(heap_order* order, uint64_t sequence) noexcept nogil:
    """Make sure that one rank can be added; 0, or -1 without memory."""
    if order.length >= order.room and order_make_room(order) != 0:
        return -1
    return order_renumber(order, sequence) if sequence - order.base >= order.numbers else 0


cdef inline int64_t order_key(const heap_order* order, const heap_event* event) noexcept nogil:
    """Where an event stands: at its key, behind it by the offset of its level."""
    return sum_within(event.key, order.offsets[event.level])


cdef inline void order_add(
    heap_order* order, int64_t key, uint64_t sequence, int32_t slot, int32_t lane
) noexcept nogil:
    """Add a rank whose key is that of `order_key`; after `order_ready`."""
    cdef heap_rank rank
    rank.key = key
    rank.tag = ((sequence - order.base) << order.slot_bits) | <uint64_t> slot
    if not order_line_up(order, lane, &rank):
        order_push(order, &rank)


cdef inline int32_t order_head(heap_order* order, int32_t* lane) noexcept nogil:
    """The slot and the lane (or FROM_HEAP) of the least living rank; there must be one. Buries the dead before it."""
    cdef heap_rank least
    while True:
        lane[0] = order_least(order, &least)
        if order.dead == 0 or not order_dead(order, &least):
            return order_slot(order, &least)
        order_remove(order, lane[0])
        order.dead -= 1


cdef inline int32_t order_least(heap_order* order, heap_rank* least) noexcept nogil:
    cdef int32_t found = FROM_HEAP, lane
    least[0] = order.ranks[0]
    for lane in range(order.lanes_open):
        if rank_before(&order.heads[lane], least):
            found = lane
            least[0] = order.heads[lane]
    return found


cdef inline void order_remove(heap_order* order, int32_t lane) noexcept nogil:
    if lane == FROM_HEAP:
        order_remove_top(order)
    else:
        order_advance(order, lane)


cdef inline heap_rank rank_never() noexcept nogil:
    """What no rank is after: the head of an empty lane."""
    cdef heap_rank rank
    rank.key, rank.tag = INT64_MAX, UINT64_MAX
    return rank


cdef inline int rank_before(const heap_rank* left, const heap_rank* right) noexcept nogil:
    return LIFEEVT_BEFORE(left.key, left.tag, right.key, right.tag)


cdef inline heap_rank order_nobody(const heap_order* order) noexcept nogil:
    """A rank that is dead for ever, and comes before every other, so that it holds up none."""
    cdef heap_rank rank
    rank.key, rank.tag = INT64_MIN, order.numbers << order.slot_bits
    return rank


cdef inline int32_t order_slot(heap_order* order, const heap_rank* rank) noexcept nogil:
    return <int32_t> (rank.tag & ((<uint64_t> 1 << order.slot_bits) - 1))


cdef inline uint64_t order_sequence(heap_order* order, const heap_rank* rank) noexcept nogil:
    cdef uint64_t number = rank.tag >> order.slot_bits
    return order.elders[number] if number < order.elder_count else order.base + number


cdef inline bint order_dead(heap_order* order, const heap_rank* rank) noexcept nogil:
    cdef const heap_slot* slot = &order.slots[order_slot(order, rank)]
    if slot.sequence != order_sequence(order, rank) or slot.event.lane <= PARKED:
        return True
    return rank.key != order_key(order, &slot.event)


cdef inline bint order_stale(heap_order* order, const heap_rank* rank) noexcept nogil:
    """Whether a rank of those aside has moved on."""
    cdef const heap_slot* slot = &order.slots[order_slot(order, rank)]
    return slot.sequence != order_sequence(order, rank) or slot.event.lane > PARKED


cdef inline bint order_line_up(heap_order* order, int32_t lane, const heap_rank* rank) noexcept nogil:
    """Put a rank at the end of its lane, if it belongs there."""
    cdef heap_lane* line
    if <uint32_t> lane >= <uint32_t> order.lanes_open and order_open_lanes(order, lane) != 0:
        return False
    line = &order.lanes[lane]
    if line.first == line.end:
        order.heads[lane] = rank[0]
    elif rank_before(rank, &line.last):
        return order_overtake_last(order, lane, rank)
    if line.end % PIECE == LINK and order_lengthen(order, line) != 0:
        return False
    order.pieces[line.end] = rank[0]
    line.end += 1
    line.last = rank[0]
    return True


cdef inline bint order_overtake_last(heap_order* order, int32_t lane, const heap_rank* rank) noexcept nogil:
    """Take the last one's place and send that to the heap, or one far too late would keep the lane shut."""
    cdef heap_lane* line = &order.lanes[lane]
    if line.first == line.end - 1:
        order.heads[lane] = rank[0]
    elif line.end % PIECE < 2 or rank_before(rank, &order.pieces[line.end - 2]) or order.sweep_lane == lane:
        return False        # where the sweep was, what stands before the last one says nothing
    order_push(order, &line.last)
    order.pieces[line.end - 1] = line.last = rank[0]
    return True


cdef inline void order_advance(heap_order* order, int32_t lane) noexcept nogil:
    """Remove the first rank of a lane."""
    cdef heap_lane* line = &order.lanes[lane]
    cdef uint32_t piece = line.first // PIECE
    line.first += 1
    if line.first == line.end:
        line.first = line.end = piece * PIECE
        order.heads[lane] = rank_never()
        if order.sweep_lane == lane:
            order.sweep_source = order.sweep_target = line.first
        return
    if line.first % PIECE == LINK:
        line.first = order_onward(order, line.first)
        order_free_piece(order, piece)
        if order.sweep_lane == lane:
            order_sweep_past(order, piece, line.first)
    order.heads[lane] = order.pieces[line.first]
    # Beyond the end, or the piece, this asks for a slot that is not needed soon; it does no harm.
    __builtin_prefetch(&order.slots[order_slot(order, &order.pieces[line.first + AHEAD])])


cdef inline uint32_t order_onward(heap_order* order, uint32_t place) noexcept nogil:
    """The place itself, or the first one of the next piece when it holds the link to that."""
    return place if place % PIECE != LINK else <uint32_t> order.pieces[place].tag * PIECE


cdef inline void order_sweep_past(heap_order* order, uint32_t piece, uint32_t first) noexcept nogil:
    """A piece of the lane that is swept was freed: the sweep goes on in what is left."""
    if order.sweep_target // PIECE == piece:
        order.sweep_target = first
        if order.sweep_source // PIECE == piece:
            order.sweep_source = first


cdef inline void order_free_piece(heap_order* order, uint32_t piece) noexcept nogil:
    order.pieces[piece * PIECE + LINK].tag = order.free_piece
    order.free_piece = piece


cdef inline void order_push(heap_order* order, const heap_rank* rank) noexcept nogil:
    order.length += 1
    order_rise(order, 0, order.length - 1, rank[0])


cdef inline void order_remove_top(heap_order* order) noexcept nogil:
    order.length -= 1
    if order.length > 0:
        order_sift_down(order, 0, order.ranks[order.length])
        __builtin_prefetch(&order.slots[order_slot(order, order.ranks)])
    else:
        order.ranks[0] = rank_never()


cdef inline int32_t rank_least_of_four(const heap_rank* ranks) noexcept nogil:
    """Which of four is the least: all six comparisons at once, since to wait for the first two costs more."""
    cdef int32_t left = rank_before(&ranks[1], &ranks[0]), right = rank_before(&ranks[3], &ranks[2])
    cdef int32_t beats_0 = _chosen(right, rank_before(&ranks[3], &ranks[0]), rank_before(&ranks[2], &ranks[0]))
    cdef int32_t beats_1 = _chosen(right, rank_before(&ranks[3], &ranks[1]), rank_before(&ranks[2], &ranks[1]))
    return left ^ ((left ^ (right + 2)) & -_chosen(left, beats_1, beats_0))


cdef inline int32_t _chosen(int32_t condition, int32_t one, int32_t other) noexcept nogil:
    # Bits, not a branch to mispredict: which child is less is a coin's toss.
    return (condition & one) | ((condition ^ 1) & other)


cdef inline void order_sift_down(heap_order* order, int32_t place, heap_rank rank) noexcept nogil:
    """Let the hole sink to a leaf, then let the rank rise from there: it mostly belongs low."""
    cdef int32_t top = place, child = ARITY * place + 1, best
    while child + ARITY <= order.length:
        LIFEEVT_PREFETCH_LINES(&order.ranks[ARITY * child + 1])      # the next row, one line of which is needed
        best = child + rank_least_of_four(&order.ranks[child])
        order.ranks[place] = order.ranks[best]
        place = best
        child = ARITY * place + 1
    if child < order.length:
        best = child
        for child in range(best + 1, order.length):
            best = child if rank_before(&order.ranks[child], &order.ranks[best]) else best
        order.ranks[place] = order.ranks[best]
        place = best
    order_rise(order, top, place, rank)


cdef inline void order_rise(heap_order* order, int32_t top, int32_t place, heap_rank rank) noexcept nogil:
    cdef int32_t parent
    while place > top:
        parent = <int32_t> (<uint32_t> (place - 1) // ARITY)
        if not rank_before(&rank, &order.ranks[parent]):
            break
        order.ranks[place] = order.ranks[parent]
        place = parent
    order.ranks[place] = rank
