"""The native twin: the same classes as `_core_py`, over C that holds numbers only.

This is the one module where C meets Python objects. Rules kept here: a C lock is tried first and
waited for without the GIL; while the heap's or a state's is held, no Python code can run: no object
is collected, no reference falls to zero, nobody is called back.
"""

import threading

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.number cimport PyNumber_Index
from libc.errno cimport EBUSY, ETIMEDOUT
from libc.math cimport isfinite, trunc
from libc.stdint cimport UINT64_MAX, int32_t, int64_t
from libc.string cimport memset

from ._cells cimport cell_block, cells_add, cells_clear, cells_init, cells_written
from ._heap cimport (
    HEAP_ENDS,
    HEAP_LEVELS,
    HEAP_NO_MEMORY,
    HEAP_REFUSED,
    HEAP_SHED,
    event_heap,
    heap_check,
    heap_clear,
    heap_finish,
    heap_init,
    heap_offer,
    heap_pop,
    heap_slot,
)
from ._histogram cimport (
    HISTOGRAM_BUCKETS,
    histogram,
    histogram_init,
    histogram_merge,
    histogram_percentile,
    histogram_record,
    histogram_upper,
)
from ._reflex cimport (
    REFLEX_IMPACTS,
    reflex_amounts,
    reflex_condition,
    reflex_outcome,
    reflex_pattern,
    reflex_respond,
    reflex_row,
    reflex_rule,
    reflex_rules,
    reflex_table,
)
from ._rwlock cimport (
    rwlock,
    rwlock_announce_writer,
    rwlock_destroy,
    rwlock_init,
    rwlock_now_ns,
    rwlock_read_within,
    rwlock_release,
    rwlock_try_read,
    rwlock_try_write,
    rwlock_write_within,
)

from ._contract import ADMITTED as _ADMITTED
from ._contract import REFUSED as _REFUSED
from ._contract import SHED_END as _SHED_END
from .errors import LockOrderError, LockTimeout

__all__ = ["TRACED", "EventHeap", "Histogram", "RWLock", "ReflexTable", "StateCells"]

cdef extern from * nogil:
    """
    #if defined(CYTHON_TRACE) && CYTHON_TRACE
    #define LIFEEVT_TRACED 1
    #else
    #define LIFEEVT_TRACED 0
    #endif
    """
    bint LIFEEVT_TRACED
    void __atomic_fetch_add(int64_t* place, int64_t amount, int order)

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_init(pthread_mutex_t* mutex, const void* attributes)
    int pthread_mutex_destroy(pthread_mutex_t* mutex)
    int pthread_mutex_trylock(pthread_mutex_t* mutex)
    int pthread_mutex_lock(pthread_mutex_t* mutex)
    int pthread_mutex_unlock(pthread_mutex_t* mutex)

TRACED = bool(LIFEEVT_TRACED)

cdef enum:
    NO_END = -1
    NO_LIMIT = -1
    SLICE_NS = 50_000_000       # a waiting main thread looks for Ctrl-C this often
    SHED_END = 2
    NS_PER_SECOND = 1_000_000_000

cdef object ADMITTED = _ADMITTED
cdef object REFUSED = _REFUSED
if _SHED_END != SHED_END:
    raise ImportError("the twins disagree about the number of the end SHED")


cdef inline void lock_mutex(pthread_mutex_t* mutex) noexcept:
    if pthread_mutex_trylock(mutex) != 0:
        with nogil:
            pthread_mutex_lock(mutex)


cdef struct offered:
    int64_t key
    int64_t arrival_ns
    int32_t level
    int verdict
    heap_slot victim


cdef int64_t whole(value) except? -1:
    """An integer as the reference takes it: by ``__index__``, so no float, and 64 bits wide."""
    return PyNumber_Index(value)


cdef int32_t checked_level(value) except -1:
    cdef int64_t level = whole(value)
    if not 0 <= level < HEAP_LEVELS:
        raise ValueError(f"level is {level}; it must lie in [0, {HEAP_LEVELS})")
    return <int32_t> level


cdef int checked_policy(value) except -1:
    cdef int64_t policy = whole(value)
    if not 0 <= policy <= 3:
        raise ValueError(f"{policy} is no policy")
    return <int> policy


