"""Submitter, native: events from code that has no Python object to give, and need not have the GIL."""

from libc.stdint cimport int32_t, int64_t

from .heap cimport EventHeap
from .type_table cimport TypeTable
from .numbers cimport finite, whole
from .watch cimport enter
from ..nogil.futex cimport monotonic_ns
from ..nogil.heap cimport HEAP_ADMITTED, HEAP_REJECT, heap_enter, heap_leave, heap_leave_quietly, heap_offer
from ..nogil.type_table cimport types_admit, types_schedule
from ..nogil.order cimport heap_event, heap_slot

cdef enum:
    NO_END = 0                  # HEAP_REJECT sheds nothing

cdef double EARLIEST = -62_135_596_800.0    # years 1 to 9999, as Event has it
cdef double LATEST = 253_402_300_799.0


cdef class Submitter:
    """Submits events as numbers, one at a time; a full queue refuses them, and sheds nothing. Thread-safe."""

    def __cinit__(self, EventHeap heap not None, TypeTable type_table not None):
        self.events, self.type_table, self.accepts = heap, type_table, True

    def submit(self, type_id, intensity, timestamp=0.0):
        """Submit one event; False when it was refused.

        ValueError for no type, an intensity outside [-1, 1], or a timestamp outside the years 1 to 9999.
        """
        cdef int64_t number = whole(type_id)
        cdef double strength = finite(intensity), seconds = finite(timestamp)
        cdef int verdict = SUBMITTER_INVALID
        if -1 < number < self.type_table.table.length:
            with nogil:
                verdict = self.offer(<int32_t> number, strength, seconds)
        if verdict == SUBMITTER_INVALID:
            raise ValueError(f"type_id {number} with intensity {strength} at {seconds} is no event")
        return verdict == SUBMITTER_ACCEPTED

    def accept(self, accepts):
        """Take events from here on, or refuse them; when this returns, no call to ``submit`` is still running."""
        cdef bint now = bool(accepts)
        enter(&self.events.heap)
        self.accepts = now
        heap_leave_quietly(&self.events.heap)

    cdef int offer(self, int32_t type_id, double intensity, double timestamp) noexcept nogil:
        """Submit one event, now; wakes the worker if it sleeps. Waits for the heap, so not with the GIL."""
        cdef heap_event event
        cdef heap_slot victim
        cdef int32_t slot
        cdef int verdict = SUBMITTER_REFUSED
        if not 0 <= type_id < self.type_table.table.length or not -1.0 <= intensity <= 1.0:
            return SUBMITTER_INVALID
        if not EARLIEST <= timestamp <= LATEST:
            return SUBMITTER_INVALID
        event.intensity = intensity
        event.timestamp = timestamp
        event.has_object = False
        types_schedule(&self.type_table.table, type_id, 0.0, monotonic_ns(), &event)
        heap_enter(&self.events.heap)
        if not self.accepts or not types_admit(&self.type_table.table, &self.events.heap, &event):
            heap_leave_quietly(&self.events.heap)
            return SUBMITTER_REFUSED
        if heap_offer(&self.events.heap, &event, HEAP_REJECT, NO_END, &slot, &victim) == HEAP_ADMITTED:
            verdict = SUBMITTER_ACCEPTED
        heap_leave(&self.events.heap)
        return verdict
