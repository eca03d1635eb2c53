"""The table of event types by number, on each twin."""

from __future__ import annotations

from types import ModuleType

import pytest

from lifeevt._backends.contract import MAX_KINDS, NO_KIND, NO_ROW


def test_a_new_name_gets_the_next_number(core: ModuleType) -> None:
    kinds = core.KindTable()
    assert [kinds.add(name, 0, 10) for name in ("shock", "noise", "shock")] == [0, 1, 0]
    assert (kinds.code("noise"), kinds.name(1), len(kinds)) == (1, "noise", 2)


def test_a_name_that_was_not_added_has_no_number(core: ModuleType) -> None:
    assert core.KindTable().code("shock") == NO_KIND


def test_a_new_kind_is_attended_and_has_no_row(core: ModuleType) -> None:
    kinds = core.KindTable()
    kinds.add("shock", 3, 10)
    assert kinds.describe(0) == (3, 10, NO_ROW, True)


def test_a_kind_can_be_given_its_answer(core: ModuleType) -> None:
    kinds = core.KindTable()
    kinds.add("shock", 0, 10)
    kinds.answer(0, 7, False)
    assert kinds.describe(0) == (0, 10, 7, False)


def test_a_full_table_takes_no_more_names(core: ModuleType) -> None:
    kinds = core.KindTable()
    assert [kinds.add(str(number), 0, 1) for number in range(MAX_KINDS)] == list(range(MAX_KINDS))
    assert (kinds.add("late", 0, 1), kinds.add("7", 0, 1), len(kinds)) == (NO_KIND, 7, MAX_KINDS)


@pytest.mark.native
@pytest.mark.parametrize("level", [-1, 16])
def test_a_level_outside_is_refused(core: ModuleType, level: int) -> None:
    kinds = core.KindTable()
    with pytest.raises(ValueError, match="level is"):
        kinds.add("shock", level, 10)
    assert len(kinds) == 0


def test_a_number_without_a_kind_is_refused(core: ModuleType) -> None:
    kinds = core.KindTable()
    for ask in (kinds.name, kinds.describe, lambda code: kinds.answer(code, 0, True)):
        with pytest.raises(IndexError):
            ask(0)


def test_a_kind_can_be_given_another_level_and_budget_and_keeps_its_answer(core: ModuleType) -> None:
    kinds = core.KindTable()
    kinds.add("shock", 0, 10)
    kinds.answer(0, 7, False)
    kinds.change(0, 3, 20)
    assert kinds.describe(0) == (3, 20, 7, False)
    assert kinds.add("shock", 1, 1) == 0 and kinds.describe(0) == (3, 20, 7, False)


@pytest.mark.native
@pytest.mark.parametrize(
    ("wrong", "error"), [((1, 0, 0), IndexError), ((0, 16, 0), ValueError), ((0, 0, 2**63), OverflowError)]
)
def test_a_change_that_is_none_changes_nothing(core: ModuleType, wrong: tuple[int, int, int], error: type) -> None:
    kinds = core.KindTable()
    kinds.add("shock", 0, 10)
    with pytest.raises(error):
        kinds.change(*wrong)
    assert kinds.describe(0) == (0, 10, NO_ROW, True)


def test_what_becomes_of_a_kind_is_recorded_in_its_account_until_it_has_another(core: ModuleType) -> None:
    heap, kinds, first, second = core.EventHeap(9), core.KindTable(), core.Account(), core.Account()
    table = core.ReflexTable(1, [(1.0, [(0, 1.0)], [])], [], [], [([], 0)], [(False, 1.0, [])])
    cells, level = core.StateCells([1.0], [0.0], [9.0], [False]), core.Account()
    reactor = core.Reactor(heap, kinds, table, cells, [level], 9, True)
    kinds.add("shock", 0, 10)
    kinds.answer(0, NO_ROW, False)
    for account in (None, first, first, second, None):
        kinds.account(0, account)
        heap.offer(0, 0, 0, "p", 0, 0)
        reactor.run_pending(1)
    assert [each.latency.count for each in (level, first, second)] == [5, 2, 1]
    assert first.late == 2


@pytest.mark.native
@pytest.mark.parametrize(("wrong", "error"), [((1, None), IndexError), ((0, object()), TypeError)])
def test_what_is_no_account_is_refused(core: ModuleType, wrong: tuple[int, object], error: type) -> None:
    kinds = core.KindTable()
    kinds.add("shock", 0, 10)
    with pytest.raises(error):
        kinds.account(*wrong)
