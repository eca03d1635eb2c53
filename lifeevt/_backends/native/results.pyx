"""ResultBuffer, native: results as one block of records that other tools read without a copy."""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES
from cpython.mem cimport PyMem_Free

from libc.stdint cimport int32_t
from libc.string cimport memset

from ..nogil.reflex cimport REFLEX_IMPACTS
from ..nogil.results cimport result_record

cdef bytes FORMAT = (
    b"T{Q:sequence:q:queued_ns:q:started_ns:q:finished_ns:d:intensity:d:timestamp:i:type_id:i:level:i:status:i:slot:"
    b"d:significance:i:pattern:i:impacts:(16)d:impact:(16)d:applied:q:version_before:q:version:}"
)


cdef class ResultBuffer:
    """Results as one block of plain records, for ``memoryview`` or ``numpy.asarray``, which copy nothing."""

    def __dealloc__(self):
        PyMem_Free(self.records)

    def __len__(self):
        return self.length

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        self.shape[0] = self.length
        self.strides[0] = sizeof(result_record)
        buffer.buf = <char*> self.records
        buffer.obj = self
        buffer.len = self.length * sizeof(result_record)
        buffer.itemsize = sizeof(result_record)
        buffer.readonly = 0
        buffer.ndim = 1
        buffer.format = <char*> FORMAT if flags & PyBUF_FORMAT else NULL
        buffer.shape = self.shape if flags & PyBUF_ND else NULL
        buffer.strides = self.strides if flags & PyBUF_STRIDES == PyBUF_STRIDES else NULL
        buffer.suboffsets = NULL
        buffer.internal = NULL


cdef void clear_rest(result_record* record) noexcept nogil:
    """Forget the slot, and clear the places of impacts that its reflex did not have: an earlier event may fill them."""
    cdef int32_t length = record.reflex.length
    record.slot = -1
    memset(&record.reflex.impacts[length], 0, <size_t> (REFLEX_IMPACTS - length) * sizeof(double))
    memset(&record.reflex.applied[length], 0, <size_t> (REFLEX_IMPACTS - length) * sizeof(double))
