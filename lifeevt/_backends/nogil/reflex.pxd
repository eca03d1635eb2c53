"""Appraise, decide and apply on plain numbers. Not one Python object.

`reflex_respond` needs no GIL; the caller holds the state's write lock. Same operations in the same
order as the reference twin, so results are equal to the bit. O(rules + impacts).
"""

from libc.math cimport fabs, isfinite
from libc.stdint cimport int32_t, int64_t

from ..nogil.cells cimport cell_block, cells_add, cells_begin, cells_version, cells_written

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

ctypedef struct inputs:
    const cell_block* block
    double significance
    double recall_max
    double recall_mean


cdef inline void reflex_respond(
    const reflex_table* table, cell_block* block, int32_t row, double intensity, double recall_max, double recall_mean,
    reflex_outcome* outcome,
) noexcept nogil:
    cdef const reflex_row* reflex = &table.rows[row]
    cdef inputs known
    known.block = block
    known.recall_max = recall_max
    known.recall_mean = recall_mean
    known.significance = 0.0
    known.significance = _appraise(table, fabs(intensity) * reflex.weight, &known)
    outcome.significance = known.significance
    outcome.version_before = outcome.version_after = cells_version(block)
    _impacts(table, &reflex.impacts, fabs(intensity), &known, outcome)
    outcome.pattern = _decide(table, &known)
    if outcome.pattern != REFLEX_NO_PATTERN and not table.patterns[outcome.pattern].ignores:
        _apply(reflex, &table.patterns[outcome.pattern], block, outcome)


cdef inline double _appraise(const reflex_table* table, double significance, const inputs* known) noexcept nogil:
    cdef int32_t index
    for index in range(table.sensitizers.length):
        if _all_hold(table, &table.sensitizers.rules[index], known):
            significance = significance * table.sensitizers.rules[index].factor
    if significance > 1.0:
        return 1.0
    return significance if significance >= 0.0 else 0.0  # NaN, of a user's huge numbers, is nothing


cdef inline void _impacts(
    const reflex_table* table, const reflex_amounts* bases, double magnitude, const inputs* known,
    reflex_outcome* outcome,
) noexcept nogil:
    cdef const reflex_rule* damper = _first(table, &table.dampers, known)
    cdef double scale = 1.0 if damper == NULL else damper.factor
    cdef int32_t place
    outcome.length = bases.length
    for place in range(bases.length):
        outcome.impacts[place] = bases.amounts[place] * magnitude * known.significance * scale
        outcome.applied[place] = 0.0


cdef inline int32_t _decide(const reflex_table* table, const inputs* known) noexcept nogil:
    if not known.significance > 0.0:
        return REFLEX_NO_PATTERN
    cdef const reflex_rule* decision = _first(table, &table.decisions, known)
    return REFLEX_NO_PATTERN if decision == NULL else decision.choice


cdef inline void _apply(
    const reflex_row* reflex, const reflex_pattern* pattern, cell_block* block, reflex_outcome* outcome
) noexcept nogil:
    cdef int32_t place
    _scale(reflex, pattern.factor, block, outcome)
    cells_begin(block)
    for place in range(outcome.length):
        cells_add(block, reflex.impacts.cells[place], outcome.applied[place])
    for place in range(pattern.costs.length):
        cells_add(block, pattern.costs.cells[place], -pattern.costs.amounts[place])
    outcome.version_after = cells_written(block)


cdef inline void _scale(
    const reflex_row* reflex, double factor, const cell_block* block, reflex_outcome* outcome
) noexcept nogil:
    cdef int32_t place, gain
    for place in range(outcome.length):
        outcome.applied[place] = outcome.impacts[place] * factor
    for gain in range(reflex.gains):
        for place in range(outcome.length):
            if reflex.impacts.cells[place] == reflex.gain_targets[gain]:
                outcome.applied[place] = outcome.applied[place] * block.cells[reflex.gain_sources[gain]].value
    for place in range(outcome.length):
        if not isfinite(outcome.applied[place]):
            outcome.applied[place] = 0.0


cdef inline const reflex_rule* _first(
    const reflex_table* table, const reflex_rules* rules, const inputs* known
) noexcept nogil:
    cdef int32_t index
    for index in range(rules.length):
        if _all_hold(table, &rules.rules[index], known):
            return &rules.rules[index]
    return NULL


cdef inline bint _all_hold(const reflex_table* table, const reflex_rule* rule, const inputs* known) noexcept nogil:
    cdef int32_t index
    for index in range(rule.first, rule.first + rule.conditions):
        if not _holds(&table.conditions[index], known):
            return False
    return True


cdef inline bint _holds(const reflex_condition* condition, const inputs* known) noexcept nogil:
    cdef double value = _value(condition.source, known)
    if condition.operation == 0:
        return value < condition.threshold
    if condition.operation == 1:
        return value > condition.threshold
    if condition.operation == 2:
        return value >= condition.threshold
    return value <= condition.threshold


cdef inline double _value(int32_t source, const inputs* known) noexcept nogil:
    if source >= 0:
        return known.block.cells[source].value
    if source == -1:
        return known.significance
    return known.recall_max if source == -2 else known.recall_mean
