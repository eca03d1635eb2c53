"""Account: the three durations of an event and whether it was late, on each twin."""

from __future__ import annotations

import copy
from types import ModuleType

import pytest


def test_a_new_account_has_seen_nothing(core: ModuleType) -> None:
    account = core.Account()
    assert [each.count for each in (account.wait, account.service, account.latency)] == [0, 0, 0]
    assert account.late == 0


def test_a_record_goes_to_each_of_the_three_durations(core: ModuleType) -> None:
    account = core.Account()
    account.record(100, 30, 40)
    account.record(100, 10, 20)
    assert [each.total for each in (account.wait, account.service, account.latency)] == [40, 60, 100]
    assert [each.count for each in (account.wait, account.service, account.latency)] == [2, 2, 2]


@pytest.mark.parametrize(("budget", "late"), [(69, 1), (70, 0), (71, 0), (-1, 1), (2**63 - 1, 0)])
def test_an_event_is_late_when_it_took_longer_than_its_budget(core: ModuleType, budget: int, late: int) -> None:
    account = core.Account()
    account.record(budget, 30, 40)
    assert account.late == late


@pytest.mark.parametrize(("latency", "late", "lateness"), [(100, 0, 0), (101, 1, 1), (150, 1, 50)])
def test_lateness_is_the_time_beyond_the_budget(core: ModuleType, latency: int, late: int, lateness: int) -> None:
    account = core.Account()
    account.record(100, 0, latency)
    assert (account.late, account.lateness.count, account.lateness.total) == (late, late, lateness)


@pytest.mark.parametrize(("wait", "starved"), [(-5000, 0), (0, 0), (1009, 0), (1010, 1), (2**62, 1)])
def test_an_event_starved_that_waited_longer_than_ten_budgets(core: ModuleType, wait: int, starved: int) -> None:
    account = core.Account()
    account.record(100, wait, 0)
    assert account.starved == starved


def test_shed_events_are_counted_apart(core: ModuleType) -> None:
    account = core.Account()
    account.record_shed()
    assert (account.shed, account.latency.count, account.late, account.starved) == (1, 0, 0, 0)


def test_a_clock_that_went_back_counts_as_no_time(core: ModuleType) -> None:
    account = core.Account()
    account.record(10, -5, 3)
    assert (account.wait.total, account.service.total, account.latency.total, account.late) == (0, 3, 0, 0)


def test_the_histograms_are_the_same_at_every_look(core: ModuleType) -> None:
    account = core.Account()
    assert account.wait is account.wait and account.latency is account.latency


def test_a_histogram_outlives_its_account(core: ModuleType) -> None:
    account = core.Account()
    account.record(1, 2, 3)
    latency = account.latency
    del account
    assert latency.total == 5


@pytest.mark.native
@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize(("wrong", "error"), [(None, TypeError), (2**63, OverflowError)])
def test_a_record_of_rubbish_records_nothing(core: ModuleType, place: int, wrong: object, error: type) -> None:
    account, given = core.Account(), [1, 1, 1]
    given[place] = wrong  # type: ignore[call-overload]
    with pytest.raises(error):
        account.record(*given)
    assert (account.wait.count, account.service.count, account.latency.count, account.late) == (0, 0, 0, 0)


def test_an_account_takes_no_arguments_and_cannot_be_copied(core: ModuleType) -> None:
    with pytest.raises(TypeError):
        core.Account(1)
    with pytest.raises(TypeError):
        copy.copy(core.Account())
