"""How the cells take numbers from Python: within their bounds, or not at all."""

from cpython.object cimport PyObject
from libc.math cimport NAN, trunc
from libc.stdint cimport int32_t

from .numbers cimport finite
from ..nogil.cells cimport CELL_CLAMPS, CELL_INTEGER, CELL_REFUSES, cell, cell_block, cells_bounded

cdef extern from "Python.h":
    bint PyFloat_CheckExact(PyObject* number)
    double PyFloat_AS_DOUBLE(PyObject* number)
    bint PyLong_CheckExact(PyObject* number)
    double PyLong_AsDouble(PyObject* number)
    PyObject* PyTuple_GET_ITEM(tuple items, Py_ssize_t index)
    PyObject* PyErr_Occurred()
    void PyErr_Clear()

cdef enum:
    NOT_PLAIN = -1

ctypedef struct held_number:
    double number
    double kept
    int32_t place


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


cdef inline int32_t flags_of(integer, clamps, refuses) except -1:
    cdef bint whole_one = bool(integer), clamping = bool(clamps), refusing = bool(refuses)
    return whole_one * CELL_INTEGER | clamping * CELL_CLAMPS | refusing * CELL_REFUSES


cdef inline int check_bounds(const cell* this) except -1:
    if this.flags & CELL_INTEGER and (this.low != trunc(this.low) or this.high != trunc(this.high)):
        raise ValueError(f"an integer cell has the bounds [{this.low}, {this.high}]")
    return 0


cdef inline double bounded(const cell_block* block, Py_ssize_t index, value) except? -1.0:
    """A number as a cell stores it."""
    cdef const cell* this = &block.cells[index]
    cdef double number = finite(value)
    cdef bint fits
    cdef double kept = cells_bounded(this, number, &fits)
    if not fits:
        raise outside(this, trunc(number) + 0.0 if this.flags & CELL_INTEGER else number, index)
    return kept


cdef inline object outside(const cell* this, double number, Py_ssize_t index):
    return ValueError(f"{number} lies outside [{this.low}, {this.high}]", index)


cdef inline int32_t held_numbers(const cell_block* block, tuple held, tuple kept, held_number* into) noexcept:
    """Find the numbers in which two tuples, of a number for each cell, differ; return how many they are.

    NOT_PLAIN when one of those that are not the same object is no int or float that its cell takes as it is.
    """
    cdef PyObject* now
    cdef PyObject* before
    cdef const cell* this
    cdef int32_t place, count = 0
    for place in range(block.length):
        now, before = PyTuple_GET_ITEM(held, place), PyTuple_GET_ITEM(kept, place)
        if now == before:
            continue
        this = &block.cells[place]
        into[count].place = place
        into[count].number, into[count].kept = plain(now), plain(before)
        if this.flags & CELL_INTEGER and not PyLong_CheckExact(now):
            return NOT_PLAIN
        if not this.low <= into[count].number <= this.high or into[count].kept != into[count].kept:
            return NOT_PLAIN
        count += into[count].number != into[count].kept
    return count


cdef inline tuple as_merged(tuple held, const held_number* changes, int32_t count):
    """What is held, but with the numbers that became others."""
    cdef int32_t index
    cdef list other = None
    for index in range(count):
        if changes[index].kept != changes[index].number:
            other = list(held) if other is None else other
            other[changes[index].place] = changes[index].kept
    return held if other is None else tuple(other)
