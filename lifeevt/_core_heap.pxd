"""EventHeap for other native modules: the C heap, its mutex, and the payloads beside it."""

from libc.stdint cimport int32_t, int64_t

from ._heap cimport event_heap, heap_slot

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_init(pthread_mutex_t* mutex, const void* attributes)
    int pthread_mutex_destroy(pthread_mutex_t* mutex)
    int pthread_mutex_trylock(pthread_mutex_t* mutex)
    int pthread_mutex_lock(pthread_mutex_t* mutex)
    int pthread_mutex_unlock(pthread_mutex_t* mutex)

cdef enum:
    NO_END = -1

cdef struct offered:
    int64_t key
    int64_t arrival_ns
    int32_t level
    int verdict
    heap_slot victim

cdef class EventHeap:
    cdef event_heap heap
    cdef pthread_mutex_t mutex
    cdef list payloads          # by slot; touched only with the GIL, so the collector sees all of it
    cdef int limit

    cdef object place(self, offered* offer, payload, int policy)
    cdef object pop_head(self, int32_t above, int end)
