# cython: cdivision=True
"""The order of the queued events: by key, equal keys by sequence. Not one Python object.

An entry that is not before the last one of its run is appended there, in O(1): the arrivals of one type mostly ascend.
Every other entry goes into a 4-ary heap (D. B. Johnson, "Priority queues with update and finding minimum spanning
trees", IPL 4:3, 1975), in O(log n). The first entry is the least of the heads of the runs and of the top of the heap.
An entry becomes a tombstone when its event leaves before its turn, or gets an earlier place: `compaction` removes it,
or `order_head` when it comes first. An event that may not leave now waits aside, in no order.

With its tag, an entry is one number of 128 bits, which a branch-free comparison orders. The tag has room for a number
of `64 - slot_bits` bits where a sequence has 64: the distance from `base`. When the numbers run out, `order_renumber`
gives every entry a new one, in the same order, so that no entry moves.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN, UINT64_MAX, int32_t, int64_t, uint32_t, uint64_t

from ..nogil.reserved_memory cimport reserved_memory

cdef extern from * nogil:
    """
    /* As one number of 128 bits: a subtraction with borrow, and no branch to predict wrongly. */
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
    /* Sums and differences that stop at the ends of 64 bits. */
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
    HEAP_RUNS = 16
    HEAP_LEVELS = 16
    ARITY = 4
    PADDING = 3                 # puts the four children of every entry on one cache line
    PIECE = 64                  # entries of a piece of a run; the last one holds the number of the next piece
    LINK = 63
    AHEAD = 3                   # how many pops before its turn a slot is prefetched
    SPARE_TOMBSTONES = 64       # beside as many as the heap holds events at most
    ENTRIES_A_STEP = 16         # that one step of the compaction looks at
    IN_HEAP = -1                # instead of the number of a run: the entry is in the 4-ary heap,
    PAUSED = -2                 # aside, because its type or level is paused,
    HELD = -3                   # or aside, until `heap_bring_back`

ctypedef struct heap_entry:
    uint64_t tag            # the number of the sequence in the high bits, that of the slot in the low bits
    int64_t key

ctypedef struct heap_run:       # ascending entries in linked pieces; empty when first == end
    heap_entry last
    uint32_t first
    uint32_t end
    uint64_t unused

ctypedef struct heap_event:
    int64_t key
    int64_t arrival_ns
    double intensity
    double timestamp        # wall seconds, carried along
    int32_t type_id         # or -1
    int32_t level
    int32_t run             # 0 to 15: the run to append to if the key permits it; HELD: wait aside; else none
    int32_t has_object      # bits: whether the caller keeps something for the slot, and whether it wants to see it

ctypedef struct heap_slot:
    heap_event event
    uint64_t sequence       # UINT64_MAX when the slot is not queued
    int32_t older           # neighbours by arrival on the same level; `newer` also links the free slots
    int32_t newer

ctypedef struct heap_order:
    heap_entry* entries     # the 4-ary heap; the first one is `entry_infinite` when it is empty
    heap_entry* pieces      # of the runs, PIECE entries each
    heap_slot* slots
    int32_t length          # entries in the heap, tombstones among them
    int32_t room
    int32_t runs_open       # runs below this number have a piece
    int32_t tombstones      # in the heap and in the runs
    int32_t tombstones_allowed      # more could leave too little room for entries
    int32_t aside_length    # entries of the events that wait aside, in any order, and stale ones
    int32_t aside_place     # the next stale entry to look for there
    int32_t compact_run     # where the compaction is: in this run, or IN_HEAP
    int32_t compact_place   # in the heap: everything from here on has been looked at
    uint32_t compact_source  # in a run: live entries before `source` have been moved to before `target`,
    uint32_t compact_target  # and only tombstones are between the two
    int32_t slot_bits       # of a tag
    int64_t offsets[HEAP_LEVELS]    # in nanoseconds, added to the keys of each level
    uint64_t base           # a sequence less its number in the tags
    uint64_t numbers        # how many numbers there are
    uint64_t* elders        # the sequences of the least numbers, for which `base` does not hold, or NULL
    uint64_t elder_count
    heap_entry heads[HEAP_RUNS]     # the first entry of each run, or `entry_infinite`
    heap_run runs[HEAP_RUNS]
    uint32_t free_piece
    uint32_t pieces_made
    heap_entry* aside
    reserved_memory entry_memory
    reserved_memory piece_memory
    reserved_memory aside_memory

