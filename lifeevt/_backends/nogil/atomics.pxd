"""Looking at a number without the lock under which it is written: whole, and possibly out of date. No Python object.

Relaxed atomics: they cost what plain loads and stores cost, and no compiler may tear or repeat them.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef extern from * nogil:
    """
    #define LIFEEVT_LOOK(place) __atomic_load_n((place), __ATOMIC_RELAXED)
    #define LIFEEVT_SHOW(place, value) __atomic_store_n((place), (value), __ATOMIC_RELAXED)
    """
    int32_t look_at "LIFEEVT_LOOK"(const int32_t* place)
    uint32_t look_at_word "LIFEEVT_LOOK"(const uint32_t* place)
    uint64_t look_at_count "LIFEEVT_LOOK"(const uint64_t* place)
    int64_t look_at_length "LIFEEVT_LOOK"(const int64_t* place)
    void show "LIFEEVT_SHOW"(int32_t* place, int32_t value)
    void show_count "LIFEEVT_SHOW"(uint64_t* place, uint64_t value)
    void show_length "LIFEEVT_SHOW"(int64_t* place, int64_t value)