cdef int checked_end(value, int64_t lowest) except -2:
    cdef int64_t end = whole(value)
    if not lowest <= end < HEAP_ENDS:
        raise ValueError(f"end is {end}; it must lie in [{lowest}, {HEAP_ENDS})")
    return <int> end


cdef class EventHeap:
    """A bounded priority heap that keeps the ledger; every call is one atomic step.

    The smallest key leaves first, equal keys in order of acceptance. Never blocks. O(log n) for
    offer and pop; shedding is O(1).
    """

    cdef event_heap heap
    cdef pthread_mutex_t mutex
    cdef list payloads          # by slot; touched only with the GIL, so the collector sees all of it
    cdef int limit

    def __cinit__(self, capacity):
        pthread_mutex_init(&self.mutex, NULL)
        cdef int64_t wanted = whole(capacity)
        if not 0 < wanted < <int64_t> 2**31:
            raise ValueError(f"capacity is {wanted}; it must lie in [1, 2**31)")
        self.limit = <int> wanted
        self.payloads = []
        if heap_init(&self.heap, self.limit) != 0:
            raise MemoryError

    def __dealloc__(self):
        heap_clear(&self.heap)
        pthread_mutex_destroy(&self.mutex)

    def __len__(self):
        """Return how many events are queued."""
        return self.heap.queued

    @property
    def capacity(self):
        """How many events fit."""
        return self.limit

    def offer(self, key, level, arrival_ns, payload, policy):
        """Take an event in: ADMITTED, REFUSED, or the entry that was shed to make room.

        REJECT refuses when full; so does WAIT, which does not count it. DROP_LOWEST sheds the newest,
        DROP_OLDEST the oldest event of the least important level, but never a more important one
        than the event offered. DROP_LOWEST also keeps what is queued when the levels are equal.
        """
        cdef offered offer
        offer.key, offer.level, offer.arrival_ns = whole(key), checked_level(level), whole(arrival_ns)
        cdef int how = checked_policy(policy)
        lock_mutex(&self.mutex)
        try:
            payload = self.place(&offer, payload, how)
        finally:
            pthread_mutex_unlock(&self.mutex)
        return verdict_of(&offer, payload)

    def offer_many(self, offers, policy):
        """Offer each in turn, in one atomic step; the verdicts come back in the same order."""
        cdef tuple given = tuple(offers)
        cdef Py_ssize_t count = len(given), index
        cdef int how = checked_policy(policy)
        cdef list payloads = [None] * count
        cdef offered* made = <offered*> PyMem_Malloc((count + 1) * sizeof(offered))
        if made == NULL:
            raise MemoryError
        try:
            for index in range(count):
                key, level, arrival_ns, payloads[index] = given[index]
                made[index].key, made[index].arrival_ns = whole(key), whole(arrival_ns)
                made[index].level = checked_level(level)
            lock_mutex(&self.mutex)
            try:
                for index in range(count):
                    payloads[index] = self.place(&made[index], payloads[index], how)
            finally:
                pthread_mutex_unlock(&self.mutex)
            return [verdict_of(&made[index], payloads[index]) for index in range(count)]
        finally:
            PyMem_Free(made)

    def pop(self, end=NO_END):
        """Remove the most urgent event, or return None; it is running until ``finish``.

        With ``end`` it ends at once and never runs.
        """
        return self.pop_head(HEAP_LEVELS, checked_end(end, NO_END))

    def pop_above(self, level, end=NO_END):
        """Like pop, but only when the most urgent event is of a more important level."""
        cdef int64_t above = max(<int64_t> -1, min(whole(level), <int64_t> HEAP_LEVELS))
        return self.pop_head(<int32_t> above, checked_end(end, NO_END))

    cdef object pop_head(self, int32_t above, int end):
        cdef heap_slot out
        cdef int32_t slot
        cdef object payload = None
        lock_mutex(&self.mutex)
        slot = heap_pop(&self.heap, above, end, &out)
        if slot >= 0:
            payload = self.payloads[slot]
            self.payloads[slot] = None
        pthread_mutex_unlock(&self.mutex)
        return None if slot < 0 else entry_of(&out, payload)

    def drain(self, limit, end):
        """Remove up to ``limit`` events in order, in one atomic step, and end them."""
        cdef Py_ssize_t count = max(min(whole(limit), <int64_t> self.heap.queued), <int64_t> 0), taken = 0, index
        cdef int how = checked_end(end, 0)
        cdef list payloads = [None] * count
        cdef int32_t slot
        cdef heap_slot* outs = <heap_slot*> PyMem_Malloc((count + 1) * sizeof(heap_slot))
        if outs == NULL:
            raise MemoryError
        try:
            lock_mutex(&self.mutex)
            for index in range(count):
                slot = heap_pop(&self.heap, HEAP_LEVELS, how, &outs[index])
                if slot < 0:
                    break
                payloads[index] = self.payloads[slot]
                self.payloads[slot] = None
                taken += 1
            pthread_mutex_unlock(&self.mutex)
            return [entry_of(&outs[index], payloads[index]) for index in range(taken)]
        finally:
            PyMem_Free(outs)

    def finish(self, end):
        """Move one running event to its end; ValueError when none is running."""
        cdef int how = checked_end(end, 0)
        lock_mutex(&self.mutex)
        cdef int code = heap_finish(&self.heap, how)
        pthread_mutex_unlock(&self.mutex)
        if code != 0:
            raise ValueError("no event is running")

    def counts(self):
        """Return (accepted, refused, queued, running, ends, high water), all of one instant."""
        cdef event_heap seen
        lock_mutex(&self.mutex)
        seen = self.heap
        pthread_mutex_unlock(&self.mutex)
        cdef tuple ends = tuple([seen.ends[end] for end in range(HEAP_ENDS)])
        return seen.accepted, seen.refused, seen.queued, seen.running, ends, seen.high_water

    def depths(self):
        """Return how many events are queued on each level."""
        cdef event_heap seen
        lock_mutex(&self.mutex)
        seen = self.heap
        pthread_mutex_unlock(&self.mutex)
        return tuple([seen.depth[level] for level in range(HEAP_LEVELS)])

    def check(self):
        """Raise AssertionError unless the structure is sound. O(n)."""
        lock_mutex(&self.mutex)
        cdef int code = heap_check(&self.heap)
        pthread_mutex_unlock(&self.mutex)
        if code == 3:
            raise AssertionError("the ledger does not balance")
        if code != 0:
            raise AssertionError("the heap, its entries and its levels disagree")

    cdef object place(self, offered* offer, payload, int policy):
        """Offer one event under the mutex; give back the payload that now belongs to the caller."""
        cdef int32_t slot = -1
        cdef object before
        if len(self.payloads) <= self.heap.slots_made:      # first, so that nothing can fail later
            self.payloads.append(None)
        offer.verdict = heap_offer(
            &self.heap, offer.key, offer.level, offer.arrival_ns, policy, SHED_END, &slot, &offer.victim
        )
        if slot < 0:
            return payload
        before = self.payloads[slot]
        self.payloads[slot] = payload
        return before


