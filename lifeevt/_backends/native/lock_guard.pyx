"""LockEntry and LockGuard, native: a ``with`` block inside a fair lock, whose ends no signal handler can interrupt.

A signal handler runs between two steps of Python and may raise there: between a lock's acquisition and the note of it,
or before its release. In C a handler cannot run there.
"""

cimport cython

from cpython.pythread cimport PyThread_get_thread_ident
from libc.stdint cimport int64_t

from .histogram cimport Histogram
from ..nogil.futex cimport monotonic_ns
from ..nogil.histogram cimport histogram_record

from ...errors import StateError


@cython.final
@cython.auto_pickle(False)
cdef class LockEntry:
    """LockEntry in C: see the reference."""

    cdef readonly object holder
    cdef readonly unsigned long thread
    cdef readonly int64_t since_ns      # 0 until its thread is inside
    cdef public object bell             # of a thread that waits: released to wake it
    cdef public object ranks            # those that its thread holds, when the lock has one

    def __cinit__(self, holder):
        self.holder, self.thread = holder, <unsigned long> PyThread_get_thread_ident()

    def enter(self):
        self.since_ns = monotonic_ns()

    def held_ns(self):
        return monotonic_ns() - self.since_ns if self.since_ns else 0

    def ring(self):
        wake(self)


@cython.auto_pickle(False)
cdef class LockGuard:
    """LockGuard in C: see the reference."""

    cdef readonly object _lock, _holder, _limit_ns
    cdef readonly LockEntry _entry
    cdef bint open

    def __init__(self, lock, holder, limit_ns):
        self._lock, self._holder, self._limit_ns = lock, holder, limit_ns

    def __enter__(self):
        """Enter the lock and return the value of ``_opened``.

        Raises:
            LockOrderError: this thread has the lock already, or one of a higher rank.
            LockTimeout: the lock was not free within the limit.
            DeadlockError: the wait would close a circle of threads.
            StateError: the guard has had its block.
        """
        if self._entry is not None:
            raise StateError("a guard is for one block; make another one")
        self._admit()
        acquire(self)
        try:
            return self._opened()
        except BaseException:
            release(self)
            raise

    def __exit__(self, kind, error, trace):
        """Run ``_finish`` inside the lock, leave it, and run ``_settle`` when ``_finish`` asked for it."""
        settles = False
        try:
            settles = self._finish()
        finally:
            release(self)
        if settles:
            self._settle(error)

    def __del__(self):
        if self.open:       # a signal handler raised, or ``__exit__`` was never called
            release(self)

    # --- hooks

    def _admit(self):
        pass

    def _opened(self):
        pass

    def _finish(self):
        return False

    def _settle(self, error):
        pass

    # --- inside

    def _acquire(self):
        acquire(self)

    def _release(self):
        release(self)


cdef int acquire(LockGuard guard) except -1:
    """Join the line and wait for the first place in it, as ``_acquire`` of the reference does."""
    cdef object lock = guard._lock, rank = lock.rank
    cdef list line = lock.line
    if rank is not None or line:
        lock.check_order()
    cdef LockEntry entry = LockEntry(guard._holder)
    guard._entry, guard.open = entry, True
    try:
        line.append(entry)
        if line[0] is not entry:
            lock.wait(entry, guard._limit_ns)
        if rank is not None:
            lock.note_rank(entry)
        entry.since_ns = monotonic_ns()
    except BaseException:
        release(guard)
        raise
    return 0


cdef int release(LockGuard guard) except -1:
    """Leave the line, as ``_release`` of the reference does: no Python runs before the lock is free."""
    cdef object lock = guard._lock
    cdef list line = lock.line
    cdef LockEntry entry = guard._entry
    try:
        line.remove(entry)
    except ValueError:      # it has left already
        return 0
    finally:
        guard.open = False
    wake_first(line)
    if lock.rank is not None:
        lock.forget_rank(entry)
    times = lock.times
    if entry.since_ns and times is not None:
        record_hold(times, entry.holder, monotonic_ns() - entry.since_ns)
    return 0


cdef int record_hold(times, holder, int64_t hold_ns) except -1:
    """Do as ``LockTimes.record_hold``, without a frame of Python: statistics may cost 5 % of exclusive access."""
    histogram_record(&(<Histogram?> times.holds).counted, hold_ns)
    if hold_ns > <int64_t> times.longest_ns:
        times.note_longest(holder, hold_ns)
    return 0


cdef int wake_first(list line) except -1:
    cdef LockEntry first
    if line:
        try:
            first = line[0]
        except IndexError:      # without a GIL it may have left since
            return 0
        wake(first)
    return 0


cdef int wake(LockEntry entry) except -1:
    cdef object bell = entry.bell
    if bell is not None:
        try:
            bell.release()
        except RuntimeError:    # it was rung already
            return 0
    return 0
