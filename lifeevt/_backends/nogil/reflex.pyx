"""The steps of a reflex; `reflex.pxd` has the table that they work on."""

from libc.math cimport fabs, isfinite
from libc.stdint cimport int32_t

from ..nogil.cells cimport cell_block, cells_add, cells_begin_write, cells_end_write, cells_version

ctypedef struct inputs:
    const cell_block* block
    double significance
    double recall_max
    double recall_mean


cdef void reflex_respond(
    const reflex_table* table, cell_block* block, int32_t row, double intensity, double recall_max, double recall_mean,
    reflex_outcome* outcome,
) noexcept nogil:
    """Respond to one event in one write of the cells; the caller holds their lock for writing. O(rules + impacts)."""
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


cdef double _appraise(const reflex_table* table, double significance, const inputs* known) noexcept nogil:
    cdef int32_t index
    for index in range(table.sensitizers.length):
        if _all_hold(table, &table.sensitizers.rules[index], known):
            significance = significance * table.sensitizers.rules[index].factor
    if significance > 1.0:
        return 1.0
    return significance if significance >= 0.0 else 0.0  # NaN, of a user's huge numbers, is nothing


cdef void _impacts(
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


cdef int32_t _decide(const reflex_table* table, const inputs* known) noexcept nogil:
    if not known.significance > 0.0:
        return REFLEX_NO_PATTERN
    cdef const reflex_rule* decision = _first(table, &table.decisions, known)
    return REFLEX_NO_PATTERN if decision == NULL else decision.choice


cdef void _apply(
    const reflex_row* reflex, const reflex_pattern* pattern, cell_block* block, reflex_outcome* outcome
) noexcept nogil:
    cdef int32_t place
    _scale(reflex, pattern.factor, block, outcome)
    cells_begin_write(block)
    for place in range(outcome.length):
        cells_add(block, reflex.impacts.cells[place], outcome.applied[place])
    for place in range(pattern.costs.length):
        cells_add(block, pattern.costs.cells[place], -pattern.costs.amounts[place])
    outcome.version_after = cells_end_write(block)


cdef void _scale(
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


cdef const reflex_rule* _first(
    const reflex_table* table, const reflex_rules* rules, const inputs* known
) noexcept nogil:
    cdef int32_t index
    for index in range(rules.length):
        if _all_hold(table, &rules.rules[index], known):
            return &rules.rules[index]
    return NULL


cdef bint _all_hold(const reflex_table* table, const reflex_rule* rule, const inputs* known) noexcept nogil:
    cdef int32_t index
    for index in range(rule.first, rule.first + rule.conditions):
        if not _holds(&table.conditions[index], known):
            return False
    return True


cdef bint _holds(const reflex_condition* condition, const inputs* known) noexcept nogil:
    cdef double value = _value(condition.source, known)
    if condition.operation == 0:
        return value < condition.threshold
    if condition.operation == 1:
        return value > condition.threshold
    if condition.operation == 2:
        return value >= condition.threshold
    return value <= condition.threshold


cdef double _value(int32_t source, const inputs* known) noexcept nogil:
    if source >= 0:
        return known.block.cells[source].value
    if source == -1:
        return known.significance
    return known.recall_max if source == -2 else known.recall_mean
