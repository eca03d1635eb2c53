"""The steps of the run loop; `reactor.pxd` says what it is."""

from libc.stdint cimport INT64_MAX, int32_t, int64_t

from ..nogil.account cimport account_record_pair, account_shed
from ..nogil.atomics cimport ACQUIRE, load_i32, load_i64, load_u32, spin_pause
from ..nogil.cells cimport cells_version
from ..nogil.codel cimport codel_admits
from ..nogil.futex cimport NO_TIMEOUT, futex_wait, monotonic_ns
from ..nogil.heap cimport HEAP_ASLEEP, HEAP_TRACKED, heap_enter, heap_finish, heap_head, heap_leave, heap_pop
from ..nogil.type_table cimport NO_ROW, event_type
from ..nogil.order cimport HEAP_LEVELS, difference, heap_event, heap_slot
from ..nogil.reflex cimport REFLEX_NO_PATTERN, reflex_respond
from ..nogil.results cimport results_of_event, results_put
from ..nogil.rwlock cimport rwlock_enqueue, rwlock_release, rwlock_try_write, rwlock_wait, rwlock_waiter

cdef enum:
    RUNS = -1                   # for `heap_pop`, instead of an end
    PROCESSED = 0
    IGNORED = 1
    SHED = 2
    SPIN_NS = 10_000            # about as long as two switches of a thread
    SPINS = 50                  # between two readings of the clock


cdef int reactor_run(reactor* self, int64_t limit, int32_t above, bint waits) noexcept nogil:
    """Process up to `limit` events of levels below `above`; sleep for them if it `waits`. Return a `reactor_reason`."""
    cdef int32_t count = 0, wanted
    while True:
        heap_enter(self.heap)
        reactor_publish(self, count)
        if waits and (self.halted or reactor_is_due(self)):
            heap_leave(self.heap)
            return REACTOR_HALTED if self.halted else REACTOR_DUE
        wanted = <int32_t> min(limit - self.processed, <int64_t> REACTOR_BATCH)
        count = reactor_take(self, wanted, above)
        if count == 0 and self.heap.unsettled and wanted > 0:
            heap_leave(self.heap)
            continue
        if count == 0 and waits and wanted > 0:
            _sleep(self)
            continue
        heap_leave(self.heap)
        if count <= 0:
            return _reason(self, count, wanted)
        _process_batch(self, count)


cdef int _reason(reactor* self, int32_t count, int32_t wanted) noexcept nogil:
    """Return why the loop ends; the reflex of an event for Python runs first."""
    if count == 0:
        return REACTOR_EMPTY if wanted > 0 else REACTOR_LIMIT
    self.row = NO_ROW
    if not reactor_runs_reflex(self):
        return REACTOR_NEEDS_PYTHON
    self.batch[0].started_ns = monotonic_ns()
    reactor_lock_state(self)
    self.row = reactor_process(self, &self.batch[0])
    rwlock_release(self.lock)
    return REACTOR_NEEDS_PYTHON


cdef int32_t reactor_take(reactor* self, int32_t limit, int32_t above) noexcept nogil:
    """Take events that do not need Python, and return how many; -1: batch[0] is one that does. From inside the heap.

    An event that had waited too long is taken and shed here, so it does not need Python.
    """
    cdef int32_t count = 0, head
    cdef bint for_python
    while count < limit:
        head = heap_head(self.heap)
        if head < 0 or self.heap.slots[head].event.level >= above:
            break
        for_python = reactor_needs_python(self, &self.heap.slots[head].event)
        if for_python and count > 0:
            break
        _take(self, &self.batch[count])
        if self.codels != NULL and _is_shed(self, &self.batch[count]):
            for_python = False
        count += 1
        if for_python:
            return -1
    return count


cdef bint _is_shed(reactor* self, result_record* record) noexcept nogil:
    """Shed an event that was just taken, if it had waited too long; return whether it had."""
    cdef int64_t now_ns = monotonic_ns()
    if not _runs_reflex(self, record) or reactor_admits(self, record.level, record.queued_ns, now_ns):
        return False
    record.status, record.started_ns, record.finished_ns = SHED, now_ns, now_ns
    _record_unprocessed(self, record)
    account_shed(
        self.accounts[record.level], self.types.types[record.type_id].account if _known(self, record.type_id) else NULL
    )
    return True


cdef bint reactor_admits(reactor* self, int32_t level, int64_t queued_ns, int64_t now_ns) noexcept nogil:
    """Return whether to process an event that was just taken; else the caller sheds it. From inside the heap."""
    cdef bint last = self.heap.depth[level] == 0
    return self.codels == NULL or codel_admits(&self.codels[level], now_ns, difference(now_ns, queued_ns), last)


cdef bint reactor_needs_python(const reactor* self, const heap_event* event) noexcept nogil:
    """Return whether Python must see an event."""
    if not self.processes or event.has_object & HEAP_TRACKED or not _known(self, event.type_id):
        return True
    return self.types.types[event.type_id].needs_python


cdef bint reactor_runs_reflex(const reactor* self) noexcept nogil:
    """Return whether the reflex of `batch[0]` runs before Python sees the event: not if it is tracked."""
    return _runs_reflex(self, &self.batch[0])


cdef bint reactor_is_due(reactor* self) noexcept nogil:
    """Return whether a waiting call is to come back to Python."""
    return _has_changes(self) or (self.due_ns != INT64_MAX and monotonic_ns() >= self.due_ns)


cdef bint _has_changes(reactor* self) noexcept nogil:
    """Return whether the log has changes, once for each version: to deliver them may take long."""
    cdef int64_t version = cells_version(self.cells)
    if load_i64(&self.cells.log.length, ACQUIRE) == 0 or self.reported_version == version:
        return False
    self.reported_version = version
    return True


