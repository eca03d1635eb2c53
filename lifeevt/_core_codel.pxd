"""CoDel for other native modules: the C that a reactor asks."""

from ._codel cimport codel
from ._heap cimport HEAP_LEVELS

cdef class CoDel:
    cdef codel[HEAP_LEVELS] levels
