"""ResultBuffer, native: results as one block of records that other tools read without a copy."""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES
from cpython.mem cimport PyMem_Free

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memset

from .numbers cimport finite, whole
from ..nogil.heap cimport HEAP_ENDS
from ..nogil.type_table cimport NO_TYPE_ID
from ..nogil.order cimport HEAP_LEVELS
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
    """Clear the places of impacts that its reflex did not have: an earlier event may have left its own there."""
    cdef int32_t length = record.reflex.length
    memset(&record.reflex.impacts[length], 0, <size_t> (REFLEX_IMPACTS - length) * sizeof(double))
    memset(&record.reflex.applied[length], 0, <size_t> (REFLEX_IMPACTS - length) * sizeof(double))


cdef int fill_record(result_record* record, sequence, level, type_id, status, intensity) except -1:
    """Fill in the numbers of a result that Python made; its times and its slot are the caller's."""
    cdef int64_t order = whole(sequence), height = whole(level), number = whole(type_id), end = whole(status)
    memset(record, 0, sizeof(result_record))
    record.intensity = finite(intensity)
    if order < 0:
        raise ValueError(f"sequence is {order}; it must not be negative")
    if not 0 <= height < HEAP_LEVELS:
        raise ValueError(f"level is {height}; it must lie in [0, {HEAP_LEVELS})")
    if not NO_TYPE_ID <= number < <int64_t> 2**31:
        raise ValueError(f"{number} is no type")
    if not 0 <= end < HEAP_ENDS:
        raise ValueError(f"end is {end}; it must lie in [0, {HEAP_ENDS})")
    record.sequence, record.level = <uint64_t> order, <int32_t> height
    record.type_id, record.status = <int32_t> number, <int32_t> end
    return 0
