"""EngineFront, the native twin: ``submit`` straight into the queue's front, without a frame of Python.

A thread that was just woken finds its caches cold, and three frames of Python then cost more than the wake-up of
the worker. Whatever is not plain it leaves to the class behind it, AsyncEventProcessor, which is the specification.
"""

from .queue cimport NOT_SWIFT, QueueFront
from ..nogil.heap cimport HEAP_ADMITTED, HEAP_REFUSED


cdef class EngineFront:
    """The hot call of an engine. ``AsyncEventProcessor`` stands behind it and answers what it does not."""

    def _attach(self, queue):
        """Serve this queue, if it has a front of this twin."""
        self.front = queue if isinstance(queue, QueueFront) else None

    def _be_open(self, accepts):
        """Take events from here on, or leave all to the class behind."""
        self.accepts = accepts

    def submit(self, event):
        """Accept an event; False when the queue's dropping policy refused it.

        Blocks only when the queue's policy is ``block``, and never inside a handler, where a full
        queue raises QueueFull instead. EngineStopped after stop. O(log n).
        """
        cdef int verdict = NOT_SWIFT, level = 0
        if self.accepts and self.front is not None and not self.front.waits_anywhere:
            verdict = self.front.offer_swiftly(event, False, &level)
        if verdict == NOT_SWIFT:
            return super(EngineFront, self).submit(event)
        if not self.accepts:
            self._sweep()       # the engine was stopped while we came in: it may have looked before
        if verdict == HEAP_REFUSED and self.front.raises[level]:
            return self.front._refuse(event)
        return verdict == HEAP_ADMITTED
