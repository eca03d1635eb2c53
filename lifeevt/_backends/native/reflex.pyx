"""ReflexTable, native: a table of C filled from Python, once."""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from .cells cimport StateCells, enter, leave
from .numbers cimport index_in
from ..nogil.cells cimport CELLS_NO_CAUSE
from ..nogil.reflex cimport (
    REFLEX_IMPACTS, reflex_amounts, reflex_condition, reflex_outcome, reflex_pattern, reflex_respond, reflex_row,
    reflex_rule, reflex_rules,
)


cdef enum:
    INPUTS = 3                  # beside the fields: they have the negative numbers


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
        into.amounts[into.length] = amount
        into.length += 1
    return 0


cdef tuple frozen(rules):
    return tuple([(tuple(conditions), outcome) for conditions, outcome in rules])


cdef class ReflexTable:
    """ReflexTable in C: see the reference."""

    def __cinit__(self, int32_t fields, rows, sensitizers, dampers, decisions, patterns):
        cdef int32_t total = 0
        self.fields = fields
        rows = [(weight, tuple(impacts), tuple(gains)) for weight, impacts, gains in rows]
        patterns = [(ignores, factor, tuple(costs)) for ignores, factor, costs in patterns]
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
        return self.table.rows_length

    def respond(
        self, StateCells cells not None, row, double intensity, double recall_max=0.0, double recall_mean=0.0,
        int64_t cause=CELLS_NO_CAUSE,
    ):
        cdef int32_t place = index_in(row, self.table.rows_length)
        cdef reflex_outcome outcome
        if cells.block.length != self.fields:
            raise ValueError(f"the table is for {self.fields} cells, the state has {cells.block.length}")
        enter(cells, cause)
        reflex_respond(&self.table, &cells.block, place, intensity, recall_max, recall_mean, &outcome)
        leave(cells)
        return outcome_of(&outcome)

    cdef int fill_rows(self, rows) except -1:
        cdef reflex_row* row
        self.table.rows = <reflex_row*> zeroed(len(rows) * sizeof(reflex_row))
        for weight, impacts, gains in rows:
            row = &self.table.rows[self.table.rows_length]
            row.weight = weight
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
            pattern.factor = factor
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
                rule.factor = outcome
            into.length += 1
        return 0

    cdef int fill_conditions(self, conditions) except -1:
        cdef reflex_condition* condition
        for source, operation, threshold in conditions:
            condition = &self.table.conditions[self.conditions_used]
            condition.source = index_in(source + INPUTS, self.fields + INPUTS) - INPUTS
            condition.operation, condition.threshold = operation, threshold
            self.conditions_used += 1
        return 0


cdef tuple outcome_of(const reflex_outcome* outcome):
    """(significance, pattern, impacts, applied, version before, version after)."""
    cdef int place
    return (
        outcome.significance,
        outcome.pattern,
        tuple([outcome.impacts[place] for place in range(outcome.length)]),
        tuple([outcome.applied[place] for place in range(outcome.length)]),
        outcome.version_before,
        outcome.version_after,
    )
