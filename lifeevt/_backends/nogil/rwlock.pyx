"""The steps of the read-write lock; `rwlock.pxd` says what it promises.

No wake-up is lost: a waiter enters the queue, loads its futex, tries, and sleeps only if the futex is unchanged; a
thread that leaves changes the futex of the waiters after the lock. All these accesses are SEQ_CST, because a waiter
writes `waiting` and reads the lock, while a holder writes the lock and reads `waiting` (Dekker's pattern).

The holder for writing counts in `passed` and `barged`; both fall to 0 under the guard, where tickets are given. A count
that is lost to a race between the two gives a waiter its turn earlier, never later.
"""

from libc.errno cimport EAGAIN, EBUSY, ETIMEDOUT
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from ..nogil.atomics cimport SEQ_CST, fetch_add_i32, fetch_add_u32, load_i32, load_u32, store_i32, store_u32
from ..nogil.futex cimport FUTEX_ALL, NO_TIMEOUT, futex_wait, futex_wake, monotonic_ns, this_thread

cdef extern from "<pthread.h>" nogil:
    int pthread_rwlock_init(pthread_rwlock_t* lock, const void* attributes)
    int pthread_rwlock_destroy(pthread_rwlock_t* lock)
    int pthread_rwlock_tryrdlock(pthread_rwlock_t* lock)
    int pthread_rwlock_trywrlock(pthread_rwlock_t* lock)
    int pthread_rwlock_unlock(pthread_rwlock_t* lock)
    int pthread_mutex_init(pthread_mutex_t* mutex, const void* attributes)
    int pthread_mutex_destroy(pthread_mutex_t* mutex)
    int pthread_mutex_lock(pthread_mutex_t* mutex)
    int pthread_mutex_unlock(pthread_mutex_t* mutex)


cdef int rwlock_init(rwlock* self) noexcept nogil:
    """Make a free lock; return 0 or an errno."""
    memset(self, 0, sizeof(rwlock))
    cdef int code = pthread_rwlock_init(&self.lock, NULL)
    return code if code != 0 else pthread_mutex_init(&self.guard, NULL)


cdef int rwlock_destroy(rwlock* self) noexcept nogil:
    """End a free lock."""
    pthread_mutex_destroy(&self.guard)
    return pthread_rwlock_destroy(&self.lock)


cdef int rwlock_try_read(rwlock* self) noexcept nogil:
    """Enter as a reader if no writer is inside or waits; return 0 or an errno."""
    if load_i32(&self.writers.length, SEQ_CST) > 0:
        return EBUSY
    return pthread_rwlock_tryrdlock(&self.lock)


cdef int rwlock_try_write(rwlock* self) noexcept nogil:
    """Enter as the writer if the lock is free and the queue permits it; return 0 or an errno."""
    if load_i32(&self.waiting, SEQ_CST) > 0 and not _newcomer_may_write(self):
        return EBUSY
    cdef int code = pthread_rwlock_trywrlock(&self.lock)
    if code == 0 and load_i32(&self.waiting, SEQ_CST) > 0:
        return _count_barging(self)
    return code


cdef int rwlock_release(rwlock* self) noexcept nogil:
    """Leave, and wake the waiters whose turn it is; return 0 or an errno."""
    cdef int code = pthread_rwlock_unlock(&self.lock)
    if load_i32(&self.waiting, SEQ_CST) > 0:
        _wake_next(self)
    return code


cdef void rwlock_enqueue(rwlock* self, rwlock_waiter* waiter, bint writing) noexcept nogil:
    """Put this thread into the queue."""
    memset(waiter, 0, sizeof(rwlock_waiter))
    waiter.writing, waiter.thread = writing, this_thread()
    pthread_mutex_lock(&self.guard)
    if writing:
        waiter.number = self.next_number
        self.next_number += 1
    if (self.writers.length if writing else self.readers.length) == 0:
        store_i32(&self.barged if writing else &self.passed, 0, SEQ_CST)
    _append(self, waiter)
    fetch_add_i32(&self.waiting, 1, SEQ_CST)
    pthread_mutex_unlock(&self.guard)


