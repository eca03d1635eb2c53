"""The stretch below `_core_reactor.Reactor`; its contract stands in `_reactor.pxd`."""

from libc.stdint cimport INT64_MAX, int32_t, int64_t

from ..nogil.account cimport account_record_pair, account_shed
from ..nogil.atomics cimport ACQUIRE, load_i32, load_i64, load_u32, spin_pause
from ..nogil.cells cimport cells_version
from ..nogil.codel cimport codel_admits
from ..nogil.heap cimport (
    HEAP_ASLEEP,
    HEAP_TRACKED,
    heap_enter,
    heap_finish,
    heap_head,
    heap_leave,
    heap_pop,
    heap_slot,
)
from ..nogil.kinds cimport KINDS_NO_ROW, event_kind
from ..nogil.order cimport difference, heap_event
from ..nogil.futex cimport PARKING_FOR_EVER, parking_now_ns, parking_sleep
from ..nogil.reflex cimport REFLEX_NO_PATTERN, reflex_respond
from ..nogil.results cimport results_of_event, results_put
from ..nogil.rwlock cimport (
    RWLOCK_FOR_EVER,
    rwlock_enter_within,
    rwlock_join,
    rwlock_place,
    rwlock_release,
    rwlock_try_write,
)

cdef enum:
    RUNS = -1                   # an end of heap_pop: none yet
    PROCESSED = 0
    IGNORED = 1
    SHED = 2
    PATIENCE_NS = 10_000        # about what two switches of a thread cost
    LOOKS = 50                  # between two looks at the clock


cdef int reactor_run(reactor* self, int64_t limit, int32_t above, bint waits) noexcept nogil:
    """Answer events of a level below `above` until `limit` are; sleep when there is none, if it `waits`."""
    cdef int32_t count = 0, wanted
    while True:
        heap_enter(self.heap)
        reactor_finish(self, count)
        if waits and (self.halted or reactor_is_due(self)):
            heap_leave(self.heap)
            return REACTOR_HALTED if self.halted else REACTOR_DUE
        wanted = <int32_t> min(limit - self.answered, <int64_t> REACTOR_BATCH)
        count = reactor_pop(self, wanted, above)
        if count == 0 and self.heap.unsettled and wanted > 0:
            heap_leave(self.heap)
            continue
        if count == 0 and waits and wanted > 0:
            _sleep(self)
            continue
        heap_leave(self.heap)
        if count <= 0:
            return _reason(self, count, wanted)
        _answer_batch(self, count)


cdef int _reason(reactor* self, int32_t count, int32_t wanted) noexcept nogil:
    if count == 0:
        return REACTOR_DRY if wanted > 0 else REACTOR_LIMIT
    self.row = KINDS_NO_ROW
    if not reactor_touches(self):
        return REACTOR_ATTENDED
    self.batch[0].started_ns = parking_now_ns()
    reactor_enter_state(self)
    self.row = reactor_answer(self, &self.batch[0])
    rwlock_release(self.lock)
    return REACTOR_ATTENDED


cdef int32_t reactor_pop(reactor* self, int32_t limit, int32_t above) noexcept nogil:
    """Take events that need no Python, from inside the heap: how many; -1: one that does stands in batch[0].

    What had waited too long needs none: it is taken, too, and has been shed.
    """
    cdef int32_t count = 0, head
    cdef bint attended
    while count < limit:
        head = heap_head(self.heap)
        if head < 0 or self.heap.slots[head].event.level >= above:
            break
        attended = reactor_attends(self, &self.heap.slots[head].event)
        if attended and count > 0:
            break
        _take(self, &self.batch[count])
        if self.codels != NULL and _is_shed(self, &self.batch[count]):
            attended = False
        count += 1
        if attended:
            return -1
    return count


cdef bint _is_shed(reactor* self, result_record* record) noexcept nogil:
    """End an event here that was just taken and had waited too long: whether it had."""
    cdef int64_t now_ns = parking_now_ns()
    if not _touches(self, record) or reactor_admits(self, record.level, record.queued_ns, now_ns):
        return False
    record.status, record.started_ns, record.finished_ns = SHED, now_ns, now_ns
    _leave_unanswered(self, record)
    account_shed(self.accounts[record.level], self.kinds.kinds[record.kind].met if _known(self, record.kind) else NULL)
    return True


cdef bint reactor_admits(reactor* self, int32_t level, int64_t queued_ns, int64_t now_ns) noexcept nogil:
    """Whether an event is answered that was just taken; else its caller sheds it. From inside the heap."""
    cdef bint last = self.heap.depth[level] == 0
    return self.codels == NULL or codel_admits(&self.codels[level], now_ns, difference(now_ns, queued_ns), last)


cdef bint reactor_attends(const reactor* self, const heap_event* event) noexcept nogil:
    """Whether Python must see an event."""
    if not self.answers or event.has_object & HEAP_TRACKED or not _known(self, event.kind):
        return True
    return self.kinds.kinds[event.kind].attended


cdef bint reactor_touches(const reactor* self) noexcept nogil:
    """Whether the reflex answers `batch[0]` here: what is tracked, Python looks at first."""
    return _touches(self, &self.batch[0])


cdef bint reactor_is_due(reactor* self) noexcept nogil:
    """Whether the time has come at which Python wants to be asked."""
    return _has_changes(self) or (self.due_ns != INT64_MAX and parking_now_ns() >= self.due_ns)


cdef bint _has_changes(reactor* self) noexcept nogil:
    """Whether the state was written and somebody wants to know; said once of each version: who tells may be slow."""
    cdef int64_t version = cells_version(self.cells)
    if load_i64(&self.cells.trail.length, ACQUIRE) == 0 or self.told_version == version:
        return False
    self.told_version = version
    return True


