"""The lock below `_core_lock.RWLock` and `_core_state.StateCells`; its contract stands in `_rwlock.pxd`.

Who waits announces itself, looks at its bell, tries, and sleeps unless the bell rang since. Who changes what
others wait for rings afterwards: so no wake-up is lost. Who holds the lock for writing counts in `passed` and
`barged`; they fall to 0 under the guard, where tickets are given and taken. A count may be lost to a race with
that, and then somebody has the turn earlier; never later.
"""

from libc.errno cimport EAGAIN, EBUSY, ETIMEDOUT
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from ..nogil.atomics cimport SEQ_CST, fetch_add_i32, fetch_add_u32, load_i32, load_u32, store_i32, store_u32
from ..nogil.futex cimport PARKING_FOR_EVER, parking_now_ns, parking_sleep, parking_wake

cdef enum:
    EVERYBODY = 0x7fffffff

cdef extern from "<pthread.h>" nogil:
    ctypedef unsigned long pthread_t
    pthread_t pthread_self()
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
    memset(self, 0, sizeof(rwlock))
    cdef int code = pthread_rwlock_init(&self.lock, NULL)
    return code if code != 0 else pthread_mutex_init(&self.guard, NULL)


cdef int rwlock_destroy(rwlock* self) noexcept nogil:
    pthread_mutex_destroy(&self.guard)
    return pthread_rwlock_destroy(&self.lock)


cdef int rwlock_try_read(rwlock* self) noexcept nogil:
    if load_i32(&self.writers.length, SEQ_CST) > 0:
        return EBUSY
    return pthread_rwlock_tryrdlock(&self.lock)


cdef int rwlock_try_write(rwlock* self) noexcept nogil:
    if load_i32(&self.waiting, SEQ_CST) > 0 and not _newcomer_may_write(self):
        return EBUSY
    cdef int code = pthread_rwlock_trywrlock(&self.lock)
    if code == 0 and load_i32(&self.waiting, SEQ_CST) > 0:
        return _enter_past_them(self)
    return code


cdef int rwlock_release(rwlock* self) noexcept nogil:
    cdef int code = pthread_rwlock_unlock(&self.lock)
    if load_i32(&self.waiting, SEQ_CST) > 0:
        _ring(self)
    return code


cdef void rwlock_join(rwlock* self, rwlock_place* place, bint writing) noexcept nogil:
    """Take a place in the queue, as this thread's."""
    memset(place, 0, sizeof(rwlock_place))
    place.writing, place.thread = writing, <uint64_t> pthread_self()
    pthread_mutex_lock(&self.guard)
    if writing:
        place.number = self.next_number
        self.next_number += 1
    if (self.writers.length if writing else self.readers.length) == 0:
        store_i32(&self.barged if writing else &self.passed, 0, SEQ_CST)
    _append(self, place)
    fetch_add_i32(&self.waiting, 1, SEQ_CST)
    pthread_mutex_unlock(&self.guard)


cdef int rwlock_enter_within(rwlock* self, rwlock_place* place, int64_t wait_ns) noexcept nogil:
    """Wait for one's turn: 0 when inside and out of the queue; ETIMEDOUT when still in it."""
    cdef int64_t until_ns = parking_now_ns() + wait_ns, left_ns = PARKING_FOR_EVER
    cdef uint32_t* bell = &self.writers_bells[place.number % RWLOCK_BELLS] if place.writing else &self.readers_bell
    cdef uint32_t seen = load_u32(bell, SEQ_CST)
    cdef int code = _attempt(self, place)
    while code == EBUSY:
        if wait_ns != RWLOCK_FOR_EVER:
            left_ns = until_ns - parking_now_ns()
            if left_ns <= 0:
                return ETIMEDOUT
        parking_sleep(bell, seen, left_ns)
        seen = load_u32(bell, SEQ_CST)
        code = _attempt(self, place)
    return code


cdef void rwlock_quit(rwlock* self, rwlock_place* place) noexcept nogil:
    """Give one's place up; what rang for it goes to the next."""
    pthread_mutex_lock(&self.guard)
    _remove(self, place)
    pthread_mutex_unlock(&self.guard)
    if load_i32(&self.waiting, SEQ_CST) > 0:
        _ring(self)


cdef int rwlock_look_for(
    rwlock* self, uint64_t thread, uint64_t* writers, int32_t room, int32_t* length,
) noexcept nogil:
    """How a thread stands in the queue at this instant, and which writers wait there, as many as there is room for."""
    cdef int standing = RWLOCK_ABSENT
    cdef const rwlock_place* each
    pthread_mutex_lock(&self.guard)
    if _found(&self.writers, thread) != NULL:
        standing = RWLOCK_WRITER
    each = _found(&self.readers, thread)
    if each != NULL:
        standing = RWLOCK_TICKETED if each.ticketed or self.writers.length == 0 else RWLOCK_READER
    length[0] = self.writers.length
    each = self.writers.first
    while each != NULL and room > 0:
        writers[0] = each.thread
        writers += 1
        room -= 1
        each = each.next
    pthread_mutex_unlock(&self.guard)
    return standing


