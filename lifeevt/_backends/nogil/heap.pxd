"""The heap: a bounded priority queue of events as numbers, with the ledger of their ends. Not one Python object.

A caller holds the mutex: `heap_enter` waits for it, `heap_try_enter` does not, and `heap_leave` gives it back and wakes
the threads that the change concerns. Between two calls the ledger balances: accepted = queued + running + ends.

The smallest key leaves first, equal keys by sequence; each level adds an offset to its keys. `order.pxd` says how, and
`compaction.pxd` how an event leaves before its turn. A paused or held event is queued, and counted, like the others,
and waits aside. A slot with its sequence is a ticket for the event, as long as that is queued.

A slot is taken from offer until `heap_release`: while the event is queued, runs, and has a result that was not read.
Slots never move. `heap_init` reserves addresses for twice `capacity` and HEAP_SPARE more, and memory is committed as
slots are first used; so growth copies nothing, and a critical section is bounded by the clearing of a page or two. A
thread may read a slot that it has taken without the mutex.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from ..nogil.atomics cimport SEQ_CST, store_u32
from ..nogil.futex cimport FUTEX_ALL, futex_wake, notify_file
from ..nogil.order cimport HEAP_LEVELS, heap_event, heap_order, heap_slot
from ..nogil.reserved_memory cimport reserved_memory

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
    HEAP_SPARE = 1 << 20        # slots of events that left the queue and are kept
    HEAP_TYPES = 4096           # that can be paused
    HEAP_OBJECT = 1             # bits of `has_object`: the caller keeps something for the slot,
    HEAP_TRACKED = 2            # and wants to see the event itself, whatever its type
    HEAP_SETTLED = 256          # paused events that are set aside in one critical section

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
    int32_t stale_slot      # free, except that the caller still keeps something for them
    int32_t slots_made
    int32_t slots_room
    int32_t capacity
    int32_t queued
    int32_t aside           # of the queued ones: may not leave now
    int32_t paused_levels   # a bit each
    int32_t all_paused      # whether every level is
    int32_t paused_count    # of types and levels
    int32_t unsettled       # whether the head may be a paused event: ask again in another critical section
    int32_t high_water
    uint64_t accepted
    uint64_t refused
    uint64_t limited        # refused by the limit of their type; no part of the ledger
    uint64_t running
    heap_order order
    int32_t oldest[HEAP_LEVELS]
    int32_t newest[HEAP_LEVELS]
    int32_t depth[HEAP_LEVELS]
    uint64_t ends[HEAP_ENDS]
    reserved_memory slot_memory
    pthread_mutex_t mutex
    uint32_t* sleeper       # the worker's word, or NULL: HEAP_ASLEEP while it waits for an event
    uint32_t epoch          # the watchers' word: grows with every change while there are watchers
    int32_t watchers        # threads that wait for any change
    int32_t idle_watchers   # threads that wait until nothing is queued or running
    int32_t signal          # the file that `notify_file` writes to when watchers are woken, or -1
    uint8_t paused_types[HEAP_TYPES]

cdef int heap_init(event_heap* heap, int32_t capacity) noexcept nogil
cdef int heap_init_tagged(event_heap* heap, int32_t capacity, int32_t slot_bits) noexcept nogil
cdef void heap_clear(event_heap* heap) noexcept nogil
cdef void heap_reset_after_fork(event_heap* heap) noexcept nogil
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
cdef int heap_pause(event_heap* heap, int32_t level, int32_t type_id, bint paused) noexcept nogil
cdef uint64_t heap_book(event_heap* heap, int end) noexcept nogil
cdef uint32_t* heap_wake_all(event_heap* heap) noexcept nogil
cdef int heap_shift(event_heap* heap, const int64_t* offsets) noexcept nogil
cdef int64_t heap_postpone(event_heap* heap, int64_t before, int64_t by_ns, int32_t level) noexcept nogil
cdef int heap_check(event_heap* heap) noexcept nogil


cdef inline void heap_enter(event_heap* heap) noexcept nogil:
    """Take the mutex. Waits, so never with the GIL."""
    pthread_mutex_lock(&heap.mutex)


cdef inline int heap_try_enter(event_heap* heap) noexcept nogil:
    """Take the mutex if it is free; return 0, or an errno."""
    return pthread_mutex_trylock(&heap.mutex)


cdef inline void heap_leave_quietly(event_heap* heap) noexcept nogil:
    """Give the mutex back after a critical section that no thread waits for."""
    pthread_mutex_unlock(&heap.mutex)


cdef inline void heap_leave(event_heap* heap) noexcept nogil:
    """Give the mutex back, and wake the worker if it sleeps although there is an event, and the watchers of a change.

    The words change before the mutex is given back and the threads are woken after that: a woken thread would
    otherwise wait for the mutex.
    """
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
        futex_wake(sleeper, 1)
    if wakes_watchers:
        futex_wake(&heap.epoch, FUTEX_ALL)
        if signal >= 0:
            notify_file(signal)