cdef object verdict_of(offered* offer, payload):
    if offer.verdict == HEAP_NO_MEMORY:
        raise MemoryError
    if offer.verdict == HEAP_REFUSED:
        return REFUSED
    if offer.verdict == HEAP_SHED:
        return entry_of(&offer.victim, payload)
    return ADMITTED


cdef tuple entry_of(heap_slot* slot, payload):
    return payload, slot.key, slot.level, slot.arrival_ns, slot.sequence


cdef int64_t limit_of(timeout_ns) except? -2:
    return NO_LIMIT if timeout_ns is None else max(whole(timeout_ns), <int64_t> 0)


cdef inline int take(rwlock* lock, bint writing, int64_t limit_ns) except -1:
    """Enter the lock: try first, for a free one costs no switch of the GIL."""
    cdef int code = rwlock_try_write(lock) if writing else rwlock_try_read(lock)
    return 0 if code == 0 else wait_for(lock, writing, limit_ns)


cdef int wait_for(rwlock* lock, bint writing, int64_t limit_ns) except -1:
    """Wait without the GIL, in slices that answer signals; a writer keeps its place between them."""
    cdef int64_t started_ns = rwlock_now_ns(), left_ns = SLICE_NS
    cdef int code = ETIMEDOUT
    rwlock_announce_writer(lock, writing)
    try:
        while code == ETIMEDOUT or code == EBUSY:
            if limit_ns != NO_LIMIT:
                left_ns = limit_ns - (rwlock_now_ns() - started_ns)
            if left_ns <= 0:
                raise LockTimeout(f"the lock was not free within {limit_ns / NS_PER_SECOND:g} s")
            code = wait_slice(lock, writing, min(left_ns, <int64_t> SLICE_NS))
            if code != 0:
                PyErr_CheckSignals()
    finally:
        rwlock_announce_writer(lock, -<int32_t> writing)
    if code != 0:
        raise OSError(code, "a read-write lock failed")
    return 0


