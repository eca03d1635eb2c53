"""ReflexTable: appraise, decide, apply; the meaning of its rules, and the tables that it refuses.

`respond` returns (significance, pattern, impacts, applied, version before, version after).
"""

from __future__ import annotations

import math
import sys
from types import ModuleType
from typing import Any

import pytest

from lifeevt._backends.contract import (
    ABOVE,
    AT_LEAST,
    AT_MOST,
    BELOW,
    MAX_IMPACTS,
    NO_PATTERN,
    RECALL_MAX,
    RECALL_MEAN,
    SIGNIFICANCE,
)

HUGE = sys.float_info.max
IGNORE, HALF, WHOLE = 0, 1, 2
PATTERNS = [(True, 9.0, [(0, 9.0)]), (False, 0.5, []), (False, 1.0, [])]
ALWAYS: list[Any] = []  # no condition fails


def cells_of(core: ModuleType, *values: float, low: float = -100.0, high: float = 100.0) -> Any:
    return core.StateCells(list(values), [low] * len(values), [high] * len(values), [False] * len(values))


def table_of(core: ModuleType, fields: int = 2, **changes: Any) -> Any:
    """A table with one row, which adds the intensity to cell 0; ``changes`` replace its parts."""
    parts: dict[str, Any] = {
        "rows": [(1.0, [(0, 1.0)], [])],
        "sensitizers": [],
        "dampers": [],
        "decisions": [(ALWAYS, WHOLE)],
        "patterns": PATTERNS,
    }
    return core.ReflexTable(fields, **parts | changes)


# appraisal


@pytest.mark.parametrize("intensity", [-0.5, 0.5])
def test_the_significance_is_weight_times_magnitude(core: ModuleType, intensity: float) -> None:
    table = table_of(core, rows=[(0.5, [], [])])
    assert table.respond(cells_of(core, 0.0, 0.0), 0, intensity)[0] == 0.25


@pytest.mark.parametrize(("weight", "significance"), [(9.0, 1.0), (HUGE, 1.0), (-1.0, 0.0)])
def test_the_significance_stays_between_0_and_1(core: ModuleType, weight: float, significance: float) -> None:
    table = table_of(core, rows=[(weight, [], [])], sensitizers=[(ALWAYS, HUGE)])
    assert table.respond(cells_of(core, 0.0, 0.0), 0, 1.0)[0] == significance


def test_a_significance_that_is_no_number_is_nothing(core: ModuleType) -> None:
    table = table_of(core, rows=[(HUGE, [], [])], sensitizers=[(ALWAYS, HUGE), (ALWAYS, 0.0)])  # infinity times 0
    assert table.respond(cells_of(core, 0.0, 0.0), 0, 1.0)[:2] == (0.0, NO_PATTERN)


def test_all_matching_sensitizers_multiply(core: ModuleType) -> None:
    rules = [([(0, ABOVE, 0.0)], 0.5), ([(0, BELOW, 0.0)], 99.0), ([(0, AT_LEAST, 1.0)], 0.25)]
    table = table_of(core, sensitizers=rules)
    assert table.respond(cells_of(core, 1.0, 0.0), 0, 1.0)[0] == 0.125


@pytest.mark.parametrize(
    ("operator", "below", "equal", "above"),
    [
        (BELOW, True, False, False),
        (ABOVE, False, False, True),
        (AT_LEAST, False, True, True),
        (AT_MOST, True, True, False),
    ],
)
def test_a_condition_compares_its_input_with_its_threshold(
    core: ModuleType, operator: int, below: bool, equal: bool, above: bool
) -> None:
    table = table_of(core, sensitizers=[([(1, operator, 5.0)], 0.5)])
    held = [table.respond(cells_of(core, 0.0, value), 0, 1.0)[0] == 0.5 for value in (4.0, 5.0, 6.0)]
    assert held == [below, equal, above]


def test_all_conditions_of_a_rule_must_hold(core: ModuleType) -> None:
    table = table_of(core, sensitizers=[([(0, ABOVE, 0.0), (1, ABOVE, 0.0)], 0.5)])
    found = [table.respond(cells_of(core, *values), 0, 1.0)[0] for values in ((1, 1), (1, 0), (0, 1))]
    assert found == [0.5, 1.0, 1.0]


