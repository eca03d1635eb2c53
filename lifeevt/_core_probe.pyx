"""The heap driven inside C, for `lifeevt.bench.heap` alone: no part of the twin, which never imports it.

The same two workloads as bench/std_priority_queue.cpp, to the bit: what both pop adds up to the same number.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from ._heap cimport (
    HEAP_LEVELS,
    HEAP_REJECT,
    heap_clear,
    heap_init,
    heap_offer,
    heap_pop,
    heap_release,
    heap_slot,
)
from ._order cimport heap_event, order_add, order_clear, order_head, order_init, order_ready, order_remove

cdef enum:
    JITTER_NS = 1_000_000
    PACE_NS = 1_000
    CLASSES = 3
    NO_LANE = -1
    ENDED = 0
    SLOT_BITS = 21

cdef int64_t[CLASSES] BUDGETS_NS
BUDGETS_NS[:] = [10_000_000, 50_000_000, 200_000_000]


cdef inline int64_t key_after(workload* work, int64_t popped, int32_t* lane) noexcept nogil:
    """What comes next, one budget after what was popped, or after the clock: then in order in each lane."""
    cdef uint64_t seen = work.chance
    seen ^= seen << 13
    seen ^= seen >> 7
    seen ^= seen << 17
    work.chance = seen
    cdef int32_t drawn = <int32_t> (seen % CLASSES)
    lane[0] = drawn if work.lanes else NO_LANE
    if work.ascending:
        work.clock_ns += PACE_NS
        return work.clock_ns + BUDGETS_NS[drawn]
    return popped + BUDGETS_NS[drawn] + <int64_t> ((seen >> 32) % JITTER_NS)


cdef class HeapProbe:
    """The whole heap at a steady depth: slots, level lists and ledger. For one thread; MemoryError without memory."""

    def __init__(self, uint32_t depth, uint64_t seed, bint ascending, bint lanes=True):
        self.work = workload(chance=seed, sequence=0, clock_ns=0, ascending=ascending, lanes=lanes)
        cdef uint32_t _count
        if heap_init(&self.heap, <int32_t> depth + 1) != 0:
            raise MemoryError
        for _count in range(depth):
            self.offer(0)

    def __dealloc__(self):
        heap_clear(&self.heap)

    def run(self, uint32_t pairs):
        """Pop and push so many times; the sum of the popped keys, modulo 2**64. O(log n) a pair, without the GIL."""
        cdef uint64_t keys = 0
        cdef uint32_t _pair
        cdef heap_slot head
        with nogil:
            for _pair in range(pairs):
                heap_release(&self.heap, heap_pop(&self.heap, HEAP_LEVELS, ENDED, &head))
                keys += <uint64_t> head.event.key
                self.offer(head.event.key)
        return keys

    cdef void offer(self, int64_t popped) noexcept nogil:
        cdef heap_event event
        cdef heap_slot victim
        cdef int32_t slot
        memset(&event, 0, sizeof(event))
        event.key = key_after(&self.work, popped, &event.lane)
        event.level = max(event.lane, <int32_t> 0)
        heap_offer(&self.heap, &event, HEAP_REJECT, ENDED, &slot, &victim)


cdef class OrderProbe:
    """The order alone, which keeps of an event what the peer's record has. For one thread."""

    def __init__(self, uint32_t depth, uint64_t seed, bint ascending, bint lanes=True):
        self.work = workload(chance=seed, sequence=0, clock_ns=0, ascending=ascending, lanes=lanes)
        cdef uint32_t slot
        if depth >= <uint32_t> 1 << SLOT_BITS:
            raise ValueError(f"depth is {depth}; it must be below {1 << SLOT_BITS}")
        if order_init(&self.order, NULL, <int64_t> depth + 1, SLOT_BITS) != 0:
            raise MemoryError
        for slot in range(depth):
            self.add(0, <int32_t> slot)

    def __dealloc__(self):
        order_clear(&self.order)

    def run(self, uint32_t pairs):
        """Pop and push so many times; the sum of the popped keys, modulo 2**64. O(log n) a pair, without the GIL."""
        cdef uint64_t keys = 0
        cdef uint32_t _pair
        cdef int64_t key
        cdef int32_t slot, lane
        with nogil:
            for _pair in range(pairs):
                slot = order_head(&self.order, &lane)
                key = self.order.ranks[0].key if lane < 0 else self.order.heads[lane].key
                order_remove(&self.order, lane)
                keys += <uint64_t> key
                self.add(key, slot)
        return keys

    cdef void add(self, int64_t popped, int32_t slot) noexcept nogil:
        cdef int32_t lane
        cdef int64_t key = key_after(&self.work, popped, &lane)
        order_ready(&self.order, self.work.sequence)
        order_add(&self.order, key, self.work.sequence, slot, lane)
        self.work.sequence += 1