cdef int wait_slice(rwlock* lock, bint writing, int64_t wait_ns) noexcept:
    cdef int code
    with nogil:
        code = rwlock_write_within(lock, wait_ns) if writing else rwlock_read_within(lock, wait_ns)
    return code


cdef class RWLock:
    """A read-write lock that prefers writers and refuses re-entry.

    While a writer waits no new reader enters. A thread that holds the lock in any mode gets
    LockOrderError at once when it asks again; LockTimeout after ``timeout_ns``.
    """

    cdef rwlock lock
    cdef set readers
    cdef object writer
    cdef object __weakref__

    def __cinit__(self):
        if rwlock_init(&self.lock) != 0:
            raise MemoryError
        self.readers = set()
        self.writer = None

    def __init__(self):
        """Start free. (``__cinit__`` alone would let any argument pass.)"""

    def __dealloc__(self):
        rwlock_destroy(&self.lock)

    def acquire_read(self, timeout_ns=None):
        """Enter as a reader; blocks while a writer holds the lock or waits for it."""
        cdef int64_t limit_ns = limit_of(timeout_ns)
        cdef object me = self.newcomer()
        take(&self.lock, False, limit_ns)
        self.readers.add(me)

    def release_read(self):
        """Leave as a reader; LockOrderError when this thread is none."""
        cdef object me = threading.get_ident()
        if me not in self.readers:
            raise LockOrderError("this thread does not hold the lock for reading")
        self.readers.discard(me)
        rwlock_release(&self.lock)

    def acquire_write(self, timeout_ns=None):
        """Enter as the only holder; blocks while anybody holds the lock."""
        cdef int64_t limit_ns = limit_of(timeout_ns)
        cdef object me = self.newcomer()
        take(&self.lock, True, limit_ns)
        self.writer = me

    def release_write(self):
        """Leave as the writer; LockOrderError when this thread is not."""
        if self.writer != threading.get_ident():
            raise LockOrderError("this thread does not hold the lock for writing")
        self.writer = None
        rwlock_release(&self.lock)

    cdef object newcomer(self):
        cdef object me = threading.get_ident()
        if me in self.readers or me == self.writer:
            raise LockOrderError("this thread holds the lock already")
        return me


cdef tuple listed(sequence):
    """Copy a sequence, for a number's __index__ may change the caller's list; an iterator is none."""
    len(sequence)
    return tuple(sequence)


cdef double finite(value) except? -1.0:
    cdef double number = value
    if not isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


cdef int32_t index_in(value, int32_t length) except -1:
    cdef int64_t index = whole(value)
    if not 0 <= index < length:
        raise IndexError(f"index {index} of {length}")
    return <int32_t> index


