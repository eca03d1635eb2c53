"""The rare steps of the order; `order.pxd` has its layout and the steps of every offer and pop."""

from libc.stdint cimport INT32_MAX, INT64_MIN, UINT32_MAX, UINT64_MAX, int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcpy, memset

from ..nogil.compaction cimport compaction_discard, compaction_step
from ..nogil.reserved_memory cimport memory_commit, memory_free, memory_reserve

cdef enum:
    KEPT = -16                  # added to the run of an event aside while `_unique_aside` keeps an entry of it

ctypedef struct entry_walk:
    int32_t run
    uint32_t place


cdef int order_init(heap_order* order, heap_slot* slots, int64_t capacity, int32_t slot_bits) noexcept nogil:
    """Reserve memory for `capacity` entries and as many tombstones; -1 when there is none, else 0."""
    cdef size_t entries = 2 * <size_t> capacity + SPARE_TOMBSTONES + 2
    cdef size_t pieces = entries // LINK + 3 * HEAP_RUNS
    cdef int run
    memset(order, 0, sizeof(heap_order))
    order.slots = slots
    order.slot_bits = slot_bits
    order.numbers = (<uint64_t> 1 << (64 - slot_bits)) - 1      # the last one is that of `entry_infinite`
    order.free_piece = UINT32_MAX
    order.compact_run = IN_HEAP
    order.tombstones_allowed = <int32_t> min(capacity + SPARE_TOMBSTONES, <int64_t> INT32_MAX)
    for run in range(HEAP_RUNS):
        order.heads[run] = entry_infinite()
    if (
        memory_reserve(&order.entry_memory, (min(entries, <size_t> INT32_MAX) + PADDING) * sizeof(heap_entry)) != 0
        or memory_reserve(&order.piece_memory, pieces * PIECE * sizeof(heap_entry)) != 0
        or memory_reserve(&order.aside_memory, min(entries, <size_t> INT32_MAX) * sizeof(heap_entry)) != 0
        or order_room_for(order, 1) != 0
    ):
        return -1
    order.pieces = <heap_entry*> order.piece_memory.start
    order.aside = <heap_entry*> order.aside_memory.start
    order.entries[0] = entry_infinite()
    return 0


cdef void order_clear(heap_order* order) noexcept nogil:
    """Free the memory."""
    memory_free(&order.entry_memory)
    memory_free(&order.piece_memory)
    memory_free(&order.aside_memory)
    free(order.elders)


