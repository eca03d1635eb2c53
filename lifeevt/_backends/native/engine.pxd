"""ProcessorBase for other native modules: the hot call of an engine, without a frame of Python."""

from .queue cimport QueueBase

cdef class ProcessorBase:
    cdef QueueBase plain_queue  # the queue, or None: then the slow path takes every event
    cdef bint accepts
