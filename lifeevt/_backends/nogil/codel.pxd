# cython: cdivision=True
"""Controlled delay, RFC 8289 section 5, of one level: whether an event that waited so long is shed. No Python object.

Whole nanoseconds, in sums of 128 bits that stop at 64: the same times give the same verdicts. One thread at a time
asks; any may look at `shedding`. O(1).
"""

from libc.stdint cimport INT64_MAX, int32_t, int64_t
from libc.string cimport memset

from ..nogil.atomics cimport RELAXED, store_i32
from ..nogil.wide cimport unsigned_wide, wide

cdef enum:
    CODEL_RECENT = 16           # intervals within which an episode goes on where the last one stopped

ctypedef struct codel:
    int64_t target_ns           # 0: nothing is shed
    int64_t interval_ns         # at most 10**18
    int64_t long_since_ns       # when the first one left of those that wait too long now
    int64_t next_ns             # when the next one is shed
    int64_t count               # shed in this episode, or where it began to count
    int64_t last_count          # what `count` began with
    int32_t waits_long          # whether `long_since_ns` is of now
    int32_t shedding            # whether an episode goes on
    int32_t shed_last           # whether the one before was shed


cdef inline void codel_init(codel* self, int64_t target_ns, int64_t interval_ns) noexcept nogil:
    memset(self, 0, sizeof(codel))
    self.target_ns, self.interval_ns = target_ns, interval_ns


cdef inline bint codel_admits(codel* self, int64_t now_ns, int64_t waited_ns, bint last) noexcept nogil:
    """Whether the event shall be answered; else it is shed, and the next one asked for. `last`: none is behind it."""
    cdef bint stands
    if self.target_ns == 0:
        return True
    stands = _stands(self, now_ns, waited_ns, last)
    if not self.shedding:
        if stands:
            _begin(self, now_ns)
        return not stands
    if not stands:
        self.shed_last = False
        store_i32(&self.shedding, False, RELAXED)
        return True
    if self.shed_last:
        self.next_ns = _law(self, self.next_ns)
    self.shed_last = now_ns >= self.next_ns
    self.count += self.shed_last
    return not self.shed_last


cdef inline bint _stands(codel* self, int64_t now_ns, int64_t waited_ns, bint last) noexcept nogil:
    """Whether the delay has stood at the target, or above it, for a whole interval."""
    cdef bint was_long = self.waits_long
    self.waits_long = waited_ns >= self.target_ns and not last
    if self.waits_long and not was_long:
        self.long_since_ns = now_ns
    return was_long and self.waits_long and <wide> now_ns - self.long_since_ns >= self.interval_ns


cdef inline void _begin(codel* self, int64_t now_ns) noexcept nogil:
    cdef int64_t gained = self.count - self.last_count
    cdef bint recent = <wide> now_ns - self.next_ns < CODEL_RECENT * <wide> self.interval_ns
    self.count = self.last_count = gained if gained > 1 and recent else 1
    self.next_ns = _law(self, now_ns)
    store_i32(&self.shedding, True, RELAXED)


cdef inline int64_t _law(const codel* self, int64_t from_ns) noexcept nogil:
    """The next one to shed: interval / sqrt(count) later."""
    cdef unsigned_wide interval = <unsigned_wide> self.interval_ns
    cdef wide next_ns = <wide> from_ns + _root(interval * interval // <unsigned_wide> self.count, self.interval_ns)
    return <int64_t> min(next_ns, <wide> INT64_MAX)


cdef inline int64_t _root(unsigned_wide number, int64_t above) noexcept nogil:
    """The whole part of a square root, by Newton's steps down from `above`, which is not below it."""
    cdef unsigned_wide root = <unsigned_wide> above, better
    if number == 0:
        return 0
    while True:
        better = (root + number // root) // 2
        if better >= root:
            return <int64_t> root
        root = better
