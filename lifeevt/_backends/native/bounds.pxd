"""How the cells take numbers from Python: within their bounds, or not at all."""

from cpython.object cimport PyObject
from libc.math cimport NAN
from libc.stdint cimport int32_t

from ..nogil.cells cimport cell, cell_block

cdef extern from "Python.h":
    bint PyFloat_CheckExact(PyObject* number)
    double PyFloat_AS_DOUBLE(PyObject* number)
    bint PyLong_CheckExact(PyObject* number)
    double PyLong_AsDouble(PyObject* number)
    PyObject* PyErr_Occurred()
    void PyErr_Clear()

ctypedef struct held_number:
    double number
    double kept
    int32_t place

cdef int32_t flags_of(integer, clamps, refuses) except -1
cdef int check_bounds(const cell* this) except -1
cdef double bounded(const cell_block* block, Py_ssize_t index, value) except? -1.0
cdef object outside(const cell* this, double number, Py_ssize_t index)
cdef int32_t held_numbers(const cell_block* block, tuple held, tuple kept, held_number* into) noexcept
cdef tuple as_merged(tuple held, const held_number* changes, int32_t count)


cdef inline double plain(PyObject* number) noexcept:
    """A float or an int as a double; NaN when it is neither, or too large."""
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
