"""The heap driven inside C, for `lifeevt.bench.heap` alone; its contract stands in `_core_probe.pyx`."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from ._backends.nogil.heap cimport event_heap
from ._backends.nogil.order cimport heap_order

cimport cython

ctypedef struct workload:
    uint64_t chance
    uint64_t sequence
    int64_t clock_ns
    bint ascending
    bint lanes


@cython.final
cdef class HeapProbe:
    cdef event_heap heap
    cdef workload work

    cdef void offer(self, int64_t popped) noexcept nogil


@cython.final
cdef class OrderProbe:
    cdef heap_order order
    cdef workload work

    cdef void add(self, int64_t popped, int32_t slot) noexcept nogil


@cython.final
cdef class AccountProbe:
    cdef list levels
    cdef list types
