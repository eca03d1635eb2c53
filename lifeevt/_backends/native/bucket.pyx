"""Bucket, the native twin: how many events of a type may come, for those who ask in Python and those who cannot."""

from libc.stdint cimport int64_t

from ..nogil.bucket cimport bucket_admits, bucket_fill
from .numbers cimport whole
from .watch cimport Watched, enter
from ..nogil.heap cimport heap_leave_quietly

cdef int64_t MOST = 1_099_511_627_776       # 2**40
cdef int64_t LONGEST_NS = 1_000_000_000_000_000_000


cdef class Bucket:
    """A bucket of ``most`` tokens, full at first; ``count`` come in each ``period_ns``. Exact: nothing is rounded.

    It limits events of one heap, whose mutex guards it. Thread-safe; does not block. O(1).
    """

    def __cinit__(self, Watched heap not None, count, period_ns, most):
        cdef int64_t tokens = checked("count", count, MOST), period = checked("period_ns", period_ns, LONGEST_NS)
        bucket_fill(&self.kept, tokens, period, checked("most", most, MOST))
        self.events = heap

    def admits(self, now_ns):
        """Take a token if there is one; return whether there was."""
        cdef int64_t now = whole(now_ns)
        enter(&self.events.heap)
        cdef bint there = bucket_admits(&self.kept, now)
        heap_leave_quietly(&self.events.heap)
        return there


cdef int64_t checked(name, value, int64_t most) except -1:
    cdef int64_t number = whole(value)
    if not 1 <= number <= most:
        raise ValueError(f"{name} is {number}; it must lie in [1, {most}]")
    return number
