"""Watched, native: threads wait for a change of the heap."""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from .numbers cimport whole
from ..nogil.atomics cimport RELAXED, load_u32
from ..nogil.futex cimport FUTEX_ALL, futex_wait, futex_wake, signal_slice
from ..nogil.heap cimport heap_leave, heap_leave_quietly, heap_wake_all, heap_reset_after_fork


cdef class Watched:
    """Watched in C: see the reference."""

    @property
    def limited(self):
        enter(&self.heap)
        cdef uint64_t seen = self.heap.limited
        heap_leave_quietly(&self.heap)
        return seen

    def watch(self, bint idle):
        return self.count_watcher(idle, 1)

    def unwatch(self, bint idle):
        self.count_watcher(idle, -1)

    cdef uint32_t count_watcher(self, bint idle, int32_t change) noexcept:
        enter(&self.heap)
        if idle:
            self.heap.idle_watchers += change
        else:
            self.heap.watchers += change
        cdef uint32_t epoch = self.heap.epoch
        heap_leave_quietly(&self.heap)
        return epoch

    def wait(self, epoch, timeout_ns):
        cdef uint32_t seen = <uint32_t> whole(epoch)
        cdef int64_t limit_ns = -1 if timeout_ns is None else max(whole(timeout_ns), <int64_t> 0)
        with nogil:
            futex_wait(&self.heap.epoch, seen, signal_slice(limit_ns))
        PyErr_CheckSignals()
        return load_u32(&self.heap.epoch, RELAXED)

    def wake_all(self):
        enter(&self.heap)
        cdef uint32_t* sleeper = heap_wake_all(&self.heap)
        heap_leave(&self.heap)
        futex_wake(&self.heap.epoch, FUTEX_ALL)
        if sleeper != NULL:
            futex_wake(sleeper, 1)

    def signal(self, file):
        cdef int32_t number = -1 if file is None else file
        enter(&self.heap)
        self.heap.signal = number
        heap_leave_quietly(&self.heap)

    def _before_fork(self):
        enter(&self.heap)

    def _after_fork_in_parent(self):
        heap_leave_quietly(&self.heap)

    def _after_fork_in_child(self):
        heap_reset_after_fork(&self.heap)
