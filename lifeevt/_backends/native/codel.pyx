"""CoDel, native: the law of `_codel` for each level."""

from libc.stdint cimport int32_t, int64_t

from .numbers cimport listed, whole
from .offers cimport checked_level
from ..nogil.atomics cimport RELAXED, load_i32
from ..nogil.codel cimport codel_admits, codel_init
from ..nogil.order cimport HEAP_LEVELS

cdef int64_t LONGEST_NS = 10**18


cdef class CoDel:
    """CoDel in C: see the reference."""

    def __cinit__(self, interval_ns, targets_ns):
        cdef int64_t interval = whole(interval_ns), target
        cdef tuple targets = listed(targets_ns)
        cdef int level
        if len(targets) != HEAP_LEVELS:
            raise ValueError(f"{len(targets)} targets; there must be {HEAP_LEVELS}, one a level")
        for level in range(HEAP_LEVELS):
            target = whole(targets[level])
            if not 0 <= target <= interval <= LONGEST_NS or interval == 0:
                raise ValueError(f"the target is {target} ns, the interval {interval} ns; "
                                 "it must be 0 <= target <= interval, and 0 < interval <= 10**18")
            codel_init(&self.levels[level], target, interval)

    def admits(self, level, now_ns, waited_ns, last=False):
        cdef int32_t height = checked_level(level)
        cdef int64_t now = whole(now_ns), waited = whole(waited_ns)
        return bool(codel_admits(&self.levels[height], now, waited, bool(last)))

    def shedding(self):
        return tuple([level for level in range(HEAP_LEVELS) if load_i32(&self.levels[level].shedding, RELAXED)])
