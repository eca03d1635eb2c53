"""Bucket for other native modules: the tokens of one type of events, and the C that takes them."""

from .watch cimport Watched
from ..nogil.bucket cimport token_bucket

cdef class Bucket:
    cdef Watched events
    cdef token_bucket kept
