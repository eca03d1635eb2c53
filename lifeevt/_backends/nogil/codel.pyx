"""The law below `_core_codel.CoDel`; its contract stands in `_codel.pxd`."""

from libc.stdint cimport INT64_MAX, int64_t
from libc.string cimport memset

from ..nogil.atomics cimport show

cdef extern from * nogil:
    """
    typedef __int128 lifeevt_wide;
    typedef unsigned __int128 lifeevt_square;
    """
    ctypedef long long wide "lifeevt_wide"
    ctypedef unsigned long long square "lifeevt_square"


cdef void codel_init(codel* self, int64_t target_ns, int64_t interval_ns) noexcept nogil:
    memset(self, 0, sizeof(codel))
    self.target_ns, self.interval_ns = target_ns, interval_ns


cdef bint codel_admits(codel* self, int64_t now_ns, int64_t waited_ns, bint last) noexcept nogil:
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
        show(&self.shedding, False)
        return True
    if self.shed_last:
        self.next_ns = _law(self, self.next_ns)
    self.shed_last = now_ns >= self.next_ns
    self.count += self.shed_last
    return not self.shed_last


cdef bint _stands(codel* self, int64_t now_ns, int64_t waited_ns, bint last) noexcept nogil:
    """Whether the delay has stood at the target, or above it, for a whole interval."""
    cdef bint was_long = self.waits_long
    self.waits_long = waited_ns >= self.target_ns and not last
    if self.waits_long and not was_long:
        self.long_since_ns = now_ns
    return was_long and self.waits_long and <wide> now_ns - self.long_since_ns >= self.interval_ns


cdef void _begin(codel* self, int64_t now_ns) noexcept nogil:
    cdef int64_t gained = self.count - self.last_count
    cdef bint recent = <wide> now_ns - self.next_ns < CODEL_RECENT * <wide> self.interval_ns
    self.count = self.last_count = gained if gained > 1 and recent else 1
    self.next_ns = _law(self, now_ns)
    show(&self.shedding, True)


cdef int64_t _law(const codel* self, int64_t from_ns) noexcept nogil:
    """The next one to shed: interval / sqrt(count) later."""
    cdef square interval = <square> self.interval_ns
    cdef wide next_ns = <wide> from_ns + _root(interval * interval // <square> self.count, self.interval_ns)
    return <int64_t> min(next_ns, <wide> INT64_MAX)


cdef int64_t _root(square number, int64_t above) noexcept nogil:
    """The whole part of a square root, by Newton's steps down from `above`, which is not below it."""
    cdef square root = <square> above, better
    if number == 0:
        return 0
    while True:
        better = (root + number // root) // 2
        if better >= root:
            return <int64_t> root
        root = better
