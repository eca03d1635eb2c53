"""Numbers of Python as numbers of C. Facades have checked them; a check here protects memory."""

from cpython.number cimport PyNumber_Index
from cpython.object cimport PyObject
from libc.math cimport NAN, isfinite
from libc.stdint cimport int32_t, int64_t

cdef extern from "Python.h":
    bint PyFloat_CheckExact(PyObject* number)
    double PyFloat_AS_DOUBLE(PyObject* number)
    bint PyLong_CheckExact(PyObject* number)
    double PyLong_AsDouble(PyObject* number)
    PyObject* PyErr_Occurred()
    void PyErr_Clear()


cdef inline int64_t whole(value) except? -1:
    """Return an integer that a user gave: by ``__index__``, so no float, and 64 bits wide."""
    return PyNumber_Index(value)


cdef inline double finite(value) except? -1.0:
    cdef double number = value
    if not isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


cdef inline int32_t index_in(int64_t index, int64_t length) except -1:
    if not 0 <= index < length:
        raise IndexError(f"index {index} of {length}")
    return <int32_t> index


cdef inline tuple listed(sequence):
    """Copy a sequence, for a number's ``__index__`` may change the caller's list; an iterator is none."""
    len(sequence)
    return tuple(sequence)


cdef inline double plain(PyObject* number) noexcept:
    """Return a float or an int as a double; NaN when it is neither, or too large."""
    cdef double amount
    if PyFloat_CheckExact(number):
        return PyFloat_AS_DOUBLE(number)
    if not PyLong_CheckExact(number):
        return NAN
    amount = PyLong_AsDouble(number)
    if amount == -1.0 and PyErr_Occurred() != NULL:
        PyErr_Clear()
        return NAN
    return amount
