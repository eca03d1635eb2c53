"""CoDel, native: the law of `nogil/codel` for each level."""

from libc.stdint cimport int32_t, int64_t

from .numbers cimport index_in
from ..nogil.atomics cimport RELAXED, load_i32
from ..nogil.codel cimport codel_admits, codel_init
from ..nogil.order cimport HEAP_LEVELS


cdef class CoDel:
    """CoDel in C: see the reference."""

    def __cinit__(self, int64_t interval_ns, targets_ns):
        cdef int level
        for level, target in zip(range(HEAP_LEVELS), targets_ns, strict=True):
            codel_init(&self.levels[level], target, interval_ns)

    def admits(self, int32_t level, int64_t now_ns, int64_t waited_ns, bint last=False):
        return codel_admits(&self.levels[index_in(level, HEAP_LEVELS)], now_ns, waited_ns, last)

    def shedding(self):
        return tuple([level for level in range(HEAP_LEVELS) if load_i32(&self.levels[level].shedding, RELAXED)])