cdef int order_room_for(heap_order* order, size_t entries) noexcept nogil:
    """Make room for so many entries in the heap; -1 without memory, else 0."""
    if memory_commit(&order.entry_memory, (entries + PADDING) * sizeof(heap_entry)) != 0:
        return -1
    order.entries = <heap_entry*> order.entry_memory.start + PADDING
    order.room = <int32_t> min(order.entry_memory.committed // sizeof(heap_entry) - PADDING, <size_t> INT32_MAX)
    return 0


# Not inline in the callers: with the compaction beside it, gcc makes `heap_pop` 3 % longer (profiling/gate.py).


cdef void order_discard(heap_order* order, int32_t slot) noexcept nogil:
    """Remove the entry of a slot before its turn, or make a tombstone of it. O(1)."""
    compaction_discard(order, slot)


cdef void order_compact(heap_order* order) noexcept nogil:
    """Remove the next few tombstones. O(log n)."""
    compaction_step(order)


cdef void order_compact_all(heap_order* order) noexcept nogil:
    """Remove all tombstones at once, for when the compaction cannot keep up, and before entries change. O(n)."""
    cdef int32_t place, kept = 0
    for place in range(order.length):
        if not order_is_tombstone(order, &order.entries[place]):
            order.entries[kept] = order.entries[place]
            kept += 1
    order.length = kept
    _heapify(order)
    for place in range(order.runs_open):
        _compact_run_at_once(order, place)
    order.tombstones = 0
    order.compact_run, order.compact_place = IN_HEAP, order.length
    _unique_aside(order)


cdef void _unique_aside(heap_order* order) noexcept nogil:
    """Keep one entry of each event aside: an event that was set aside again has several. O(aside)."""
    cdef int32_t place, kept = 0
    cdef heap_event* event
    for place in range(order.aside_length):
        event = &order.slots[order_slot(order, &order.aside[place])].event
        if event.run > KEPT and not order_is_stale(order, &order.aside[place]):
            event.run += KEPT
            order.aside[kept] = order.aside[place]
            kept += 1
    order.aside_length = kept
    for place in range(kept):
        order.slots[order_slot(order, &order.aside[place])].event.run -= KEPT


cdef void _heapify(heap_order* order) noexcept nogil:
    cdef int32_t place
    for place in range((order.length - 2) // ARITY if order.length > 1 else -1, -1, -1):
        order_sift_down(order, place, order.entries[place])
    if order.length == 0:
        order.entries[0] = entry_infinite()


cdef int order_reserve_shift(heap_order* order) noexcept nogil:
    """Remove the tombstones, which cannot be told once keys change, and make room for all entries in the heap.

    Returns -1 without memory, else 0. O(n).
    """
    order_compact_all(order)
    return order_room_for(order, <size_t> order_count_live(order) + 1)


cdef int order_shift(heap_order* order, const int64_t* offsets) noexcept nogil:
    """Change the offsets of the levels, for the entries there are and for those to come; -1 without memory. O(n)."""
    if order_reserve_shift(order) != 0:
        return -1
    memcpy(order.offsets, offsets, sizeof(order.offsets))
    order_arrange(order)
    return 0


cdef void order_arrange(heap_order* order) noexcept nogil:
    """Give every entry the key of its event; directly after `order_reserve_shift`. O(n).

    The entries of the runs go into the heap: by their new keys they need not ascend. What is aside has no key.
    """
    cdef int32_t place
    _empty_runs(order)
    for place in range(order.length):
        order.entries[place].key = order_key(order, &order.slots[order_slot(order, &order.entries[place])].event)
    _heapify(order)


cdef int64_t order_count_live(heap_order* order) noexcept nogil:
    """Return how many live entries there are, or -1 when the count of the tombstones is wrong. O(n)."""
    cdef int64_t living = 0, entries = 0
    cdef entry_walk walk = entry_walk(IN_HEAP, 0)
    cdef heap_entry* entry = _next_entry(order, &walk)
    while entry != NULL:
        entries += 1
        living += not order_is_tombstone(order, entry)
        entry = _next_entry(order, &walk)
    return living if entries - living == order.tombstones else -1


cdef bint order_is_sound(heap_order* order) noexcept nogil:
    """Return whether every entry is where it belongs. O(n)."""
    cdef int32_t place
    for place in range(1, order.length):
        if entry_before(&order.entries[place], &order.entries[(place - 1) // ARITY]):
            return False
    for place in range(HEAP_RUNS):
        if not _run_is_sound(order, place):
            return False
    return True


cdef bint _run_is_sound(heap_order* order, int32_t run) noexcept nogil:
    """Return whether the live entries of a run ascend, and the copies of its first and last entry are right."""
    cdef entry_walk walk = entry_walk(run, order.runs[run].first)
    cdef heap_entry* entry = NULL
    cdef heap_entry* last = NULL
    cdef heap_entry before
    if order.runs[run].first == order.runs[run].end:
        return order.heads[run].tag == UINT64_MAX
    before = order_tombstone(order)
    if order.heads[run].tag != order.pieces[order.runs[run].first].tag:
        return False
    while True:
        entry = _next_entry(order, &walk)
        if entry == NULL or walk.run != run:
            return last != NULL and last.tag == order.runs[run].last.tag
        last = entry
        if order_is_tombstone(order, entry):
            continue        # the compaction leaves tombstones behind that have no order
        if entry.key != INT64_MIN and entry_before(entry, &before):
            return False
        before = entry[0]


cdef heap_entry* _next_entry(heap_order* order, entry_walk* walk) noexcept nogil:
    """Return each entry in turn, those of the heap and then those of each run; NULL at the end."""
    if walk.run == IN_HEAP:
        if walk.place < <uint32_t> order.length:
            walk.place += 1
            return &order.entries[walk.place - 1]
        walk.run, walk.place = 0, order.runs[0].first
    while walk.place == order.runs[walk.run].end:
        walk.run += 1
        if walk.run == HEAP_RUNS:
            walk.run, walk.place = IN_HEAP, <uint32_t> order.length
            return NULL
        walk.place = order.runs[walk.run].first
    walk.place = order_follow_link(order, walk.place) + 1
    return &order.pieces[walk.place - 1]


cdef int order_renumber(heap_order* order, uint64_t sequence) noexcept nogil:
    """Give the entries new numbers before `sequence` is used; -1 without memory, else 0. O(n log n).

    Needed once in as many offers as there are numbers: at least 2**33, and 2**43 at usual capacities. The entries
    become the elders: their numbers are places in a sorted table of their sequences.
    """
    cdef uint64_t* elders
    cdef uint64_t count, place = 0
    cdef int32_t waiting
    cdef entry_walk walk = entry_walk(IN_HEAP, 0)
    cdef heap_entry* entry
    order_compact_all(order)
    count = <uint64_t> (order_count_live(order) + order.aside_length)
    if count >= order.numbers:
        return -1
    elders = <uint64_t*> malloc(<size_t> (count + 1) * sizeof(uint64_t))
    if elders == NULL:
        return -1
    entry = _next_entry(order, &walk)
    while entry != NULL:
        elders[place] = order_sequence(order, entry)
        place += 1
        entry = _next_entry(order, &walk)
    for waiting in range(order.aside_length):
        elders[place] = order_sequence(order, &order.aside[waiting])
        place += 1
    qsort(elders, count, sizeof(uint64_t), &_compare_sequences)
    _number_from(order, elders, count, sequence - count)
    return 0


cdef void _number_from(heap_order* order, uint64_t* elders, uint64_t count, uint64_t base) noexcept nogil:
    """Number the entries by their places among the elders; later sequences count from `base`."""
    cdef int32_t run
    cdef entry_walk walk = entry_walk(IN_HEAP, 0)
    cdef heap_entry* entry = _next_entry(order, &walk)
    while entry != NULL:
        _renumber_one(order, entry, elders, count)
        entry = _next_entry(order, &walk)
    for run in range(order.aside_length):
        _renumber_one(order, &order.aside[run], elders, count)
    free(order.elders)
    order.elders, order.elder_count, order.base = elders, count, base
    for run in range(order.runs_open):
        _compact_run_at_once(order, run)


cdef inline void _renumber_one(
    heap_order* order, heap_entry* entry, const uint64_t* elders, uint64_t count
) noexcept nogil:
    cdef uint64_t number = _index_of(elders, count, order_sequence(order, entry))
    entry.tag = (number << order.slot_bits) | <uint64_t> order_slot(order, entry)


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


# Runs: their pieces come from one store, and are linked.


cdef void _compact_run_at_once(heap_order* order, int32_t run) noexcept nogil:
    """Remove the tombstones of a run at once, and copy its first and last entry anew. O(run)."""
    cdef heap_run* this = &order.runs[run]
    cdef uint32_t source = this.first, target = this.first
    while source != this.end:
        source = order_follow_link(order, source)
        if not order_is_tombstone(order, &order.pieces[source]):
            target = order_follow_link(order, target)
            order.pieces[target] = this.last = order.pieces[source]
            target += 1
        source += 1
    order_cut_run(order, this, target)
    if target == this.first:
        this.first = this.end = target // PIECE * PIECE
    order.heads[run] = order.pieces[this.first] if this.first != this.end else entry_infinite()


cdef void _empty_runs(heap_order* order) noexcept nogil:
    """Move the entries of the runs behind those of the heap, in no order; there is room. O(n)."""
    cdef entry_walk walk = entry_walk(0, order.runs[0].first)
    cdef int32_t run, length = order.length
    cdef heap_entry* entry = _next_entry(order, &walk)
    while entry != NULL:
        order.entries[length] = entry[0]
        length += 1
        entry = _next_entry(order, &walk)
    order.length = length
    for run in range(order.runs_open):
        order_cut_run(order, &order.runs[run], order.runs[run].first)
        order.runs[run].first = order.runs[run].end = order.runs[run].first // PIECE * PIECE
        order.heads[run] = entry_infinite()


cdef void order_cut_run(heap_order* order, heap_run* run, uint32_t end) noexcept nogil:
    """Let a run end earlier, and free the pieces behind that. O(1): they are linked already."""
    cdef uint32_t kept = end // PIECE, last = run.end // PIECE
    if kept != last:
        order.pieces[last * PIECE + LINK].tag = order.free_piece
        order.free_piece = <uint32_t> order.pieces[kept * PIECE + LINK].tag
    run.end = end


cdef int order_lengthen_run(heap_order* order, heap_run* run) noexcept nogil:
    """Link another piece to a run; -1 without memory, else 0."""
    cdef uint32_t piece = _take_piece(order)
    if piece == UINT32_MAX:
        return -1
    order.pieces[run.end].tag = piece
    run.end = piece * PIECE
    return 0


cdef int order_open_runs(heap_order* order, int32_t run) noexcept nogil:
    """Open the runs up to this one; -1 without memory, or when it is none."""
    cdef uint32_t piece
    if not 0 <= run < HEAP_RUNS:
        return -1
    while order.runs_open <= run:
        piece = _take_piece(order)
        if piece == UINT32_MAX:
            return -1
        order.runs[order.runs_open].first = order.runs[order.runs_open].end = piece * PIECE
        order.runs_open += 1
    return 0


cdef uint32_t _take_piece(heap_order* order) noexcept nogil:
    """Return the piece that was freed last, which is likely in the cache, or a new one; UINT32_MAX without memory."""
    cdef uint32_t piece = order.free_piece
    if piece != UINT32_MAX:
        order.free_piece = <uint32_t> order.pieces[piece * PIECE + LINK].tag
        return piece
    piece = order.pieces_made
    # And AHEAD entries more: `order_remove_first` prefetches entries behind the piece.
    if memory_commit(&order.piece_memory, (<size_t> piece * PIECE + PIECE + AHEAD) * sizeof(heap_entry)) != 0:
        return UINT32_MAX
    order.pieces_made += 1
    return piece


# Events that wait aside, and events that get another entry.


cdef uint64_t order_tag(heap_order* order, int32_t slot) noexcept nogil:
    """Return the tag of a queued slot, whose number may be that of an elder."""
    cdef uint64_t sequence = order.slots[slot].sequence
    cdef bint elder = order.elder_count > 0 and sequence < order.base + order.elder_count
    cdef uint64_t number = _index_of(order.elders, order.elder_count, sequence) if elder else sequence - order.base
    return (number << order.slot_bits) | <uint64_t> slot


cdef void order_add_again(heap_order* order, int32_t slot) noexcept nogil:
    """Add an entry of a queued slot, by the key that it has now; after `order_reserve`. O(log n)."""
    cdef heap_entry entry
    entry.key, entry.tag = order_key(order, &order.slots[slot].event), order_tag(order, slot)
    order_push(order, &entry)


cdef int order_reserve_aside(heap_order* order) noexcept nogil:
    """Make room for one entry aside; -1 without memory, else 0."""
    if memory_commit(&order.aside_memory, (<size_t> order.aside_length + 1) * sizeof(heap_entry)) == 0:
        return 0
    _unique_aside(order)
    return memory_commit(&order.aside_memory, (<size_t> order.aside_length + 1) * sizeof(heap_entry))


cdef void order_set_aside(heap_order* order, uint64_t tag) noexcept nogil:
    """Add an entry to those aside; after `order_reserve_aside`. O(1)."""
    order.aside[order.aside_length].key, order.aside[order.aside_length].tag = 0, tag
    order.aside_length += 1


cdef void order_compact_aside(heap_order* order, int32_t waiting) noexcept nogil:
    """Look at the next few entries aside, if they are more than the events `waiting`, and remove stale ones. O(1)."""
    cdef int _step
    for _step in range(ENTRIES_A_STEP):
        if order.aside_length <= waiting:
            return
        if order.aside_place <= 0 or order.aside_place > order.aside_length:
            order.aside_place = order.aside_length
        order.aside_place -= 1
        if order_is_stale(order, &order.aside[order.aside_place]):
            order.aside_length -= 1
            order.aside[order.aside_place] = order.aside[order.aside_length]
