"""EventHeap, native: the heap of C, and beside it a list with the Python objects of its slots.

While its mutex is held no Python code can run: no object is collected, no reference falls to zero.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int32_t, int64_t, uint64_t

from .arrays cimport CHUNK, NumberOffers
from .numbers cimport index_in, whole
from .watch cimport Watched, enter
from ..nogil.atomics cimport RELAXED, load_i32
from ..nogil.heap cimport (
    HEAP_ENDS, HEAP_NO_MEMORY, HEAP_OBJECT, HEAP_REFUSED, HEAP_SHED, HEAP_TRACKED, heap_book, heap_bring_back,
    heap_check, heap_clear, heap_enter, heap_finish, heap_head, heap_holds, heap_init, heap_leave,
    heap_leave_quietly, heap_next_stale, heap_offer, heap_pause, heap_pop, heap_postpone, heap_release,
    heap_replace, heap_shift, heap_withdraw,
)
from ..nogil.order cimport HEAP_LEVELS, HELD, heap_slot
from ..nogil.pausing cimport heap_return_all
from ..nogil.type_table cimport NO_TYPE_ID

from ..contract import ADMITTED as _ADMITTED, REFUSED as _REFUSED, SHED_END as _SHED_END
from ..fork import keep

cdef enum:
    SWEPT = 32                  # stale payloads dropped in one go
    FEW = 512                   # so few events are taken in without giving the GIL away

ADMITTED, REFUSED = _ADMITTED, _REFUSED
cdef int SHED_END = _SHED_END


@cython.no_gc_clear     # the list of payloads can be cleared, and that breaks every cycle
cdef class EventHeap(Watched):
    """EventHeap in C: see the reference."""

    def __cinit__(self, capacity):
        cdef int64_t wanted = whole(capacity)
        if not 0 < wanted < <int64_t> 2**31:
            raise ValueError(f"capacity is {wanted}; it must lie in [1, 2**31)")
        self.capacity = <int32_t> wanted
        self.payloads = []
        if heap_init(&self.heap, self.capacity) != 0:
            raise MemoryError
        keep(self)

    def __dealloc__(self):
        heap_clear(&self.heap)

    def __len__(self):
        return load_i32(&self.heap.queued, RELAXED)

    def offer(
        self, int64_t key, int32_t level, int64_t arrival_ns, payload, int policy, int32_t type_id=NO_TYPE_ID,
        double intensity=0.0,
    ):
        cdef offered offer
        fill_offer(&offer, key, level, arrival_ns, type_id, intensity)
        self.reserve_payload()
        enter(&self.heap)
        payload = self.place(&offer, payload, policy)
        heap_leave(&self.heap)
        return verdict_of(&offer, payload)

    def offer_tracked(
        self, int64_t key, int32_t level, int64_t arrival_ns, payload, int policy, int32_t type_id=NO_TYPE_ID,
        double intensity=0.0, bint held=False,
    ):
        cdef offered offer
        fill_offer(&offer, key, level, arrival_ns, type_id, intensity)
        offer.event.has_object = HEAP_OBJECT | HEAP_TRACKED
        if held:
            offer.event.run = HELD
        self.reserve_payload()
        enter(&self.heap)
        cdef uint64_t sequence = self.heap.accepted
        payload = self.place(&offer, payload, policy)
        heap_leave(&self.heap)
        return verdict_of(&offer, payload), None if offer.slot < 0 else (sequence, offer.slot)

    def withdraw(self, ticket, int end):
        cdef ticket_of given = read_ticket(ticket)
        index_in(end, HEAP_ENDS)
        cdef heap_slot out
        cdef object payload = None
        enter(&self.heap)
        cdef bint there = heap_holds(&self.heap, given.slot, given.sequence)
        if there:
            heap_withdraw(&self.heap, given.slot, end, &out)
            payload = self.take_payload(given.slot)
            heap_release(&self.heap, given.slot)
        heap_leave(&self.heap)
        return entry_of(&out, payload) if there else None

    def replace(
        self, ticket, int64_t key, int32_t level, payload, int32_t type_id=NO_TYPE_ID, double intensity=0.0
    ):
        cdef ticket_of given = read_ticket(ticket)
        cdef offered offer
        fill_offer(&offer, key, level, 0, type_id, intensity)
        offer.event.has_object = HEAP_OBJECT | HEAP_TRACKED
        cdef object _before = None
        cdef int code = 0
        enter(&self.heap)
        cdef bint there = heap_holds(&self.heap, given.slot, given.sequence)
        if there:
            code = heap_replace(&self.heap, given.slot, &offer.event)
            if code == 0:
                _before = self.store_payload(given.slot, payload)
        heap_leave(&self.heap)
        if code != 0:
            raise MemoryError
        return there

    def bring_back(self, ticket):
        cdef ticket_of given = read_ticket(ticket)
        enter(&self.heap)
        cdef bint there = heap_holds(&self.heap, given.slot, given.sequence)
        cdef int code = heap_bring_back(&self.heap, given.slot) if there else 0
        heap_leave(&self.heap)
        if code != 0:
            raise MemoryError
        return there

    def pause(self, level, type_id, bint paused):
        cdef int32_t height = -1 if level is None else level, number = -1 if type_id is None else type_id
        enter(&self.heap)
        cdef int code = heap_pause(&self.heap, height, number, paused)
        heap_leave(&self.heap)
        if code != 0:
            raise MemoryError

    def book(self, int end):
        index_in(end, HEAP_ENDS)
        enter(&self.heap)
        cdef uint64_t sequence = heap_book(&self.heap, end)
        heap_leave(&self.heap)
        return sequence

    def offer_many(self, offers, policy, numbers=None):
        cdef tuple given = tuple(offers)
        cdef Py_ssize_t count = len(given), index = 0
        cdef int[HEAP_LEVELS] how
        fill_policies(how, policy)
        cdef list payloads = [None] * count
        cdef offered* made = <offered*> PyMem_Malloc((count + 1) * sizeof(offered))
        if made == NULL:
            raise MemoryError
        try:
            if numbers is None:
                numbers = [(NO_TYPE_ID, 0.0)] * count
            for (key, level, arrival_ns, payload), (type_id, intensity) in zip(given, numbers, strict=True):
                fill_offer(&made[index], key, level, arrival_ns, type_id, intensity)
                payloads[index] = payload
                index += 1
            self.reserve_payload()
            enter(&self.heap)
            for index in range(count):
                payloads[index] = self.place(&made[index], payloads[index], how[made[index].event.level])
            heap_leave(&self.heap)
            return [verdict_of(&made[index], payloads[index]) for index in range(count)]
        finally:
            PyMem_Free(made)

    def offer_numbers(self, type_table, types, intensities, timestamps, arrival_ns, policy):
        cdef NumberOffers given = NumberOffers(type_table, types, intensities, timestamps, arrival_ns)
        cdef int[HEAP_LEVELS] how
        fill_policies(how, policy)
        cdef list shed = []
        cdef Py_ssize_t taken = 0
        given.check()
        while given.next < given.length:
            if given.length - given.next > FEW:
                with nogil:
                    taken += given.offer_while_room(&self.heap)
            taken += self.offer_some(given, how, shed)
        return taken, shed

    cdef Py_ssize_t offer_some(self, NumberOffers given, const int* how, list shed) except -1:
        """Offer the next few in one step, by the policy; append the entries that are shed for them."""
        cdef Py_ssize_t count = min(given.length - given.next, <Py_ssize_t> CHUNK), index, taken = 0
        cdef offered[CHUNK] made
        cdef list payloads = [None] * count
        for index in range(count):
            given.fill(&made[index].event, given.next + index)
        enter(&self.heap)
        for index in range(count):
            if given.admits(&self.heap, &made[index].event):
                payloads[index] = self.place_number(&made[index], how[made[index].event.level])
            else:
                made[index].verdict = HEAP_REFUSED
        heap_leave(&self.heap)
        given.next += count
        for index in range(count):
            verdict = verdict_of(&made[index], payloads[index])
            taken += verdict is not REFUSED
            if verdict is not REFUSED and verdict is not ADMITTED:
                shed.append(verdict)
        return taken

    cdef object place_number(self, offered* offer, int policy):
        """Offer an event without an object, from inside the heap; return the object of its victim."""
        cdef object before
        offer.slot = -1
        offer.verdict = heap_offer(&self.heap, &offer.event, policy, SHED_END, &offer.slot, &offer.victim)
        if offer.slot < 0 or offer.slot >= len(self.payloads):
            return None
        before = self.payloads[offer.slot]
        self.payloads[offer.slot] = None
        return before

    def pop(self, int end=NO_END):
        return self.pop_head(HEAP_LEVELS, end)

    def pop_above(self, int64_t level, int end=NO_END):
        return self.pop_head(<int32_t> max(<int64_t> -1, min(level, <int64_t> HEAP_LEVELS)), end)

    cdef object pop_head(self, int32_t above, int end):
        cdef heap_slot out
        cdef int32_t slot
        cdef object payload = None
        cdef bint unsettled = True
        if end != NO_END:
            index_in(end, HEAP_ENDS)
        while unsettled:
            enter(&self.heap)
            slot = heap_pop(&self.heap, above, end, &out)
            if slot >= 0:
                payload = self.take_payload(slot)
                heap_release(&self.heap, slot)
            unsettled = slot < 0 and self.heap.unsettled
            heap_leave(&self.heap)
        return None if slot < 0 else entry_of(&out, payload)

    def head(self):
        cdef heap_slot seen
        cdef int32_t slot, unsettled = True
        while unsettled:
            enter(&self.heap)
            slot = heap_head(&self.heap)
            if slot >= 0:
                seen = self.heap.slots[slot]
            unsettled = slot < 0 and self.heap.unsettled
            heap_leave_quietly(&self.heap)
        return None if slot < 0 else (seen.event.key, seen.event.level, seen.event.type_id)

    def drain(self, limit, int end, bint every=False):
        cdef Py_ssize_t taken = 0, index
        cdef Py_ssize_t count = max(min(whole(limit), <int64_t> load_i32(&self.heap.queued, RELAXED)), <int64_t> 0)
        cdef list payloads = [None] * count
        cdef int32_t slot, paused
        index_in(end, HEAP_ENDS)
        cdef heap_slot* outs = <heap_slot*> PyMem_Malloc((count + 1) * sizeof(heap_slot))
        if outs == NULL:
            raise MemoryError
        try:
            enter(&self.heap)
            paused = self.heap.paused_count
            if every and heap_return_all(&self.heap) == 0:
                self.heap.paused_count = 0
            for index in range(count):
                slot = heap_pop(&self.heap, HEAP_LEVELS, end, &outs[index])
                while slot < 0 and self.heap.unsettled:
                    slot = heap_pop(&self.heap, HEAP_LEVELS, end, &outs[index])
                if slot < 0:
                    break
                payloads[index] = self.take_payload(slot)
                heap_release(&self.heap, slot)
                taken += 1
            self.heap.paused_count = paused
            heap_leave(&self.heap)
            return [entry_of(&outs[index], payloads[index]) for index in range(taken)]
        finally:
            PyMem_Free(outs)

    def finish(self, int end):
        index_in(end, HEAP_ENDS)
        enter(&self.heap)
        cdef int code = heap_finish(&self.heap, end)
        heap_leave(&self.heap)
        if code != 0:
            raise ValueError("no event is running")

    def counts(self):
        enter(&self.heap)
        cdef tuple seen = (
            self.heap.accepted, self.heap.refused, self.heap.queued, self.heap.running,
            tuple([self.heap.ends[end] for end in range(HEAP_ENDS)]), self.heap.high_water,
        )
        heap_leave(&self.heap)
        return seen

    def depths(self):
        cdef int32_t[HEAP_LEVELS] seen
        enter(&self.heap)
        seen = self.heap.depth
        heap_leave(&self.heap)
        return tuple([seen[level] for level in range(HEAP_LEVELS)])

    def shift(self, offsets):
        cdef int64_t[HEAP_LEVELS] wanted
        cdef int code, level
        for level, offset in zip(range(HEAP_LEVELS), offsets, strict=True):
            wanted[level] = offset
        with nogil:
            heap_enter(&self.heap)
            code = heap_shift(&self.heap, wanted)
            heap_leave(&self.heap)
        if code != 0:
            raise MemoryError

    def postpone(self, int64_t before, int64_t by_ns, int32_t level):
        cdef int64_t moved
        index_in(level, HEAP_LEVELS)
        with nogil:
            heap_enter(&self.heap)
            moved = heap_postpone(&self.heap, before, by_ns, level)
            heap_leave(&self.heap)
        if moved < 0:
            raise MemoryError
        return moved

    def check(self):
        enter(&self.heap)
        cdef int code = heap_check(&self.heap)
        heap_leave(&self.heap)
        if code == 3:
            raise AssertionError("the ledger does not balance")
        if code != 0:
            raise AssertionError("the heap, its entries and its levels disagree")

    cdef object place(self, offered* offer, payload, int policy):
        """Offer one event from inside the heap; return the object that now belongs to the caller.

        The slot held it before: the object of a victim, or one that a reader without the GIL left there.
        """
        offer.slot = -1
        offer.verdict = heap_offer(&self.heap, &offer.event, policy, SHED_END, &offer.slot, &offer.victim)
        return payload if offer.slot < 0 else self.store_payload(offer.slot, payload)

    cdef object store_payload(self, int32_t slot, payload):
        """Store the object of a slot, from inside the heap; return the one that was there."""
        cdef object before
        while len(self.payloads) <= slot:
            self.payloads.append(None)
        before = self.payloads[slot]
        self.payloads[slot] = payload
        self.heap.slots[slot].event.has_object |= HEAP_OBJECT
        return before

    cdef object take_payload(self, int32_t slot):
        """Take the object of a slot, from inside the heap; None when it has none."""
        cdef object payload
        if not self.heap.slots[slot].event.has_object:
            return None
        payload = self.payloads[slot]
        self.payloads[slot] = None
        return payload

    cdef int reserve_payload(self) except -1:
        """Make room for the next object before an offer enters the heap: nothing may fail in there."""
        while len(self.payloads) <= load_i32(&self.heap.slots_made, RELAXED):
            enter(&self.heap)   # without a GIL another thread may write into the list that grows
            try:
                self.payloads.append(None)
            finally:
                heap_leave_quietly(&self.heap)
        return 0

    cdef int drop_stale(self) except -1:
        """Drop the objects of stale slots, a few at a time, outside the heap."""
        cdef list dropped
        cdef int32_t slot, count = SWEPT
        while count == SWEPT and load_i32(&self.heap.stale_slot, RELAXED) >= 0:
            dropped, count = [None] * SWEPT, 0
            enter(&self.heap)
            while count < SWEPT:
                slot = heap_next_stale(&self.heap)
                if slot < 0:
                    break
                if slot < len(self.payloads):   # the collector may have cleared the list
                    dropped[count] = self.payloads[slot]
                    self.payloads[slot] = None
                count += 1
            heap_leave(&self.heap)
        return 0


cdef object verdict_of(const offered* offer, payload):
    if offer.verdict == HEAP_NO_MEMORY:
        raise MemoryError
    if offer.verdict == HEAP_REFUSED:
        return REFUSED
    if offer.verdict == HEAP_SHED:
        return entry_of(&offer.victim, payload)
    return ADMITTED
