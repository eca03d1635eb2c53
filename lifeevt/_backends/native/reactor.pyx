"""Reactor, native: the worker's loop of C, started, halted and read from Python."""

cimport cython
from cpython.mem cimport PyMem_Malloc
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from .account cimport Account
from .codel cimport CoDel
from .heap cimport EventHeap
from .histogram cimport Histogram
from .type_table cimport TypeTable
from .numbers cimport index_in, whole
from .reflex cimport ReflexTable, outcome_of
from .results cimport ResultBuffer, clear_rest
from .cells cimport StateCells
from .watch cimport enter
from ..nogil.atomics cimport RELAXED, SEQ_CST, fetch_add_i32, load_i32, load_i64, load_u32, store_i32, store_u32
from ..nogil.cells cimport cells_version
from ..nogil.futex cimport FUTEX_ALL, futex_wait, futex_wake, monotonic_ns
from ..nogil.heap cimport (
    HEAP_ENDS, heap_abandon, heap_finish, heap_head, heap_keep, heap_leave, heap_leave_quietly, heap_release,
    heap_wake_all,
)
from ..nogil.histogram cimport histogram_record_unshared
from ..nogil.type_table cimport NO_ROW
from ..nogil.order cimport HEAP_LEVELS
from ..nogil.reactor cimport (
    REACTOR_DUE, REACTOR_EMPTY, REACTOR_HALTED, REACTOR_NEEDS_PYTHON, REACTOR_NO_LIMIT, reactor_admits,
    reactor_is_due, reactor_lock_state, reactor_needs_python, reactor_process, reactor_publish,
    reactor_record_times, reactor_reflex_row, reactor_run, reactor_runs_reflex, reactor_take,
)
from ..nogil.reflex cimport REFLEX_NO_PATTERN
from ..nogil.results cimport result_record, results_clear, results_init, results_put, results_take
from ..nogil.rwlock cimport rwlock_release, rwlock_try_write

from ..contract import UNSET as _UNSET

cdef object UNSET = _UNSET
cdef tuple STAGES = ("meaning", "decision", "action")


