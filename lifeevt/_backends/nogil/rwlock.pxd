"""A pthread read-write lock, tried only, and the queue of those who wait for it. Not one Python object.

The policy is the queue's. Writers go first: while one waits no new reader enters. Yet no reader starves: when
`RWLOCK_PASSES` writers have entered past readers who wait, all those get a ticket and enter before the next
writer. Writers wait in line; newcomers may enter past them, `RWLOCK_PASSES` between two from the line.

Free and without a queue, a lock costs a try and a look at one word. `rwlock_try_*` and `rwlock_release` never
block; `rwlock_join`, `rwlock_enter_within` and `rwlock_quit` do, so never with the GIL. Functions return 0 or an
errno: EBUSY (not now), ETIMEDOUT. Nested use deadlocks: callers refuse re-entry before they come here.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_rwlock_t:
        pass
    ctypedef struct pthread_mutex_t:
        pass

cdef enum:
    RWLOCK_PASSES = 2
    RWLOCK_BELLS = 8            # on which writers sleep, by their number in line
    RWLOCK_FOR_EVER = -1

cdef enum rwlock_standing:
    RWLOCK_ABSENT = 0           # not in the queue: inside, gone, or never there
    RWLOCK_WRITER = 1
    RWLOCK_READER = 2           # behind the writers
    RWLOCK_TICKETED = 3         # ahead of the writers

ctypedef struct rwlock_place:   # in the queue, one for each thread; it stays where it is until it is left
    rwlock_place* next
    rwlock_place* previous
    uint64_t thread
    uint32_t number             # a writer's, in line
    bint writing
    bint ticketed
    bint entered

ctypedef struct rwlock_line:
    rwlock_place* first
    rwlock_place* last
    int32_t length

ctypedef struct rwlock:
    pthread_rwlock_t lock
    int32_t waiting             # in the queue, of both kinds
    int32_t tickets             # readers that enter before the next writer
    int32_t passed              # writers that entered past waiting readers since these had their turn
    int32_t barged              # newcomers that entered past waiting writers since one of these entered
    pthread_mutex_t guard       # of what follows; the counts are looked at without it
    rwlock_line readers
    rwlock_line writers
    uint32_t next_number
    uint32_t first_number       # of the writer whose turn is next
    uint32_t readers_bell
    uint32_t writers_bells[RWLOCK_BELLS]

cdef int rwlock_init(rwlock* self) noexcept nogil
cdef int rwlock_destroy(rwlock* self) noexcept nogil
cdef int rwlock_try_read(rwlock* self) noexcept nogil
cdef int rwlock_try_write(rwlock* self) noexcept nogil
cdef void rwlock_join(rwlock* self, rwlock_place* place, bint writing) noexcept nogil
cdef int rwlock_enter_within(rwlock* self, rwlock_place* place, int64_t wait_ns) noexcept nogil
cdef void rwlock_quit(rwlock* self, rwlock_place* place) noexcept nogil
cdef int rwlock_release(rwlock* self) noexcept nogil
cdef int rwlock_look_for(
    rwlock* self, uint64_t thread, uint64_t* writers, int32_t room, int32_t* length,
) noexcept nogil
cdef uint64_t rwlock_this_thread() noexcept nogil
cdef int64_t rwlock_now_ns() noexcept nogil
