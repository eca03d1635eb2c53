"""Atomic access to numbers that threads share, in the words of C11 (ISO/IEC 9899:2011, 7.17). Not one Python object.

RELAXED: the number is whole, never torn, and possibly out of date; it costs as much as a plain access. ACQUIRE and
RELEASE: a thread that loads a number sees everything that was written before that number was stored. SEQ_CST: beside
that, all threads see all such accesses in one order. The builtins are those of gcc and clang.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef extern from * nogil:
    """
    #define LIFEEVT_LOAD(place, order) __atomic_load_n((place), (order))
    #define LIFEEVT_STORE(place, value, order) __atomic_store_n((place), (value), (order))
    #define LIFEEVT_FETCH_ADD(place, amount, order) __atomic_fetch_add((place), (amount), (order))
    #define LIFEEVT_COMPARE_AND_SET(place, expected, value, order) \\
        __atomic_compare_exchange_n((place), (expected), (value), 1, (order), __ATOMIC_RELAXED)
    #define LIFEEVT_LOAD_F64(place, order) \\
        __extension__ ({ double lifeevt_seen; __atomic_load((place), &lifeevt_seen, (order)); lifeevt_seen; })
    #define LIFEEVT_STORE_F64(place, value, order) \\
        __extension__ ({ double lifeevt_value = (value); __atomic_store((place), &lifeevt_value, (order)); })
    /* Unrolled: without it the time depends on where the linker puts the loop, 0.35 or 0.7 ns a number. */
    static inline void lifeevt_gather_f64(const double* first, size_t stride, double* into, int32_t count) {
        const char* place = (const char*) first;
        int32_t index;
        #pragma GCC unroll 4
        for (index = 0; index < count; index++, place += stride)
            __atomic_load((const double*) place, &into[index], __ATOMIC_ACQUIRE);
    }
    #if defined(__x86_64__) || defined(__i386__)
    #define LIFEEVT_SPIN_PAUSE() __builtin_ia32_pause()
    #else
    #define LIFEEVT_SPIN_PAUSE() ((void) 0)
    #endif
    """
    enum:
        RELAXED "__ATOMIC_RELAXED"
        ACQUIRE "__ATOMIC_ACQUIRE"
        RELEASE "__ATOMIC_RELEASE"
        SEQ_CST "__ATOMIC_SEQ_CST"
    int32_t load_i32 "LIFEEVT_LOAD"(const int32_t* place, int order)
    uint32_t load_u32 "LIFEEVT_LOAD"(const uint32_t* place, int order)
    int64_t load_i64 "LIFEEVT_LOAD"(const int64_t* place, int order)
    uint64_t load_u64 "LIFEEVT_LOAD"(const uint64_t* place, int order)
    double load_f64 "LIFEEVT_LOAD_F64"(const double* place, int order)
    void gather_f64 "lifeevt_gather_f64"(const double* first, size_t stride, double* into, int32_t count)
    void store_i32 "LIFEEVT_STORE"(int32_t* place, int32_t value, int order)
    void store_u32 "LIFEEVT_STORE"(uint32_t* place, uint32_t value, int order)
    void store_i64 "LIFEEVT_STORE"(int64_t* place, int64_t value, int order)
    void store_u64 "LIFEEVT_STORE"(uint64_t* place, uint64_t value, int order)
    void store_f64 "LIFEEVT_STORE_F64"(double* place, double value, int order)
    int32_t fetch_add_i32 "LIFEEVT_FETCH_ADD"(int32_t* place, int32_t amount, int order)
    uint32_t fetch_add_u32 "LIFEEVT_FETCH_ADD"(uint32_t* place, uint32_t amount, int order)
    uint64_t fetch_add_u64 "LIFEEVT_FETCH_ADD"(uint64_t* place, uint64_t amount, int order)
    bint compare_and_set_u64 "LIFEEVT_COMPARE_AND_SET"(uint64_t* place, uint64_t* expected, uint64_t value, int order)
    void spin_pause "LIFEEVT_SPIN_PAUSE"()      # in a loop that waits for another thread


cdef inline void fetch_max_u64(uint64_t* place, uint64_t value, int order) noexcept nogil:
    """Raise a number to a value that is above it."""
    cdef uint64_t seen = load_u64(place, RELAXED)
    while value > seen and not compare_and_set_u64(place, &seen, value, order):
        pass        # a try that fails has loaded the number into `seen`


cdef inline void fetch_min_u64(uint64_t* place, uint64_t value, int order) noexcept nogil:
    """Lower a number to a value that is below it."""
    cdef uint64_t seen = load_u64(place, RELAXED)
    while value < seen and not compare_and_set_u64(place, &seen, value, order):
        pass