@cython.no_gc_clear     # it must detach from its heap; the collector breaks a cycle at the payloads
cdef class Reactor:
    """Reactor in C: see the reference."""

    def __cinit__(
        self, EventHeap heap not None, TypeTable type_table not None, ReflexTable table not None,
        StateCells cells not None, accounts, capacity, bint processes,
    ):
        cdef Py_ssize_t level
        cdef Account each
        cdef int64_t room = whole(capacity)
        if not 0 < room < <int64_t> 2**31:
            raise ValueError(f"capacity is {room}; it must lie in [1, 2**31)")
        if cells.block.length != table.fields:
            raise ValueError(f"the table is for {table.fields} cells, the state has {cells.block.length}")
        self.accounts = list(accounts)
        if not self.accounts:
            raise ValueError("0 accounts; there must be one at least")
        for level in range(HEAP_LEVELS):        # levels without one of their own share the last
            each = self.accounts[min(level, len(self.accounts) - 1)]
            self.loop.accounts[level] = &each.kept
        self.events, self.type_table, self.table, self.cells = heap, type_table, table, cells
        self.gil_wait, self.handlers = Histogram(), {}
        self.loop.due_ns = INT64_MAX
        self.loop.processes = processes
        self.loop.types, self.loop.table = &type_table.table, &table.table
        self.loop.cells, self.loop.lock = &cells.block, &cells.lock
        if heap.heap.sleeper != NULL:
            raise ValueError("the heap has a reactor already")
        if results_init(&self.loop.ring, room) != 0:
            raise MemoryError
        self.loop.heap = &heap.heap
        heap.heap.sleeper = &self.loop.sleeper

    def __dealloc__(self):
        if self.loop.heap != NULL:
            self.detach()
        results_clear(&self.loop.ring)

    cdef int detach(self) except -1:
        """Leave the heap, and give back the slots that results keep."""
        cdef result_record record
        enter(&self.events.heap)
        self.events.heap.sleeper = NULL
        while results_take(&self.loop.ring, &record):
            if record.slot != NO_SLOT:
                heap_abandon(&self.events.heap, record.slot)
        heap_leave(&self.events.heap)
        return self.events.drop_stale()

    @property
    def heap(self):
        return self.events

    def __len__(self):
        return load_i64(&self.loop.ring.length, RELAXED)

    def set_stages(self, type_id, meaning, decision, action, bare):
        self.handlers[type_id] = (meaning, decision, action, bare)

    def set_helpers(self, state, make_event, stage_values, on_error, process_task):
        self.state, self.make_event, self.stage_values = state, make_event, stage_values
        self.on_error, self.process_task = on_error, process_task

    def run(self):
        while self.run_loop(REACTOR_NO_LIMIT, HEAP_LEVELS, True) == REACTOR_NEEDS_PYTHON:
            if not self.has_stages():
                return self.task()
            self.handle(False)
        return None

    def run_pending(self, limit, int64_t above=HEAP_LEVELS):
        cdef int64_t most = min(max(whole(limit), <int64_t> 0), <int64_t> REACTOR_NO_LIMIT), done = 0
        cdef int32_t level = <int32_t> max(<int64_t> -1, min(above, <int64_t> HEAP_LEVELS))
        cdef int reason
        while True:
            reason = self.run_loop(most - done, level, False)
            done += self.loop.processed
            if reason != REACTOR_NEEDS_PYTHON:
                return done, None
            if not self.has_stages():
                return done, self.task()
            self.handle(True)
            done += 1

    def halt(self, bint halted):
        enter(&self.events.heap)
        store_i32(&self.loop.halted, halted, RELAXED)
        cdef uint32_t* sleeper = heap_wake_all(&self.events.heap)
        heap_leave(&self.events.heap)
        futex_wake(sleeper, 1)
        futex_wake(&self.events.heap.epoch, FUTEX_ALL)

    def wake_at(self, due_ns):
        cdef int64_t when = INT64_MAX if due_ns is None else whole(due_ns)
        enter(&self.events.heap)
        self.loop.due_ns = when
        cdef uint32_t* sleeper = heap_wake_all(&self.events.heap)
        heap_leave(&self.events.heap)
        futex_wake(sleeper, 1)

    def put(
        self, payload, uint64_t sequence, int32_t level, int32_t type_id, int32_t status, double intensity,
        int64_t queued_ns, int64_t started_ns, int64_t finished_ns, int64_t version_before, int64_t version,
        bint finishes,
    ):
        cdef result_record record
        memset(&record, 0, sizeof(result_record))
        record.sequence, record.level, record.type_id = sequence, level, type_id
        record.status, record.intensity = index_in(status, HEAP_ENDS), intensity
        record.queued_ns, record.started_ns, record.finished_ns = queued_ns, started_ns, finished_ns
        record.reflex.pattern = REFLEX_NO_PATTERN
        record.reflex.version_before, record.reflex.version_after = version_before, version
        cdef int code = 0
        cdef object _before = None
        self.events.drop_stale()
        self.events.reserve_payload()
        enter(&self.events.heap)
        if finishes:
            code = heap_finish(&self.events.heap, record.status)
        if code == 0:
            record.slot = heap_keep(&self.events.heap)
            if record.slot >= 0:
                _before = self.events.store_payload(record.slot, payload)
            results_put(&self.loop.ring, &self.events.heap, &record)
        heap_leave(&self.events.heap)
        if code != 0:
            raise ValueError("no event is running")

    def take(self, limit):
        cdef int64_t left = self.available(limit)
        cdef result_record[CHUNK] records
        cdef list payloads, found = []
        cdef int32_t count = CHUNK, index
        self.events.drop_stale()
        while left > 0 and count == CHUNK:
            payloads = [None] * CHUNK
            count = self.take_some(records, payloads, left)
            left -= count
            for index in range(count):
                found.append(self.record_of(&records[index], payloads[index]))
        return found

    def take_buffer(self, limit):
        cdef int64_t left = self.available(limit)
        cdef ResultBuffer made = ResultBuffer.__new__(ResultBuffer)
        cdef int32_t count = CHUNK, index
        made.records = <result_record*> PyMem_Malloc((left + 1) * sizeof(result_record))
        if made.records == NULL:
            raise MemoryError
        self.events.drop_stale()
        while left > 0 and count == CHUNK:
            count = self.take_some(&made.records[made.length], [None] * CHUNK, left)
            for index in range(count):
                clear_rest(&made.records[made.length + index])
            made.length += count
            left -= count
        return made

    cdef int32_t take_some(self, result_record* into, list payloads, int64_t most) except -1:
        """Take up to CHUNK results and their objects in one stay in the heap; return how many."""
        cdef int32_t count = 0
        enter(&self.events.heap)
        while count < min(most, <int64_t> CHUNK) and results_take(&self.loop.ring, &into[count]):
            if into[count].slot != NO_SLOT:
                payloads[count] = self.events.take_payload(into[count].slot)
                heap_release(&self.events.heap, into[count].slot)
            count += 1
        heap_leave_quietly(&self.events.heap)
        return count

    cdef int64_t available(self, limit) except -1:
        """Return how many of the results that wait now are asked for."""
        cdef int64_t waiting = load_i64(&self.loop.ring.length, RELAXED)
        return waiting if limit is None else min(max(whole(limit), <int64_t> 0), waiting)

    def counts(self):
        enter(&self.events.heap)
        cdef tuple seen = (self.loop.ring.length, self.loop.ring.overwritten)
        heap_leave_quietly(&self.events.heap)
        return seen

    def yield_gil(self, wait_ns):
        cdef int64_t limit_ns = max(whole(wait_ns), <int64_t> 0)
        if load_u32(&self.wants_gil, SEQ_CST) == 0:
            return False
        with nogil:
            fetch_add_i32(&self.yielding, 1, SEQ_CST)
            futex_wait(&self.wants_gil, 1, limit_ns)
            fetch_add_i32(&self.yielding, -1, SEQ_CST)
        return True

    def shed_by(self, codel):
        cdef CoDel given = codel, _before = self.codel
        enter(&self.events.heap)
        self.loop.codels = NULL if given is None else given.levels
        heap_leave_quietly(&self.events.heap)
        self.codel = given

    def admits(self, int32_t level, int64_t queued_ns, int64_t now_ns):
        index_in(level, HEAP_LEVELS)
        enter(&self.events.heap)
        cdef bint admitted = reactor_admits(&self.loop, level, queued_ns, now_ns)
        heap_leave_quietly(&self.events.heap)
        return admitted

    cdef bint has_stages(self):
        """Return whether this reactor runs the stages of batch[0]: not if the event came before the row of its type."""
        cdef int32_t type_id = self.loop.batch[0].type_id
        if not reactor_runs_reflex(&self.loop):
            return False
        return self.loop.row == reactor_reflex_row(&self.loop, type_id) and type_id in self.handlers

    cdef int handle(self, bint raises) except -1:
        """Run the stages of batch[0] and record their values; a failure ends the event, not the worker."""
        cdef result_record record = self.loop.batch[0]
        cdef list outcome = [None, UNSET, UNSET, UNSET, None]
        cdef int stage = NO_STAGE
        cdef object raised = None
        record.status = PROCESSED
        try:
            outcome[EVENT] = self.event_of(&record)
            self.run_stages(outcome, &record, &stage)
        except BaseException as error:
            record.status = DEAD_LETTERED
            outcome[ERROR] = self.failure_text(outcome[EVENT], stage, error)
            raised = error
        self.publish(&record, outcome)
        if raised is not None and raises and not isinstance(raised, Exception):
            raise raised
        return 0

    cdef int run_stages(self, list outcome, const result_record* record, int* stage) except -1:
        """Run meaning, decision and action; between two of them process more important events."""
        cdef tuple stages = self.handlers[record.type_id]
        event, state = outcome[EVENT], self.state
        if stages[0] is not None:
            stage[0] = 0
            outcome[MEANING] = stages[0](event, state)
            self.process_more_urgent(record.level)
        if stages[1] is not None:
            stage[0] = 1
            meaning = self.reflex_values(record)[0] if stages[0] is None else outcome[MEANING]
            outcome[DECISION] = stages[1](event, meaning, state)
            self.process_more_urgent(record.level)
        if stages[2] is None:
            return 0
        stage[0] = 2
        if stages[3]:
            outcome[ACTION] = stages[2](event, state)
            return 0
        decision = self.reflex_values(record)[1] if stages[1] is None else outcome[DECISION]
        outcome[ACTION] = stages[2](event, decision, state)
        return 0

    cdef tuple reflex_values(self, const result_record* record):
        """Return (meaning, decision, action) of the event's reflex; None for each when it has none."""
        if reactor_reflex_row(&self.loop, record.type_id) == NO_ROW:
            return (None, None, None)
        return self.stage_values(record.type_id, outcome_of(&record.reflex))

    cdef object failure_text(self, event, int stage, error):
        """Return the text of a failure from ``on_error``, also when that fails, too."""
        try:
            return self.on_error(event, STAGES[stage] if stage != NO_STAGE else "event", error)
        except Exception as another:
            return f"{error!r}; and then {another!r}"

    cdef int process_more_urgent(self, int32_t level) except -1:
        """Process more important events; each level only lets those above it run, so the recursion is not deep."""
        while load_i32(&self.events.heap.queued, RELAXED) > 0:
            if self.run_loop(REACTOR_NO_LIMIT, level, False) != REACTOR_NEEDS_PYTHON:
                break
            if self.has_stages():
                self.handle(False)
            else:
                self.process_task(self.task())
        return 0

    cdef object event_of(self, const result_record* record):
        """Return the event object; its slot goes on keeping it."""
        enter(&self.events.heap)
        cdef bint has_object = self.events.heap.slots[record.slot].event.has_object
        cdef object event = self.events.payloads[record.slot] if has_object else None
        heap_leave_quietly(&self.events.heap)
        return event if has_object else self.make_event(record.type_id, record.intensity, record.timestamp)

    cdef int publish(self, result_record* record, payload) except -1:
        """Record an event whose stages have run; its slot keeps the outcome from now on."""
        cdef object _before
        record.finished_ns = monotonic_ns()
        record.reflex.version_after = cells_version(&self.cells.block)
        reactor_record_times(&self.loop, record)
        enter(&self.events.heap)
        _before = self.events.store_payload(record.slot, payload)
        results_put(&self.loop.ring, &self.events.heap, record)
        heap_finish(&self.events.heap, record.status)
        heap_leave(&self.events.heap)
        return 0

    cdef int run_loop(self, int64_t limit, int32_t above, bint waits):
        """Run without the GIL, unless the next event needs it or there is no event."""
        cdef int reason = self.take_with_gil(limit, above, waits)
        cdef int64_t ready_ns = 0
        if reason != UNDECIDED:
            return reason
        with nogil:
            reason = reactor_run(&self.loop, limit, above, waits)
            if reason == REACTOR_NEEDS_PYTHON:
                ready_ns = monotonic_ns()
                store_u32(&self.wants_gil, 1, SEQ_CST)
        if reason == REACTOR_NEEDS_PYTHON:
            store_u32(&self.wants_gil, 0, SEQ_CST)
            if load_i32(&self.yielding, SEQ_CST) > 0:
                futex_wake(&self.wants_gil, FUTEX_ALL)
            histogram_record_unshared(&self.gil_wait.counted, monotonic_ns() - ready_ns)
        return reason

    cdef int take_with_gil(self, int64_t limit, int32_t above, bint waits):
        """Take the head with the GIL if the event needs it anyway: to give it back and take it again costs more."""
        cdef int reason = UNDECIDED
        cdef int32_t head
        self.loop.processed = 0
        self.loop.row = NO_ROW
        enter(&self.events.heap)
        head = heap_head(&self.events.heap)
        if waits and (self.loop.halted or reactor_is_due(&self.loop)):
            reason = REACTOR_HALTED if self.loop.halted else REACTOR_DUE
        elif head >= 0 and self.events.heap.slots[head].event.level < above and limit > 0:
            if reactor_needs_python(&self.loop, &self.events.heap.slots[head].event):
                if reactor_take(&self.loop, 1, above) < 0:
                    reason = REACTOR_NEEDS_PYTHON
                else:
                    reactor_publish(&self.loop, 1)    # it was shed
        elif not waits and not self.events.heap.unsettled:
            reason = REACTOR_EMPTY
        heap_leave(&self.events.heap)
        if reason == REACTOR_NEEDS_PYTHON and reactor_runs_reflex(&self.loop):
            self.process_reflex()
        return reason

    cdef int process_reflex(self):
        """Run the reflex of batch[0], before Python sees the event."""
        cdef result_record* record = &self.loop.batch[0]
        record.started_ns = monotonic_ns()
        histogram_record_unshared(&self.gil_wait.counted, 0)
        if rwlock_try_write(self.loop.lock) == 0:
            self.loop.row = reactor_process(&self.loop, record)
            rwlock_release(self.loop.lock)
            return 0
        with nogil:
            reactor_lock_state(&self.loop)
            self.loop.row = reactor_process(&self.loop, record)
            rwlock_release(self.loop.lock)
        return 0

    cdef object task(self):
        """Return the task of batch[0], for Python, and release its slot."""
        cdef result_record* record = &self.loop.batch[0]
        cdef object payload
        cdef int64_t key
        enter(&self.events.heap)
        key = self.events.heap.slots[record.slot].event.key
        cdef bint touched = reactor_runs_reflex(&self.loop)
        cdef bint has_object = self.events.heap.slots[record.slot].event.has_object
        payload = self.events.take_payload(record.slot)
        heap_release(&self.events.heap, record.slot)
        heap_leave(&self.events.heap)
        if not has_object:
            payload = (record.type_id, record.intensity, record.timestamp)
        outcome = None if self.loop.row == NO_ROW else outcome_of(&record.reflex)
        return (
            payload, key, record.level, record.queued_ns, record.sequence, record.type_id,
            record.started_ns if touched else 0, outcome,
        )

    cdef object record_of(self, const result_record* record, payload):
        return (
            payload, record.sequence, record.level, record.type_id, record.status, record.intensity, record.timestamp,
            record.queued_ns, record.started_ns, record.finished_ns, outcome_of(&record.reflex),
        )
