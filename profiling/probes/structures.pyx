"""Drive the heap, its order and the accounts inside C.

The heap has the two workloads of std_priority_queue.cpp, bit for bit: the popped keys of both have the same sum.
"""

cimport cython

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from lifeevt._backends.native.account cimport Account
from lifeevt._backends.nogil.account cimport account, account_record_pair
from lifeevt._backends.nogil.heap cimport (
    HEAP_LEVELS,
    HEAP_REJECT,
    event_heap,
    heap_clear,
    heap_init,
    heap_offer,
    heap_pop,
    heap_release,
    heap_slot,
)
from lifeevt._backends.nogil.order cimport (
    heap_event,
    heap_order,
    order_add,
    order_clear,
    order_head,
    order_init,
    order_reserve,
    order_remove,
)

cdef enum:
    JITTER_NS = 1_000_000
    PACE_NS = 1_000
    CLASSES = 3
    NO_RUN = -1
    ENDED = 0
    SLOT_BITS = 21
    ACCOUNTS = 64

ctypedef struct workload:
    uint64_t chance
    uint64_t sequence
    int64_t clock_ns
    bint ascending
    bint runs

cdef int64_t[CLASSES] BUDGETS_NS
BUDGETS_NS[:] = [10_000_000, 50_000_000, 200_000_000]


cdef inline int64_t key_after(workload* work, int64_t popped, int32_t* run) noexcept nogil:
    """Return the next key, one budget after the popped one, or after the clock: then in order in each run."""
    cdef uint64_t seen = work.chance
    seen ^= seen << 13
    seen ^= seen >> 7
    seen ^= seen << 17
    work.chance = seen
    cdef int32_t drawn = <int32_t> (seen % CLASSES)
    run[0] = drawn if work.runs else NO_RUN
    if work.ascending:
        work.clock_ns += PACE_NS
        return work.clock_ns + BUDGETS_NS[drawn]
    return popped + BUDGETS_NS[drawn] + <int64_t> ((seen >> 32) % JITTER_NS)


@cython.final
cdef class HeapProbe:
    """The whole heap at a steady depth: slots, level lists and ledger. For one thread; MemoryError without memory."""

    cdef event_heap heap
    cdef workload work

    def __init__(self, uint32_t depth, uint64_t seed, bint ascending, bint runs=True):
        self.work = workload(chance=seed, sequence=0, clock_ns=0, ascending=ascending, runs=runs)
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
        event.key = key_after(&self.work, popped, &event.run)
        event.level = max(event.run, <int32_t> 0)
        heap_offer(&self.heap, &event, HEAP_REJECT, ENDED, &slot, &victim)


@cython.final
cdef class OrderProbe:
    """The order alone, which keeps of an event what the peer's record has. For one thread."""

    cdef heap_order order
    cdef workload work

    def __init__(self, uint32_t depth, uint64_t seed, bint ascending, bint runs=True):
        self.work = workload(chance=seed, sequence=0, clock_ns=0, ascending=ascending, runs=runs)
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
        cdef int32_t slot, run
        with nogil:
            for _pair in range(pairs):
                slot = order_head(&self.order, &run)
                key = self.order.entries[0].key if run < 0 else self.order.heads[run].key
                order_remove(&self.order, run)
                keys += <uint64_t> key
                self.add(key, slot)
        return keys

    cdef void add(self, int64_t popped, int32_t slot) noexcept nogil:
        cdef int32_t run
        cdef int64_t key = key_after(&self.work, popped, &run)
        order_reserve(&self.order, self.work.sequence)
        order_add(&self.order, key, self.work.sequence, slot, run)
        self.work.sequence += 1


@cython.final
cdef class AccountProbe:
    """Measure the record of an event: in the account of its level, and of its type, if any."""

    cdef list levels
    cdef list types

    def __init__(self, list levels, list types):
        self.levels, self.types = levels, types
        if max(len(levels), len(types)) > ACCOUNTS:
            raise ValueError(f"there must be at most {ACCOUNTS} levels, and as many types")

    def run(self, uint32_t events, uint64_t seed):
        """Record so many events, without the GIL, with durations from 100 ns to 200 ms; the sum of what was drawn."""
        cdef account* levels[ACCOUNTS]
        cdef account* types[ACCOUNTS]
        cdef account* one
        cdef account* other
        cdef uint32_t _event, level_count = <uint32_t> len(self.levels), type_count = <uint32_t> len(self.types)
        cdef uint64_t chance = seed
        cdef int64_t wait_ns, drawn = 0
        for _event in range(level_count):
            levels[_event] = &(<Account?> self.levels[_event]).kept
        for _event in range(type_count):
            types[_event] = &(<Account?> self.types[_event]).kept
        with nogil:
            for _event in range(events):
                chance ^= chance << 13
                chance ^= chance >> 7
                chance ^= chance << 17
                wait_ns = 100 + <int64_t> ((chance >> 20) & (((<uint64_t> 1) << (7 + chance % 21)) - 1))
                drawn += wait_ns
                one = other = NULL
                if type_count > 0:
                    other = types[((chance >> 40) * type_count) >> 24]
                if level_count > 0:
                    one = levels[((chance >> 40) * level_count) >> 24]
                    account_record_pair(one, other, BUDGETS_NS[0], wait_ns, 5_000)
        return drawn
