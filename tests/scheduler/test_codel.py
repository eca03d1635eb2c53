"""CoDel: the target of each level, and the targets that it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from lifeevt import Priority
from lifeevt._backends.contract import MAX_LEVELS
from lifeevt.scheduler import CoDel

MS = 1_000_000


def test_every_level_but_critical_has_the_target() -> None:
    shedder = CoDel(0.05, 0.5)
    assert (shedder.interval_ns, shedder.targets_ns) == (500 * MS, (0,) + (50 * MS,) * (MAX_LEVELS - 1))


def test_a_level_may_have_a_target_of_its_own() -> None:
    targets = CoDel(0.05, 0.5, {Priority.LOW: 0.3, 9: 0.1}).targets_ns
    assert [targets[level] for level in (0, 1, 3, 9, 15)] == [0, 50 * MS, 300 * MS, 100 * MS, 50 * MS]


def test_a_target_for_critical_events_is_refused() -> None:
    with pytest.raises(ValueError, match="CRITICAL events are never shed"):
        CoDel(targets={0: 1.0})


@pytest.mark.parametrize("level", [-1, MAX_LEVELS])
def test_a_target_for_a_level_that_is_none_is_refused(level: int) -> None:
    with pytest.raises(ValueError, match=r"it must lie in \[1, 16\)"):
        CoDel(targets={level: 0.1})


@pytest.mark.parametrize("wrong", [(0.0, 0.1), (-1.0, 0.1), (0.2, 0.1), (1e-10, 1.0), (1.0, 1e10), (0.1, 1.0, {2: 2})])
def test_times_that_make_no_sense_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="0 < target <= interval"):
        CoDel(*wrong)


def test_two_of_the_same_values_are_equal() -> None:
    assert CoDel(targets={3: 0.2}) == CoDel(targets={3: 0.2}) != CoDel()