def test_a_condition_may_read_the_memory(core: ModuleType) -> None:
    rules = [([(RECALL_MAX, ABOVE, 0.8)], 0.5), ([(RECALL_MEAN, BELOW, 0.2)], 0.25)]
    table, cells = table_of(core, sensitizers=rules), cells_of(core, 0.0, 0.0)
    assert table.respond(cells, 0, 1.0, 0.9, 0.3)[0] == 0.5
    assert table.respond(cells, 0, 1.0, recall_max=0.7, recall_mean=0.1)[0] == 0.25
    assert table.respond(cells, 0, 1.0)[0] == 0.25  # nothing remembered: both are 0


def test_while_it_is_appraised_the_significance_is_0_to_a_condition(core: ModuleType) -> None:
    table = table_of(core, sensitizers=[([(SIGNIFICANCE, ABOVE, 0.0)], 0.5)])
    assert table.respond(cells_of(core, 0.0, 0.0), 0, 1.0)[0] == 1.0


# impacts


def test_an_impact_is_base_times_magnitude_times_significance(core: ModuleType) -> None:
    table = table_of(core, rows=[(0.5, [(0, 8.0), (1, -8.0)], [])])
    cells = cells_of(core, 0.0, 0.0)
    assert table.respond(cells, 0, -0.5) == (0.25, WHOLE, (1.0, -1.0), (1.0, -1.0), 0, 1)
    assert cells.read_all() == (1, (1.0, -1.0))


def test_only_the_first_matching_damper_counts(core: ModuleType) -> None:
    rules = [([(0, ABOVE, 5.0)], 0.125), ([(0, ABOVE, 1.0)], 0.5), (ALWAYS, 0.25)]
    table = table_of(core, dampers=rules)
    impacts = [table.respond(cells_of(core, value, 0.0), 0, 1.0)[2] for value in (6.0, 2.0, 0.0)]
    assert impacts == [(0.125,), (0.5,), (0.25,)]


def test_a_damper_may_ask_for_the_significance(core: ModuleType) -> None:
    table = table_of(core, dampers=[([(SIGNIFICANCE, AT_LEAST, 0.5)], 0.5)])
    assert table.respond(cells_of(core, 0.0, 0.0), 0, 0.5)[2] == (0.125,)
    assert table.respond(cells_of(core, 0.0, 0.0), 0, 0.25)[2] == (0.0625,)


def test_a_gain_multiplies_the_delta_by_a_cell_as_it_was_before_the_event(core: ModuleType) -> None:
    table = table_of(core, rows=[(1.0, [(0, 1.0), (1, 1.0), (0, 2.0)], [(0, 1), (0, 1)])])
    cells = cells_of(core, 0.0, 3.0)
    outcome = table.respond(cells, 0, 1.0)
    assert outcome[2:4] == ((1.0, 1.0, 2.0), (9.0, 1.0, 18.0))
    assert cells.read_all()[1] == (27.0, 4.0)


def test_deltas_stop_at_the_bounds(core: ModuleType) -> None:
    table = table_of(core, rows=[(1.0, [(0, HUGE), (1, -HUGE)], [])])
    cells = cells_of(core, 1.0, 1.0)
    assert table.respond(cells, 0, 1.0)[3] == (HUGE, -HUGE)
    assert cells.read_all()[1] == (100.0, -100.0)


def test_an_amount_that_is_no_finite_number_is_not_applied(core: ModuleType) -> None:
    table = table_of(core, rows=[(1.0, [(0, HUGE), (1, 0.0)], [])], dampers=[(ALWAYS, HUGE)])
    cells = cells_of(core, 1.0, 1.0)
    outcome = table.respond(cells, 0, 1.0)
    assert outcome[2] == (math.inf, 0.0) and outcome[3] == (0.0, 0.0)
    assert cells.read_all() == (1, (1.0, 1.0))


# decisions


