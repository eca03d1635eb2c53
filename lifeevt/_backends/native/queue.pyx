"""QueueBase, native: the calls by which events enter and leave a queue, without a frame of Python.

The slow path of AsyncEventQueue takes the rest: an unknown type, a full queue that waits, an empty one, a user clock.
"""

from cpython.dict cimport PyDict_GetItemWithError
from cpython.float cimport PyFloat_AS_DOUBLE
from cpython.long cimport PyLong_AsLong
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from .heap cimport REFUSED, entry_of, offered, verdict_of
from .watch cimport enter
from ..nogil.futex cimport monotonic_ns
from ..nogil.heap cimport HEAP_ADMITTED, HEAP_REFUSED, HEAP_WAIT, heap_leave, heap_leave_quietly, heap_pop, heap_release
from ..nogil.type_table cimport types_admit, types_schedule
from ..nogil.order cimport HEAP_LEVELS, heap_slot

cdef enum:
    DELIVERED = 5
    TYPE = 0
    INTENSITY = 1
    METADATA = 2
    PRIORITY = 3
    URGENCY = 4
    LEFT = -1                   # in place of a policy: the overflow takes Python

cdef extern from *:
    """
    #include <structmember.h>
    #define LIFEEVT_IS_SLOT(member) \
        (Py_TYPE(member) == &PyMemberDescr_Type && ((PyMemberDescrObject*) (member))->d_member->type == T_OBJECT_EX)
    #define LIFEEVT_OFFSET(member) (((PyMemberDescrObject*) (member))->d_member->offset)
    #define LIFEEVT_SLOT(owner, offset) (*(PyObject**) ((char*) (owner) + (offset)))
    """
    bint LIFEEVT_IS_SLOT(object member)
    Py_ssize_t LIFEEVT_OFFSET(object member)
    PyObject* LIFEEVT_SLOT(PyObject* owner, Py_ssize_t offset)


