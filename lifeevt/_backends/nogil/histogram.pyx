"""The histogram below `_core_histogram.Histogram`; its contract stands in `_histogram.pxd`."""

from libc.math cimport ceil
from libc.stdint cimport UINT64_MAX, int64_t, uint64_t
from libc.string cimport memset

cdef enum:
    SUB_BUCKETS = 64
    SUB_BITS = 7                    # bits of the largest value in a bucket row, 127

cdef extern from * nogil:
    """
    #define LIFEEVT_ADD(place, amount) __atomic_fetch_add((place), (amount), __ATOMIC_RELAXED)
    #define LIFEEVT_LOAD(place) __atomic_load_n((place), __ATOMIC_RELAXED)
    #define LIFEEVT_STORE(place, value) __atomic_store_n((place), (value), __ATOMIC_RELAXED)
    #define LIFEEVT_SWAP(place, old, new_) \
        __atomic_compare_exchange_n((place), (old), (new_), 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
    #define LIFEEVT_BITS(value) ((value) ? 64 - __builtin_clzll((unsigned long long) (value)) : 0)
    """
    uint64_t LIFEEVT_ADD(uint64_t* place, uint64_t amount)
    uint64_t LIFEEVT_LOAD(const uint64_t* place)
    void LIFEEVT_STORE(uint64_t* place, uint64_t value)
    bint LIFEEVT_SWAP(uint64_t* place, uint64_t* old, uint64_t new_)
    int LIFEEVT_BITS(uint64_t value)


cdef void histogram_init(histogram* self) noexcept nogil:
    memset(self, 0, sizeof(histogram))
    self.minimum = UINT64_MAX


cdef void histogram_record(histogram* self, int64_t duration_ns) noexcept nogil:
    cdef uint64_t duration = <uint64_t> duration_ns if duration_ns > 0 else 0
    LIFEEVT_ADD(&self.counts[_bucket_of(duration)], 1)
    _add_total(self, duration)
    _extend(self, duration, duration)
    LIFEEVT_ADD(&self.count, 1)


cdef void histogram_record_alone(histogram* self, int64_t duration_ns) noexcept nogil:
    cdef uint64_t duration = <uint64_t> duration_ns if duration_ns > 0 else 0
    _record_alone(self, _bucket_of(duration), duration)


cdef void histogram_record_pair(histogram* one, histogram* other, int64_t duration_ns) noexcept nogil:
    cdef uint64_t duration = <uint64_t> duration_ns if duration_ns > 0 else 0
    cdef int index = _bucket_of(duration)
    _record_alone(one, index, duration)
    if other != NULL:
        _record_alone(other, index, duration)


cdef inline void _record_alone(histogram* self, int index, uint64_t duration) noexcept nogil:
    cdef uint64_t* bucket = &self.counts[index]
    cdef uint64_t low = self.total_low + duration
    LIFEEVT_STORE(bucket, bucket[0] + 1)
    if low < duration:
        LIFEEVT_STORE(&self.total_high, self.total_high + 1)
    LIFEEVT_STORE(&self.total_low, low)
    if duration < self.minimum:
        LIFEEVT_STORE(&self.minimum, duration)
    if duration > self.maximum:
        LIFEEVT_STORE(&self.maximum, duration)
    LIFEEVT_STORE(&self.count, self.count + 1)


cdef void histogram_merge(histogram* self, const histogram* other) noexcept nogil:
    cdef uint64_t low = LIFEEVT_LOAD(&other.total_low), high = LIFEEVT_LOAD(&other.total_high)
    cdef uint64_t total = LIFEEVT_LOAD(&other.count), count     # read first: other may be self
    cdef int index
    for index in range(HISTOGRAM_BUCKETS):
        count = LIFEEVT_LOAD(&other.counts[index])
        if count > 0:
            LIFEEVT_ADD(&self.counts[index], count)
    _add_total(self, low)
    LIFEEVT_ADD(&self.total_high, high)
    _extend(self, LIFEEVT_LOAD(&other.minimum), LIFEEVT_LOAD(&other.maximum))
    LIFEEVT_ADD(&self.count, total)


cdef int64_t histogram_upper(int index) noexcept nogil:
    """The largest duration that bucket `index` holds."""
    cdef int shift = index // SUB_BUCKETS - 1
    if shift <= 0:
        return index
    return <int64_t> ((<uint64_t> (index - shift * SUB_BUCKETS + 1) << shift) - 1)


cdef int64_t histogram_percentile(const histogram* self, double percent) noexcept nogil:
    cdef uint64_t count = LIFEEVT_LOAD(&self.count)
    cdef int64_t maximum = <int64_t> LIFEEVT_LOAD(&self.maximum)
    cdef int64_t left = <int64_t> ceil(percent / 100.0 * <double> count)
    cdef int index
    if left < 1:
        left = 1
    for index in range(HISTOGRAM_BUCKETS):
        left -= <int64_t> LIFEEVT_LOAD(&self.counts[index])
        if left <= 0:
            return min(histogram_upper(index), maximum)
    return maximum


cdef inline int _bucket_of(uint64_t duration) noexcept nogil:
    cdef int shift = LIFEEVT_BITS(duration) - SUB_BITS
    if shift <= 0:
        return <int> duration
    return shift * SUB_BUCKETS + <int> (duration >> shift)


cdef void _add_total(histogram* self, uint64_t amount) noexcept nogil:
    if LIFEEVT_ADD(&self.total_low, amount) > UINT64_MAX - amount:
        LIFEEVT_ADD(&self.total_high, 1)


cdef void _extend(histogram* self, uint64_t low, uint64_t high) noexcept nogil:
    cdef uint64_t seen = LIFEEVT_LOAD(&self.minimum)
    while low < seen:
        if LIFEEVT_SWAP(&self.minimum, &seen, low):
            break
    seen = LIFEEVT_LOAD(&self.maximum)
    while high > seen:
        if LIFEEVT_SWAP(&self.maximum, &seen, high):
            break
