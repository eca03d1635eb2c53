"""CondvarPing: how long a wake-up takes in plain C on this machine.

A thread that never runs Python waits on a condition variable. Its wake-up is the floor below every engine with a worker
that sleeps. A lost wake-up of glibc's condition variable shows as one long sample.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

from lifeevt._backends.nogil.futex cimport monotonic_ns

cdef extern from * nogil:
    """
    #include <pthread.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    #define LIFEEVT_PING_THREAD_ID() ((int) syscall(SYS_gettid))
    typedef struct {
        pthread_mutex_t mutex;
        pthread_cond_t changed;
        pthread_t thread;
        long long sent_ns;
        long long* latency_ns;
        int capacity, seen, pinged, closing, thread_id;
    } lifeevt_ping;
    """
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef struct pthread_cond_t:
        pass
    ctypedef struct pthread_t:
        pass
    ctypedef struct lifeevt_ping:
        pthread_mutex_t mutex
        pthread_cond_t changed
        pthread_t thread
        long long sent_ns
        long long* latency_ns
        int capacity, seen, pinged, closing, thread_id
    int pthread_mutex_init(pthread_mutex_t* mutex, void* attributes)
    int pthread_mutex_lock(pthread_mutex_t* mutex)
    int pthread_mutex_trylock(pthread_mutex_t* mutex)
    int pthread_mutex_unlock(pthread_mutex_t* mutex)
    int pthread_mutex_destroy(pthread_mutex_t* mutex)
    int pthread_cond_init(pthread_cond_t* condition, void* attributes)
    int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex)
    int pthread_cond_broadcast(pthread_cond_t* condition)
    int pthread_cond_destroy(pthread_cond_t* condition)
    int pthread_create(pthread_t* thread, void* attributes, void* (*run)(void*) noexcept nogil, void* given)
    int pthread_join(pthread_t thread, void** result)
    int LIFEEVT_PING_THREAD_ID()


cdef void* ping_run(void* given) noexcept nogil:
    """Run the thread: stamp the time at each wake-up by a ping, until the end."""
    cdef lifeevt_ping* ping = <lifeevt_ping*> given
    cdef int64_t awake_ns
    pthread_mutex_lock(&ping.mutex)
    ping.thread_id = LIFEEVT_PING_THREAD_ID()
    pthread_cond_broadcast(&ping.changed)
    while not ping.closing:
        if ping.pinged:
            awake_ns = monotonic_ns()
            ping.pinged = 0
            if ping.seen < ping.capacity:
                ping.latency_ns[ping.seen] = awake_ns - ping.sent_ns
                ping.seen += 1
        else:
            pthread_cond_wait(&ping.changed, &ping.mutex)
    pthread_mutex_unlock(&ping.mutex)
    return NULL


cdef void ping_await_thread(lifeevt_ping* ping) noexcept nogil:
    """Wait until the thread runs and has said which one it is."""
    pthread_mutex_lock(&ping.mutex)
    while ping.thread_id == 0:
        pthread_cond_wait(&ping.changed, &ping.mutex)
    pthread_mutex_unlock(&ping.mutex)


cdef void ping_end(lifeevt_ping* ping) noexcept nogil:
    pthread_mutex_lock(&ping.mutex)
    ping.closing = 1
    pthread_cond_broadcast(&ping.changed)
    pthread_mutex_unlock(&ping.mutex)
    pthread_join(ping.thread, NULL)


cdef class CondvarPing:
    """Wakes a thread of plain C and notes how long that took; keeps the first ``capacity`` durations.

    For one calling thread. A ping that comes before the last one was noticed takes its place.
    """

    cdef lifeevt_ping* ping  # apart from the object: a thread that was not ended outlives it
    cdef bint running

    def __cinit__(self, int32_t capacity):
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}; it must be at least 1")
        self.ping = <lifeevt_ping*> calloc(1, sizeof(lifeevt_ping))
        if self.ping == NULL:
            raise MemoryError()
        self.ping.latency_ns = <long long*> calloc(<size_t> capacity, sizeof(long long))
        if self.ping.latency_ns == NULL:
            free(self.ping)
            self.ping = NULL
            raise MemoryError()
        self.ping.capacity = capacity
        pthread_mutex_init(&self.ping.mutex, NULL)
        pthread_cond_init(&self.ping.changed, NULL)

    def __dealloc__(self):
        if self.ping == NULL or self.running:
            return  # a running thread still reads this memory, and a deallocation does not wait for it
        pthread_cond_destroy(&self.ping.changed)
        pthread_mutex_destroy(&self.ping.mutex)
        free(self.ping.latency_ns)
        free(self.ping)

    def start(self):
        """Start the thread and return its kernel id. Blocks, without the GIL, until it runs. OSError on failure."""
        cdef int code
        if self.running or self.ping.closing:
            raise ValueError("the ping was started before")
        code = pthread_create(&self.ping.thread, NULL, ping_run, self.ping)
        if code:
            raise OSError(code, "the thread was not created")
        self.running = True
        with nogil:
            ping_await_thread(self.ping)
        return self.ping.thread_id

    def send(self):
        """Stamp the time, wake the thread and return, holding the GIL, as a submit does. O(1)."""
        cdef int64_t now_ns = monotonic_ns()
        if pthread_mutex_trylock(&self.ping.mutex):
            with nogil:
                pthread_mutex_lock(&self.ping.mutex)
        self.ping.sent_ns = now_ns
        self.ping.pinged = 1
        pthread_cond_broadcast(&self.ping.changed)
        pthread_mutex_unlock(&self.ping.mutex)

    def latency_ns(self):
        """Return the durations from a ping to the thread being awake, in nanoseconds, oldest first. O(n)."""
        cdef int seen
        with nogil:
            pthread_mutex_lock(&self.ping.mutex)
            seen = self.ping.seen
            pthread_mutex_unlock(&self.ping.mutex)
        return [self.ping.latency_ns[place] for place in range(seen)]

    def close(self):
        """End the thread and wait for it, without the GIL. A second call does nothing."""
        if not self.running:
            return
        with nogil:
            ping_end(self.ping)
        self.running = False
