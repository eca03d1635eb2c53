"""Events as arrays of numbers: read from buffers, checked, and put into the heap without an object each."""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int32_t, int64_t

from .type_table cimport TypeTable
from ..nogil.heap cimport HEAP_ADMITTED, HEAP_WAIT, event_heap, heap_enter, heap_leave, heap_offer
from ..nogil.type_table cimport event_type, types_admit, types_schedule
from ..nogil.order cimport heap_event, heap_slot

cdef enum:
    UNUSED_END = 2              # HEAP_WAIT sheds nothing


cdef class NumberOffers:
    """Three buffers, held until the last of their events was offered."""

    def __cinit__(self, TypeTable type_table not None, types, intensities, timestamps, int64_t arrival_ns):
        self.type_table, self.arrival_ns, self.next = type_table, arrival_ns, 0
        self.length = take_buffer(&self.buffers[0], types, "types", (b"i", b"l"), 4)
        if take_buffer(&self.buffers[1], intensities, "intensities", (b"d",), 8) != self.length:
            raise ValueError("types and intensities differ in length")
        if timestamps is not None:
            if take_buffer(&self.buffers[2], timestamps, "timestamps", (b"d",), 8) != self.length:
                raise ValueError("types and timestamps differ in length")
        self.types = <const int32_t*> self.buffers[0].buf
        self.intensities = <const double*> self.buffers[1].buf
        self.timestamps = <const double*> self.buffers[2].buf

    def __dealloc__(self):
        cdef int each
        for each in range(3):
            PyBuffer_Release(&self.buffers[each])

    cdef int check(self) except -1:
        """Raise ValueError for the first number that is out of range."""
        cdef Py_ssize_t place
        for place in range(self.length):
            if not 0 <= self.types[place] < self.type_table.table.length:
                raise ValueError(f"types[{place}] is {self.types[place]}, which is no type")
            if not -1.0 <= self.intensities[place] <= 1.0:
                raise ValueError(f"intensities[{place}] is {self.intensities[place]}; it must lie in [-1, 1]")
            if self.timestamps != NULL and not EARLIEST <= self.timestamps[place] <= LATEST:
                raise ValueError(
                    f"timestamps[{place}] is {self.timestamps[place]}; it must lie in [{EARLIEST:g}, {LATEST:g}]"
                )
        return 0

    cdef void fill(self, heap_event* event, Py_ssize_t place) noexcept nogil:
        """Read one event. Its owner may have changed it since the check: a number out of range is replaced."""
        cdef int32_t type_id = self.types[place]
        cdef double intensity = self.intensities[place]
        if not 0 <= type_id < self.type_table.table.length:
            type_id = 0
        event.intensity = intensity if -1.0 <= intensity <= 1.0 else 0.0
        event.timestamp = self.timestamps[place] if self.timestamps != NULL else 0.0
        if not EARLIEST <= event.timestamp <= LATEST:
            event.timestamp = 0.0
        event.has_object = False
        types_schedule(&self.type_table.table, type_id, 0.0, self.arrival_ns, event)

    cdef bint admits(self, event_heap* heap, const heap_event* event) noexcept nogil:
        """Return whether the limit of its type lets an event come; from inside the heap."""
        cdef bint comes = types_admit(&self.type_table.table, heap, event)
        self.limited += not comes
        return comes

    cdef Py_ssize_t offer_while_room(self, event_heap* heap) noexcept nogil:
        """Offer events as long as there is room; return how many were taken in."""
        cdef Py_ssize_t first = self.next - self.limited, until
        cdef bint fits = True
        while fits and self.next < self.length:
            until = min(self.next + CHUNK, self.length)
            heap_enter(heap)
            fits = self._offer_until(heap, until)
            heap_leave(heap)
        return self.next - self.limited - first

    cdef bint _offer_until(self, event_heap* heap, Py_ssize_t until) noexcept nogil:
        cdef heap_event event
        cdef heap_slot victim
        cdef int32_t slot
        cdef const event_type* types = self.type_table.table.types       # which never move
        while self.next < until:
            self.fill(&event, self.next)
            if types[event.type_id].bucket != NULL:
                if heap.queued >= heap.capacity:    # else the event, offered again, would take a second token
                    return False
                if not self.admits(heap, &event):
                    self.next += 1
                    continue
            if heap_offer(heap, &event, HEAP_WAIT, UNUSED_END, &slot, &victim) != HEAP_ADMITTED:
                return False
            self.next += 1
        return True


cdef double EARLIEST = -62_135_596_800.0    # years 1 to 9999, as Event has it
cdef double LATEST = 253_402_300_799.0


cdef Py_ssize_t take_buffer(Py_buffer* buffer, source, name, tuple formats, Py_ssize_t size) except -1:
    """Hold a one-dimensional buffer of one of the formats; return its length."""
    try:
        PyObject_GetBuffer(source, buffer, PyBUF_FORMAT | PyBUF_ND)
    except BufferError:     # strided, say
        raise ValueError(f"{name} must be a plain buffer") from None
    cdef bytes format = buffer.format if buffer.format != NULL else b"B"
    if buffer.ndim != 1 or buffer.itemsize != size or format not in formats:
        raise ValueError(f"{name} must be a one-dimensional buffer of {'32-bit integers' if size == 4 else 'doubles'}")
    return buffer.shape[0]
