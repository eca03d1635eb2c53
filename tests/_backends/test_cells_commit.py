"""StateCells: commits, objects, stamps, the change log, and the rules of single numbers."""

from __future__ import annotations

import gc
import weakref
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, strategies as st

NO_CAUSE = -1


class Thing:
    """An object that can be watched."""


def cells_of(core: ModuleType, *objects: Any, count: int = 2, **rules: Any) -> Any:
    return core.StateCells([1.0] * count, [0.0] * count, [10.0] * count, [False] * count, objects=objects, **rules)


# objects


def test_objects_follow_the_numbers(core: ModuleType) -> None:
    cells = cells_of(core, "a", "b")
    assert len(cells) == 2
    assert (cells.read_object(2), cells.read_object(3)) == ("a", "b")
    assert cells.read_whole() == (0, (1.0, 1.0), ("a", "b"))


@pytest.mark.native
@pytest.mark.parametrize("index", [-1, 0, 1, 4])
def test_where_no_object_is_none_can_be_read(core: ModuleType, index: int) -> None:
    with pytest.raises(IndexError):
        cells_of(core, "a", "b").read_object(index)


@pytest.mark.native
@pytest.mark.parametrize("index", [-1, 2])
def test_an_object_is_no_number(core: ModuleType, index: int) -> None:
    cells = cells_of(core, "a")
    for call in (cells.read, lambda place: cells.write(place, 1.0), lambda place: cells.add([place], [1.0])):
        with pytest.raises(IndexError):
            call(index)


def test_a_commit_exchanges_objects(core: ModuleType) -> None:
    cells, values = cells_of(core, "old", "kept"), [2.0, "new"]
    assert cells.commit(0, [], [0, 2], values) == (1, ())
    assert cells.read_whole() == (1, (2.0, 1.0), ("new", "kept"))
    assert values == [2.0, "old"]


def test_a_place_named_twice_ends_with_the_last_object(core: ModuleType) -> None:
    cells, values = cells_of(core, "old"), ["first", "last"]
    cells.commit(0, [], [2, 2], values)
    assert (cells.read_object(2), values) == ("last", ["old", "first"])


def test_a_replaced_object_lives_as_long_as_it_is_referenced(core: ModuleType) -> None:
    thing = Thing()
    cells, gone = cells_of(core, thing), weakref.ref(thing)
    del thing
    values: list[Any] = [None]
    cells.commit(0, [], [2], values)
    assert gone() is not None
    values.clear()
    gc.collect()
    assert gone() is None


def test_cells_in_a_cycle_with_their_object_are_collected(core: ModuleType) -> None:
    thing: Any = Thing()
    gone = weakref.ref(thing)
    thing.cells = cells_of(core, thing)
    del thing
    gc.collect()
    assert gone() is None


# commits


def test_a_commit_is_refused_when_a_watched_place_was_written(core: ModuleType) -> None:
    cells = cells_of(core, "a")
    cells.write(0, 2.0)
    assert cells.commit(0, [0, 1, 2], [1], [5.0]) == (0, (0,))
    assert cells.read_all() == (1, (2.0, 1.0))
    assert cells.conflicts == 1


def test_a_commit_names_every_place_that_was_written(core: ModuleType) -> None:
    cells = cells_of(core, "a", "b")
    cells.add([1], [1.0]), cells.commit(0, [], [3], ["c"])
    assert cells.commit(0, [3, 2, 1, 0], [0], [5.0]) == (0, (3, 1))


def test_a_write_before_the_snapshot_is_no_conflict(core: ModuleType) -> None:
    cells = cells_of(core, "a")
    since = cells.write(0, 2.0)
    assert cells.commit(since, [0], [0], [3.0]) == (2, ())


@pytest.mark.parametrize("bad", [[11.0, "x"], [float("nan"), "x"], ["x", "x"]])
def test_a_refused_number_leaves_everything_as_it_was(core: ModuleType, bad: list[Any]) -> None:
    cells, given_values = cells_of(core, "old"), list(bad)
    with pytest.raises((ValueError, TypeError)):
        cells.commit(0, [], [0, 2], given_values)
    assert cells.read_whole() == (0, (1.0, 1.0), ("old",))
    assert given_values[1] == "x" and cells.stamp(0) == 0


def test_a_refusal_names_the_place(core: ModuleType) -> None:
    with pytest.raises(ValueError) as caught:
        cells_of(core).commit(0, [], [1], [11.0])
    assert caught.value.args == ("11.0 lies outside [0.0, 10.0]", 1)


@pytest.mark.native
@pytest.mark.parametrize(
    ("watched", "places", "values", "error"),
    [
        ([3], [], [], IndexError), ([], [3], [1.0], IndexError), ([], [0, 1], [1.0], ValueError),
        ([-1], [], [], IndexError),
    ],
)
def test_a_commit_of_places_that_are_not_there(
    core: ModuleType, watched: list[int], places: list[int], values: list[Any], error: type[Exception]
) -> None:
    cells = cells_of(core, "a")
    with pytest.raises(error):
        cells.commit(0, watched, places, values)
    assert cells.version == 0


# stamps


def test_a_stamp_is_the_version_that_wrote_last(core: ModuleType) -> None:
    cells = cells_of(core, "a")
    cells.write(0, 2.0), cells.add([1, 0], [1.0, 1.0]), cells.commit(0, [], [2], ["b"]), cells.add([], [])
    assert [cells.stamp(place) for place in range(3)] == [2, 2, 3]