def test_the_first_matching_decision_chooses(core: ModuleType) -> None:
    rules = [([(SIGNIFICANCE, BELOW, 0.25)], IGNORE), ([(SIGNIFICANCE, BELOW, 0.75)], HALF), (ALWAYS, WHOLE)]
    table = table_of(core, decisions=rules)
    chosen = [table.respond(cells_of(core, 0.0, 0.0), 0, intensity)[1] for intensity in (0.125, 0.5, 1.0)]
    assert chosen == [IGNORE, HALF, WHOLE]


def test_a_pattern_scales_the_deltas_and_not_the_impacts(core: ModuleType) -> None:
    table = table_of(core, decisions=[(ALWAYS, HALF)])
    assert table.respond(cells_of(core, 0.0, 0.0), 0, 1.0)[2:4] == ((1.0,), (0.5,))


def test_a_pattern_costs_its_amounts_after_the_impacts(core: ModuleType) -> None:
    table = table_of(core, decisions=[(ALWAYS, 0)], patterns=[(False, 1.0, [(0, 30.0), (1, 2.0)])])
    cells = cells_of(core, 100.0, 0.0)
    assert table.respond(cells, 0, 1.0)[3] == (1.0,)
    assert cells.read_all() == (1, (70.0, -2.0)), "the impact is clamped before the cost is taken"


def test_a_pattern_that_ignores_applies_nothing_and_writes_nothing(core: ModuleType) -> None:
    table = table_of(core, decisions=[(ALWAYS, IGNORE)])
    cells = cells_of(core, 5.0, 0.0)
    cells.write(1, 1.0)
    assert table.respond(cells, 0, 1.0) == (1.0, IGNORE, (1.0,), (0.0,), 1, 1)
    assert cells.read_all() == (1, (5.0, 1.0)) and cells.counts()[1] == 1


def test_no_significance_means_no_pattern_under_any_rules(core: ModuleType) -> None:
    cells = cells_of(core, 5.0, 0.0)
    assert table_of(core).respond(cells, 0, 0.0) == (0.0, NO_PATTERN, (0.0,), (0.0,), 0, 0)
    assert cells.read_all() == (0, (5.0, 0.0))


@pytest.mark.parametrize("rules", [[], [([(SIGNIFICANCE, ABOVE, 5.0)], WHOLE)]])
def test_without_a_matching_decision_there_is_no_pattern(core: ModuleType, rules: Any) -> None:
    cells = cells_of(core, 5.0, 0.0)
    assert table_of(core, decisions=rules).respond(cells, 0, 1.0) == (1.0, NO_PATTERN, (1.0,), (0.0,), 0, 0)
    assert cells.version == 0


def test_the_versions_are_those_before_and_after(core: ModuleType) -> None:
    table, cells = table_of(core), cells_of(core, 0.0, 0.0)
    assert [table.respond(cells, 0, 1.0)[4:] for _ in range(3)] == [(0, 1), (1, 2), (2, 3)]
    assert cells.counts()[1] == 3


def test_each_row_has_its_own_response(core: ModuleType) -> None:
    table = table_of(core, rows=[(1.0, [(0, 1.0)], []), (0.5, [(1, 2.0)], []), (0.25, [], [])])
    cells = cells_of(core, 0.0, 0.0)
    assert len(table) == 3
    assert [table.respond(cells, row, 1.0)[0] for row in range(3)] == [1.0, 0.5, 0.25]
    assert cells.read_all()[1] == (1.0, 1.0)


def test_one_table_serves_many_states(core: ModuleType) -> None:
    table, left, right = table_of(core), cells_of(core, 0.0, 0.0), cells_of(core, 0.0, 0.0)
    table.respond(left, 0, 1.0)
    assert (left.read(0), right.read(0)) == (1.0, 0.0)


# bad calls


@pytest.mark.native
@pytest.mark.parametrize(
    ("row", "error"), [(1, IndexError), (-1, IndexError), (2**31, IndexError), (2**63, OverflowError)]
)
def test_a_row_that_is_not_there_is_refused(core: ModuleType, row: Any, error: type[Exception]) -> None:
    cells = cells_of(core, 0.0, 0.0)
    with pytest.raises(error):
        table_of(core).respond(cells, row, 1.0)
    assert cells.read_all() == (0, (0.0, 0.0))


