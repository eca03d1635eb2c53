"""ReflexTable for other native modules: the table of C."""

from libc.stdint cimport int32_t

from ..nogil.reflex cimport reflex_outcome, reflex_rules, reflex_table

cdef class ReflexTable:
    cdef reflex_table table
    cdef int32_t fields
    cdef int32_t conditions_used

    cdef int fill_rows(self, rows) except -1
    cdef int fill_patterns(self, patterns) except -1
    cdef int fill_rules(self, reflex_rules* into, rules, int32_t choices) except -1
    cdef int fill_conditions(self, conditions) except -1


cdef tuple outcome_of(const reflex_outcome* outcome)