def test_a_reflex_stamps_the_cells_that_it_changes(core: ModuleType) -> None:
    cells = cells_of(core)
    table = core.ReflexTable(2, [(1.0, [(1, 1.0)], [])], [], [], [([], 0)], [(False, 1.0, [])])
    table.respond(cells, 0, 1.0)
    assert [cells.stamp(0), cells.stamp(1)] == [0, 1]


# numbers one by one


def test_compare_and_set_writes_only_when_equal(core: ModuleType) -> None:
    cells = cells_of(core)
    assert cells.compare_and_set(0, 9.0, 5.0) == 0
    assert cells.compare_and_set(0, 1.0, 5.0) == 1
    assert cells.read_all() == (1, (5.0, 1.0))


def test_reach_writes_only_values_that_differ(core: ModuleType) -> None:
    cells = cells_of(core)
    assert [cells.reach(0, 3.0, True), cells.reach(0, 2.0, True), cells.reach(0, 3.0, True)] == [1, 1, 1]
    assert [cells.reach(0, 4.0, False), cells.reach(0, 2.0, False)] == [1, 2]
    assert cells.read(0) == 2.0


def test_a_clamping_number_takes_the_bound(core: ModuleType) -> None:
    cells = cells_of(core, clamping=[True, False])
    cells.write(0, 99.0)
    assert cells.read(0) == 10.0
    cells.commit(0, [], [0], [-99.0])
    assert cells.read(0) == 0.0
    with pytest.raises(ValueError, match="lies outside"):
        cells.write(1, 99.0)


def test_a_refusing_number_refuses_a_delta_with_all_others(core: ModuleType) -> None:
    cells = cells_of(core, refusing=[False, True])
    with pytest.raises(ValueError) as caught:
        cells.add([0, 1], [1.0, 9.5])
    assert caught.value.args == ("10.5 lies outside [0.0, 10.0]", 1)
    assert cells.read_all() == (0, (1.0, 1.0))
    assert cells.add([0, 1], [99.0, 9.0]) == 1


def test_a_refusing_number_named_twice_is_summed(core: ModuleType) -> None:
    cells = cells_of(core, refusing=[True, True])
    with pytest.raises(ValueError, match=r"11\.0 lies outside"):
        cells.add([0, 0], [5.0, 5.0])
    assert cells.version == 0


def test_the_amounts_added_are_returned(core: ModuleType) -> None:
    assert cells_of(core).add_and_tell([0, 1, 0], [20.0, -0.5, -1.0]) == (1, (9.0, -0.5, -1.0))


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(-20, 20)), max_size=6))
def test_the_amounts_returned_sum_up_to_the_cells(core: ModuleType, changes: list[tuple[int, float]]) -> None:
    cells = cells_of(core)
    _, told = cells.add_and_tell([place for place, _ in changes], [amount for _, amount in changes])
    for place in range(2):
        moved = sum(change for (at, _), change in zip(changes, told, strict=True) if at == place)
        assert cells.read(place) == pytest.approx(1.0 + moved, abs=1e-9)


# the change log


def test_nothing_is_recorded_before_recording_is_switched_on(core: ModuleType) -> None:
    cells = cells_of(core)
    cells.write(0, 2.0)
    assert cells.take_changes() == []


def test_the_change_log_holds_every_change_in_order(core: ModuleType) -> None:
    cells = cells_of(core, "a")
    cells.record(True)
    cells.write(0, 2.0, 7), cells.add([1, 0], [20.0, 1.0]), cells.commit(0, [], [2, 1], ["b", 3.0], -9)
    assert cells.take_changes() == [
        (1, 0, 1.0, 2.0, 7),
        (2, 1, 1.0, 10.0, NO_CAUSE), (2, 0, 2.0, 3.0, NO_CAUSE),
        (3, 2, 0.0, 0.0, -9), (3, 1, 10.0, 3.0, -9),
    ]  # fmt: skip
    assert cells.take_changes() == []


def test_a_reflex_leaves_its_cause(core: ModuleType) -> None:
    cells = cells_of(core)
    cells.record(True)
    table = core.ReflexTable(2, [(1.0, [(1, 1.0)], [])], [], [], [([], 0)], [(False, 1.0, [])])
    table.respond(cells, 0, 1.0, cause=41)
    assert cells.take_changes() == [(1, 1, 1.0, 2.0, 41)]


def test_a_change_log_grows_until_it_is_taken(core: ModuleType) -> None:
    cells = cells_of(core)
    cells.record(True)
    for _ in range(1000):
        cells.add([0], [0.001])
    assert [change[0] for change in cells.take_changes()] == list(range(1, 1001))


def test_a_change_log_that_is_switched_off_is_forgotten(core: ModuleType) -> None:
    cells = cells_of(core)
    cells.record(True), cells.write(0, 2.0), cells.record(False), cells.write(0, 3.0), cells.record(True)
    assert cells.take_changes() == []


# times


def test_each_64th_hold_is_measured(core: ModuleType) -> None:
    cells = cells_of(core)
    for _ in range(129):
        cells.add([0], [0.0])
    assert (cells.holds.count, cells.waits.count) == (3, 0)


def test_cells_that_are_not_measured_keep_no_times(core: ModuleType) -> None:
    cells = core.StateCells([0.0], [0.0], [1.0], [False], measured=False)
    for _ in range(129):
        cells.add([0], [0.0])
    assert (cells.holds.count, cells.counts()) == (0, (0, 129))
