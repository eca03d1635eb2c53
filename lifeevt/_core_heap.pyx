"""EventHeap, the native twin: the heap of `_heap` with a Python object in every slot.

While its mutex is held no Python code can run: no object is collected, no reference falls to zero.
"""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int32_t, int64_t

from ._core_numbers cimport whole
from ._heap cimport (
    HEAP_ENDS,
    HEAP_LEVELS,
    HEAP_NO_MEMORY,
    HEAP_REFUSED,
    HEAP_SHED,
    event_heap,
    heap_check,
    heap_clear,
    heap_finish,
    heap_init,
    heap_offer,
    heap_pop,
    heap_slot,
)

from ._contract import ADMITTED as _ADMITTED
from ._contract import REFUSED as _REFUSED
from ._contract import SHED_END as _SHED_END

cdef enum:
    SHED_END = 2

cdef object ADMITTED = _ADMITTED
cdef object REFUSED = _REFUSED
if _SHED_END != SHED_END:
    raise ImportError("the twins disagree about the number of the end SHED")


cdef inline void lock_mutex(pthread_mutex_t* mutex) noexcept:
    if pthread_mutex_trylock(mutex) != 0:
        with nogil:
            pthread_mutex_lock(mutex)


cdef int32_t checked_level(value) except -1:
    cdef int64_t level = whole(value)
    if not 0 <= level < HEAP_LEVELS:
        raise ValueError(f"level is {level}; it must lie in [0, {HEAP_LEVELS})")
    return <int32_t> level


cdef int checked_policy(value) except -1:
    cdef int64_t policy = whole(value)
    if not 0 <= policy <= 3:
        raise ValueError(f"{policy} is no policy")
    return <int> policy


cdef int checked_end(value, int64_t lowest) except -2:
    cdef int64_t end = whole(value)
    if not lowest <= end < HEAP_ENDS:
        raise ValueError(f"end is {end}; it must lie in [{lowest}, {HEAP_ENDS})")
    return <int> end


