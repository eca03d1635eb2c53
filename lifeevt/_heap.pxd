"""A bounded queue in the order (key, sequence), with slots for what waits, and the ledger of its events.

Not one Python object: every function runs without the GIL. The caller serialises the calls: it enters
by `heap_enter`, or tries to, and goes by `heap_leave`, which wakes whom the change concerns.
Order: smallest key first, equal keys by sequence. Events of one lane mostly come with ascending keys, and
those that do stand in line: O(1) for offer and pop. All others go through a 4-ary heap: O(log n). Shedding
is O(1), apart from the dead ranks that it leaves: these are dropped at once, in O(n), when they are half of all.

A slot is taken from offer until `heap_release`, so an event can stay where it is while it runs and for as
long as its result waits to be read. Between shed and refused, the ledger is the caller's word by word.

Nothing ever moves: the addresses are reserved by `heap_init`, for `capacity` slots and as many again and
`HEAP_SPARE` more that may be kept, and the memory is taken when it is first used. So growth copies nothing,
and the longest stay in the lock beside it is the kernel's clearing of one page: 4 kB, and 2 MB beyond
the first 4 MB of an array. A thread may read a slot that it has taken without the lock.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from ._pages cimport page_run
from ._parking cimport parking_wake

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_init(pthread_mutex_t* mutex, const void* attributes)
    int pthread_mutex_destroy(pthread_mutex_t* mutex)
    int pthread_mutex_trylock(pthread_mutex_t* mutex)
    int pthread_mutex_lock(pthread_mutex_t* mutex)
    int pthread_mutex_unlock(pthread_mutex_t* mutex)

cdef extern from * nogil:
    """
    #define LIFEEVT_PUT_WORD(place, value) __atomic_store_n((place), (value), __ATOMIC_SEQ_CST)
    """
    void LIFEEVT_PUT_WORD(uint32_t* place, uint32_t value)

cdef enum:
    HEAP_LEVELS = 16
    HEAP_ENDS = 16
    HEAP_LANES = 16
    HEAP_SPARE = 1 << 20

cdef enum heap_policy:
    HEAP_REJECT = 0
    HEAP_DROP_OLDEST = 1
    HEAP_DROP_LOWEST = 2
    HEAP_WAIT = 3               # refuses like HEAP_REJECT, and does not count it

cdef enum heap_verdict:
    HEAP_NO_MEMORY = -1
    HEAP_ADMITTED = 0
    HEAP_REFUSED = 1
    HEAP_SHED = 2

ctypedef struct heap_rank:     # with the tag below the key, a rank compares as one signed number of 128 bits
    uint64_t tag            # the number of its sequence above, the number of its slot below
    int64_t key

ctypedef struct heap_lane:      # a line of ranks in pieces that are linked; empty when first == end
    heap_rank last
    uint32_t first
    uint32_t end
    uint64_t unused

cdef enum heap_sleeper:
    HEAP_AWAKE = 0
    HEAP_ASLEEP = 1

ctypedef struct heap_event:
    int64_t key
    int64_t arrival_ns
    double intensity
    double timestamp        # wall seconds, carried along
    int32_t kind            # the number of its type, or -1
    int32_t level
    int32_t lane            # events of one lane mostly come with ascending keys; others than 0 to 15: none
    int32_t has_object      # whether the caller keeps something for its slot

ctypedef struct heap_slot:
    heap_event event
    uint64_t sequence       # UINT64_MAX when the slot is not queued
    int32_t older           # neighbours by arrival on the same level; `newer` also links free slots
    int32_t newer

ctypedef struct event_heap:
    heap_rank* ranks        # the 4-ary heap; the first one is `_never` when there is none
    heap_rank* pieces       # what stands in the lanes, PIECE ranks each
    heap_slot* slots
    int32_t length          # ranks in the heap; those whose slot has moved on are dead
    int32_t room
    int32_t lanes_open      # lanes below this number have a piece
    int32_t dead            # dead ranks, in the heap and in the lanes
    int32_t slot_bits       # of a tag
    int32_t free_slot
    int32_t stale_slot      # free, but for what the caller still keeps for them
    int32_t slots_made
    int32_t slots_room
    int32_t capacity
    int32_t queued
    int32_t high_water
    uint64_t accepted
    uint64_t running
    uint64_t base           # what lies between a sequence and its number in the tags
    uint64_t numbers        # how many numbers there are
    uint64_t* elders        # the sequences of the least numbers, where `base` does not hold, or NULL
    uint64_t elder_count
    heap_rank heads[HEAP_LANES]     # the first rank of each lane, or `_never`
    heap_lane lanes[HEAP_LANES]
    uint32_t free_piece
    uint32_t pieces_made
    uint32_t pieces_room
    int32_t oldest[HEAP_LEVELS]
    int32_t newest[HEAP_LEVELS]
    int32_t depth[HEAP_LEVELS]
    uint64_t refused
    uint64_t ends[HEAP_ENDS]
    page_run rank_pages
    page_run piece_pages
    page_run slot_pages
    pthread_mutex_t mutex
    uint32_t* sleeper       # the worker's word, or NULL: HEAP_ASLEEP while it waits for an event
    uint32_t epoch          # grows when somebody watches and something changed
    int32_t watchers        # who wait for any change
    int32_t idle_watchers   # who wait until nothing is queued or running

cdef int heap_init(event_heap* heap, int32_t capacity) noexcept nogil
cdef int heap_init_tagged(event_heap* heap, int32_t capacity, int32_t slot_bits) noexcept nogil
cdef void heap_clear(event_heap* heap) noexcept nogil
cdef int heap_offer(
    event_heap* heap, const heap_event* event, int policy, int shed_end, int32_t* slot, heap_slot* victim,
) noexcept nogil
cdef int32_t heap_head(event_heap* heap) noexcept nogil
cdef int32_t heap_pop(event_heap* heap, int32_t above, int end, heap_slot* out) noexcept nogil
cdef void heap_release(event_heap* heap, int32_t slot) noexcept nogil
cdef void heap_abandon(event_heap* heap, int32_t slot) noexcept nogil
cdef int32_t heap_next_stale(event_heap* heap) noexcept nogil
cdef int32_t heap_keep(event_heap* heap) noexcept nogil
cdef int heap_finish(event_heap* heap, int end) noexcept nogil
cdef uint32_t* heap_nudge(event_heap* heap) noexcept nogil
cdef int heap_check(event_heap* heap) noexcept nogil


cdef inline void heap_enter(event_heap* heap) noexcept nogil:
    """Take the mutex; waits, so never with the GIL."""
    pthread_mutex_lock(&heap.mutex)


cdef inline int heap_try_enter(event_heap* heap) noexcept nogil:
    """Take the mutex if it is free: 0, or an errno."""
    return pthread_mutex_trylock(&heap.mutex)


cdef inline void heap_leave_quietly(event_heap* heap) noexcept nogil:
    """Give the mutex back after a stay that changed nothing others wait for."""
    pthread_mutex_unlock(&heap.mutex)


cdef inline void heap_leave(event_heap* heap) noexcept nogil:
    """Give the mutex back and wake the worker if it sleeps beside an event, and the watchers of a change."""
    cdef uint32_t* sleeper = heap.sleeper
    cdef bint wakes_worker = sleeper != NULL and heap.queued > 0 and sleeper[0] == HEAP_ASLEEP
    cdef bint wakes_watchers = heap.watchers > 0
    if heap.idle_watchers > 0 and heap.queued == 0 and heap.running == 0:
        wakes_watchers = True
    if wakes_worker:
        LIFEEVT_PUT_WORD(sleeper, HEAP_AWAKE)
    if wakes_watchers:
        LIFEEVT_PUT_WORD(&heap.epoch, heap.epoch + 1)
    pthread_mutex_unlock(&heap.mutex)
    if wakes_worker:
        parking_wake(sleeper, 1)
    if wakes_watchers:
        parking_wake(&heap.epoch, <int32_t> 0x7fffffff)
