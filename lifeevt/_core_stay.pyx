"""StayFront, the native twin: the two ends of a ``with`` block, which no signal can come between.

A handler of a signal runs between two steps of Python, and may raise there: also after a lock was taken and before
anybody noted it, or on the way to give it back. C has no such place.
"""


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
        holder, since_ns = gate.holder if gate.thread else None, gate.since_ns
        gate.thread = 0
        lock.release()
        gate.left(holder, since_ns)
    return 0
