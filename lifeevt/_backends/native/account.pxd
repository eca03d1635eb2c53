"""Account for other native modules: the histograms of one level, and the C that records into them."""

from ..nogil.account cimport account
from .histogram cimport Histogram

cdef class Account:
    cdef account kept
    cdef Histogram waits
    cdef Histogram services
    cdef Histogram latencies
    cdef Histogram latenesses
