"""Histogram, native: the counts of C, read from Python."""

cimport cython
from libc.stdint cimport UINT64_MAX, int64_t, uint64_t

from ..nogil.atomics cimport RELAXED, load_u64
from ..nogil.histogram cimport (
    HISTOGRAM_BUCKETS, histogram_init, histogram_percentile, histogram_record, histogram_upper,
)


@cython.final
cdef class Histogram:
    """Histogram in C: see the reference."""

    def __cinit__(self):
        histogram_init(&self.counted)

    def __init__(self):
        pass        # __cinit__ alone would let any argument pass

    @property
    def count(self):
        return load_u64(&self.counted.count, RELAXED)

    @property
    def total(self):
        return (<object> load_u64(&self.counted.total_high, RELAXED) << 64) + load_u64(&self.counted.total_low, RELAXED)

    @property
    def minimum(self):
        cdef uint64_t shortest = load_u64(&self.counted.minimum, RELAXED)
        return 0 if shortest == UINT64_MAX else shortest

    @property
    def maximum(self):
        return load_u64(&self.counted.maximum, RELAXED)

    def record(self, int64_t duration_ns):
        histogram_record(&self.counted, duration_ns)

    def percentile(self, double percent):
        return histogram_percentile(&self.counted, percent)

    def buckets(self):
        cdef int index
        return [
            (histogram_upper(index), self.counted.counts[index])
            for index in range(HISTOGRAM_BUCKETS) if self.counted.counts[index]
        ]
