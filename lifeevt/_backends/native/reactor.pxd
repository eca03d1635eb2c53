"""Reactor for other native modules: the loop of C, and the objects whose memory it works on."""

from .codel cimport CoDel
from .heap cimport EventHeap
from .histogram cimport Histogram
from .type_table cimport TypeTable
from .reflex cimport ReflexTable
from .cells cimport StateCells
from ..nogil.reactor cimport reactor
from ..nogil.results cimport result_record

from libc.stdint cimport int32_t, int64_t, uint32_t

cdef enum:
    PROCESSED = 0
    DEAD_LETTERED = 4
    EVENT = 0
    MEANING = 1
    DECISION = 2
    ACTION = 3
    ERROR = 4
    NO_STAGE = -1
    UNDECIDED = -1
    CHUNK = 32                  # results taken in one stay in the heap
    NO_SLOT = -1

cdef class Reactor:
    cdef reactor loop
    cdef EventHeap events
    cdef TypeTable type_table
    cdef ReflexTable table
    cdef StateCells cells
    cdef list accounts
    cdef CoDel codel            # or None
    cdef readonly Histogram gil_wait
    cdef uint32_t wants_gil     # 1 while an event waits for the GIL
    cdef int32_t yielding

    cdef dict handlers          # stages by type
    cdef object state           # that the stages get
    cdef object make_event
    cdef object stage_values
    cdef object on_error
    cdef object process_task

    cdef bint has_stages(self)
    cdef int handle(self, bint raises) except -1
    cdef int run_stages(self, list outcome, const result_record* record, int* stage) except -1
    cdef tuple reflex_values(self, const result_record* record)
    cdef object failure_text(self, event, int stage, error)
    cdef int process_more_urgent(self, int32_t level) except -1
    cdef object event_of(self, const result_record* record)
    cdef int publish(self, result_record* record, payload) except -1
    cdef int detach(self) except -1
    cdef int64_t available(self, limit) except -1
    cdef int32_t take_some(self, result_record* into, list payloads, int64_t most) except -1
    cdef int run_loop(self, int64_t limit, int32_t above, bint waits)
    cdef int take_with_gil(self, int64_t limit, int32_t above, bint waits)
    cdef int process_reflex(self)
    cdef object task(self)
    cdef object record_of(self, const result_record* record, payload)
