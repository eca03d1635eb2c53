"""CoDel for other native modules: the C that a reactor asks."""

from ..nogil.codel cimport codel
from ..nogil.order cimport HEAP_LEVELS

cdef class CoDel:
    cdef codel[HEAP_LEVELS] levels
