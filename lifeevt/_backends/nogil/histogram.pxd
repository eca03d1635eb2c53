# cython: cdivision=True
"""Durations in log-linear buckets, 64 a power of two: the layout of HdrHistogram. Not one Python object.

Any thread may call any function at any time: all numbers are relaxed atomics. `histogram_record_unshared` is for a
histogram that one thread at a time writes: it needs no locked instruction, and readers still see whole numbers.
"""

from libc.math cimport ceil
from libc.stdint cimport UINT64_MAX, int64_t, uint64_t
from libc.string cimport memset

from ..nogil.atomics cimport RELAXED, fetch_add_u64, fetch_max_u64, fetch_min_u64, load_u64, store_u64

cdef enum:
    HISTOGRAM_BUCKETS = 3712        # of 63-bit durations

ctypedef struct histogram:
    uint64_t counts[HISTOGRAM_BUCKETS]
    uint64_t count
    uint64_t total_low              # the total is 128 bits wide: nanoseconds add up
    uint64_t total_high
    uint64_t minimum                # UINT64_MAX when empty
    uint64_t maximum

cdef enum:
    SUB_BUCKETS = 64
    SUB_BITS = 7                    # of the largest duration that has a bucket of its own, 127

cdef extern from * nogil:
    """
    #define LIFEEVT_BIT_LENGTH(value) ((value) ? 64 - __builtin_clzll((unsigned long long) (value)) : 0)
    """
    int bit_length "LIFEEVT_BIT_LENGTH"(uint64_t value)


cdef inline void histogram_init(histogram* self) noexcept nogil:
    """Begin empty."""
    memset(self, 0, sizeof(histogram))
    self.minimum = UINT64_MAX


cdef inline void histogram_record(histogram* self, int64_t duration_ns) noexcept nogil:
    """Count one duration; a negative one as 0. O(1)."""
    cdef uint64_t duration = <uint64_t> duration_ns if duration_ns > 0 else 0
    fetch_add_u64(&self.counts[_bucket_of(duration)], 1, RELAXED)
    if fetch_add_u64(&self.total_low, duration, RELAXED) > UINT64_MAX - duration:
        fetch_add_u64(&self.total_high, 1, RELAXED)
    fetch_min_u64(&self.minimum, duration, RELAXED)
    fetch_max_u64(&self.maximum, duration, RELAXED)
    fetch_add_u64(&self.count, 1, RELAXED)


cdef inline void histogram_record_unshared(histogram* self, int64_t duration_ns) noexcept nogil:
    """Count one duration, for the one thread that writes. O(1)."""
    cdef uint64_t duration = <uint64_t> duration_ns if duration_ns > 0 else 0
    _record_unshared(self, _bucket_of(duration), duration)


cdef inline void histogram_record_pair(histogram* one, histogram* other, int64_t duration_ns) noexcept nogil:
    """Count one duration in two histograms, of which the other may be NULL; for the one thread that writes. O(1)."""
    cdef uint64_t duration = <uint64_t> duration_ns if duration_ns > 0 else 0
    cdef int index = _bucket_of(duration)
    _record_unshared(one, index, duration)
    if other != NULL:
        _record_unshared(other, index, duration)


cdef inline void _record_unshared(histogram* self, int index, uint64_t duration) noexcept nogil:
    cdef uint64_t* bucket = &self.counts[index]
    cdef uint64_t low = self.total_low + duration
    store_u64(bucket, bucket[0] + 1, RELAXED)
    if low < duration:
        store_u64(&self.total_high, self.total_high + 1, RELAXED)
    store_u64(&self.total_low, low, RELAXED)
    if duration < self.minimum:
        store_u64(&self.minimum, duration, RELAXED)
    if duration > self.maximum:
        store_u64(&self.maximum, duration, RELAXED)
    store_u64(&self.count, self.count + 1, RELAXED)


cdef inline int64_t histogram_upper(int index) noexcept nogil:
    """Return the longest duration that a bucket holds."""
    cdef int shift = index // SUB_BUCKETS - 1
    if shift <= 0:
        return index
    return <int64_t> ((<uint64_t> (index - shift * SUB_BUCKETS + 1) << shift) - 1)


cdef inline int64_t histogram_percentile(const histogram* self, double percent) noexcept nogil:
    """Return the duration that `percent` of the records do not exceed; 0 when empty. O(buckets)."""
    cdef uint64_t count = load_u64(&self.count, RELAXED)
    cdef int64_t maximum = <int64_t> load_u64(&self.maximum, RELAXED)
    cdef int64_t left = <int64_t> ceil(percent / 100.0 * <double> count)
    cdef int index
    if left < 1:
        left = 1
    for index in range(HISTOGRAM_BUCKETS):
        left -= <int64_t> load_u64(&self.counts[index], RELAXED)
        if left <= 0:
            return min(histogram_upper(index), maximum)
    return maximum


cdef inline int _bucket_of(uint64_t duration) noexcept nogil:
    cdef int shift = bit_length(duration) - SUB_BITS
    if shift <= 0:
        return <int> duration
    return shift * SUB_BUCKETS + <int> (duration >> shift)