cdef int32_t reactor_answer(reactor* self, result_record* record) noexcept nogil:
    """Let the kind's reflex answer, under the state's lock; its row, or KINDS_NO_ROW."""
    cdef int32_t row = reactor_row(self, record.kind)
    if row == KINDS_NO_ROW:
        record.status = IGNORED
        _leave_unanswered(self, record)
        return KINDS_NO_ROW
    self.cells.cause = record.sequence
    reflex_respond(self.table, self.cells, row, record.intensity, 0.0, 0.0, &record.reflex)
    record.status = IGNORED if _ignores(self, record.reflex.pattern) else PROCESSED
    return row


cdef int32_t reactor_row(const reactor* self, int32_t kind) noexcept nogil:
    """The row of the reflex that answers a kind, or KINDS_NO_ROW."""
    cdef int32_t row = self.kinds.kinds[kind].row if _known(self, kind) else KINDS_NO_ROW
    return row if 0 <= row < self.table.rows_length else KINDS_NO_ROW


cdef void reactor_finish(reactor* self, int32_t count) noexcept nogil:
    """Publish what was answered, from inside the heap."""
    cdef int32_t index
    for index in range(count):
        results_put(&self.ring, self.heap, &self.batch[index])
        heap_finish(self.heap, self.batch[index].status)
    self.answered += count


cdef void reactor_account(reactor* self, const result_record* record) noexcept nogil:
    """Note how an event of a known kind fared: for its level, and for its type if that has an account."""
    cdef const event_kind* kind = &self.kinds.kinds[record.kind]
    cdef int64_t wait_ns = record.started_ns - record.queued_ns, service_ns = record.finished_ns - record.started_ns
    account_record_pair(self.accounts[record.level], kind.met, kind.budget_ns, wait_ns, service_ns)


cdef void reactor_enter_state(reactor* self) noexcept nogil:
    cdef rwlock_place place
    if rwlock_try_write(self.lock) != 0:
        rwlock_join(self.lock, &place, True)
        rwlock_enter_within(self.lock, &place, RWLOCK_FOR_EVER)


cdef void _leave_unanswered(reactor* self, result_record* record) noexcept nogil:
    """Note that no reflex answered."""
    record.reflex.significance = 0.0
    record.reflex.pattern = REFLEX_NO_PATTERN
    record.reflex.length = 0
    record.reflex.version_before = record.reflex.version_after = cells_version(self.cells)


cdef inline bint _touches(const reactor* self, const result_record* record) noexcept nogil:
    return self.answers and not self.heap.slots[record.slot].event.has_object & HEAP_TRACKED


cdef inline bint _known(const reactor* self, int32_t kind) noexcept nogil:
    return 0 <= kind < self.kinds.length


cdef inline bint _ignores(const reactor* self, int32_t pattern) noexcept nogil:
    return pattern == REFLEX_NO_PATTERN or self.table.patterns[pattern].ignores


cdef inline void _take(reactor* self, result_record* record) noexcept nogil:
    cdef heap_slot event
    cdef int32_t slot = heap_pop(self.heap, HEAP_LEVELS, RUNS, &event)
    results_of_event(record, &event, slot)


cdef void _answer_batch(reactor* self, int32_t count) noexcept nogil:
    """One event after the other; each is one change of the state, seen whole or not at all."""
    cdef int32_t index
    cdef int64_t now_ns = parking_now_ns()
    reactor_enter_state(self)
    for index in range(count):
        if self.batch[index].status == SHED:
            _leave_unanswered(self, &self.batch[index])     # once more: its version is the one of its turn
            continue
        self.batch[index].started_ns = now_ns
        reactor_answer(self, &self.batch[index])
        now_ns = parking_now_ns()
        self.batch[index].finished_ns = now_ns
    rwlock_release(self.lock)
    for index in range(count):
        if self.batch[index].status != SHED:
            reactor_account(self, &self.batch[index])


cdef void _sleep(reactor* self) noexcept nogil:
    """Leave the heap and wait for an event: awake for a moment under dense traffic, else asleep."""
    cdef int64_t asleep_since_ns, due_ns, left_ns
    if self.patience_ns > 0:
        heap_leave(self.heap)
        if _another_came(self):
            return
        self.patience_ns = 0
        heap_enter(self.heap)
        if self.heap.queued > self.heap.aside or self.halted:
            heap_leave(self.heap)
            return
    due_ns = self.due_ns
    self.sleeper = HEAP_ASLEEP
    heap_leave(self.heap)
    asleep_since_ns = parking_now_ns()
    while load_u32(&self.sleeper, ACQUIRE) == HEAP_ASLEEP:
        left_ns = PARKING_FOR_EVER if due_ns == INT64_MAX else due_ns - parking_now_ns()
        if left_ns <= 0 and due_ns != INT64_MAX:
            return          # whoever wakes the sleeper once more does no harm
        parking_sleep(&self.sleeper, HEAP_ASLEEP, left_ns)
    if parking_now_ns() - asleep_since_ns < PATIENCE_NS:
        self.patience_ns = PATIENCE_NS


cdef bint _another_came(reactor* self) noexcept nogil:
    cdef int64_t until_ns = parking_now_ns() + self.patience_ns
    cdef int _
    while parking_now_ns() < until_ns:
        for _ in range(LOOKS):
            if load_i32(&self.heap.queued, ACQUIRE) > load_i32(&self.heap.aside, ACQUIRE):
                return True
            if load_i32(&self.halted, ACQUIRE):
                return True
            spin_pause()
    return False