cdef uint64_t rwlock_this_thread() noexcept nogil:
    """The number that Python knows this thread by, too."""
    return <uint64_t> pthread_self()


cdef int64_t rwlock_now_ns() noexcept nogil:
    return parking_now_ns()


# newcomers, who come without the guard


cdef bint _readers_have_the_turn(const rwlock* self) noexcept nogil:
    """Looks at `passed` first: it falls after the tickets are out."""
    cdef bint all_passed = load_i32(&self.passed, SEQ_CST) >= RWLOCK_PASSES
    return (all_passed and load_i32(&self.readers.length, SEQ_CST) > 0) or load_i32(&self.tickets, SEQ_CST) > 0


cdef bint _newcomer_may_write(const rwlock* self) noexcept nogil:
    if _readers_have_the_turn(self):
        return False
    return load_i32(&self.writers.length, SEQ_CST) == 0 or load_i32(&self.barged, SEQ_CST) < RWLOCK_PASSES


cdef int _enter_past_them(rwlock* self) noexcept nogil:
    """Count this newcomer, who holds the lock for writing while others wait; EBUSY and out if it may not be."""
    if not _newcomer_may_write(self):
        rwlock_release(self)
        return EBUSY
    _count_as_passing(self)
    _count_one_past(&self.barged, &self.writers)
    return 0


cdef inline void _count_as_passing(rwlock* self) noexcept nogil:
    _count_one_past(&self.passed, &self.readers)


cdef inline void _count_one_past(int32_t* count, const rwlock_line* waiting) noexcept nogil:
    """Count one that entered past a line, from 0 again when nobody waits in it."""
    store_i32(count, load_i32(count, SEQ_CST) + 1 if load_i32(&waiting.length, SEQ_CST) > 0 else 0, SEQ_CST)


cdef void _ring(rwlock* self) noexcept nogil:
    """Wake whose turn it is: all readers, or the first writer."""
    cdef uint32_t* bell = &self.readers_bell
    if load_i32(&self.writers.length, SEQ_CST) > 0 and not _readers_have_the_turn(self):
        bell = &self.writers_bells[load_u32(&self.first_number, SEQ_CST) % RWLOCK_BELLS]
    fetch_add_u32(bell, 1, SEQ_CST)
    parking_wake(bell, EVERYBODY)


# the queue


cdef int _attempt(rwlock* self, rwlock_place* place) noexcept nogil:
    pthread_mutex_lock(&self.guard)
    cdef int code = _try_to_write(self, place) if place.writing else _try_to_read(self, place)
    if code == 0:
        place.entered = True
        _remove(self, place)
    pthread_mutex_unlock(&self.guard)
    return code


cdef int _try_to_write(rwlock* self, const rwlock_place* place) noexcept nogil:
    if self.writers.first != place or _readers_have_the_turn(self):
        return EBUSY
    cdef int code = pthread_rwlock_trywrlock(&self.lock)
    if code == 0:
        _count_as_passing(self)
        store_i32(&self.barged, 0, SEQ_CST)
    return code


cdef int _try_to_read(rwlock* self, const rwlock_place* place) noexcept nogil:
    """The first reader in after PASSES writers opens the turn, for all that wait at this moment."""
    cdef bint opens = load_i32(&self.passed, SEQ_CST) >= RWLOCK_PASSES and self.tickets == 0
    if self.writers.length > 0 and not place.ticketed and not opens:
        return EBUSY
    cdef int code = pthread_rwlock_tryrdlock(&self.lock)
    if code == 0 and opens:
        _give_tickets(self)
    return EBUSY if code == EAGAIN else code


cdef void _give_tickets(rwlock* self) noexcept nogil:
    cdef rwlock_place* each = self.readers.first
    while each != NULL:
        each.ticketed = True
        each = each.next
    store_i32(&self.tickets, self.readers.length, SEQ_CST)
    store_i32(&self.passed, 0, SEQ_CST)


cdef void _append(rwlock* self, rwlock_place* place) noexcept nogil:
    cdef rwlock_line* line = &self.writers if place.writing else &self.readers
    place.previous = line.last
    if line.last == NULL:
        line.first = place
    else:
        line.last.next = place
    line.last = place
    _count(self, line, 1)


cdef void _remove(rwlock* self, rwlock_place* place) noexcept nogil:
    cdef rwlock_line* line = &self.writers if place.writing else &self.readers
    if place.previous == NULL:
        line.first = place.next
    else:
        place.previous.next = place.next
    if place.next == NULL:
        line.last = place.previous
    else:
        place.next.previous = place.previous
    if place.ticketed:
        fetch_add_i32(&self.tickets, -1, SEQ_CST)
    _count(self, line, -1)
    fetch_add_i32(&self.waiting, -1, SEQ_CST)


cdef void _count(rwlock* self, rwlock_line* line, int32_t change) noexcept nogil:
    fetch_add_i32(&line.length, change, SEQ_CST)
    if self.writers.first != NULL:
        store_u32(&self.first_number, self.writers.first.number, SEQ_CST)


cdef const rwlock_place* _found(const rwlock_line* line, uint64_t thread) noexcept nogil:
    cdef const rwlock_place* each = line.first
    while each != NULL and each.thread != thread:
        each = each.next
    return each
