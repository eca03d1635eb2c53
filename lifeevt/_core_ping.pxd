"""CondvarPing for the bench: what waking a thread costs in plain C, which is what a machine can do at best."""

from libc.stdint cimport int64_t

cdef extern from "<pthread.h>" nogil:
    ctypedef unsigned long pthread_t
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef struct pthread_cond_t:
        pass

ctypedef struct ping_state:
    pthread_mutex_t mutex
    pthread_cond_t changed
    int asked
    int stopped
    int64_t woken_ns

cdef class CondvarPing:
    cdef ping_state state
    cdef pthread_t thread
    cdef bint running

    cdef void end(self) noexcept
