"""Bucket for other native modules: the tokens of one type of events, and the C that takes them."""

from ..nogil.bucket cimport token_bucket
from .watch cimport Watched

cdef class Bucket:
    cdef Watched events
    cdef token_bucket kept