cdef int32_t reactor_process(reactor* self, result_record* record) noexcept nogil:
    """Run the reflex of an event, under the state's lock; return its row, or NO_ROW."""
    cdef int32_t row = reactor_reflex_row(self, record.type_id)
    if row == NO_ROW:
        record.status = IGNORED
        _record_unprocessed(self, record)
        return NO_ROW
    self.cells.cause = record.sequence
    reflex_respond(self.table, self.cells, row, record.intensity, 0.0, 0.0, &record.reflex)
    record.status = IGNORED if _ignores(self, record.reflex.pattern) else PROCESSED
    return row


cdef int32_t reactor_reflex_row(const reactor* self, int32_t type_id) noexcept nogil:
    """Return the row of the reflex of a type, or NO_ROW."""
    cdef int32_t row = self.types.types[type_id].row if _known(self, type_id) else NO_ROW
    return row if 0 <= row < self.table.rows_length else NO_ROW


cdef void reactor_publish(reactor* self, int32_t count) noexcept nogil:
    """Make results of the events that were processed. From inside the heap."""
    cdef int32_t index
    for index in range(count):
        results_put(&self.ring, self.heap, &self.batch[index])
        heap_finish(self.heap, self.batch[index].status)
    self.processed += count


cdef void reactor_record_times(reactor* self, const result_record* record) noexcept nogil:
    """Record the times of an event in the account of its level, and in that of its type if there is one."""
    cdef const event_type* known = &self.types.types[record.type_id]
    cdef int64_t wait_ns = record.started_ns - record.queued_ns, service_ns = record.finished_ns - record.started_ns
    account_record_pair(self.accounts[record.level], known.account, known.budget_ns, wait_ns, service_ns)


cdef void reactor_lock_state(reactor* self) noexcept nogil:
    """Take the state's lock for writing. Waits, so never with the GIL."""
    cdef rwlock_waiter waiter
    if rwlock_try_write(self.lock) != 0:
        rwlock_enqueue(self.lock, &waiter, True)
        rwlock_wait(self.lock, &waiter, NO_TIMEOUT)


cdef void _record_unprocessed(reactor* self, result_record* record) noexcept nogil:
    """Note that no reflex ran."""
    record.reflex.significance = 0.0
    record.reflex.pattern = REFLEX_NO_PATTERN
    record.reflex.length = 0
    record.reflex.version_before = record.reflex.version_after = cells_version(self.cells)


cdef inline bint _runs_reflex(const reactor* self, const result_record* record) noexcept nogil:
    return self.processes and not self.heap.slots[record.slot].event.has_object & HEAP_TRACKED


cdef inline bint _known(const reactor* self, int32_t type_id) noexcept nogil:
    return 0 <= type_id < self.types.length


cdef inline bint _ignores(const reactor* self, int32_t pattern) noexcept nogil:
    return pattern == REFLEX_NO_PATTERN or self.table.patterns[pattern].ignores


cdef inline void _take(reactor* self, result_record* record) noexcept nogil:
    cdef heap_slot event
    cdef int32_t slot = heap_pop(self.heap, HEAP_LEVELS, RUNS, &event)
    results_of_event(record, &event, slot)


cdef void _process_batch(reactor* self, int32_t count) noexcept nogil:
    """Process one event after the other: each is one write of the state, seen whole or not at all."""
    cdef int32_t index
    cdef int64_t now_ns = monotonic_ns()
    reactor_lock_state(self)
    for index in range(count):
        if self.batch[index].status == SHED:
            _record_unprocessed(self, &self.batch[index])   # again: with the version at its turn
            continue
        self.batch[index].started_ns = now_ns
        reactor_process(self, &self.batch[index])
        now_ns = monotonic_ns()
        self.batch[index].finished_ns = now_ns
    rwlock_release(self.lock)
    for index in range(count):
        if self.batch[index].status != SHED:
            reactor_record_times(self, &self.batch[index])


cdef void _sleep(reactor* self) noexcept nogil:
    """Leave the heap and wait for an event: spin for a moment when the last one came soon, else sleep.

    A. R. Karlin et al., "Empirical studies of competitive spinning" (SOSP 1991): to spin for as long as a switch of the
    thread takes costs at most twice as much as the best choice.
    """
    cdef int64_t asleep_since_ns, due_ns, left_ns
    if self.spin_ns > 0:
        heap_leave(self.heap)
        if _spin(self):
            return
        self.spin_ns = 0
        heap_enter(self.heap)
        if self.heap.queued > self.heap.aside or self.halted:
            heap_leave(self.heap)
            return
    due_ns = self.due_ns
    self.sleeper = HEAP_ASLEEP
    heap_leave(self.heap)
    asleep_since_ns = monotonic_ns()
    while load_u32(&self.sleeper, ACQUIRE) == HEAP_ASLEEP:
        left_ns = NO_TIMEOUT if due_ns == INT64_MAX else due_ns - monotonic_ns()
        if left_ns <= 0 and due_ns != INT64_MAX:
            return          # the next event wakes a thread that is awake, which does no harm
        futex_wait(&self.sleeper, HEAP_ASLEEP, left_ns)
    if monotonic_ns() - asleep_since_ns < SPIN_NS:
        self.spin_ns = SPIN_NS


cdef bint _spin(reactor* self) noexcept nogil:
    """Return whether an event came, or a halt, within `spin_ns`."""
    cdef int64_t until_ns = monotonic_ns() + self.spin_ns
    cdef int _
    while monotonic_ns() < until_ns:
        for _ in range(SPINS):
            if load_i32(&self.heap.queued, ACQUIRE) > load_i32(&self.heap.aside, ACQUIRE):
                return True
            if load_i32(&self.halted, ACQUIRE):
                return True
            spin_pause()
    return False
