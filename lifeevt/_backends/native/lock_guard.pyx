"""LockGuard, native: a ``with`` block inside a lock, whose ends no signal handler can interrupt.

A signal handler runs between two steps of Python and may raise there: after a lock was taken and before anything
noted it, or on the way to its release. C has no such place.
"""

cimport cython

from libc.stdint cimport int64_t

from ..nogil.rwlock cimport rwlock_now_ns

from ...errors import StateError

cdef enum:
    SAMPLED_BITS = 0xF0  # a block that began at a nanosecond without these is recorded: about each 16th


@cython.auto_pickle(False)
cdef class LockGuard:
    """One ``with`` block inside a gate; subclasses say in the hooks what is done at its ends.

    The gate is left however the block ends. On the native backend that also holds when a signal handler raises on
    the way in or out.
    """

    cdef readonly object _gate, _holder, _timeout
    cdef object inside          # None before the block, False after it

    def __init__(self, gate, holder, timeout_seconds):
        self._gate, self._holder, self._timeout = gate, holder, timeout_seconds
        self.inside = None

    def __enter__(self):
        """Enter the gate and return the value of ``_opened``.

        Raises:
            LockOrderError: this thread is inside the gate already.
            LockTimeout: the gate was not free within the timeout.
            StateError: the guard has had its block.
        """
        if self.inside is not None or self._gate.lock._is_owned():
            refuse(self)
        self._admit()
        self.inside = True
        try:
            self._gate.acquire(self._holder, self._timeout)
            return self._opened()
        except BaseException:
            leave(self)
            raise

    def __exit__(self, kind, error, trace):
        """Run ``_finish`` inside the gate, leave it, and run ``_settle`` when ``_finish`` asked for it."""
        settles = False
        try:
            settles = self._finish()
        finally:
            leave(self)
        if settles:
            self._settle(error)

    def __del__(self):
        """Leave the gate when the block could not: a signal handler raised, or ``__exit__`` was never called."""
        if self.inside:
            leave(self)

    def _admit(self):
        """Raise what forbids this block, before any wait."""

    def _opened(self):
        """Do the first work inside the gate and return the target of ``with … as``."""

    def _finish(self):
        """Do the last work inside the gate; return whether ``_settle`` must follow."""
        return False

    def _settle(self, error):
        """Work outside the gate, after a block that ended with ``error``."""


cdef int refuse(LockGuard guard) except -1:
    if guard.inside is not None:
        raise StateError("a turn is one block; begin another one")
    guard._gate.refuse_inside()
    return 0


cdef int leave(LockGuard guard) except -1:
    """Give the lock back before anything else is called: whatever raises afterwards finds it free."""
    cdef object gate = guard._gate, lock = gate.lock
    guard.inside = False
    if lock._is_owned():
        noted, holder, since_ns, longest_ns = gate.thread, gate.holder, gate.since_ns, gate.longest_ns
        gate.thread = 0
        lock.release()
        if gate.line:
            gate.call_first()
        if noted and longest_ns is not None:
            note_stay(gate, holder, since_ns, longest_ns)
    return 0


cdef int note_stay(gate, holder, int64_t since_ns, int64_t longest_ns) except -1:
    cdef int64_t stay_ns = rwlock_now_ns() - since_ns
    if stay_ns > longest_ns or not since_ns & SAMPLED_BITS:
        gate.note_stay(holder, stay_ns)
    return 0
