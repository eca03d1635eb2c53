"""The futex and the clock of this platform; `futex.pxd` says what they promise."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from posix.unistd cimport write

from ..nogil.atomics cimport RELAXED, load_u64, store_u64

cdef extern from * nogil:
    """
    #include <errno.h>
    #include <pthread.h>
    #include <stdint.h>
    #include <time.h>
    #define LIFEEVT_NS_PER_SECOND 1000000000

    #if defined(__linux__) && !defined(LIFEEVT_PORTABLE)

    #include <linux/futex.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    #define LIFEEVT_IS_PORTABLE 0
    #define LIFEEVT_INIT_QUEUES() ((void) 0)

    static int lifeevt_futex_wait(uint32_t* word, uint32_t seen, int64_t wait_ns) {
        struct timespec wait = {wait_ns / LIFEEVT_NS_PER_SECOND, wait_ns % LIFEEVT_NS_PER_SECOND};
        return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, wait_ns < 0 ? NULL : &wait, NULL, 0) ? errno : 0;
    }

    static void lifeevt_futex_wake(uint32_t* word, int32_t threads) {
        syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0);
    }

    #else

    #define LIFEEVT_IS_PORTABLE 1
    #define LIFEEVT_QUEUE_BITS 6

    /* Words share a queue by the hash of their address, so a thread may be woken for another word. */
    typedef struct {
        pthread_mutex_t mutex;
        pthread_cond_t changed;
        int sleepers;
    } lifeevt_queue;

    static lifeevt_queue lifeevt_queues[1 << LIFEEVT_QUEUE_BITS];

    static lifeevt_queue* lifeevt_queue_of(const uint32_t* word) {     /* Fibonacci hashing, Knuth, TAOCP 3, 6.4 */
        return &lifeevt_queues[((uint64_t) (uintptr_t) word * 0x9E3779B97F4A7C15u) >> (64 - LIFEEVT_QUEUE_BITS)];
    }

    static void lifeevt_renew_queues(void) {
        pthread_condattr_t attributes;
        pthread_condattr_init(&attributes);
        #ifndef __APPLE__
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        #endif
        for (int each = 0; each < 1 << LIFEEVT_QUEUE_BITS; each++) {
            pthread_mutex_init(&lifeevt_queues[each].mutex, NULL);
            pthread_cond_init(&lifeevt_queues[each].changed, &attributes);
            lifeevt_queues[each].sleepers = 0;
        }
        pthread_condattr_destroy(&attributes);
    }

    /* No queue is in use at a fork: the child has them anew, and none of the threads that slept. */
    static void lifeevt_lock_queues(void) {
        for (int each = 0; each < 1 << LIFEEVT_QUEUE_BITS; each++) pthread_mutex_lock(&lifeevt_queues[each].mutex);
    }

    static void lifeevt_unlock_queues(void) {
        for (int each = 0; each < 1 << LIFEEVT_QUEUE_BITS; each++) pthread_mutex_unlock(&lifeevt_queues[each].mutex);
    }

    #define LIFEEVT_INIT_QUEUES() \
        (lifeevt_renew_queues(), pthread_atfork(lifeevt_lock_queues, lifeevt_unlock_queues, lifeevt_renew_queues))

    static int lifeevt_sleep(lifeevt_queue* queue, int64_t wait_ns) {
        struct timespec until = {wait_ns / LIFEEVT_NS_PER_SECOND, wait_ns % LIFEEVT_NS_PER_SECOND};
        if (wait_ns < 0) return pthread_cond_wait(&queue->changed, &queue->mutex);
        #ifdef __APPLE__
        return pthread_cond_timedwait_relative_np(&queue->changed, &queue->mutex, &until);
        #else
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        until.tv_sec += now.tv_sec + (until.tv_nsec + now.tv_nsec) / LIFEEVT_NS_PER_SECOND;
        until.tv_nsec = (until.tv_nsec + now.tv_nsec) % LIFEEVT_NS_PER_SECOND;
        return pthread_cond_timedwait(&queue->changed, &queue->mutex, &until);
        #endif
    }

    /* The word is loaded under the mutex that a waking thread takes after it has changed the word: either this thread
       sees the change, or it sleeps before the broadcast. */
    static int lifeevt_futex_wait(uint32_t* word, uint32_t seen, int64_t wait_ns) {
        lifeevt_queue* queue = lifeevt_queue_of(word);
        int code = EAGAIN;
        pthread_mutex_lock(&queue->mutex);
        if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == seen) {
            queue->sleepers++;
            code = lifeevt_sleep(queue, wait_ns);
            queue->sleepers--;
        }
        pthread_mutex_unlock(&queue->mutex);
        return code;
    }

    /* A broadcast, never a signal: it may be for a thread that sleeps on another word, and glibc before 2.41 can lose
       it. */
    static void lifeevt_futex_wake(uint32_t* word, int32_t threads) {
        lifeevt_queue* queue = lifeevt_queue_of(word);
        (void) threads;
        pthread_mutex_lock(&queue->mutex);
        if (queue->sleepers > 0) pthread_cond_broadcast(&queue->changed);
        pthread_mutex_unlock(&queue->mutex);
    }

    #endif

    static int64_t lifeevt_monotonic_ns(void) {     /* the clock of time.monotonic_ns() */
        #ifdef __APPLE__
        return (int64_t) clock_gettime_nsec_np(CLOCK_UPTIME_RAW);
        #else
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t) now.tv_sec * LIFEEVT_NS_PER_SECOND + now.tv_nsec;
        #endif
    }

    static uint64_t lifeevt_main_thread;

    static void lifeevt_be_main_thread(void) {      /* as the thread that calls fork is in the child */
        __atomic_store_n(&lifeevt_main_thread, (uint64_t) pthread_self(), __ATOMIC_RELAXED);
    }

    static void lifeevt_init(void) {
        LIFEEVT_INIT_QUEUES();
        lifeevt_be_main_thread();
        pthread_atfork(NULL, NULL, lifeevt_be_main_thread);
    }
    """
    bint LIFEEVT_IS_PORTABLE
    uint64_t lifeevt_main_thread
    void lifeevt_init()
    unsigned long pthread_self()
    int lifeevt_futex_wait(uint32_t* word, uint32_t seen, int64_t wait_ns)
    void lifeevt_futex_wake(uint32_t* word, int32_t threads)
    int64_t lifeevt_monotonic_ns()


cdef bint futex_is_portable() noexcept nogil:
    """Return whether POSIX mutexes and condition variables do it, instead of the kernel of Linux."""
    return LIFEEVT_IS_PORTABLE


cdef int futex_wait(uint32_t* word, uint32_t seen, int64_t wait_ns) noexcept nogil:
    """Sleep while `word` is `seen`, up to `wait_ns`, or NO_TIMEOUT; return 0 or an errno. May wake early."""
    return lifeevt_futex_wait(word, seen, wait_ns)


cdef void futex_wake(uint32_t* word, int32_t threads) noexcept nogil:
    """Wake up to so many threads that sleep on a word, or more; after the word was changed. Takes no lock for long."""
    lifeevt_futex_wake(word, threads)


cdef void notify_file(int32_t file) noexcept nogil:
    """Make a file readable for threads that wait on files: an eventfd, to which 1 is added, or a pipe.

    A file that is full, or closed, is left alone.
    """
    cdef uint64_t one = 1
    write(file, &one, sizeof(one))


cdef int64_t monotonic_ns() noexcept nogil:
    """Return the nanoseconds that `time.monotonic_ns` returns."""
    return lifeevt_monotonic_ns()


cdef uint64_t this_thread() noexcept nogil:
    """Return the number of this thread, which is also its `threading.get_ident()`."""
    return <uint64_t> pthread_self()


cdef void set_main_thread(uint64_t thread) noexcept nogil:
    """Say which thread runs the handlers of signals; at first the one that imported this module."""
    store_u64(&lifeevt_main_thread, thread, RELAXED)


cdef bint is_main_thread() noexcept nogil:
    """Return whether this thread runs the handlers of signals."""
    return load_u64(&lifeevt_main_thread, RELAXED) == <uint64_t> pthread_self()


lifeevt_init()
