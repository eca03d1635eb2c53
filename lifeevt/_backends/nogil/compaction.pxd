# cython: cdivision=True
"""Leaving the order before one's turn, without a stay in the lock that grows with the queue. Not one Python object.

A rank that does not stand at an end of its lane stays behind, dead. Whoever leaves a dead one looks at a few
places, of which there are at most twice as many as events, and drops what is dead there: in the heap from its end
to its top, then in each lane, which it closes up. So the dead are a fraction of what was looked at since.
"""

from libc.stdint cimport INT64_MIN, int32_t, uint32_t

from ..nogil.order cimport (
    ARITY,
    FROM_HEAP,
    LINK,
    LOOKS_A_SWEEP,
    PARKED,
    PIECE,
    heap_lane,
    heap_order,
    heap_rank,
    heap_slot,
    order_advance,
    order_cut,
    order_dead,
    order_free_piece,
    order_nobody,
    order_onward,
    order_rebuild,
    order_rise,
    order_sequence,
    order_sift_down,
    rank_before,
    rank_never,
)


cdef inline void order_forget(heap_order* order, int32_t slot) noexcept nogil:
    """Take out the rank of an event that leaves before its turn: at either end of its lane, or else it stays, dead."""
    cdef heap_slot* entry = &order.slots[slot]
    cdef int32_t lane = entry.event.lane
    cdef heap_lane* line = &order.lanes[lane] if <uint32_t> lane < <uint32_t> order.lanes_open else NULL
    if lane <= PARKED:
        return
    if line == NULL or line.first == line.end:
        order.dead += 1
    elif order_sequence(order, &order.heads[lane]) == entry.sequence:
        order_advance(order, lane)
    elif order_sequence(order, &line.last) == entry.sequence and line.end % PIECE > 1:
        line.end -= 1
        line.last = order.pieces[line.end - 1]
        if order.sweep_lane == lane and order.sweep_source == line.end:
            _follow_first(order, line)      # whoever took events out meanwhile did not look where the sweep is
            _close_lane(order, lane)
    else:
        order.dead += 1


cdef inline void order_sweep(heap_order* order) noexcept nogil:
    """Look at a few places, and drop what is dead there: through the heap from its end, then through each lane."""
    cdef int _look
    if order.dead > order.dead_allowed:
        order_rebuild(order)
    for _look in range(LOOKS_A_SWEEP):
        if order.dead == 0:
            return
        if order.sweep_lane == FROM_HEAP:
            _sweep_heap(order)
        else:
            _sweep_lane(order, order.sweep_lane)


cdef inline void _sweep_heap(heap_order* order) noexcept nogil:
    # From the end: what a pop moves, it moves to a place that the sweep has yet to come to.
    cdef int32_t place = min(order.sweep_place, order.length) - 1
    order.sweep_place = place
    if place < 0:
        _sweep_next(order, 0)
    elif order_dead(order, &order.ranks[place]):
        _drop(order, place)
        order.dead -= 1


cdef inline void _drop(heap_order* order, int32_t place) noexcept nogil:
    cdef heap_rank last
    order.length -= 1
    last = order.ranks[order.length]
    if order.length == 0:
        order.ranks[0] = rank_never()
    elif place < order.length and place > 0 and rank_before(&last, &order.ranks[(place - 1) // ARITY]):
        order_rise(order, 0, place, last)
    elif place < order.length:
        order_sift_down(order, place, last)


cdef inline void _sweep_next(heap_order* order, int32_t lane) noexcept nogil:
    if lane < order.lanes_open:
        order.sweep_lane = lane
        order.sweep_source = order.sweep_target = order.lanes[lane].first
    else:
        order.sweep_lane, order.sweep_place = FROM_HEAP, order.length


cdef inline void _sweep_lane(heap_order* order, int32_t lane) noexcept nogil:
    """Look at one place of a lane: what is dead stays behind the source, what lives moves down to the target."""
    cdef heap_lane* line = &order.lanes[lane]
    _follow_first(order, line)
    if order.sweep_source == line.end:
        _close_lane(order, lane)
        return
    if order.sweep_source % PIECE == LINK:
        _enter_piece(order)
    if order.sweep_source == order.sweep_target and not order_dead(order, &order.pieces[order.sweep_source]):
        order.sweep_source += 1
        order.sweep_target += 1
    elif order_dead(order, &order.pieces[order.sweep_source]):
        order.sweep_source += 1
    else:
        _move_down(order, lane)
    if order.sweep_source == line.end:
        _close_lane(order, lane)


cdef inline void _follow_first(heap_order* order, const heap_lane* line) noexcept nogil:
    """Go on from where the lane begins now, if it began before that."""
    if order.sweep_target // PIECE == line.first // PIECE:
        order.sweep_target = max(order.sweep_target, line.first)
    if order.sweep_source // PIECE == line.first // PIECE:
        order.sweep_source = max(order.sweep_source, line.first)


cdef inline void _enter_piece(heap_order* order) noexcept nogil:
    """Let the source go over to the next piece, and free the one it leaves, if nothing lives there any more.

    The target stays where it is, also at the end of its piece: what lives last in the lane is just before it.
    """
    cdef uint32_t left = order.sweep_source // PIECE, kept = order.sweep_target // PIECE
    order.sweep_source = order_onward(order, order.sweep_source)
    if left != kept:
        order.pieces[kept * PIECE + LINK].tag = order.sweep_source // PIECE
        order_free_piece(order, left)
        order.dead -= LINK


cdef inline void _move_down(heap_order* order, int32_t lane) noexcept nogil:
    cdef heap_rank rank = order.pieces[order.sweep_source]
    cdef uint32_t target = order_onward(order, order.sweep_target)
    if rank.key == INT64_MIN:       # nothing could stand for it that comes no later
        order.sweep_source += 1
        order.sweep_target = order.sweep_source
        return
    order.pieces[target] = rank
    if target == order.lanes[lane].first:
        order.heads[lane] = rank
    if target != order.sweep_source:
        order.pieces[order.sweep_source] = order_nobody(order)
    order.sweep_source += 1
    order.sweep_target = target + 1


cdef inline void _close_lane(heap_order* order, int32_t lane) noexcept nogil:
    """The source has come to the end of the lane, which now ends at the target."""
    cdef heap_lane* line = &order.lanes[lane]
    cdef uint32_t target = order.sweep_target
    if target != line.end:
        if target // PIECE == line.end // PIECE:
            order.dead -= <int32_t> (line.end - target)
        else:
            order.dead -= <int32_t> (LINK - target % PIECE + line.end % PIECE)
        order_cut(order, line, target)
        if target == line.first:
            line.first = line.end = target // PIECE * PIECE
            order.heads[lane] = rank_never()
        else:
            line.last = order.pieces[target - 1]
    _sweep_next(order, lane + 1)
