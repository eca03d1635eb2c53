"""Account for other native modules: the histograms of one level, and the C that records into them."""

from .histogram cimport Histogram
from ..nogil.account cimport account

cdef class Account:
    cdef account kept
    cdef readonly Histogram wait
    cdef readonly Histogram service
    cdef readonly Histogram latency
    cdef readonly Histogram lateness
