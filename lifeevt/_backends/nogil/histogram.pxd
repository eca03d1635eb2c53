"""Durations in log-linear buckets (HdrHistogram's layout, 64 a power of two). Not one Python object.

Every function is safe from any thread without the GIL: counts are relaxed atomics. `record_alone` is for
a histogram with one writer at a time: it costs no locked instruction, and readers still see whole numbers.
`record_pair` does so in two of them, of which the other may be NULL.
"""

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    HISTOGRAM_BUCKETS = 3712        # of 63-bit durations

ctypedef struct histogram:
    uint64_t counts[HISTOGRAM_BUCKETS]
    uint64_t count
    uint64_t total_low              # the total is 128 bits wide: nanoseconds add up
    uint64_t total_high
    uint64_t minimum                # UINT64_MAX when empty
    uint64_t maximum

cdef void histogram_init(histogram* self) noexcept nogil
cdef void histogram_record(histogram* self, int64_t duration_ns) noexcept nogil
cdef void histogram_record_alone(histogram* self, int64_t duration_ns) noexcept nogil
cdef void histogram_record_pair(histogram* one, histogram* other, int64_t duration_ns) noexcept nogil
cdef void histogram_merge(histogram* self, const histogram* other) noexcept nogil
cdef int64_t histogram_upper(int index) noexcept nogil
cdef int64_t histogram_percentile(const histogram* self, double percent) noexcept nogil