cdef class EventHeap:
    """A bounded priority heap that keeps the ledger; every call is one atomic step.

    The smallest key leaves first, equal keys in order of acceptance. Never blocks. O(log n) for
    offer and pop; shedding is O(1).
    """

    def __cinit__(self, capacity):
        pthread_mutex_init(&self.mutex, NULL)
        cdef int64_t wanted = whole(capacity)
        if not 0 < wanted < <int64_t> 2**31:
            raise ValueError(f"capacity is {wanted}; it must lie in [1, 2**31)")
        self.limit = <int> wanted
        self.payloads = []
        if heap_init(&self.heap, self.limit) != 0:
            raise MemoryError

    def __dealloc__(self):
        heap_clear(&self.heap)
        pthread_mutex_destroy(&self.mutex)

    def __len__(self):
        """Return how many events are queued."""
        return self.heap.queued

    @property
    def capacity(self):
        """How many events fit."""
        return self.limit

    def offer(self, key, level, arrival_ns, payload, policy):
        """Take an event in: ADMITTED, REFUSED, or the entry that was shed to make room.

        REJECT refuses when full; so does WAIT, which does not count it. DROP_LOWEST sheds the newest,
        DROP_OLDEST the oldest event of the least important level, but never a more important one
        than the event offered. DROP_LOWEST also keeps what is queued when the levels are equal.
        """
        cdef offered offer
        offer.key, offer.level, offer.arrival_ns = whole(key), checked_level(level), whole(arrival_ns)
        cdef int how = checked_policy(policy)
        lock_mutex(&self.mutex)
        try:
            payload = self.place(&offer, payload, how)
        finally:
            pthread_mutex_unlock(&self.mutex)
        return verdict_of(&offer, payload)

    def offer_many(self, offers, policy):
        """Offer each in turn, in one atomic step; the verdicts come back in the same order."""
        cdef tuple given = tuple(offers)
        cdef Py_ssize_t count = len(given), index
        cdef int how = checked_policy(policy)
        cdef list payloads = [None] * count
        cdef offered* made = <offered*> PyMem_Malloc((count + 1) * sizeof(offered))
        if made == NULL:
            raise MemoryError
        try:
            for index in range(count):
                key, level, arrival_ns, payloads[index] = given[index]
                made[index].key, made[index].arrival_ns = whole(key), whole(arrival_ns)
                made[index].level = checked_level(level)
            lock_mutex(&self.mutex)
            try:
                for index in range(count):
                    payloads[index] = self.place(&made[index], payloads[index], how)
            finally:
                pthread_mutex_unlock(&self.mutex)
            return [verdict_of(&made[index], payloads[index]) for index in range(count)]
        finally:
            PyMem_Free(made)

    def pop(self, end=NO_END):
        """Remove the most urgent event, or return None; it is running until ``finish``.

        With ``end`` it ends at once and never runs.
        """
        return self.pop_head(HEAP_LEVELS, checked_end(end, NO_END))

    def pop_above(self, level, end=NO_END):
        """Like pop, but only when the most urgent event is of a more important level."""
        cdef int64_t above = max(<int64_t> -1, min(whole(level), <int64_t> HEAP_LEVELS))
        return self.pop_head(<int32_t> above, checked_end(end, NO_END))

    cdef object pop_head(self, int32_t above, int end):
        cdef heap_slot out
        cdef int32_t slot
        cdef object payload = None
        lock_mutex(&self.mutex)
        slot = heap_pop(&self.heap, above, end, &out)
        if slot >= 0:
            payload = self.payloads[slot]
            self.payloads[slot] = None
        pthread_mutex_unlock(&self.mutex)
        return None if slot < 0 else entry_of(&out, payload)

    def drain(self, limit, end):
        """Remove up to ``limit`` events in order, in one atomic step, and end them."""
        cdef Py_ssize_t count = max(min(whole(limit), <int64_t> self.heap.queued), <int64_t> 0), taken = 0, index
        cdef int how = checked_end(end, 0)
        cdef list payloads = [None] * count
        cdef int32_t slot
        cdef heap_slot* outs = <heap_slot*> PyMem_Malloc((count + 1) * sizeof(heap_slot))
        if outs == NULL:
            raise MemoryError
        try:
            lock_mutex(&self.mutex)
            for index in range(count):
                slot = heap_pop(&self.heap, HEAP_LEVELS, how, &outs[index])
                if slot < 0:
                    break
                payloads[index] = self.payloads[slot]
                self.payloads[slot] = None
                taken += 1
            pthread_mutex_unlock(&self.mutex)
            return [entry_of(&outs[index], payloads[index]) for index in range(taken)]
        finally:
            PyMem_Free(outs)

    def finish(self, end):
        """Move one running event to its end; ValueError when none is running."""
        cdef int how = checked_end(end, 0)
        lock_mutex(&self.mutex)
        cdef int code = heap_finish(&self.heap, how)
        pthread_mutex_unlock(&self.mutex)
        if code != 0:
            raise ValueError("no event is running")

    def counts(self):
        """Return (accepted, refused, queued, running, ends, high water), all of one instant."""
        cdef event_heap seen
        lock_mutex(&self.mutex)
        seen = self.heap
        pthread_mutex_unlock(&self.mutex)
        cdef tuple ends = tuple([seen.ends[end] for end in range(HEAP_ENDS)])
        return seen.accepted, seen.refused, seen.queued, seen.running, ends, seen.high_water

    def depths(self):
        """Return how many events are queued on each level."""
        cdef event_heap seen
        lock_mutex(&self.mutex)
        seen = self.heap
        pthread_mutex_unlock(&self.mutex)
        return tuple([seen.depth[level] for level in range(HEAP_LEVELS)])

    def check(self):
        """Raise AssertionError unless the structure is sound. O(n)."""
        lock_mutex(&self.mutex)
        cdef int code = heap_check(&self.heap)
        pthread_mutex_unlock(&self.mutex)
        if code == 3:
            raise AssertionError("the ledger does not balance")
        if code != 0:
            raise AssertionError("the heap, its entries and its levels disagree")

    cdef object place(self, offered* offer, payload, int policy):
        """Offer one event under the mutex; give back the payload that now belongs to the caller."""
        cdef int32_t slot = -1
        cdef object before
        if len(self.payloads) <= self.heap.slots_made:      # first, so that nothing can fail later
            self.payloads.append(None)
        offer.verdict = heap_offer(
            &self.heap, offer.key, offer.level, offer.arrival_ns, policy, SHED_END, &slot, &offer.victim
        )
        if slot < 0:
            return payload
        before = self.payloads[slot]
        self.payloads[slot] = payload
        return before


cdef object verdict_of(offered* offer, payload):
    if offer.verdict == HEAP_NO_MEMORY:
        raise MemoryError
    if offer.verdict == HEAP_REFUSED:
        return REFUSED
    if offer.verdict == HEAP_SHED:
        return entry_of(&offer.victim, payload)
    return ADMITTED


cdef tuple entry_of(heap_slot* slot, payload):
    return payload, slot.key, slot.level, slot.arrival_ns, slot.sequence