cdef class QueueBase:
    """QueueBase in C: see the reference."""

    def _attach(self, heap, type_table, event_type, no_metadata, policies, raises, waits, coalesces):
        self.events, self.type_table = heap, type_table
        self.event_type, self.no_metadata = event_type, no_metadata
        self.waits_anywhere = any(waits)
        for place in range(HEAP_LEVELS):
            self.policies[place] = LEFT if coalesces[place] else policies[place]
            self.raises[place], self.waits[place] = raises[place], waits[place]
        for place, name in enumerate(("type", "intensity", "metadata", "priority", "urgency")):
            member = event_type.__dict__[name]
            if not LIFEEVT_IS_SLOT(member):
                raise TypeError(f"{event_type.__name__}.{name} is no slot")
            self.offsets[place] = LIFEEVT_OFFSET(member)

    def _use_fast_path(self, puts, gets):
        self.puts, self.gets = puts, gets

    def put(self, event, timeout=None):
        """Queue an event; False when a dropping policy refused it. O(log n).

        Blocks under ``block`` only, for up to ``timeout`` seconds of the clock (None: the policy's, or no limit).

        Raises:
            QueueFull: ``reject`` or ``coalesce`` refused it, or there was no room in time.
            QueueClosed: the queue is closed.
            InvalidEvent: ``event`` is no Event.
        """
        cdef int level = 0
        cdef int verdict = self.offer_plain(event, True, &level)
        if verdict == HEAP_ADMITTED:
            return True
        if verdict == HEAP_REFUSED and not self.raises[level]:
            return False
        if verdict == NOT_PLAIN or self.waits[level]:
            return self._put_slowly(event, timeout)
        return self._refuse(event)

    def put_nowait(self, event):
        """Queue an event without waiting; False when a dropping policy refused it. O(log n).

        Raises:
            QueueFull: another policy refused it.
            QueueClosed: the queue is closed.
            InvalidEvent: ``event`` is no Event.
        """
        cdef int level = 0
        cdef int verdict = self.offer_plain(event, False, &level)
        if verdict == HEAP_ADMITTED:
            return True
        if verdict == NOT_PLAIN:
            return self._put_nowait_slowly(event)
        return self._refuse(event) if self.raises[level] else False

    def put_many(self, events):
        """Queue events in one atomic step, and return how many were accepted. Does not block. O(k log n).

        Events without room are refused or shed by the policy, which is no error.

        Raises:
            QueueClosed: the queue is closed.
            InvalidEvent: one of them is no Event; none is accepted.
        """
        cdef list given = list(events)
        cdef Py_ssize_t count = len(given), index, taken = 0
        cdef offered* offers
        if not self.puts:
            return self._put_many_slowly(given)
        offers = <offered*> PyMem_Malloc((count + 1) * sizeof(offered))
        if offers == NULL:
            raise MemoryError
        try:
            for index in range(count):
                if not self.fill(given[index], monotonic_ns(), &offers[index]) or self.leaves(&offers[index]):
                    return self._put_many_slowly(given)
            self.events.reserve_payload()
            enter(&self.events.heap)
            for index in range(count):
                if types_admit(&self.type_table.table, &self.events.heap, &offers[index].event):
                    given[index] = self.events.place(
                        &offers[index], given[index], self.policies[offers[index].event.level]
                    )
                else:
                    offers[index].verdict = HEAP_REFUSED
            heap_leave(&self.events.heap)
            for index in range(count):
                verdict = verdict_of(&offers[index], given[index])
                taken += verdict is not REFUSED
                self.hand_back(verdict)
            return taken
        finally:
            PyMem_Free(offers)

    def get(self, timeout=None):
        """Take the most urgent event; wait up to ``timeout`` seconds of the clock for one (None: no limit). O(log n).

        Raises:
            QueueEmpty: no event came in time.
            QueueClosed: the queue is closed and empty.
        """
        event = self.pop_plain()
        return self._get_slowly(timeout) if event is None else event

    def get_nowait(self):
        """Take the most urgent event without waiting. O(log n).

        Raises:
            QueueEmpty: no event is queued.
            QueueClosed: the queue is closed and empty.
        """
        event = self.pop_plain()
        return self._get_nowait_slowly() if event is None else event

    cdef int fill(self, event, int64_t arrival_ns, offered* offer) noexcept:
        """Make an offer of an event; 0 when its level and budget take Python."""
        cdef PyObject* owner = <PyObject*> event
        cdef PyObject* priority
        cdef PyObject* found
        cdef int type_id
        if type(event) is not self.event_type or LIFEEVT_SLOT(owner, self.offsets[URGENCY]) == NULL:
            return 0        # every slot is set when the last one is
        found = PyDict_GetItemWithError(self.type_table.type_ids, <object> LIFEEVT_SLOT(owner, self.offsets[TYPE]))
        if found == NULL:
            return 0
        type_id = <int> PyLong_AsLong(<object> found)
        if self.type_table.table.types[type_id].exact != 1 and (
            self.type_table.table.types[type_id].exact < 0 or self.brings_metadata(owner)
        ):
            return 0
        types_schedule(
            &self.type_table.table, type_id, PyFloat_AS_DOUBLE(<object> LIFEEVT_SLOT(owner, self.offsets[URGENCY])),
            arrival_ns, &offer.event,
        )
        offer.event.intensity = PyFloat_AS_DOUBLE(<object> LIFEEVT_SLOT(owner, self.offsets[INTENSITY]))
        offer.event.timestamp = 0.0
        offer.event.has_object = True
        priority = LIFEEVT_SLOT(owner, self.offsets[PRIORITY])
        if <object> priority is not None:
            offer.event.level = <int> PyLong_AsLong(<object> priority)
        return 1

    cdef bint brings_metadata(self, PyObject* owner) noexcept:
        return LIFEEVT_SLOT(owner, self.offsets[METADATA]) != <PyObject*> self.no_metadata

    cdef inline bint leaves(self, const offered* offer) noexcept:
        """Return whether the overflow policy of its level takes Python."""
        return self.policies[offer.event.level] == LEFT

    cdef int offer_plain(self, event, bint may_wait, int* level) except -2:
        """Return a verdict of the heap, or NOT_PLAIN: the slow path must offer the event. Hands a shed event back."""
        cdef offered offer
        cdef int policy
        if not self.puts or not self.fill(event, monotonic_ns(), &offer):
            return NOT_PLAIN
        level[0] = offer.event.level
        policy = self.policies[level[0]]
        if policy == LEFT:
            return NOT_PLAIN
        if may_wait and self.waits[level[0]]:
            policy = HEAP_WAIT
        self.events.reserve_payload()
        enter(&self.events.heap)
        if self.raises[level[0]] and self.type_table.table.types[offer.event.type_id].bucket != NULL:
            heap_leave_quietly(&self.events.heap)
            return NOT_PLAIN    # the slow path raises the error
        if types_admit(&self.type_table.table, &self.events.heap, &offer.event):
            event = self.events.place(&offer, event, policy)
        else:
            offer.verdict = HEAP_REFUSED
        heap_leave(&self.events.heap)
        if offer.verdict == HEAP_ADMITTED or offer.verdict == HEAP_REFUSED:
            return offer.verdict
        self.hand_back(verdict_of(&offer, event))
        return HEAP_ADMITTED

    cdef object pop_plain(self):
        """Take the most urgent event as delivered; None: the slow path must take it."""
        cdef heap_slot out
        cdef int slot
        cdef object payload = None
        if not self.gets:
            return None
        enter(&self.events.heap)
        slot = heap_pop(&self.events.heap, HEAP_LEVELS, DELIVERED, &out)
        if slot >= 0:
            payload = self.events.take_payload(slot)
            heap_release(&self.events.heap, slot)
        heap_leave(&self.events.heap)
        if slot < 0 or out.event.has_object:
            return payload
        return self.event_of(entry_of(&out, None))
