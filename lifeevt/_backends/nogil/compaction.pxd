"""Leaving the order before one's turn, without a stay in the lock that grows with the queue. Not one Python object.

A rank that does not stand at an end of its lane stays behind, dead. Whoever leaves a dead one looks at a few
places, of which there are at most twice as many as events, and drops what is dead there: in the heap from its end
to its top, then in each lane, which it closes up. So the dead are a fraction of what was looked at since.
"""

from libc.stdint cimport int32_t

from ..nogil.order cimport heap_order

cdef void order_forget(heap_order* order, int32_t slot) noexcept nogil
cdef void order_sweep(heap_order* order) noexcept nogil