cdef class StateCells:
    """Bounded numbers under a read-write lock, with a version that counts writes.

    All calls are atomic and thread-safe; they block only for another call's few operations.
    """

    cdef rwlock lock
    cdef cell_block block
    cdef int64_t reads

    def __cinit__(self, values, lows, highs, integers):
        cdef tuple given = listed(values), least = listed(lows), most = listed(highs), whole_ones = listed(integers)
        cdef Py_ssize_t index, count = len(given)
        if rwlock_init(&self.lock) != 0:
            raise MemoryError
        if not count == len(least) == len(most) == len(whole_ones):
            raise ValueError("values, lows, highs and integers differ in length")
        if cells_init(&self.block, count) != 0:
            raise MemoryError
        for index in range(count):
            self.block.cells[index].low = finite(least[index])
            self.block.cells[index].high = finite(most[index])
            self.block.cells[index].integer = bool(whole_ones[index])
            self.check_bounds(index)
            self.block.cells[index].value = self.bounded(index, given[index])

    def __dealloc__(self):
        cells_clear(&self.block)
        rwlock_destroy(&self.lock)

    def __len__(self):
        """Return the number of cells."""
        return self.block.length

    @property
    def version(self):
        """How many writes there were."""
        take(&self.lock, False, NO_LIMIT)
        cdef int64_t version = self.block.version
        rwlock_release(&self.lock)
        return version

    def read(self, index):
        """Return one cell; IndexError outside. O(1)."""
        cdef int32_t place = index_in(index, self.block.length)
        take(&self.lock, False, NO_LIMIT)
        cdef double value = self.block.cells[place].value
        rwlock_release(&self.lock)
        __atomic_fetch_add(&self.reads, 1, 0)
        return value

    def read_all(self):
        """Return the version and all cells of one instant. O(cells)."""
        cdef Py_ssize_t index, length = self.block.length
        cdef int64_t version
        cdef double* seen = <double*> PyMem_Malloc((length + 1) * sizeof(double))
        if seen == NULL:
            raise MemoryError
        try:
            take(&self.lock, False, NO_LIMIT)
            for index in range(length):
                seen[index] = self.block.cells[index].value
            version = self.block.version
            rwlock_release(&self.lock)
            __atomic_fetch_add(&self.reads, 1, 0)
            return version, tuple([seen[index] for index in range(length)])
        finally:
            PyMem_Free(seen)

    def write(self, index, value):
        """Store a value and return the new version; ValueError for NaN or outside the bounds. O(1)."""
        cdef int32_t place = index_in(index, self.block.length)
        cdef double number = self.bounded(place, value)
        take(&self.lock, True, NO_LIMIT)
        self.block.cells[place].value = number
        cdef int64_t version = cells_written(&self.block)
        rwlock_release(&self.lock)
        return version

    def add(self, indices, deltas):
        """Add each delta to its cell, clamped to its bounds, all or nothing; return the new version.

        ValueError for a delta that is not finite. O(deltas).
        """
        cdef tuple into = listed(indices), given = listed(deltas)
        cdef Py_ssize_t count = len(into), index
        if count != len(given):
            raise ValueError("indices and deltas differ in length")
        cdef int32_t* places = <int32_t*> PyMem_Malloc((count + 1) * sizeof(int32_t))
        cdef double* amounts = <double*> PyMem_Malloc((count + 1) * sizeof(double))
        try:
            if places == NULL or amounts == NULL:
                raise MemoryError
            for index in range(count):
                places[index] = index_in(into[index], self.block.length)
            for index in range(count):
                amounts[index] = finite(given[index])
            return self.added(places, amounts, count)
        finally:
            PyMem_Free(places)
            PyMem_Free(amounts)

    def counts(self):
        """Return how many reads and writes there were; reads may be a few short under contention."""
        return self.reads, self.block.writes

    cdef int64_t added(self, int32_t* places, double* amounts, Py_ssize_t count) except -1:
        cdef Py_ssize_t index
        take(&self.lock, True, NO_LIMIT)
        for index in range(count):
            cells_add(&self.block, places[index], amounts[index])
        cdef int64_t version = cells_written(&self.block)
        rwlock_release(&self.lock)
        return version

    cdef int check_bounds(self, Py_ssize_t index) except -1:
        cdef double low = self.block.cells[index].low, high = self.block.cells[index].high
        if self.block.cells[index].integer and (low != trunc(low) or high != trunc(high)):
            raise ValueError(f"an integer cell has the bounds [{low}, {high}]")
        return 0

    cdef double bounded(self, Py_ssize_t index, value) except? -1.0:
        cdef double number = finite(value)
        if self.block.cells[index].integer:
            number = trunc(number) + 0.0
        if not self.block.cells[index].low <= number <= self.block.cells[index].high:
            raise ValueError(
                f"{number} lies outside [{self.block.cells[index].low}, {self.block.cells[index].high}]"
            )
        return number


