"""The lock below `_core_lock.RWLock` and `_core_state.StateCells`; its contract stands in `_rwlock.pxd`.

Who waits announces itself, looks at its bell, tries, and sleeps unless the bell rang since. Who changes what
others wait for rings afterwards: so no wake-up is lost. Who holds the lock for writing counts in `passed` and
`barged`; they fall to 0 under the guard, where tickets are given and taken. A count may be lost to a race with
that, and then somebody has the turn earlier; never later.
"""

from libc.errno cimport EAGAIN, EBUSY, ETIMEDOUT
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

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

cdef extern from * nogil:
    """
    #define LIFEEVT_SET(place, value) __atomic_store_n((place), (value), __ATOMIC_SEQ_CST)
    #define LIFEEVT_ADD(place, change) ((void) __atomic_fetch_add((place), (change), __ATOMIC_SEQ_CST))
    #define LIFEEVT_SEEN(place) __atomic_load_n((place), __ATOMIC_SEQ_CST)
    """
    void LIFEEVT_SET(int32_t* place, int32_t value)
    void LIFEEVT_SET_WORD "LIFEEVT_SET"(uint32_t* place, uint32_t value)
    void LIFEEVT_ADD(int32_t* place, int32_t change)
    void LIFEEVT_RING "LIFEEVT_ADD"(uint32_t* place, uint32_t change)
    int32_t LIFEEVT_SEEN(const int32_t* place)
    uint32_t LIFEEVT_SEEN_WORD "LIFEEVT_SEEN"(const uint32_t* place)


cdef int rwlock_init(rwlock* self) noexcept nogil:
    memset(self, 0, sizeof(rwlock))
    cdef int code = pthread_rwlock_init(&self.lock, NULL)
    return code if code != 0 else pthread_mutex_init(&self.guard, NULL)


cdef int rwlock_destroy(rwlock* self) noexcept nogil:
    pthread_mutex_destroy(&self.guard)
    return pthread_rwlock_destroy(&self.lock)


cdef int rwlock_try_read(rwlock* self) noexcept nogil:
    if LIFEEVT_SEEN(&self.writers.length) > 0:
        return EBUSY
    return pthread_rwlock_tryrdlock(&self.lock)


cdef int rwlock_try_write(rwlock* self) noexcept nogil:
    if LIFEEVT_SEEN(&self.waiting) > 0 and not _newcomer_may_write(self):
        return EBUSY
    cdef int code = pthread_rwlock_trywrlock(&self.lock)
    if code == 0 and LIFEEVT_SEEN(&self.waiting) > 0:
        return _enter_past_them(self)
    return code


cdef int rwlock_release(rwlock* self) noexcept nogil:
    cdef int code = pthread_rwlock_unlock(&self.lock)
    if LIFEEVT_SEEN(&self.waiting) > 0:
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
        LIFEEVT_SET(&self.barged if writing else &self.passed, 0)
    _append(self, place)
    LIFEEVT_ADD(&self.waiting, 1)
    pthread_mutex_unlock(&self.guard)


cdef int rwlock_enter_within(rwlock* self, rwlock_place* place, int64_t wait_ns) noexcept nogil:
    """Wait for one's turn: 0 when inside and out of the queue; ETIMEDOUT when still in it."""
    cdef int64_t until_ns = parking_now_ns() + wait_ns, left_ns = PARKING_FOR_EVER
    cdef uint32_t* bell = &self.writers_bells[place.number % RWLOCK_BELLS] if place.writing else &self.readers_bell
    cdef uint32_t seen = LIFEEVT_SEEN_WORD(bell)
    cdef int code = _attempt(self, place)
    while code == EBUSY:
        if wait_ns != RWLOCK_FOR_EVER:
            left_ns = until_ns - parking_now_ns()
            if left_ns <= 0:
                return ETIMEDOUT
        parking_sleep(bell, seen, left_ns)
        seen = LIFEEVT_SEEN_WORD(bell)
        code = _attempt(self, place)
    return code


cdef void rwlock_quit(rwlock* self, rwlock_place* place) noexcept nogil:
    """Give one's place up; what rang for it goes to the next."""
    pthread_mutex_lock(&self.guard)
    _remove(self, place)
    pthread_mutex_unlock(&self.guard)
    if LIFEEVT_SEEN(&self.waiting) > 0:
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
    cdef bint all_passed = LIFEEVT_SEEN(&self.passed) >= RWLOCK_PASSES
    return (all_passed and LIFEEVT_SEEN(&self.readers.length) > 0) or LIFEEVT_SEEN(&self.tickets) > 0


cdef bint _newcomer_may_write(const rwlock* self) noexcept nogil:
    if _readers_have_the_turn(self):
        return False
    return LIFEEVT_SEEN(&self.writers.length) == 0 or LIFEEVT_SEEN(&self.barged) < RWLOCK_PASSES


cdef int _enter_past_them(rwlock* self) noexcept nogil:
    """Count this newcomer, who holds the lock for writing while others wait; EBUSY and out if it may not be."""
    if not _newcomer_may_write(self):
        rwlock_release(self)
        return EBUSY
    _count_as_passing(self)
    LIFEEVT_SET(&self.barged, LIFEEVT_SEEN(&self.barged) + 1 if LIFEEVT_SEEN(&self.writers.length) > 0 else 0)
    return 0


cdef void _count_as_passing(rwlock* self) noexcept nogil:
    LIFEEVT_SET(&self.passed, LIFEEVT_SEEN(&self.passed) + 1 if LIFEEVT_SEEN(&self.readers.length) > 0 else 0)


cdef void _ring(rwlock* self) noexcept nogil:
    """Wake whose turn it is: all readers, or the first writer."""
    cdef uint32_t* bell = &self.readers_bell
    if LIFEEVT_SEEN(&self.writers.length) > 0 and not _readers_have_the_turn(self):
        bell = &self.writers_bells[LIFEEVT_SEEN_WORD(&self.first_number) % RWLOCK_BELLS]
    LIFEEVT_RING(bell, 1)
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
        LIFEEVT_SET(&self.barged, 0)
    return code


cdef int _try_to_read(rwlock* self, const rwlock_place* place) noexcept nogil:
    """The first reader in after PASSES writers opens the turn, for all that wait at this moment."""
    cdef bint opens = LIFEEVT_SEEN(&self.passed) >= RWLOCK_PASSES and self.tickets == 0
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
    LIFEEVT_SET(&self.tickets, self.readers.length)
    LIFEEVT_SET(&self.passed, 0)


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
        LIFEEVT_ADD(&self.tickets, -1)
    _count(self, line, -1)
    LIFEEVT_ADD(&self.waiting, -1)


cdef void _count(rwlock* self, rwlock_line* line, int32_t change) noexcept nogil:
    LIFEEVT_ADD(&line.length, change)
    if self.writers.first != NULL:
        LIFEEVT_SET_WORD(&self.first_number, self.writers.first.number)


cdef const rwlock_place* _found(const rwlock_line* line, uint64_t thread) noexcept nogil:
    cdef const rwlock_place* each = line.first
    while each != NULL and each.thread != thread:
        each = each.next
    return each
