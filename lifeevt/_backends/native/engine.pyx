"""ProcessorBase, native: ``submit`` straight into the queue's heap, without a frame of Python.

A thread that was just woken finds its caches cold, and three frames of Python then cost more than the wake-up of
the worker. The slow path, of AsyncEventProcessor, takes every event that is not plain.
"""

from .queue cimport NOT_PLAIN, QueueBase
from ..nogil.heap cimport HEAP_ADMITTED, HEAP_REFUSED


cdef class ProcessorBase:
    """ProcessorBase in C: see the reference."""

    def _attach(self, queue):
        made_of = type(queue)
        plain = made_of.put is QueueBase.put and made_of.put_nowait is QueueBase.put_nowait
        self.plain_queue = queue if plain else None

    def _use_fast_path(self, accepts):
        self.accepts = accepts

    def submit(self, event):
        """Accept an event; False when the queue's dropping policy refused it.

        Blocks only when the queue's policy is ``block``, and never inside a handler, where a full
        queue raises QueueFull instead. EngineStopped after stop. O(log n).
        """
        cdef int verdict = NOT_PLAIN, level = 0
        if self.accepts and self.plain_queue is not None and not self.plain_queue.waits_anywhere:
            verdict = self.plain_queue.offer_plain(event, False, &level)
        if verdict == NOT_PLAIN:
            return self._submit_slowly(event)
        if not self.accepts:
            self._sweep()       # the engine was stopped meanwhile, and may have swept the queue before
        if verdict == HEAP_REFUSED and self.plain_queue.raises[level]:
            return self.plain_queue._refuse(event)
        return verdict == HEAP_ADMITTED