cdef int rwlock_wait(rwlock* self, rwlock_waiter* waiter, int64_t wait_ns) noexcept nogil:
    """Wait for the turn of this thread: 0 when inside and out of the queue; ETIMEDOUT when still in it."""
    cdef int64_t until_ns = monotonic_ns() + wait_ns, left_ns = NO_TIMEOUT
    cdef uint32_t* word = &self.writers_words[waiter.number % RWLOCK_WORDS] if waiter.writing else &self.readers_word
    cdef uint32_t seen = load_u32(word, SEQ_CST)
    cdef int code = _attempt(self, waiter)
    while code == EBUSY:
        if wait_ns != NO_TIMEOUT:
            left_ns = until_ns - monotonic_ns()
            if left_ns <= 0:
                return ETIMEDOUT
        futex_wait(word, seen, left_ns)
        seen = load_u32(word, SEQ_CST)
        code = _attempt(self, waiter)
    return code


cdef void rwlock_dequeue(rwlock* self, rwlock_waiter* waiter) noexcept nogil:
    """Take this thread out of the queue; a wake-up that was meant for it goes to the next waiter."""
    pthread_mutex_lock(&self.guard)
    _remove(self, waiter)
    pthread_mutex_unlock(&self.guard)
    if load_i32(&self.waiting, SEQ_CST) > 0:
        _wake_next(self)


cdef int rwlock_find(
    rwlock* self, uint64_t thread, uint64_t* writers, int32_t room, int32_t* length,
) noexcept nogil:
    """Return the `rwlock_role` of a thread at this instant, and the writers that wait, as many as there is room for."""
    cdef int role = RWLOCK_ABSENT
    cdef const rwlock_waiter* each
    pthread_mutex_lock(&self.guard)
    if _find_in(&self.writers, thread) != NULL:
        role = RWLOCK_WRITER
    each = _find_in(&self.readers, thread)
    if each != NULL:
        role = RWLOCK_TICKETED if each.ticketed or self.writers.length == 0 else RWLOCK_READER
    length[0] = self.writers.length
    each = self.writers.first
    while each != NULL and room > 0:
        writers[0] = each.thread
        writers += 1
        room -= 1
        each = each.next
    pthread_mutex_unlock(&self.guard)
    return role


# Newcomers: they do not take the guard.


cdef bint _readers_have_the_turn(const rwlock* self) noexcept nogil:
    """Return whether waiting readers enter before any writer. Loads `passed` first: it falls after the tickets."""
    cdef bint all_passed = load_i32(&self.passed, SEQ_CST) >= RWLOCK_PASSES
    return (all_passed and load_i32(&self.readers.length, SEQ_CST) > 0) or load_i32(&self.tickets, SEQ_CST) > 0


cdef bint _newcomer_may_write(const rwlock* self) noexcept nogil:
    if _readers_have_the_turn(self):
        return False
    return load_i32(&self.writers.length, SEQ_CST) == 0 or load_i32(&self.barged, SEQ_CST) < RWLOCK_PASSES


cdef int _count_barging(rwlock* self) noexcept nogil:
    """Count a newcomer that just entered for writing past waiters; or leave again, with EBUSY, if it must not."""
    if not _newcomer_may_write(self):
        rwlock_release(self)
        return EBUSY
    _count_as_passing(self)
    _count_past(&self.barged, &self.writers)
    return 0


cdef inline void _count_as_passing(rwlock* self) noexcept nogil:
    _count_past(&self.passed, &self.readers)


cdef inline void _count_past(int32_t* count, const rwlock_waiters* waiting) noexcept nogil:
    """Count one thread that entered past a line, or begin at 0 when the line is empty."""
    store_i32(count, load_i32(count, SEQ_CST) + 1 if load_i32(&waiting.length, SEQ_CST) > 0 else 0, SEQ_CST)


