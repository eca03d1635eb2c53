"""Reflexes on plain numbers: appraise, decide, apply. Not one Python object.

The operations are those of the reference, in the same order, so that the results are equal to the bit.
"""

from libc.stdint cimport int32_t, int64_t

from ..nogil.cells cimport cell_block

cdef enum:
    REFLEX_IMPACTS = 16
    REFLEX_NO_PATTERN = -1

ctypedef struct reflex_condition:
    int32_t source              # a cell, or -1 significance, -2 recall_max, -3 recall_mean
    int32_t operation           # 0 below, 1 above, 2 at least, 3 at most
    double threshold

ctypedef struct reflex_rule:
    int32_t first               # its conditions stand together in the table
    int32_t conditions
    int32_t choice
    double factor

ctypedef struct reflex_amounts:
    int32_t length
    int32_t cells[REFLEX_IMPACTS]
    double amounts[REFLEX_IMPACTS]

ctypedef struct reflex_row:
    double weight
    reflex_amounts impacts
    int32_t gains
    int32_t gain_targets[REFLEX_IMPACTS]
    int32_t gain_sources[REFLEX_IMPACTS]

ctypedef struct reflex_pattern:
    bint ignores
    double factor
    reflex_amounts costs

ctypedef struct reflex_rules:
    reflex_rule* rules
    int32_t length

ctypedef struct reflex_table:
    reflex_condition* conditions
    reflex_rules sensitizers
    reflex_rules dampers
    reflex_rules decisions
    reflex_row* rows
    int32_t rows_length
    reflex_pattern* patterns
    int32_t patterns_length

ctypedef struct reflex_outcome:
    double significance
    int32_t pattern
    int32_t length
    double impacts[REFLEX_IMPACTS]
    double applied[REFLEX_IMPACTS]
    int64_t version_before
    int64_t version_after

cdef void reflex_respond(
    const reflex_table* table, cell_block* block, int32_t row, double intensity, double recall_max, double recall_mean,
    reflex_outcome* outcome,
) noexcept nogil
