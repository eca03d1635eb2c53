"""Histogram for other native modules: the counts of C."""

from ._histogram cimport histogram

cdef class Histogram:
    cdef histogram counted