@pytest.mark.native
@pytest.mark.parametrize("place", [0, 1, 2], ids=["intensity", "recall_max", "recall_mean"])
@pytest.mark.parametrize("value", ["1", None])
def test_an_input_that_is_no_number_is_refused(core: ModuleType, place: int, value: Any) -> None:
    cells, inputs = cells_of(core, 0.0, 0.0), [1.0, 0.0, 0.0]
    inputs[place] = value
    with pytest.raises(TypeError):
        table_of(core).respond(cells, 0, *inputs)
    assert cells.read_all() == (0, (0.0, 0.0))


@pytest.mark.native
@pytest.mark.parametrize("cells", [None, 7, [0.0, 0.0], (0.0, 0.0)])
def test_a_state_that_is_none_is_refused(core: ModuleType, cells: Any) -> None:
    with pytest.raises(TypeError):
        table_of(core).respond(cells, 0, 1.0)


@pytest.mark.native
def test_a_state_of_another_size_is_refused(core: ModuleType) -> None:
    with pytest.raises(ValueError, match="the table is for 2 cells, the state has 3"):
        table_of(core).respond(cells_of(core, 0.0, 0.0, 0.0), 0, 1.0)


# bad tables

OUTSIDE = 2  # of two fields


@pytest.mark.native
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"rows": [("1", [], [])]}, TypeError),
        ({"rows": [(1.0, [(OUTSIDE, 1.0)], [])]}, IndexError),
        ({"rows": [(1.0, [(-1, 1.0)], [])]}, IndexError),
        ({"rows": [(1.0, [(0, 1.0)] * (MAX_IMPACTS + 1), [])]}, ValueError),
        ({"rows": [(1.0, [], [(0, OUTSIDE)])]}, IndexError),
        ({"rows": [(1.0, [], [(OUTSIDE, 0)])]}, IndexError),
        ({"rows": [(1.0, [], [(0, 0)] * (MAX_IMPACTS + 1))]}, ValueError),
        ({"rows": [(1.0, [])]}, ValueError),
        ({"rows": None}, TypeError),
        ({"sensitizers": [([(OUTSIDE, ABOVE, 0.0)], 1.0)]}, IndexError),
        ({"sensitizers": [([(RECALL_MEAN - 1, ABOVE, 0.0)], 1.0)]}, IndexError),
        ({"dampers": [(ALWAYS, None)]}, TypeError),
        ({"decisions": [(ALWAYS, len(PATTERNS))]}, IndexError),
        ({"decisions": [(ALWAYS, NO_PATTERN)]}, IndexError),
        ({"decisions": [(ALWAYS, 0)], "patterns": []}, IndexError),
        ({"patterns": [(False, 1.0, [(OUTSIDE, 1.0)])] * 3}, IndexError),
        ({"patterns": [(False, 1.0, [(0, 1.0)] * (MAX_IMPACTS + 1))] * 3}, ValueError),
        ({"fields": 2**63}, OverflowError),
    ],
)
def test_a_table_that_does_not_hold_together_is_refused(
    core: ModuleType, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        table_of(core, **changes)


@pytest.mark.parametrize("part", ["impacts", "gains", "costs"])
def test_a_row_may_touch_the_number_of_fields_in_the_contract(core: ModuleType, part: str) -> None:
    amounts = [(0, 1.0)] * MAX_IMPACTS
    rows = {"impacts": [(1.0, amounts, [])], "gains": [(1.0, [(0, 1.0)], [(0, 1)] * MAX_IMPACTS)]}
    patterns = [(False, 1.0, amounts if part == "costs" else [])]
    table = table_of(core, rows=rows.get(part, [(1.0, [], [])]), decisions=[(ALWAYS, 0)], patterns=patterns)
    cells = cells_of(core, 0.0, 1.0)
    table.respond(cells, 0, 1.0)
    assert cells.read(0) == {"impacts": 16.0, "gains": 1.0, "costs": -16.0}[part]
