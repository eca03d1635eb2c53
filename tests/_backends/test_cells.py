"""StateCells: bounds, whole numbers, one atomic add, the version, bad input."""

from __future__ import annotations

import copy
import math
import pickle
import sys
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, strategies as st

from strategies import cell_blocks, finite_floats

HUGE = sys.float_info.max
NAN, INFINITY = math.nan, math.inf


def cells_of(core: ModuleType, *values: float, low: float = 0.0, high: float = 100.0, integer: bool = False) -> Any:
    count = len(values)
    return core.StateCells(list(values), [low] * count, [high] * count, [integer] * count)


def sign(number: float) -> float:
    return math.copysign(1.0, number)


# reading and writing


def test_a_written_value_is_read(core: ModuleType) -> None:
    cells = cells_of(core, 1.0, 2.0)
    cells.write(1, 0.1)
    assert (cells.read(0), cells.read(1)) == (1.0, 0.1)
    assert cells.read_all() == (1, (1.0, 0.1))
    assert len(cells) == 2


def test_every_cell_is_a_float(core: ModuleType) -> None:
    cells = core.StateCells([1, 2], [0, 0], [9, 9], [False, True])
    cells.write(0, 3)
    assert [type(value) for value in cells.read_all()[1]] == [float, float]


def test_a_state_without_cells_has_a_version(core: ModuleType) -> None:
    cells = core.StateCells([], [], [], [])
    assert cells.read_all() == (0, ())
    assert cells.add([], []) == 1


def test_the_version_counts_writes_and_not_reads(core: ModuleType) -> None:
    cells = cells_of(core, 1.0)
    assert cells.version == 0
    assert [cells.write(0, 2.0), cells.add([0], [1.0]), cells.add([], [])] == [1, 2, 3]
    cells.read(0), cells.read_all()
    assert cells.version == 3


def test_reads_and_writes_are_counted(core: ModuleType) -> None:
    cells = cells_of(core, 1.0)
    cells.write(0, 2.0), cells.add([0], [1.0])
    cells.read(0), cells.read_all(), cells.version
    assert cells.counts() == (2, 2)


def test_the_version_cannot_be_set(core: ModuleType) -> None:
    with pytest.raises(AttributeError):
        cells_of(core, 1.0).version = 7


# bounds


@pytest.mark.parametrize("value", [-0.1, 100.1, HUGE, -HUGE])
def test_a_value_outside_its_bounds_is_refused(core: ModuleType, value: float) -> None:
    cells = cells_of(core, 1.0)
    with pytest.raises(ValueError, match=r"lies outside \[0.0, 100.0\]"):
        cells.write(0, value)
    with pytest.raises(ValueError, match="lies outside"):
        cells_of(core, value)
    assert cells.read_all() == (0, (1.0,))


def test_the_bounds_themselves_are_inside(core: ModuleType) -> None:
    cells = cells_of(core, 0.0, 100.0)
    assert cells.write(0, 100.0) == 1 and cells.write(1, 0.0) == 2


@pytest.mark.parametrize("delta", [1000.0, HUGE])
def test_an_add_stops_at_the_bounds(core: ModuleType, delta: float) -> None:
    cells = cells_of(core, 50.0, 50.0)
    cells.add([0, 1], [delta, -delta])
    assert cells.read_all() == (1, (100.0, 0.0))


def test_a_sum_too_large_for_a_double_stops_at_the_bounds(core: ModuleType) -> None:
    cells = cells_of(core, 0.0, 0.0, low=-HUGE, high=HUGE)
    cells.add([0, 0, 1, 1], [HUGE, HUGE, -HUGE, -HUGE])
    assert cells.read_all() == (1, (HUGE, -HUGE))


def test_a_cell_named_twice_is_clamped_after_each_delta(core: ModuleType) -> None:
    cells = cells_of(core, 90.0)
    cells.add([0, 0], [50.0, -50.0])
    assert cells.read(0) == 50.0


@given(st.data())
def test_no_add_leaves_the_bounds(core: ModuleType, data: st.DataObject) -> None:
    values, lows, highs, integers = data.draw(cell_blocks())
    cells = core.StateCells(values, lows, highs, integers)
    places = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=8))
    cells.add(places, data.draw(st.lists(finite_floats, min_size=len(places), max_size=len(places))))
    for value, low, high, integer in zip(cells.read_all()[1], lows, highs, integers, strict=True):
        assert low <= value <= high
        assert not integer or value.is_integer()


