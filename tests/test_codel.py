"""CoDel against the pseudo-code of RFC 8289, and its use by level."""

from __future__ import annotations

from itertools import pairwise
from math import isqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifeevt import Priority
from lifeevt.codel import CoDel, DelayShedder

MS = 1_000_000
TARGET, INTERVAL = 5 * MS, 100 * MS


class AsInTheRfc:
    """The algorithm as section 5 of RFC 8289 writes it, over a whole queue: a list of times of arrival."""

    def __init__(self, queue: list[int]) -> None:
        self.queue, self.dropped = queue, list[int]()
        self.first_above_time = self.drop_next = self.count = self.lastcount = 0
        self.dropping = False

    def dodequeue(self, now: int) -> tuple[int | None, bool]:
        if not self.queue:
            self.first_above_time = 0
            return None, False
        packet = self.queue.pop(0)
        if now - packet < TARGET or not self.queue:  # no more than one packet waits
            self.first_above_time = 0
        elif self.first_above_time == 0:
            self.first_above_time = now + INTERVAL
        else:
            return packet, now >= self.first_above_time
        return packet, False

    def dequeue(self, now: int) -> int | None:
        packet, ok_to_drop = self.dodequeue(now)
        if packet is None:
            self.dropping = False
            return None
        if self.dropping:
            if not ok_to_drop:
                self.dropping = False
            while now >= self.drop_next and self.dropping:
                self.dropped.append(packet)  # type: ignore[arg-type]
                self.count += 1
                packet, ok_to_drop = self.dodequeue(now)
                if not ok_to_drop:
                    self.dropping = False
                else:
                    self.drop_next = self.control_law(self.drop_next)
        elif ok_to_drop:
            self.dropped.append(packet)
            packet, _ = self.dodequeue(now)
            self.dropping = True
            delta = self.count - self.lastcount
            self.count = delta if delta > 1 and now - self.drop_next < 16 * INTERVAL else 1
            self.drop_next = self.control_law(now)
            self.lastcount = self.count
        return packet

    def control_law(self, time: int) -> int:
        return time + isqrt(INTERVAL * INTERVAL // self.count)


class Ours:
    def __init__(self, queue: list[int]) -> None:
        self.queue, self.dropped, self.codel = queue, list[int](), CoDel()

    def dequeue(self, now: int) -> int | None:
        while self.queue:
            packet = self.queue.pop(0)
            if self.codel.admits(now, now - packet, last=not self.queue):
                return packet
            self.dropped.append(packet)
        return None


# a packet that comes, or one that goes, after so many milliseconds
steps = st.lists(st.tuples(st.booleans(), st.sampled_from([0, 0, 1, 4, 20, 60, 300])), max_size=300)


@given(steps, st.integers(0, 60))
def test_the_same_packets_leave_and_are_dropped_as_in_the_rfc(steps: list[tuple[bool, int]], waiting: int) -> None:
    rfc, ours, now = AsInTheRfc([1] * waiting), Ours([1] * waiting), 1
    for comes, pause in steps:
        now += pause * MS
        if comes:
            rfc.queue.append(now)
            ours.queue.append(now)
        else:
            assert rfc.dequeue(now) == ours.dequeue(now)
            assert rfc.dropped == ours.dropped


def overloaded(codel: CoDel, seconds: int, gap_ns: int, waited_ns: int) -> list[int]:
    """The times at which it sheds, when all that leave have waited so long."""
    return [now for now in range(0, seconds * 10**9, gap_ns) if not codel.admits(now, waited_ns)]


def test_a_standing_delay_is_shed_ever_more_often() -> None:
    shed = overloaded(CoDel(), 3, 10 * MS, 6 * MS)
    assert shed[0] == INTERVAL
    gaps = [after - before for before, after in pairwise(shed)]
    assert gaps[0] == INTERVAL and sum(gaps[-5:]) < 3 * INTERVAL


def test_a_burst_that_is_worked_off_within_the_interval_loses_nothing() -> None:
    codel = CoDel()
    assert all(codel.admits(now * MS, max(90 - now, 0) * MS) for now in range(200))


def test_one_short_wait_ends_the_episode() -> None:
    codel = CoDel()
    assert overloaded(codel, 1, 10 * MS, 6 * MS) and codel.shedding
    assert codel.admits(10**9, TARGET - 1) and not codel.shedding
    assert codel.admits(10**9 + 1, 6 * MS)


def test_the_last_one_is_never_shed() -> None:
    codel = CoDel()
    assert all(codel.admits(now * INTERVAL, 10**10, last=True) for now in range(50))


@pytest.mark.parametrize("wrong", [(0.0, 0.1), (-1.0, 0.1), (0.2, 0.1), (1e-10, 1.0), (1.0, 1e10)])
def test_times_that_make_no_sense_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="0 < target <= interval"):
        CoDel(*wrong)


def shed_by_level(shedder: DelayShedder, waited_ns: int) -> list[int]:
    shed = [0] * 4
    for now in range(0, 10 * 10**9, 10 * MS):
        for level in Priority:
            shed[level] += not shedder.admits(level, now, waited_ns)
    return shed


def test_critical_events_are_never_shed() -> None:
    shed = shed_by_level(DelayShedder(), 10**9)
    assert shed[0] == 0 and min(shed[1:]) > 0


def test_each_level_has_a_delay_of_its_own() -> None:
    shedder = DelayShedder(0.05, 0.5, {Priority.LOW: 0.3})
    shed = shed_by_level(shedder, 200 * MS)
    assert shed[Priority.LOW] == 0 and shed[Priority.NORMAL] > 0
    assert shedder.shedding() == [Priority.HIGH, Priority.NORMAL]


def test_levels_that_are_added_later_are_shed_as_well() -> None:
    shedder = DelayShedder()
    assert not all(shedder.admits(9, now, 10**9) for now in range(0, 10**10, 10**8))


def test_a_target_for_critical_events_is_refused() -> None:
    with pytest.raises(ValueError, match="CRITICAL events are never shed"):
        DelayShedder(targets={0: 1.0})
