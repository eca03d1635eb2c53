# cython: cdivision=True
"""Controlled delay (CoDel, RFC 8289 section 5) of one level: whether an event that waited is shed. No Python object.

Whole nanoseconds, in sums of 128 bits that stop at 64: the same times give the same verdicts. One thread at a time
asks; any thread may load `shedding`. O(1).
"""

from libc.stdint cimport INT64_MAX, int32_t, int64_t
from libc.string cimport memset

from ..nogil.atomics cimport RELAXED, store_i32
from ..nogil.wide cimport unsigned_wide, wide

cdef enum:
    CODEL_RECENT = 16           # intervals after an episode in which the next one goes on with its count

ctypedef struct codel:
    int64_t target_ns           # 0: nothing is shed
    int64_t interval_ns         # at most 10**18
    int64_t above_since_ns      # when waits rose to the target; the RFC's `first_above_time` less the interval
    int64_t next_ns             # when the next event is shed: `drop_next`
    int64_t count               # shed in this episode, and the number it began with
    int64_t last_count          # the number that `count` began with: `lastcount`
    int32_t is_above            # whether `above_since_ns` holds
    int32_t shedding            # whether an episode goes on: `dropping`
    int32_t shed_last           # whether the event before was shed


cdef inline void codel_init(codel* self, int64_t target_ns, int64_t interval_ns) noexcept nogil:
    """Begin outside an episode."""
    memset(self, 0, sizeof(codel))
    self.target_ns, self.interval_ns = target_ns, interval_ns


cdef inline bint codel_admits(codel* self, int64_t now_ns, int64_t waited_ns, bint last) noexcept nogil:
    """Return whether to process the event; else shed it and ask for the next. `last`: no event is behind it."""
    cdef bint stays_above
    if self.target_ns == 0:
        return True
    stays_above = _stays_above_target(self, now_ns, waited_ns, last)
    if not self.shedding:
        if stays_above:
            _begin_episode(self, now_ns)
        return not stays_above
    if not stays_above:
        self.shed_last = False
        store_i32(&self.shedding, False, RELAXED)
        return True
    if self.shed_last:
        self.next_ns = _control_law(self, self.next_ns)
    self.shed_last = now_ns >= self.next_ns
    self.count += self.shed_last
    return not self.shed_last


cdef inline bint _stays_above_target(codel* self, int64_t now_ns, int64_t waited_ns, bint last) noexcept nogil:
    """Return whether waits have been at the target, or above it, for a whole interval."""
    cdef bint was_above = self.is_above
    self.is_above = waited_ns >= self.target_ns and not last
    if self.is_above and not was_above:
        self.above_since_ns = now_ns
    return was_above and self.is_above and <wide> now_ns - self.above_since_ns >= self.interval_ns


cdef inline void _begin_episode(codel* self, int64_t now_ns) noexcept nogil:
    cdef int64_t gained = self.count - self.last_count
    cdef bint recent = <wide> now_ns - self.next_ns < CODEL_RECENT * <wide> self.interval_ns
    self.count = self.last_count = gained if gained > 1 and recent else 1
    self.next_ns = _control_law(self, now_ns)
    store_i32(&self.shedding, True, RELAXED)


cdef inline int64_t _control_law(const codel* self, int64_t from_ns) noexcept nogil:
    """Return when the next event is shed: interval / sqrt(count) later."""
    cdef unsigned_wide interval = <unsigned_wide> self.interval_ns
    cdef int64_t later_ns = _square_root(interval * interval // <unsigned_wide> self.count, self.interval_ns)
    return <int64_t> min(<wide> from_ns + later_ns, <wide> INT64_MAX)


cdef inline int64_t _square_root(unsigned_wide number, int64_t above) noexcept nogil:
    """Return the whole part of a square root, by Newton's steps down from `above`, which is not below it."""
    cdef unsigned_wide root = <unsigned_wide> above, better
    if number == 0:
        return 0
    while True:
        better = (root + number // root) // 2
        if better >= root:
            return <int64_t> root
        root = better
