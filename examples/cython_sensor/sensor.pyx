"""A sensor whose readings become events: what is over a threshold is submitted, all without the GIL."""

from libc.math cimport fabs
from libc.stdint cimport int32_t

from lifeevt._core cimport SUBMITTER_ACCEPTED, Submitter


cdef double reading(int number) noexcept nogil:
    """Stands for a device: a saw-tooth between -1 and 1."""
    return (number % 21 - 10) / 10.0


cdef int watch(Submitter submitter, int32_t kind, int readings, double threshold) noexcept nogil:
    """Look at so many readings; how many became events."""
    cdef int number, accepted = 0
    cdef double value
    for number in range(readings):
        value = reading(number)
        if fabs(value) >= threshold and submitter.offer(kind, value, 0.0) == SUBMITTER_ACCEPTED:
            accepted += 1
    return accepted


def run(Submitter submitter not None, int32_t kind, int readings, double threshold):
    """Watch the sensor for so many readings; other Python threads run meanwhile."""
    cdef int accepted
    with nogil:
        accepted = watch(submitter, kind, readings, threshold)
    return accepted
