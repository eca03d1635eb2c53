"""ResultBuffer, the native twin: results as one block of records that other tools read without a copy."""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES
from cpython.mem cimport PyMem_Free

from ._results cimport result_record

cdef bytes FORMAT = (
    b"T{Q:sequence:q:queued_ns:q:started_ns:q:finished_ns:d:intensity:d:timestamp:i:kind:i:level:i:status:i:slot:"
    b"d:significance:i:pattern:i:impacts:(16)d:impact:(16)d:applied:q:version_before:q:version:}"
)


cdef class ResultBuffer:
    """Results as one block of plain records, for ``memoryview`` or ``numpy.asarray``, which copy nothing."""

    def __dealloc__(self):
        PyMem_Free(self.records)

    def __len__(self):
        """Return how many results there are."""
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
