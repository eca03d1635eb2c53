"""Account for other native modules: the histograms of one level, and the C that records into them."""

from .histogram cimport Histogram
from ..nogil.account cimport account

cdef class Account:
    cdef account kept
    cdef Histogram waits
    cdef Histogram services
    cdef Histogram latencies
    cdef Histogram latenesses