cdef int order_init(heap_order* order, heap_slot* slots, int64_t capacity, int32_t slot_bits) noexcept nogil
cdef void order_clear(heap_order* order) noexcept nogil
cdef int order_room_for(heap_order* order, size_t entries) noexcept nogil
cdef int order_renumber(heap_order* order, uint64_t sequence) noexcept nogil
cdef int order_open_runs(heap_order* order, int32_t run) noexcept nogil
cdef int order_lengthen_run(heap_order* order, heap_run* run) noexcept nogil
cdef void order_discard(heap_order* order, int32_t slot) noexcept nogil
cdef void order_compact(heap_order* order) noexcept nogil
cdef void order_compact_all(heap_order* order) noexcept nogil
cdef void order_cut_run(heap_order* order, heap_run* run, uint32_t end) noexcept nogil
cdef void order_add_again(heap_order* order, int32_t slot) noexcept nogil
cdef int order_reserve_aside(heap_order* order) noexcept nogil
cdef void order_set_aside(heap_order* order, uint64_t tag) noexcept nogil
cdef uint64_t order_tag(heap_order* order, int32_t slot) noexcept nogil
cdef void order_compact_aside(heap_order* order, int32_t waiting) noexcept nogil
cdef int order_reserve_shift(heap_order* order) noexcept nogil
cdef void order_arrange(heap_order* order) noexcept nogil
cdef int order_shift(heap_order* order, const int64_t* offsets) noexcept nogil
cdef int64_t order_count_live(heap_order* order) noexcept nogil
cdef bint order_is_sound(heap_order* order) noexcept nogil


cdef inline int order_reserve(heap_order* order, uint64_t sequence) noexcept nogil:
    """Make room for one entry; -1 without memory, else 0."""
    if order.length >= order.room and order_room_for(order, <size_t> order.length + 1) != 0:
        return -1
    return order_renumber(order, sequence) if sequence - order.base >= order.numbers else 0


cdef inline int64_t order_key(const heap_order* order, const heap_event* event) noexcept nogil:
    """Return the key of an event's entry: its own, and the offset of its level."""
    return sum_within(event.key, order.offsets[event.level])


cdef inline void order_add(
    heap_order* order, int64_t key, uint64_t sequence, int32_t slot, int32_t run
) noexcept nogil:
    """Add an entry whose key is that of `order_key`; after `order_reserve`. O(1) in a run, O(log n) in the heap."""
    cdef heap_entry entry
    entry.key = key
    entry.tag = ((sequence - order.base) << order.slot_bits) | <uint64_t> slot
    if not order_append(order, run, &entry):
        order_push(order, &entry)


cdef inline int32_t order_head(heap_order* order, int32_t* run) noexcept nogil:
    """Return the slot of the least live entry, and its run or IN_HEAP; remove the tombstones before it.

    There must be one.
    """
    cdef heap_entry least
    while True:
        run[0] = order_least(order, &least)
        if order.tombstones == 0 or not order_is_tombstone(order, &least):
            return order_slot(order, &least)
        order_remove(order, run[0])
        order.tombstones -= 1


cdef inline int32_t order_least(heap_order* order, heap_entry* least) noexcept nogil:
    """Return the run of the least entry, or IN_HEAP."""
    cdef int32_t found = IN_HEAP, run
    least[0] = order.entries[0]
    for run in range(order.runs_open):
        if entry_before(&order.heads[run], least):
            found = run
            least[0] = order.heads[run]
    return found


