"""The table of event types by number, on each twin."""

from __future__ import annotations

from types import ModuleType

import pytest

from lifeevt._backends.contract import MAX_TYPES, NO_ROW, NO_TYPE_ID


def test_a_new_name_gets_the_next_number(core: ModuleType) -> None:
    type_table = core.TypeTable()
    assert [type_table.add(name, 0, 10) for name in ("shock", "noise", "shock")] == [0, 1, 0]
    assert (type_table.type_id("noise"), type_table.name(1), len(type_table)) == (1, "noise", 2)


def test_a_name_that_was_not_added_has_no_number(core: ModuleType) -> None:
    assert core.TypeTable().type_id("shock") == NO_TYPE_ID


def test_a_new_type_needs_python_and_has_no_row(core: ModuleType) -> None:
    type_table = core.TypeTable()
    type_table.add("shock", 3, 10)
    assert type_table.describe(0) == (3, 10, NO_ROW, True)


def test_a_type_can_be_given_its_reflex(core: ModuleType) -> None:
    type_table = core.TypeTable()
    type_table.add("shock", 0, 10)
    type_table.set_reflex(0, 7, False)
    assert type_table.describe(0) == (0, 10, 7, False)


def test_a_full_table_takes_no_more_names(core: ModuleType) -> None:
    type_table = core.TypeTable()
    assert [type_table.add(str(number), 0, 1) for number in range(MAX_TYPES)] == list(range(MAX_TYPES))
    assert (type_table.add("late", 0, 1), type_table.add("7", 0, 1), len(type_table)) == (NO_TYPE_ID, 7, MAX_TYPES)


@pytest.mark.native
@pytest.mark.parametrize("level", [-1, 16])
def test_a_level_outside_is_refused(core: ModuleType, level: int) -> None:
    type_table = core.TypeTable()
    with pytest.raises(IndexError):
        type_table.add("shock", level, 10)
    assert len(type_table) == 0


def test_a_number_without_a_type_is_refused(core: ModuleType) -> None:
    type_table = core.TypeTable()
    for ask in (type_table.name, type_table.describe, lambda code: type_table.set_reflex(code, 0, True)):
        with pytest.raises(IndexError):
            ask(0)


def test_a_type_can_be_given_another_level_and_budget_and_keeps_its_reflex(core: ModuleType) -> None:
    type_table = core.TypeTable()
    type_table.add("shock", 0, 10)
    type_table.set_reflex(0, 7, False)
    type_table.change(0, 3, 20)
    assert type_table.describe(0) == (3, 20, 7, False)
    assert type_table.add("shock", 1, 1) == 0 and type_table.describe(0) == (3, 20, 7, False)


@pytest.mark.native
@pytest.mark.parametrize(
    ("wrong", "error"), [((1, 0, 0), IndexError), ((0, 16, 0), IndexError), ((0, 0, 2**63), OverflowError)]
)
def test_a_change_that_is_none_changes_nothing(core: ModuleType, wrong: tuple[int, int, int], error: type) -> None:
    type_table = core.TypeTable()
    type_table.add("shock", 0, 10)
    with pytest.raises(error):
        type_table.change(*wrong)
    assert type_table.describe(0) == (0, 10, NO_ROW, True)


def test_the_events_of_a_type_are_recorded_in_its_present_account(core: ModuleType) -> None:
    heap, type_table, first, second = core.EventHeap(9), core.TypeTable(), core.Account(), core.Account()
    table = core.ReflexTable(1, [(1.0, [(0, 1.0)], [])], [], [], [([], 0)], [(False, 1.0, [])])
    cells, level = core.StateCells([1.0], [0.0], [9.0], [False]), core.Account()
    reactor = core.Reactor(heap, type_table, table, cells, [level], 9, True)
    type_table.add("shock", 0, 10)
    type_table.set_reflex(0, NO_ROW, False)
    for account in (None, first, first, second, None):
        type_table.account(0, account)
        heap.offer(0, 0, 0, "p", 0, 0)
        reactor.run_pending(1)
    assert [each.latency.count for each in (level, first, second)] == [5, 2, 1]
    assert first.late == 2


@pytest.mark.native
@pytest.mark.parametrize(("wrong", "error"), [((1, None), IndexError), ((0, object()), TypeError)])
def test_an_argument_that_is_no_account_is_refused(core: ModuleType, wrong: tuple[int, object], error: type) -> None:
    type_table = core.TypeTable()
    type_table.add("shock", 0, 10)
    with pytest.raises(error):
        type_table.account(*wrong)
