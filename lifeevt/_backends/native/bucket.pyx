"""Bucket, native: how many events of a type, or of a source, may come; Python and C ask the same one."""

from libc.stdint cimport int64_t

from .numbers cimport whole
from .watch cimport Watched, enter
from ..nogil.bucket cimport bucket_admits, bucket_fill, bucket_has_token, bucket_is_full, bucket_ready_ns
from ..nogil.heap cimport heap_leave_quietly

cdef int64_t MOST = 1_099_511_627_776       # 2**40
cdef int64_t LONGEST_NS = 1_000_000_000_000_000_000


cdef class Bucket:
    """Bucket in C: see the reference."""

    def __cinit__(self, *_, **__):
        bucket_fill(&self.kept, 1, 1, 1)

    def __init__(self, Watched heap, count, period_ns, most):
        cdef int64_t tokens = checked("count", count, MOST), period = checked("period_ns", period_ns, LONGEST_NS)
        bucket_fill(&self.kept, tokens, period, checked("most", most, MOST))
        self.events = heap

    def admits(self, now_ns):
        cdef int64_t now = whole(now_ns)
        guard(self)
        cdef bint there = bucket_admits(&self.kept, now)
        unguard(self)
        return there

    def has_token(self, now_ns):
        cdef int64_t now = whole(now_ns)
        guard(self)
        cdef bint there = bucket_has_token(&self.kept, now)
        unguard(self)
        return there

    def ready_ns(self, now_ns):
        cdef int64_t now = whole(now_ns)
        guard(self)
        cdef int64_t ready = bucket_ready_ns(&self.kept, now)
        unguard(self)
        return ready

    def is_full(self, now_ns):
        cdef int64_t now = whole(now_ns)
        guard(self)
        cdef bint full = bucket_is_full(&self.kept, now)
        unguard(self)
        return full


cdef inline int guard(Bucket bucket) except -1:
    if bucket.events is not None:
        enter(&bucket.events.heap)
    return 0


cdef inline void unguard(Bucket bucket) noexcept:
    if bucket.events is not None:
        heap_leave_quietly(&bucket.events.heap)


cdef int64_t checked(name, value, int64_t most) except -1:
    cdef int64_t number = whole(value)
    if not 1 <= number <= most:
        raise ValueError(f"{name} is {number}; it must lie in [1, {most}]")
    return number
