# cython: cdivision=True
"""A token bucket: how many events may come in a time, exact to the nanosecond. Not one Python object.

Kept as one whole number, the instant at which the bucket is full again, in units of 1/count ns: so nothing is ever
rounded. A caller holds the mutex of the heap whose events the bucket limits.
"""

from libc.stdint cimport INT64_MAX, int64_t

from ..nogil.wide cimport LONG_AGO, wide

ctypedef struct token_bucket:
    wide full_at
    wide room                   # how far ahead of now that instant may lie
    wide count                  # tokens that come
    wide period                 # in so many nanoseconds


cdef inline void bucket_fill(token_bucket* self, int64_t count, int64_t period_ns, int64_t most) noexcept nogil:
    """Make a full bucket of `most` tokens."""
    self.count, self.period = count, period_ns
    self.room = most
    self.room *= period_ns
    self.full_at = LONG_AGO


cdef inline bint bucket_has_token(const token_bucket* self, int64_t now_ns) noexcept nogil:
    """Whether there is a token. O(1)."""
    cdef wide now = self.count
    now *= now_ns
    return self.full_at + self.period <= now + self.room


cdef inline bint bucket_admits(token_bucket* self, int64_t now_ns) noexcept nogil:
    """Take a token if there is one; whether there was. O(1)."""
    cdef wide now = self.count
    now *= now_ns
    if not bucket_has_token(self, now_ns):
        return False
    if self.full_at < now:
        self.full_at = now
    self.full_at += self.period
    return True


cdef inline bint bucket_is_full(const token_bucket* self, int64_t now_ns) noexcept nogil:
    """Whether all tokens are there. O(1)."""
    cdef wide now = self.count
    now *= now_ns
    return self.full_at <= now


cdef inline int64_t bucket_ready_ns(const token_bucket* self, int64_t now_ns) noexcept nogil:
    """The first instant, not before `now_ns`, at which there is a token; 2**63 - 1 when it comes later. O(1)."""
    cdef wide left = self.full_at + self.period - self.room     # in units of 1/count ns
    cdef wide ready = left / self.count                         # C cuts towards zero
    if ready * self.count < left:
        ready += 1
    if ready > INT64_MAX:
        return INT64_MAX
    return now_ns if ready < now_ns else <int64_t> ready