# whole numbers


@pytest.mark.parametrize(("value", "kept"), [(1.9, 1.0), (-1.9, -1.0), (2.0, 2.0), (2.0**53, 2.0**53)])
def test_an_integer_cell_truncates_towards_zero(core: ModuleType, value: float, kept: float) -> None:
    cells = cells_of(core, value, 0.0, low=-1e300, high=1e300, integer=True)
    cells.write(1, value)
    assert cells.read_all()[1] == (kept, kept)
    cells.add([1], [0.75])
    assert cells.read(1) == float(math.trunc(kept + 0.75))


@pytest.mark.parametrize("value", [-0.0, -0.9])
def test_an_integer_cell_has_no_negative_zero(core: ModuleType, value: float) -> None:
    cells = cells_of(core, value, 0.0, 0.5, low=-9.0, high=9.0, integer=True)
    cells.write(1, value)
    cells.add([2], [value])
    assert [sign(number) for number in cells.read_all()[1]] == [1.0, 1.0, 1.0]


# all or nothing


@pytest.mark.native
@pytest.mark.parametrize(
    ("indices", "deltas", "error"),
    [
        ([0, 1], [1.0], ValueError),
        ([0, 2], [1.0, 1.0], IndexError),
        ([0, -1], [1.0, 1.0], IndexError),
        ([0, 2**31], [1.0, 1.0], IndexError),
        ([0, 2**63], [1.0, 1.0], OverflowError),
        ([0, "1"], [1.0, 1.0], TypeError),
        ([0, 1], [1.0, NAN], ValueError),
        ([0, 1], [1.0, INFINITY], ValueError),
        ([0, 1], [1.0, "1"], TypeError),
        ([0, 1], [1.0, None], TypeError),
        ([0, 1], [1.0, 10**400], OverflowError),
        ([0, 1], 7, TypeError),
    ],
)
def test_a_bad_add_changes_nothing(core: ModuleType, indices: Any, deltas: Any, error: type[Exception]) -> None:
    cells = cells_of(core, 1.0, 2.0)
    with pytest.raises(error):
        cells.add(indices, deltas)
    assert cells.read_all() == (0, (1.0, 2.0))
    assert cells.counts()[1] == 0


@pytest.mark.native
@pytest.mark.parametrize(
    ("index", "error"),
    [
        (2, IndexError),
        (-1, IndexError),
        (2**31, IndexError),
        (2**63, OverflowError),
        (None, TypeError),
    ],
)
def test_a_cell_that_is_not_there_is_refused(core: ModuleType, index: Any, error: type[Exception]) -> None:
    cells = cells_of(core, 1.0, 2.0)
    with pytest.raises(error):
        cells.read(index)
    with pytest.raises(error):
        cells.write(index, 1.0)
    assert cells.counts() == (0, 0)


@pytest.mark.native
@pytest.mark.parametrize(
    ("value", "error"),
    [(NAN, ValueError), (INFINITY, ValueError), (-INFINITY, ValueError), ("1", TypeError), (None, TypeError)],
)
def test_a_value_that_is_no_finite_number_is_refused(core: ModuleType, value: Any, error: type[Exception]) -> None:
    cells = cells_of(core, 1.0)
    with pytest.raises(error):
        cells.write(0, value)
    assert cells.read_all() == (0, (1.0,))
    with pytest.raises(error):
        core.StateCells([value], [0.0], [0.0], [False])


@pytest.mark.native
def test_lists_of_different_lengths_are_refused(core: ModuleType) -> None:
    for place in range(4):
        arguments: list[list[Any]] = [[1.0], [0.0], [2.0], [False]]
        arguments[place] = arguments[place] * 2
        with pytest.raises(ValueError, match="argument"):
            core.StateCells(*arguments)


def test_bounds_that_are_the_wrong_way_round_are_refused(core: ModuleType) -> None:
    with pytest.raises(ValueError, match="lies outside"):
        core.StateCells([1.0], [2.0], [0.0], [False])


def test_cells_cannot_be_copied_or_pickled(core: ModuleType) -> None:
    cells = cells_of(core, 1.0)  # a copy would share the lock with its original
    for act in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            act(cells)