cdef inline void order_remove(heap_order* order, int32_t run) noexcept nogil:
    if run == IN_HEAP:
        order_remove_top(order)
    else:
        order_remove_first(order, run)


cdef inline heap_entry entry_infinite() noexcept nogil:
    """Return an entry that no other one is after: the head of an empty run."""
    cdef heap_entry entry
    entry.key, entry.tag = INT64_MAX, UINT64_MAX
    return entry


cdef inline int entry_before(const heap_entry* left, const heap_entry* right) noexcept nogil:
    return LIFEEVT_BEFORE(left.key, left.tag, right.key, right.tag)


cdef inline heap_entry order_tombstone(const heap_order* order) noexcept nogil:
    """Return an entry that stays a tombstone, and comes before every other one, so that it keeps none waiting."""
    cdef heap_entry entry
    entry.key, entry.tag = INT64_MIN, order.numbers << order.slot_bits
    return entry


cdef inline int32_t order_slot(heap_order* order, const heap_entry* entry) noexcept nogil:
    return <int32_t> (entry.tag & ((<uint64_t> 1 << order.slot_bits) - 1))


cdef inline uint64_t order_sequence(heap_order* order, const heap_entry* entry) noexcept nogil:
    cdef uint64_t number = entry.tag >> order.slot_bits
    return order.elders[number] if number < order.elder_count else order.base + number


cdef inline bint order_is_tombstone(heap_order* order, const heap_entry* entry) noexcept nogil:
    """Return whether the slot of an entry has another event now, or its event another place."""
    cdef const heap_slot* slot = &order.slots[order_slot(order, entry)]
    if slot.sequence != order_sequence(order, entry) or slot.event.run <= PAUSED:
        return True
    return entry.key != order_key(order, &slot.event)


cdef inline bint order_is_stale(heap_order* order, const heap_entry* entry) noexcept nogil:
    """Return whether the event of an entry that was set aside is no longer there."""
    cdef const heap_slot* slot = &order.slots[order_slot(order, entry)]
    return slot.sequence != order_sequence(order, entry) or slot.event.run > PAUSED


cdef inline bint order_append(heap_order* order, int32_t run, const heap_entry* entry) noexcept nogil:
    """Append an entry to its run, unless it is before the last one; return whether it is there."""
    cdef heap_run* this
    if <uint32_t> run >= <uint32_t> order.runs_open and order_open_runs(order, run) != 0:
        return False
    this = &order.runs[run]
    if this.first == this.end:
        order.heads[run] = entry[0]
    elif entry_before(entry, &this.last):
        return order_replace_last(order, run, entry)
    if this.end % PIECE == LINK and order_lengthen_run(order, this) != 0:
        return False
    order.pieces[this.end] = entry[0]
    this.end += 1
    this.last = entry[0]
    return True


cdef inline bint order_replace_last(heap_order* order, int32_t run, const heap_entry* entry) noexcept nogil:
    """Take the place of the last entry, which goes into the heap: one key far in the future would close the run."""
    cdef heap_run* this = &order.runs[run]
    if this.first == this.end - 1:
        order.heads[run] = entry[0]
    elif this.end % PIECE < 2 or entry_before(entry, &order.pieces[this.end - 2]) or order.compact_run == run:
        return False        # during a compaction the entry before the last one may be out of order
    order_push(order, &this.last)
    order.pieces[this.end - 1] = this.last = entry[0]
    return True


cdef inline void order_remove_first(heap_order* order, int32_t run) noexcept nogil:
    """Remove the first entry of a run."""
    cdef heap_run* this = &order.runs[run]
    cdef uint32_t piece = this.first // PIECE
    this.first += 1
    if this.first == this.end:
        this.first = this.end = piece * PIECE
        order.heads[run] = entry_infinite()
        if order.compact_run == run:
            order.compact_source = order.compact_target = this.first
        return
    if this.first % PIECE == LINK:
        this.first = order_follow_link(order, this.first)
        order_free_piece(order, piece)
        if order.compact_run == run:
            order_compact_past(order, piece, this.first)
    order.heads[run] = order.pieces[this.first]
    # Beyond the end of the run or of the piece this prefetches some other slot, which does no harm.
    __builtin_prefetch(&order.slots[order_slot(order, &order.pieces[this.first + AHEAD])])