cdef void _wake_next(rwlock* self) noexcept nogil:
    """Wake the waiters whose turn it is: all readers, or the first writer."""
    cdef uint32_t* word = &self.readers_word
    if load_i32(&self.writers.length, SEQ_CST) > 0 and not _readers_have_the_turn(self):
        word = &self.writers_words[load_u32(&self.first_number, SEQ_CST) % RWLOCK_WORDS]
    fetch_add_u32(word, 1, SEQ_CST)
    futex_wake(word, FUTEX_ALL)


# The queue.


cdef int _attempt(rwlock* self, rwlock_waiter* waiter) noexcept nogil:
    """Enter and leave the queue if it is the turn of a waiter; return 0 or an errno."""
    pthread_mutex_lock(&self.guard)
    cdef int code = _try_to_write(self, waiter) if waiter.writing else _try_to_read(self, waiter)
    if code == 0:
        waiter.entered = True
        _remove(self, waiter)
    pthread_mutex_unlock(&self.guard)
    return code


cdef int _try_to_write(rwlock* self, const rwlock_waiter* waiter) noexcept nogil:
    if self.writers.first != waiter or _readers_have_the_turn(self):
        return EBUSY
    cdef int code = pthread_rwlock_trywrlock(&self.lock)
    if code == 0:
        _count_as_passing(self)
        store_i32(&self.barged, 0, SEQ_CST)
    return code


cdef int _try_to_read(rwlock* self, const rwlock_waiter* waiter) noexcept nogil:
    """The first reader after RWLOCK_PASSES writers opens the readers' turn: all that wait now get a ticket."""
    cdef bint opens = load_i32(&self.passed, SEQ_CST) >= RWLOCK_PASSES and self.tickets == 0
    if self.writers.length > 0 and not waiter.ticketed and not opens:
        return EBUSY
    cdef int code = pthread_rwlock_tryrdlock(&self.lock)
    if code == 0 and opens:
        _give_tickets(self)
    return EBUSY if code == EAGAIN else code


cdef void _give_tickets(rwlock* self) noexcept nogil:
    cdef rwlock_waiter* each = self.readers.first
    while each != NULL:
        each.ticketed = True
        each = each.next
    store_i32(&self.tickets, self.readers.length, SEQ_CST)
    store_i32(&self.passed, 0, SEQ_CST)


cdef void _append(rwlock* self, rwlock_waiter* waiter) noexcept nogil:
    cdef rwlock_waiters* queue = &self.writers if waiter.writing else &self.readers
    waiter.previous = queue.last
    if queue.last == NULL:
        queue.first = waiter
    else:
        queue.last.next = waiter
    queue.last = waiter
    _count(self, queue, 1)


cdef void _remove(rwlock* self, rwlock_waiter* waiter) noexcept nogil:
    cdef rwlock_waiters* queue = &self.writers if waiter.writing else &self.readers
    if waiter.previous == NULL:
        queue.first = waiter.next
    else:
        waiter.previous.next = waiter.next
    if waiter.next == NULL:
        queue.last = waiter.previous
    else:
        waiter.next.previous = waiter.previous
    if waiter.ticketed:
        fetch_add_i32(&self.tickets, -1, SEQ_CST)
    _count(self, queue, -1)
    fetch_add_i32(&self.waiting, -1, SEQ_CST)


cdef void _count(rwlock* self, rwlock_waiters* queue, int32_t change) noexcept nogil:
    fetch_add_i32(&queue.length, change, SEQ_CST)
    if self.writers.first != NULL:
        store_u32(&self.first_number, self.writers.first.number, SEQ_CST)


cdef const rwlock_waiter* _find_in(const rwlock_waiters* queue, uint64_t thread) noexcept nogil:
    cdef const rwlock_waiter* each = queue.first
    while each != NULL and each.thread != thread:
        each = each.next
    return each
