"""Bucket, native: how many events of a type, or of a source, may come; the same for Python and for C."""

from libc.stdint cimport int64_t

from .numbers cimport whole
from .watch cimport Watched, enter
from ..nogil.bucket cimport bucket_admits, bucket_fill, bucket_has_token, bucket_is_full, bucket_ready_ns
from ..nogil.heap cimport heap_leave_quietly


cdef class Bucket:
    """Bucket in C: see the reference."""

    def __cinit__(self, *_, **__):
        bucket_fill(&self.kept, 1, 1, 1)

    def __init__(self, Watched heap, int64_t count, int64_t period_ns, int64_t most):
        bucket_fill(&self.kept, count, period_ns, most)
        self.events = heap

    def admits(self, now_ns):
        """Take a token if there is one; return whether there was."""
        cdef int64_t now = whole(now_ns)
        guard(self)
        cdef bint there = bucket_admits(&self.kept, now)
        unguard(self)
        return there

    def has_token(self, now_ns):
        """Return whether ``admits`` would return True, and take no token."""
        cdef int64_t now = whole(now_ns)
        guard(self)
        cdef bint there = bucket_has_token(&self.kept, now)
        unguard(self)
        return there

    def ready_ns(self, now_ns):
        """Return the first instant from ``now_ns`` on at which there is a token, at most 2**63 - 1."""
        cdef int64_t now = whole(now_ns)
        guard(self)
        cdef int64_t ready = bucket_ready_ns(&self.kept, now)
        unguard(self)
        return ready

    def is_full(self, now_ns):
        """Return whether the bucket has all its tokens."""
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
