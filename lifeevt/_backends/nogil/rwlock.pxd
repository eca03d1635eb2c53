"""A read-write lock: a pthread lock that is only ever tried, and the queue of the threads that wait. No Python object.

The queue decides who enters. Writers go first: while one waits, no new reader enters. No reader starves: once
RWLOCK_PASSES writers have entered past waiting readers, all these get a ticket and enter before the next writer.
Writers wait in line; newcomers may barge in ahead of them, at most RWLOCK_PASSES between two writers of the line. So
both kinds wait for a bounded number of others: P. J. Courtois, F. Heymans, D. L. Parnas, "Concurrent control with
'readers' and 'writers'" (CACM 14:10, 1971) has the two policies without a bound.

A free lock without a queue costs a try and one load. `rwlock_try_*` and `rwlock_release` never block; `rwlock_enqueue`,
`rwlock_wait` and `rwlock_dequeue` may, so never with the GIL. Functions return 0 or an errno: EBUSY (not now),
ETIMEDOUT. A thread that holds the lock must not ask for it again: callers refuse that.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_rwlock_t:
        pass
    ctypedef struct pthread_mutex_t:
        pass

cdef enum:
    RWLOCK_PASSES = 2
    RWLOCK_WORDS = 8            # futexes of the writers, by their number in line

cdef enum rwlock_role:
    RWLOCK_ABSENT = 0           # not in the queue: inside, gone, or never there
    RWLOCK_WRITER = 1
    RWLOCK_READER = 2           # behind the writers
    RWLOCK_TICKETED = 3         # ahead of the writers

ctypedef struct rwlock_waiter:  # a thread in the queue; in its own memory, where it stays until it leaves
    rwlock_waiter* next
    rwlock_waiter* previous
    uint64_t thread
    uint32_t number             # of a writer, in line
    bint writing
    bint ticketed
    bint entered

ctypedef struct rwlock_waiters:
    rwlock_waiter* first
    rwlock_waiter* last
    int32_t length

ctypedef struct rwlock:
    pthread_rwlock_t lock
    int32_t waiting             # threads in the queue, of both kinds
    int32_t tickets             # readers that enter before the next writer
    int32_t passed              # writers that entered past waiting readers since the turn of these
    int32_t barged              # newcomers that entered past waiting writers since one of these entered
    pthread_mutex_t guard       # of what follows; lengths and numbers are also loaded without it
    rwlock_waiters readers
    rwlock_waiters writers
    uint32_t next_number
    uint32_t first_number       # of the writer whose turn is next
    uint32_t readers_word
    uint32_t writers_words[RWLOCK_WORDS]

cdef int rwlock_init(rwlock* self) noexcept nogil
cdef int rwlock_destroy(rwlock* self) noexcept nogil
cdef int rwlock_try_read(rwlock* self) noexcept nogil
cdef int rwlock_try_write(rwlock* self) noexcept nogil
cdef void rwlock_enqueue(rwlock* self, rwlock_waiter* waiter, bint writing) noexcept nogil
cdef int rwlock_wait(rwlock* self, rwlock_waiter* waiter, int64_t wait_ns) noexcept nogil
cdef void rwlock_dequeue(rwlock* self, rwlock_waiter* waiter) noexcept nogil
cdef int rwlock_release(rwlock* self) noexcept nogil
cdef int rwlock_find(
    rwlock* self, uint64_t thread, uint64_t* writers, int32_t room, int32_t* length,
) noexcept nogil
