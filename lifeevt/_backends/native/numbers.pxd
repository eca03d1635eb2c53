"""How the native twin takes numbers from Python: with the refusals of the reference."""

from cpython.number cimport PyNumber_Index
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t


cdef inline int64_t whole(value) except? -1:
    """An integer as the reference takes it: by ``__index__``, so no float, and 64 bits wide."""
    return PyNumber_Index(value)


cdef inline double finite(value) except? -1.0:
    cdef double number = value
    if not isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


cdef inline int32_t index_in(value, int32_t length) except -1:
    cdef int64_t index = whole(value)
    if not 0 <= index < length:
        raise IndexError(f"index {index} of {length}")
    return <int32_t> index


cdef inline tuple listed(sequence):
    """Copy a sequence, for a number's __index__ may change the caller's list; an iterator is none."""
    len(sequence)
    return tuple(sequence)