cdef inline uint32_t order_follow_link(heap_order* order, uint32_t place) noexcept nogil:
    """Return a place, or the first one of the next piece for the place of the link to that."""
    return place if place % PIECE != LINK else <uint32_t> order.pieces[place].tag * PIECE


cdef inline void order_compact_past(heap_order* order, uint32_t piece, uint32_t first) noexcept nogil:
    """Let the compaction go on in the rest of the run: one of its pieces was freed."""
    if order.compact_target // PIECE == piece:
        order.compact_target = first
        if order.compact_source // PIECE == piece:
            order.compact_source = first


cdef inline void order_free_piece(heap_order* order, uint32_t piece) noexcept nogil:
    order.pieces[piece * PIECE + LINK].tag = order.free_piece
    order.free_piece = piece


cdef inline void order_push(heap_order* order, const heap_entry* entry) noexcept nogil:
    order.length += 1
    order_rise(order, 0, order.length - 1, entry[0])


cdef inline void order_remove_top(heap_order* order) noexcept nogil:
    order.length -= 1
    if order.length > 0:
        order_sift_down(order, 0, order.entries[order.length])
        __builtin_prefetch(&order.slots[order_slot(order, order.entries)])
    else:
        order.entries[0] = entry_infinite()


cdef inline int32_t entry_least_of_four(const heap_entry* entries) noexcept nogil:
    """Return which of four is the least. All six comparisons at once: waiting for the first two would cost more."""
    cdef int32_t left = entry_before(&entries[1], entries), right = entry_before(&entries[3], &entries[2])
    cdef int32_t beats_0 = _chosen(right, entry_before(&entries[3], entries), entry_before(&entries[2], entries))
    cdef int32_t beats_1 = _chosen(
        right, entry_before(&entries[3], &entries[1]), entry_before(&entries[2], &entries[1])
    )
    return left ^ ((left ^ (right + 2)) & -_chosen(left, beats_1, beats_0))


cdef inline int32_t _chosen(int32_t condition, int32_t one, int32_t other) noexcept nogil:
    # Bits instead of a branch: which child is less cannot be predicted.
    return (condition & one) | ((condition ^ 1) & other)


cdef inline void order_sift_down(heap_order* order, int32_t place, heap_entry entry) noexcept nogil:
    """Move the hole at `place` down to a leaf, then let the entry rise from there: it mostly belongs low.

    I. Wegener, "Bottom-up heapsort" (Theoretical Computer Science 118:1, 1993).
    """
    cdef int32_t top = place, child = ARITY * place + 1, best
    while child + ARITY <= order.length:
        LIFEEVT_PREFETCH_LINES(&order.entries[ARITY * child + 1])  # the next row, of which one line is needed
        best = child + entry_least_of_four(&order.entries[child])
        order.entries[place] = order.entries[best]
        place = best
        child = ARITY * place + 1
    if child < order.length:
        best = child
        for child in range(best + 1, order.length):
            best = child if entry_before(&order.entries[child], &order.entries[best]) else best
        order.entries[place] = order.entries[best]
        place = best
    order_rise(order, top, place, entry)


cdef inline void order_rise(heap_order* order, int32_t top, int32_t place, heap_entry entry) noexcept nogil:
    """Move an entry from `place` up, at most to `top`, until its parent is before it."""
    cdef int32_t parent
    while place > top:
        parent = <int32_t> (<uint32_t> (place - 1) // ARITY)
        if not entry_before(&entry, &order.entries[parent]):
            break
        order.entries[place] = order.entries[parent]
        place = parent
    order.entries[place] = entry
