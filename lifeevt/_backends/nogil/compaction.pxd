# cython: cdivision=True
"""Compaction: removes the tombstones that the heap's order collects, a few entries at a time. Not one Python object.

Removing an entry inside a run or inside the 4-ary heap leaves a tombstone: closing the gap at once would make one
critical section as long as the queue. Each such removal then looks at ENTRIES_A_STEP entries, of which there are at
most twice as many as events: first through the heap, from its end to its top, then through each run, which it closes
up. So tombstones stay a fraction of the entries. Incremental compaction, as in H. G. Baker, "List processing in real
time on a serial computer" (CACM 21:4, 1978), bounds the longest pause instead of the sum.
"""

from libc.stdint cimport INT64_MIN, int32_t, uint32_t

from ..nogil.order cimport (
    ARITY, ENTRIES_A_STEP, IN_HEAP, LINK, PAUSED, PIECE, entry_before, entry_infinite, heap_entry, heap_order,
    heap_run, heap_slot, order_compact_all, order_cut_run, order_follow_link, order_free_piece, order_is_tombstone,
    order_remove_first, order_rise, order_sequence, order_sift_down, order_tombstone,
)


cdef inline void compaction_discard(heap_order* order, int32_t slot) noexcept nogil:
    """Remove the entry of a slot before its turn: at an end of its run, or else by a tombstone. O(1)."""
    cdef heap_slot* stored = &order.slots[slot]
    cdef int32_t run = stored.event.run
    cdef heap_run* this = &order.runs[run] if <uint32_t> run < <uint32_t> order.runs_open else NULL
    if run <= PAUSED:
        return
    if this == NULL or this.first == this.end:
        order.tombstones += 1
    elif order_sequence(order, &order.heads[run]) == stored.sequence:
        order_remove_first(order, run)
    elif order_sequence(order, &this.last) == stored.sequence and this.end % PIECE > 1:
        this.end -= 1
        this.last = order.pieces[this.end - 1]
        if order.compact_run == run and order.compact_source == this.end:
            _follow_first(order, this)      # pops in the meantime did not look where the compaction is
            _close_run(order, run)
    else:
        order.tombstones += 1


cdef inline void compaction_step(heap_order* order) noexcept nogil:
    """Look at the next few entries, and remove the tombstones among them. O(log n)."""
    cdef int _step
    if order.tombstones > order.tombstones_allowed:
        order_compact_all(order)
    for _step in range(ENTRIES_A_STEP):
        if order.tombstones == 0:
            return
        if order.compact_run == IN_HEAP:
            _compact_heap(order)
        else:
            _compact_run(order, order.compact_run)


cdef inline void _compact_heap(heap_order* order) noexcept nogil:
    # From the end: a pop moves entries only to places that are still to be looked at.
    cdef int32_t place = min(order.compact_place, order.length) - 1
    order.compact_place = place
    if place < 0:
        _go_to_run(order, 0)
    elif order_is_tombstone(order, &order.entries[place]):
        _remove_at(order, place)
        order.tombstones -= 1


cdef inline void _remove_at(heap_order* order, int32_t place) noexcept nogil:
    """Remove an entry of the heap by moving the last one to its place. O(log n)."""
    cdef heap_entry last
    order.length -= 1
    last = order.entries[order.length]
    if order.length == 0:
        order.entries[0] = entry_infinite()
    elif place < order.length and place > 0 and entry_before(&last, &order.entries[(place - 1) // ARITY]):
        order_rise(order, 0, place, last)
    elif place < order.length:
        order_sift_down(order, place, last)


cdef inline void _go_to_run(heap_order* order, int32_t run) noexcept nogil:
    """Go on with a run, or with the heap when all runs are done."""
    if run < order.runs_open:
        order.compact_run = run
        order.compact_source = order.compact_target = order.runs[run].first
    else:
        order.compact_run, order.compact_place = IN_HEAP, order.length


cdef inline void _compact_run(heap_order* order, int32_t run) noexcept nogil:
    """Look at one entry of a run: pass over a tombstone, move a live entry from the source down to the target."""
    cdef heap_run* this = &order.runs[run]
    cdef bint is_tombstone
    _follow_first(order, this)
    if order.compact_source == this.end:
        _close_run(order, run)
        return
    if order.compact_source % PIECE == LINK:
        _enter_piece(order)
    is_tombstone = order_is_tombstone(order, &order.pieces[order.compact_source])
    if is_tombstone:
        order.compact_source += 1
    elif order.compact_source == order.compact_target:
        order.compact_source += 1
        order.compact_target += 1
    else:
        _move_down(order, run)
    if order.compact_source == this.end:
        _close_run(order, run)


cdef inline void _follow_first(heap_order* order, const heap_run* this) noexcept nogil:
    """Skip the entries that were popped from the run in the meantime."""
    if order.compact_target // PIECE == this.first // PIECE:
        order.compact_target = max(order.compact_target, this.first)
    if order.compact_source // PIECE == this.first // PIECE:
        order.compact_source = max(order.compact_source, this.first)


cdef inline void _enter_piece(heap_order* order) noexcept nogil:
    """Let the source go on to the next piece, and free the piece it leaves when the target is not there.

    The target stays where it is, even at the end of its piece: the last live entry is just before it.
    """
    cdef uint32_t left = order.compact_source // PIECE, kept = order.compact_target // PIECE
    order.compact_source = order_follow_link(order, order.compact_source)
    if left != kept:
        order.pieces[kept * PIECE + LINK].tag = order.compact_source // PIECE
        order_free_piece(order, left)
        order.tombstones -= LINK


cdef inline void _move_down(heap_order* order, int32_t run) noexcept nogil:
    """Move the live entry at the source to the target, and leave a tombstone in its place."""
    cdef heap_entry entry = order.pieces[order.compact_source]
    cdef uint32_t target = order_follow_link(order, order.compact_target)
    if entry.key == INT64_MIN:       # a tombstone in its place would not come before it
        order.compact_source += 1
        order.compact_target = order.compact_source
        return
    order.pieces[target] = entry
    if target == order.runs[run].first:
        order.heads[run] = entry
    if target != order.compact_source:
        order.pieces[order.compact_source] = order_tombstone(order)
    order.compact_source += 1
    order.compact_target = target + 1


cdef inline void _close_run(heap_order* order, int32_t run) noexcept nogil:
    """End the run at the target: the source has reached its end."""
    cdef heap_run* this = &order.runs[run]
    cdef uint32_t target = order.compact_target
    if target != this.end:
        if target // PIECE == this.end // PIECE:
            order.tombstones -= <int32_t> (this.end - target)
        else:
            order.tombstones -= <int32_t> (LINK - target % PIECE + this.end % PIECE)
        order_cut_run(order, this, target)
        if target == this.first:
            this.first = this.end = target // PIECE * PIECE
            order.heads[run] = entry_infinite()
        else:
            this.last = order.pieces[target - 1]
    _go_to_run(order, run + 1)
