"""Reactor for other native modules: the stretch of C, and the objects whose memory it works on."""

from ._core_heap cimport EventHeap
from ._core_histogram cimport Histogram
from ._core_kinds cimport KindTable
from ._core_reflex cimport ReflexTable
from ._core_cells cimport StateCells
from ._reactor cimport reactor
from ._results cimport result_record

from libc.stdint cimport int32_t, int64_t, uint32_t

cdef class Reactor:
    cdef reactor stretch
    cdef EventHeap events
    cdef KindTable kinds
    cdef ReflexTable table
    cdef StateCells cells
    cdef list accounts
    cdef Histogram gil_waits
    cdef uint32_t wants_gil     # 1 while an event waits for the GIL
    cdef int32_t breathers

    cdef dict handlers          # stages by kind
    cdef object state           # what the stages are given
    cdef object make_event
    cdef object in_words
    cdef object on_error
    cdef object on_task

    cdef bint has_stages(self)
    cdef int handle(self, bint raises) except -1
    cdef int run_stages(self, list outcome, const result_record* record, int* stage) except -1
    cdef tuple words_of(self, const result_record* record)
    cdef object told(self, event, int stage, error)
    cdef int let_pass(self, int32_t level) except -1
    cdef object event_of(self, const result_record* record)
    cdef int publish(self, result_record* record, payload) except -1
    cdef int let_go(self) except -1
    cdef int64_t wanted(self, limit) except -1
    cdef int run_stretch(self, int64_t limit, int32_t above, bint waits)
    cdef int look(self, int64_t limit, int32_t above, bint waits)
    cdef int answer_attended(self)
    cdef object task(self)
    cdef object taken(self, const result_record* record, payload)
