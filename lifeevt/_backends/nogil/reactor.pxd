"""The worker's stretch: wait, take, appraise, decide, apply, record. Not one Python object.

One thread at a time runs it, with the heap's mutex and the state's lock free and without the GIL. It
leaves the heap while it answers what it took, so a stay there is short.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t

from ..nogil.account cimport account
from ..nogil.cells cimport cell_block
from ..nogil.codel cimport codel
from ..nogil.heap cimport HEAP_LEVELS, event_heap
from ..nogil.kinds cimport event_kind, kind_table
from ..nogil.order cimport heap_event
from ..nogil.reflex cimport reflex_table
from ..nogil.results cimport result_record, result_ring
from ..nogil.rwlock cimport rwlock

cdef enum:
    REACTOR_BATCH = 32          # events taken in one stay: they wait for each other at most some microseconds
    REACTOR_NO_LIMIT = 0x7fffffff

cdef enum reactor_reason:
    REACTOR_DRY = 0             # nothing is queued, or nothing above the level asked for
    REACTOR_LIMIT = 1           # as many events were answered, or shed, as the caller asked for
    REACTOR_ATTENDED = 2        # `batch[0]` is an event that Python must see; if it `answers`, its reflex has
    REACTOR_HALTED = 3
    REACTOR_DUE = 4             # the time has come that Python asked for

ctypedef struct reactor:
    event_heap* heap
    const kind_table* kinds
    const reflex_table* table
    cell_block* cells
    rwlock* lock
    account* accounts[HEAP_LEVELS]
    codel* codels               # HEAP_LEVELS, or NULL: nothing is shed; written and asked inside the heap
    result_ring ring
    uint32_t sleeper
    int32_t halted
    int32_t answers             # else every event is left to Python, for its clock or its account
    int64_t patience_ns         # how long to look for a next event before sleeping; 0 under light load
    int64_t told_version        # of the state, which Python came back to tell of
    int64_t due_ns              # when a waiting call is to come back, or INT64_MAX; written inside the heap
    int64_t answered            # or shed, since the caller began to count
    int32_t row                 # which answered batch[0] when it is attended, or KINDS_NO_ROW
    result_record batch[REACTOR_BATCH]

cdef int reactor_run(reactor* self, int64_t limit, int32_t above, bint waits) noexcept nogil
cdef bint reactor_admits(reactor* self, int32_t level, int64_t queued_ns, int64_t now_ns) noexcept nogil
cdef int32_t reactor_pop(reactor* self, int32_t limit, int32_t above) noexcept nogil
cdef int32_t reactor_answer(reactor* self, result_record* record) noexcept nogil
cdef int32_t reactor_row(const reactor* self, int32_t kind) noexcept nogil
cdef void reactor_finish(reactor* self, int32_t count) noexcept nogil
cdef void reactor_account(reactor* self, const result_record* record) noexcept nogil
cdef bint reactor_attends(const reactor* self, const heap_event* event) noexcept nogil
cdef bint reactor_touches(const reactor* self) noexcept nogil
cdef bint reactor_is_due(reactor* self) noexcept nogil
cdef void reactor_enter_state(reactor* self) noexcept nogil
