"""CondvarPing, for `lifeevt.bench.latency` alone: a thread of C on a condition variable of C.

No part of the twin, which never imports it. The engine itself waits on a futex: see `_parking`.
"""

from ._parking cimport parking_now_ns

cdef extern from "<pthread.h>" nogil:
    int pthread_mutex_init(pthread_mutex_t* mutex, const void* attributes)
    int pthread_mutex_destroy(pthread_mutex_t* mutex)
    int pthread_mutex_lock(pthread_mutex_t* mutex)
    int pthread_mutex_unlock(pthread_mutex_t* mutex)
    int pthread_cond_init(pthread_cond_t* condition, const void* attributes)
    int pthread_cond_destroy(pthread_cond_t* condition)
    int pthread_cond_signal(pthread_cond_t* condition)
    int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex)
    int pthread_create(pthread_t* thread, const void* attributes, void* (*work)(void*) noexcept nogil, void* given)
    int pthread_join(pthread_t thread, void** result)


cdef void* answer(void* given) noexcept nogil:
    """Wait to be asked, look at the clock, and wait again."""
    cdef ping_state* self = <ping_state*> given
    pthread_mutex_lock(&self.mutex)
    while not self.stopped:
        if self.asked:
            self.asked = False
            self.woken_ns = parking_now_ns()
        else:
            pthread_cond_wait(&self.changed, &self.mutex)
    pthread_mutex_unlock(&self.mutex)
    return NULL


cdef void tell(ping_state* self, bint stops) noexcept nogil:
    pthread_mutex_lock(&self.mutex)
    self.asked, self.stopped = not stops, stops
    pthread_cond_signal(&self.changed)
    pthread_mutex_unlock(&self.mutex)


cdef class CondvarPing:
    """A thread of C that sleeps on a condition variable, and when it was last awake. For one caller."""

    def __cinit__(self):
        pthread_mutex_init(&self.state.mutex, NULL)
        pthread_cond_init(&self.state.changed, NULL)
        if pthread_create(&self.thread, NULL, answer, &self.state) != 0:
            raise OSError("no thread could be started")
        self.running = True

    def __init__(self):
        """Start the thread. (``__cinit__`` alone would let any argument pass.)"""

    def __dealloc__(self):
        self.end()
        pthread_cond_destroy(&self.state.changed)
        pthread_mutex_destroy(&self.state.mutex)

    def ping(self):
        """Wake the thread, as ``submit`` wakes a worker: the caller keeps the GIL; nobody keeps the mutex."""
        tell(&self.state, False)

    @property
    def woken_ns(self):
        """When the thread last looked at the monotonic clock, in nanoseconds."""
        return self.state.woken_ns

    def close(self):
        """End the thread. Idempotent."""
        self.end()

    cdef void end(self) noexcept:
        if not self.running:
            return
        self.running = False
        with nogil:
            tell(&self.state, True)
            pthread_join(self.thread, NULL)
