"""The run loop of the worker: wait, take, appraise, decide, apply, record. Not one Python object.

One thread at a time runs it, without the GIL, and holds neither the heap's mutex nor the state's lock when it begins.
It takes a few events in one critical section of the heap, and processes them outside of it.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t

from ..nogil.account cimport account
from ..nogil.cells cimport cell_block
from ..nogil.codel cimport codel
from ..nogil.heap cimport event_heap
from ..nogil.type_table cimport type_table
from ..nogil.order cimport HEAP_LEVELS, heap_event
from ..nogil.reflex cimport reflex_table
from ..nogil.results cimport result_record, result_ring
from ..nogil.rwlock cimport rwlock

cdef enum:
    REACTOR_BATCH = 32          # events taken at once: they wait for each other a few microseconds at most
    REACTOR_NO_LIMIT = 0x7fffffff

cdef enum reactor_reason:
    REACTOR_EMPTY = 0           # no event is queued, or none above the level asked for
    REACTOR_LIMIT = 1           # as many events were processed, or shed, as the caller asked for
    REACTOR_NEEDS_PYTHON = 2    # Python must see the event in `batch[0]`, whose reflex has run if `processes`
    REACTOR_HALTED = 3
    REACTOR_DUE = 4             # `due_ns` has come

ctypedef struct reactor:
    event_heap* heap
    const type_table* types
    const reflex_table* table
    cell_block* cells
    rwlock* lock
    account* accounts[HEAP_LEVELS]
    codel* codels               # HEAP_LEVELS of them, or NULL: nothing is shed; used inside the heap
    result_ring ring
    uint32_t sleeper
    int32_t halted
    int32_t processes           # else every event is left to Python, for its clock or its account
    int64_t spin_ns             # how long to look for another event before sleeping; 0 under light load
    int64_t reported_version    # of the state, for which a call came back last
    int64_t due_ns              # when a waiting call comes back, or INT64_MAX; written inside the heap
    int64_t processed           # or shed, since the caller set it to 0
    int32_t row                 # of the reflex that processed batch[0] before Python sees it, or NO_ROW
    result_record batch[REACTOR_BATCH]

cdef int reactor_run(reactor* self, int64_t limit, int32_t above, bint waits) noexcept nogil
cdef bint reactor_admits(reactor* self, int32_t level, int64_t queued_ns, int64_t now_ns) noexcept nogil
cdef int32_t reactor_take(reactor* self, int32_t limit, int32_t above) noexcept nogil
cdef int32_t reactor_process(reactor* self, result_record* record) noexcept nogil
cdef int32_t reactor_reflex_row(const reactor* self, int32_t type_id) noexcept nogil
cdef void reactor_publish(reactor* self, int32_t count) noexcept nogil
cdef void reactor_record_times(reactor* self, const result_record* record) noexcept nogil
cdef bint reactor_needs_python(const reactor* self, const heap_event* event) noexcept nogil
cdef bint reactor_runs_reflex(const reactor* self) noexcept nogil
cdef bint reactor_is_due(reactor* self) noexcept nogil
cdef void reactor_lock_state(reactor* self) noexcept nogil
