"""Controlled delay, RFC 8289 section 5, of one level: whether an event that waited so long is shed. No Python object.

Whole nanoseconds, in sums of 128 bits that stop at 64: the same times give the same verdicts. One thread at a time
asks; any may look at `shedding`. O(1).
"""

from libc.stdint cimport int32_t, int64_t

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

cdef void codel_init(codel* self, int64_t target_ns, int64_t interval_ns) noexcept nogil
cdef bint codel_admits(codel* self, int64_t now_ns, int64_t waited_ns, bint last) noexcept nogil
