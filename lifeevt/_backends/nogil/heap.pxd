"""A bounded queue in the order (key, sequence), with slots for what waits, and the ledger of its events.

Not one Python object: every function runs without the GIL. The caller serialises the calls: it enters
by `heap_enter`, or tries to, and goes by `heap_leave`, which wakes whom the change concerns.
Order: smallest key first, to which each level adds an offset; equal ones by sequence. Events of one lane mostly
come with ascending keys, and those that do stand in line: O(1) for offer and pop. All others go through a 4-ary
heap: O(log n). Who leaves before its turn (shed, withdrawn) leaves a dead rank: each such call drops a few of
those, in O(log n). What may not leave now (its level or its kind is paused, or it is held until somebody says so)
is queued like the others, and waits aside. A slot and the sequence it has are a ticket for its event, as long as
that is queued.

A slot is taken from offer until `heap_release`, so an event can stay where it is while it runs and for as
long as its result waits to be read. Between shed and refused, the ledger is the caller's word by word.

Nothing ever moves: the addresses are reserved by `heap_init`, for `capacity` slots and as many again and
`HEAP_SPARE` more that may be kept, and the memory is taken when it is first used. So growth copies nothing:
beside the work of the call itself, a stay in the lock is as long as the kernel clears a page or two of 4 kB.
A thread may read a slot that it has taken without the lock.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from ..nogil.atomics cimport SEQ_CST, store_u32
from ..nogil.order cimport HEAP_LEVELS, heap_event, heap_order, heap_slot
from ..nogil.reserved_memory cimport page_run
from ..nogil.futex cimport parking_signal, parking_wake

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_init(pthread_mutex_t* mutex, const void* attributes)
    int pthread_mutex_destroy(pthread_mutex_t* mutex)
    int pthread_mutex_trylock(pthread_mutex_t* mutex)
    int pthread_mutex_lock(pthread_mutex_t* mutex)
    int pthread_mutex_unlock(pthread_mutex_t* mutex)

cdef enum:
    HEAP_ENDS = 16
    HEAP_SPARE = 1 << 20
    HEAP_KINDS = 4096           # that can be paused
    HEAP_OBJECT = 1             # bits of `has_object`: the caller keeps something for the slot,
    HEAP_TRACKED = 2            # and wants to see the event itself, whatever its kind
    HEAP_SETTLED = 256          # paused heads that are set aside in one stay

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

cdef enum heap_sleeper:
    HEAP_AWAKE = 0
    HEAP_ASLEEP = 1

ctypedef struct event_heap:
    heap_slot* slots
    int32_t free_slot
    int32_t stale_slot      # free, but for what the caller still keeps for them
    int32_t slots_made
    int32_t slots_room
    int32_t capacity
    int32_t queued
    int32_t aside           # of these, who may not leave now
    int32_t paused_levels   # a bit each
    int32_t all_paused      # whatever its level
    int32_t paused_count    # kinds and levels that are paused
    int32_t unsettled       # whether the head may be one that is paused: ask again in another stay
    int32_t high_water
    uint64_t accepted
    uint64_t refused
    uint64_t limited        # refused by the limit of its kind; no part of the ledger
    uint64_t running
    heap_order order
    int32_t oldest[HEAP_LEVELS]
    int32_t newest[HEAP_LEVELS]
    int32_t depth[HEAP_LEVELS]
    uint64_t ends[HEAP_ENDS]
    page_run slot_pages
    pthread_mutex_t mutex
    uint32_t* sleeper       # the worker's word, or NULL: HEAP_ASLEEP while it waits for an event
    uint32_t epoch          # grows when somebody watches and something changed
    int32_t watchers        # who wait for any change
    int32_t idle_watchers   # who wait until nothing is queued or running
    int32_t signal          # a file that is written to when watchers are woken, or -1
    uint8_t paused_kinds[HEAP_KINDS]

cdef int heap_init(event_heap* heap, int32_t capacity) noexcept nogil
cdef int heap_init_tagged(event_heap* heap, int32_t capacity, int32_t slot_bits) noexcept nogil
cdef void heap_clear(event_heap* heap) noexcept nogil
cdef void heap_renew(event_heap* heap) noexcept nogil
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
cdef bint heap_holds(event_heap* heap, int32_t slot, uint64_t sequence) noexcept nogil
cdef void heap_withdraw(event_heap* heap, int32_t slot, int end, heap_slot* out) noexcept nogil
cdef int heap_replace(event_heap* heap, int32_t slot, const heap_event* event) noexcept nogil
cdef int heap_bring_back(event_heap* heap, int32_t slot) noexcept nogil
cdef int heap_pause(event_heap* heap, int32_t level, int32_t kind, bint paused) noexcept nogil
cdef int heap_open(event_heap* heap) noexcept nogil
cdef uint64_t heap_book(event_heap* heap, int end) noexcept nogil
cdef uint32_t* heap_nudge(event_heap* heap) noexcept nogil
cdef int heap_shift(event_heap* heap, const int64_t* offsets) noexcept nogil
cdef int64_t heap_postpone(event_heap* heap, int64_t before, int64_t by_ns, int32_t level) noexcept nogil
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
    cdef bint wakes_worker = sleeper != NULL and heap.queued > heap.aside and sleeper[0] == HEAP_ASLEEP
    cdef bint wakes_watchers = heap.watchers > 0
    if heap.idle_watchers > 0 and heap.queued == 0 and heap.running == 0:
        wakes_watchers = True
    if wakes_worker:
        store_u32(sleeper, HEAP_AWAKE, SEQ_CST)
    cdef int32_t signal = -1
    if wakes_watchers:
        store_u32(&heap.epoch, heap.epoch + 1, SEQ_CST)
        signal = heap.signal
    pthread_mutex_unlock(&heap.mutex)
    if wakes_worker:
        parking_wake(sleeper, 1)
    if wakes_watchers:
        parking_wake(&heap.epoch, <int32_t> 0x7fffffff)
        if signal >= 0:
            parking_signal(signal)
