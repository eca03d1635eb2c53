"""StateCells.absorb: concurrent changes are added up, not overwritten."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, strategies as st

LOW, HIGH = -10.0, 10.0
AMOUNTS = st.floats(-12.0, 12.0)
WITHIN = st.floats(LOW, HIGH)


def cells_of(core: ModuleType, *objects: Any, integers: Any = (False, False), **rules: Any) -> Any:
    return core.StateCells([1.0, 2.0], [LOW] * 2, [HIGH] * 2, list(integers), objects=objects, **rules)


def test_a_write_before_that_version_was_seen_and_is_written_over(core: ModuleType) -> None:
    cells = cells_of(core)
    since = cells.add([0], [-3.0])
    assert cells.absorb(since, (5.0, 2.0), (-2.0, 2.0)) == (2, (5.0, 2.0))


@pytest.mark.parametrize(("there", "expected"), [(9.0, HIGH), (-1.0, 3.0)])
def test_a_sum_is_clamped_for_every_delta(core: ModuleType, there: float, expected: float) -> None:
    cells = cells_of(core, refusing=[True, True])
    cells.write(0, there)
    assert cells.absorb(0, (5.0, 2.0), (1.0, 2.0))[1] == (expected, 2.0)


def test_objects_are_replaced_in_the_same_step(core: ModuleType) -> None:
    cells, values = cells_of(core, "old", "kept"), ["new"]
    assert cells.absorb(0, (0.1, 2.0), (1.0, 2.0), [2], values) == (1, (0.1, 2.0))
    assert cells.read_whole() == (1, (0.1, 2.0), ("new", "kept"))
    assert values == ["old"]
    assert [cells.stamp(place) for place in range(4)] == [1, 0, 1, 0]


def test_objects_alone_are_a_write(core: ModuleType) -> None:
    cells = cells_of(core, "old")
    cells.commit(0, [], [2], ["between"])
    assert cells.absorb(0, (1.0, 2.0), (1.0, 2.0), [2], ["new"]) == (2, (1.0, 2.0))
    assert cells.read_object(2) == "new"


def test_objects_stay_when_a_number_is_not_plain(core: ModuleType) -> None:
    cells, values = cells_of(core, "old"), ["new"]
    assert cells.absorb(0, (11.0, 2.0), (1.0, 2.0), [2], values) == (0, None)
    assert (cells.read_whole(), values) == ((0, (1.0, 2.0), ("old",)), ["new"])


@pytest.mark.native
@pytest.mark.parametrize(
    ("places", "values", "error"),
    [([0], ["new"], IndexError), ([3], ["new"], IndexError), ([2], [], ValueError), ([2], ["a", "b"], ValueError)],
)
def test_a_bad_place_changes_nothing(core: ModuleType, places: Any, values: Any, error: type[Exception]) -> None:
    cells = cells_of(core, "old")
    with pytest.raises(error):
        cells.absorb(0, (5.0, 2.0), (1.0, 2.0), places, values)
    assert cells.read_whole() == (0, (1.0, 2.0), ("old",))


@given(value=WITHIN, base=WITHIN, meanwhile=st.none() | AMOUNTS)
def test_every_absorbed_number_is_the_value_or_the_sum(
    core: ModuleType, value: float, base: float, meanwhile: Any
) -> None:
    cells = cells_of(core)
    if meanwhile is not None:
        cells.add([0], [meanwhile])
    there = cells.read(0)
    expected = value if meanwhile is None else min(max(there + (value - base), LOW), HIGH)
    assert cells.absorb(0, (value, 2.0), (base, 2.0))[1] == (value if value == base else expected, 2.0)


def test_a_different_value_is_stored_unchanged(core: ModuleType) -> None:
    cells, held = cells_of(core), (0.1, 2.0)
    version, now = cells.absorb(0, held, (1.0, 2.0))
    assert (version, cells.read_all()) == (1, (1, (0.1, 2.0)))
    assert now is held
    assert [cells.stamp(0), cells.stamp(1)] == [1, 0]


@pytest.mark.parametrize("held", [(1.0, 2.0), (1, 2)])
def test_an_equal_value_is_no_write(core: ModuleType, held: tuple[Any, ...]) -> None:
    cells = cells_of(core)
    version, now = cells.absorb(0, held, (1.0, 2.0))
    assert (version, cells.version) == (0, 0)
    assert now is held


def test_an_absorbed_change_is_added_to_a_concurrent_write(core: ModuleType) -> None:
    cells = cells_of(core)
    cells.add([0, 1], [-3.0, 1.0])
    assert cells.absorb(0, (5.0, 2.0), (1.0, 2.0)) == (2, (2.0, 2.0))
    assert cells.read_all() == (2, (2.0, 3.0))


@pytest.mark.parametrize(
    "held",
    [(11.0, 2.0), (1.5, -10.5), (math.nan, 2.0), (1.5, math.inf), (1.5, "2"), (True, 1.5), (1.5, None), (10**400, 2.0)],
)
def test_a_value_that_a_cell_cannot_hold_unchanged_is_no_write(core: ModuleType, held: tuple[Any, ...]) -> None:
    cells = cells_of(core)
    assert cells.absorb(0, held, (1.0, 2.0)) == (0, None)
    assert cells.version == 0


def test_a_whole_number_is_taken_as_an_int(core: ModuleType) -> None:
    cells = cells_of(core, integers=[True, False])
    assert cells.absorb(0, (4, 2.0), (1.0, 2.0)) == (1, (4, 2.0))
    assert cells.absorb(1, (5.0, 2.0), (4.0, 2.0)) == (0, None)


@pytest.mark.native
@pytest.mark.parametrize("count", [0, 1, 3])
def test_absorb_needs_a_number_for_each_cell(core: ModuleType, count: int) -> None:
    with pytest.raises(ValueError, match="a number for each cell"):
        cells_of(core).absorb(0, (1.0,) * count, (1.0, 2.0))
    with pytest.raises(ValueError, match="a number for each cell"):
        cells_of(core).absorb(0, (1.0, 2.0), (1.0,) * count)


def test_an_absorbed_change_is_logged_with_its_cause(core: ModuleType) -> None:
    cells = cells_of(core, "old")
    cells.record(True)
    cells.absorb(0, (1.0, 5.0), (1.0, 2.0), [2], ["new"], 7)
    assert cells.take_changes() == [(1, 2, 0.0, 0.0, 7), (1, 1, 2.0, 5.0, 7)]


HELD = st.one_of(WITHIN, st.integers(-12, 12), st.sampled_from([math.nan, math.inf, True, None, 10**400]))


@given(
    integers=st.lists(st.booleans(), min_size=2, max_size=2),
    deltas=st.lists(st.tuples(st.integers(0, 1), AMOUNTS), max_size=3),
    since=st.integers(0, 3),
    held=st.tuples(HELD, HELD),
    kept=st.tuples(HELD, HELD),
)
@pytest.mark.native
def test_the_twins_absorb_to_the_same_bits(integers: Any, deltas: Any, since: int, held: Any, kept: Any) -> None:
    from lifeevt import _core
    from lifeevt._backends import reference

    told = []
    for twin in (_core, reference):
        cells = cells_of(twin, integers=integers)  # type: ignore[arg-type]
        for place, amount in deltas:
            cells.add([place], [amount])
        told.append(repr((cells.absorb(since, held, kept), cells.read_all())))
    assert told[0] == told[1]
