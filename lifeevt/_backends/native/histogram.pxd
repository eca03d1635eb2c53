"""Histogram for other native modules: the counts of C."""

from ..nogil.histogram cimport histogram

cdef class Histogram:
    cdef histogram counted