cdef void* zeroed(size_t size) except NULL:
    cdef void* block = PyMem_Malloc(size + 1)
    if block == NULL:
        raise MemoryError
    memset(block, 0, size + 1)
    return block


cdef int fill_amounts(reflex_amounts* into, amounts, int32_t fields) except -1:
    if len(amounts) > REFLEX_IMPACTS:
        raise ValueError(f"{len(amounts)} fields; one response may touch at most {REFLEX_IMPACTS}")
    for field, amount in amounts:
        into.cells[into.length] = index_in(field, fields)
        into.amounts[into.length] = finite(amount)
        into.length += 1
    return 0


cdef tuple frozen(rules):
    return tuple([(tuple(conditions), outcome) for conditions, outcome in rules])


cdef class ReflexTable:
    """Responses as numbers: appraise, decide and apply, in one atomic step on the cells.

    The rules are Life's in shape; the numbers are the caller's. ``rows`` hold (weight, impacts,
    gains); ``sensitizers`` all multiply the significance, the first matching of ``dampers`` the
    impact, the first matching of ``decisions`` chooses one of ``patterns`` (ignores, factor, costs).
    """

    cdef reflex_table table
    cdef int32_t fields
    cdef int32_t conditions_used

    def __cinit__(self, fields, rows, sensitizers, dampers, decisions, patterns):
        cdef int32_t total = 0
        cdef int64_t wanted = whole(fields)
        self.fields = <int32_t> max(<int64_t> 0, min(wanted, <int64_t> 2**31 - 1))
        rows = tuple([(weight, listed(impacts), listed(gains)) for weight, impacts, gains in rows])
        patterns = tuple([(ignores, factor, listed(costs)) for ignores, factor, costs in patterns])
        sensitizers, dampers, decisions = frozen(sensitizers), frozen(dampers), frozen(decisions)
        for conditions, _ in sensitizers + dampers + decisions:
            total += len(conditions)
        self.table.conditions = <reflex_condition*> zeroed(total * sizeof(reflex_condition))
        self.fill_rows(rows)
        self.fill_rules(&self.table.sensitizers, sensitizers, 0)
        self.fill_rules(&self.table.dampers, dampers, 0)
        self.fill_patterns(patterns)
        self.fill_rules(&self.table.decisions, decisions, len(patterns))

    def __dealloc__(self):
        PyMem_Free(self.table.conditions)
        PyMem_Free(self.table.rows)
        PyMem_Free(self.table.patterns)
        PyMem_Free(self.table.sensitizers.rules)
        PyMem_Free(self.table.dampers.rules)
        PyMem_Free(self.table.decisions.rules)

    def __len__(self):
        """Return the number of rows."""
        return self.table.rows_length

    def respond(self, StateCells cells not None, row, intensity, recall_max=0.0, recall_mean=0.0):
        """Answer one event: (significance, pattern, impacts, applied, version before, version after).

        ``recall_max`` and ``recall_mean`` summarise remembered significances. The pattern is
        NO_PATTERN, and nothing is written, when the significance is 0 or no decision matches.
        """
        cdef int32_t place = index_in(row, self.table.rows_length)
        cdef double strength = finite(intensity), recalled = finite(recall_max), mean = finite(recall_mean)
        cdef reflex_outcome outcome
        if cells.block.length != self.fields:
            raise ValueError(f"the table is for {self.fields} cells, the state has {cells.block.length}")
        take(&cells.lock, True, NO_LIMIT)
        reflex_respond(&self.table, &cells.block, place, strength, recalled, mean, &outcome)
        rwlock_release(&cells.lock)
        return (
            outcome.significance,
            outcome.pattern,
            tuple([outcome.impacts[place] for place in range(outcome.length)]),
            tuple([outcome.applied[place] for place in range(outcome.length)]),
            outcome.version_before,
            outcome.version_after,
        )

    cdef int fill_rows(self, rows) except -1:
        cdef reflex_row* row
        self.table.rows = <reflex_row*> zeroed(len(rows) * sizeof(reflex_row))
        for weight, impacts, gains in rows:
            row = &self.table.rows[self.table.rows_length]
            row.weight = finite(weight)
            fill_amounts(&row.impacts, impacts, self.fields)
            if len(gains) > REFLEX_IMPACTS:
                raise ValueError(f"{len(gains)} gains; one response may have at most {REFLEX_IMPACTS}")
            for target, source in gains:
                row.gain_targets[row.gains] = index_in(target, self.fields)
                row.gain_sources[row.gains] = index_in(source, self.fields)
                row.gains += 1
            self.table.rows_length += 1
        return 0

    cdef int fill_patterns(self, patterns) except -1:
        cdef reflex_pattern* pattern
        self.table.patterns = <reflex_pattern*> zeroed(len(patterns) * sizeof(reflex_pattern))
        for ignores, factor, costs in patterns:
            pattern = &self.table.patterns[self.table.patterns_length]
            pattern.ignores = bool(ignores)
            pattern.factor = finite(factor)
            fill_amounts(&pattern.costs, costs, self.fields)
            self.table.patterns_length += 1
        return 0

    cdef int fill_rules(self, reflex_rules* into, rules, int32_t choices) except -1:
        """Copy rules whose outcome is a factor or, when there are ``choices``, a pattern's index."""
        cdef reflex_rule* rule
        cdef bint choosing = into == &self.table.decisions
        into.rules = <reflex_rule*> zeroed(len(rules) * sizeof(reflex_rule))
        for conditions, outcome in rules:
            rule = &into.rules[into.length]
            rule.first, rule.conditions = self.conditions_used, len(conditions)
            self.fill_conditions(conditions)
            if choosing:
                rule.choice = index_in(outcome, choices)
            else:
                rule.factor = finite(outcome)
            into.length += 1
        return 0

    cdef int fill_conditions(self, conditions) except -1:
        cdef reflex_condition* condition
        cdef int64_t place, how
        for source, operation, threshold in conditions:
            place, how = whole(source), whole(operation)
            if not -3 <= place < self.fields:
                raise IndexError(f"input {place} of {self.fields}")
            if not 0 <= how <= 3:
                raise ValueError(f"{how} is no operator")
            condition = &self.table.conditions[self.conditions_used]
            condition.source, condition.operation = <int32_t> place, <int32_t> how
            condition.threshold = finite(threshold)
            self.conditions_used += 1
        return 0


