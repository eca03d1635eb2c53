"""ResultBuffer for other native modules: the records it owns."""

from ..nogil.results cimport result_record

cdef class ResultBuffer:
    cdef result_record* records
    cdef Py_ssize_t length
    cdef Py_ssize_t[1] shape
    cdef Py_ssize_t[1] strides


cdef void clear_rest(result_record* record) noexcept nogil
