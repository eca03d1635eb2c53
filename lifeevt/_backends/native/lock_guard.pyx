"""StayFront, the native twin: the two ends of a ``with`` block, which no signal can come between.

A handler of a signal runs between two steps of Python, and may raise there: also after a lock was taken and before
anybody noted it, or on the way to give it back. C has no such place.
"""

from libc.stdint cimport int64_t

from ..nogil.rwlock cimport rwlock_now_ns

cdef enum:
    SAMPLED_BITS = 0xF0  # as in turn_gate


cdef class StayFront:
    """The ends of a stay in a gate. ``Stay`` stands behind it and says what they do."""

    def __enter__(self):
        gate = self._gate
        if self._inside is not None or gate.lock._is_owned():
            self._refuse()
        self._admit()
        self._inside = True
        try:
            gate.acquire(self._holder, self._timeout)
            return self._opened()
        except BaseException:
            leave(self)
            raise

    def __exit__(self, kind, error, trace):
        more = False
        try:
            more = self._finish()
        finally:
            leave(self)
        if more:
            self._settle(error)

    def __del__(self):
        if getattr(self, "_inside", False):
            leave(self)


cdef int leave(stay) except -1:
    """As ``Stay._leave``: nobody is called before the lock is given back."""
    cdef object gate = stay._gate, lock = gate.lock
    stay._inside = False
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