@cython.final
cdef class Histogram:
    """Counts of durations in log-linear buckets, each at most 1/64 wide; thread-safe.

    The layout is that of HdrHistogram: linear up to 64 ns, then 64 buckets a power of two. O(1).
    """

    cdef histogram counted

    def __cinit__(self):
        histogram_init(&self.counted)

    def __init__(self):
        """Start empty. (``__cinit__`` alone would let any argument pass.)"""

    @property
    def count(self):
        """How many durations were recorded."""
        return self.counted.count

    @property
    def total(self):
        """The sum of the durations in nanoseconds."""
        return (<object> self.counted.total_high << 64) + self.counted.total_low

    @property
    def minimum(self):
        """The shortest duration in nanoseconds, 0 when empty."""
        return 0 if self.counted.minimum == UINT64_MAX else self.counted.minimum

    @property
    def maximum(self):
        """The longest duration in nanoseconds, 0 when empty."""
        return self.counted.maximum

    def record(self, duration_ns):
        """Count one duration in nanoseconds; a negative one counts as 0."""
        histogram_record(&self.counted, whole(duration_ns))

    def percentile(self, double percent):
        """Return the duration that ``percent`` of the records do not exceed, 0 when empty. O(buckets)."""
        if not 0.0 <= percent <= 100.0:
            raise ValueError(f"percent is {percent}; it must lie in [0, 100]")
        return histogram_percentile(&self.counted, percent)

    def merge(self, Histogram other not None):
        """Add everything that ``other`` counted. O(buckets)."""
        histogram_merge(&self.counted, &other.counted)

    def buckets(self):
        """Return (largest duration, count) of every bucket in use, shortest first."""
        cdef int index
        return [
            (histogram_upper(index), self.counted.counts[index])
            for index in range(HISTOGRAM_BUCKETS) if self.counted.counts[index]
        ]
