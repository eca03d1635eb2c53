"""EngineFront for other native modules: the hot call of an engine, without a frame of Python."""

from .queue cimport QueueFront

cdef class EngineFront:
    cdef QueueFront front       # the queue's, or None: then the class behind answers
    cdef bint accepts
