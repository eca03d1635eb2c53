"""CoDel, on each twin: against the pseudo-code of RFC 8289, and level by level."""

from __future__ import annotations

import copy
from itertools import pairwise
from math import isqrt
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifeevt._backends.contract import MAX_LEVELS
from strategies import INT64_MAX, INT64_MIN

MS = 1_000_000
TARGET, INTERVAL = 5 * MS, 100 * MS
LEVEL = 1


def codel(core: ModuleType, target_ns: int = TARGET, interval_ns: int = INTERVAL) -> Any:
    """One for every level but the first."""
    return core.CoDel(interval_ns, [0] + [target_ns] * (MAX_LEVELS - 1))


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
    def __init__(self, core: ModuleType, queue: list[int]) -> None:
        self.queue, self.dropped, self.codel = queue, list[int](), codel(core)

    def dequeue(self, now: int) -> int | None:
        while self.queue:
            packet = self.queue.pop(0)
            if self.codel.admits(LEVEL, now, now - packet, last=not self.queue):
                return packet
            self.dropped.append(packet)
        return None


# a packet arrives or leaves after so many milliseconds
steps = st.lists(st.tuples(st.booleans(), st.sampled_from([0, 0, 1, 4, 20, 60, 300])), max_size=300)


@given(steps, st.integers(0, 60))
def test_the_same_packets_leave_and_are_dropped_as_in_the_rfc(
    core: ModuleType, steps: list[tuple[bool, int]], waiting: int
) -> None:
    rfc, ours, now = AsInTheRfc([1] * waiting), Ours(core, [1] * waiting), 1
    for comes, pause in steps:
        now += pause * MS
        if comes:
            rfc.queue.append(now)
            ours.queue.append(now)
        else:
            assert rfc.dequeue(now) == ours.dequeue(now)
            assert rfc.dropped == ours.dropped


def overloaded(one: Any, seconds: int, gap_ns: int, waited_ns: int) -> list[int]:
    """The times at which it sheds, when all that leave have waited so long."""
    return [now for now in range(0, seconds * 10**9, gap_ns) if not one.admits(LEVEL, now, waited_ns)]


def test_a_standing_delay_is_shed_ever_more_often(core: ModuleType) -> None:
    shed = overloaded(codel(core), 3, 10 * MS, 6 * MS)
    assert shed[0] == INTERVAL
    gaps = [after - before for before, after in pairwise(shed)]
    assert gaps[0] == INTERVAL and sum(gaps[-5:]) < 3 * INTERVAL


@pytest.mark.parametrize("interval", [1, 2, 3, 10**9, 2**31, 2**32 + 1, 999_999_999_999_999_989, 10**18])
def test_the_next_event_is_shed_at_the_nanosecond_of_the_control_law(core: ModuleType, interval: int) -> None:
    one, next_ns = codel(core, 1, interval), interval
    assert one.admits(LEVEL, 0, 1)
    assert not one.admits(LEVEL, interval, 1), "the first one, after a whole interval"
    for count in range(1, 400):
        next_ns += isqrt(interval * interval // count)
        if next_ns > INT64_MAX:
            break
        assert one.admits(LEVEL, next_ns - 1, 1) or isqrt(interval * interval // count) == 0
        assert not one.admits(LEVEL, next_ns, 1)


def test_a_burst_that_is_worked_off_within_the_interval_loses_nothing(core: ModuleType) -> None:
    one = codel(core)
    assert all(one.admits(LEVEL, now * MS, max(90 - now, 0) * MS) for now in range(200))


def test_one_short_wait_ends_the_episode(core: ModuleType) -> None:
    one = codel(core)
    assert overloaded(one, 1, 10 * MS, 6 * MS) and one.shedding() == (LEVEL,)
    assert one.admits(LEVEL, 10**9, TARGET - 1) and one.shedding() == ()
    assert one.admits(LEVEL, 10**9 + 1, 6 * MS)


@pytest.mark.parametrize(("pause", "count"), [(16 * INTERVAL - 1, 3), (16 * INTERVAL, 1)])
def test_an_episode_continues_at_the_rate_of_a_recent_one(core: ModuleType, pause: int, count: int) -> None:
    one, now = codel(core), INTERVAL
    assert one.admits(LEVEL, 0, TARGET) and not one.admits(LEVEL, now, TARGET)
    for shed in (1, 2, 3):
        now += isqrt(INTERVAL * INTERVAL // shed)
        assert not one.admits(LEVEL, now, TARGET)
    assert one.admits(LEVEL, now, 0), "three more than it began with"
    again = now + pause
    assert one.admits(LEVEL, again - INTERVAL, TARGET) and not one.admits(LEVEL, again, TARGET)
    next_ns = again + isqrt(INTERVAL * INTERVAL // count)
    assert one.admits(LEVEL, next_ns - 1, TARGET) and not one.admits(LEVEL, next_ns, TARGET)


def test_the_last_one_is_never_shed(core: ModuleType) -> None:
    one = codel(core)
    assert all(one.admits(LEVEL, now * INTERVAL, 10**10, last=True) for now in range(50))


@pytest.mark.parametrize("waited", [10**9, INT64_MAX])
def test_a_level_without_a_target_is_never_shed(core: ModuleType, waited: int) -> None:
    one = codel(core)
    verdicts = [one.admits(level, now, waited) for now in range(0, 10**10, 10**7) for level in range(MAX_LEVELS)]
    assert all(verdicts[::MAX_LEVELS]) and not all(verdicts[1::MAX_LEVELS])
    assert one.shedding() == tuple(range(1, MAX_LEVELS))


def test_each_level_has_a_delay_of_its_own(core: ModuleType) -> None:
    one = core.CoDel(500 * MS, [0, 50 * MS, 300 * MS] + [500 * MS] * 13)
    verdicts = {level: [one.admits(level, now, 200 * MS) for now in range(0, 10**10, 10**7)] for level in (1, 2)}
    assert not all(verdicts[1]) and all(verdicts[2])
    assert one.shedding() == (1,)


def test_times_at_the_ends_of_64_bits_do_not_wrap(core: ModuleType) -> None:
    one = codel(core, 1, 10**18)
    assert one.admits(LEVEL, INT64_MIN, INT64_MAX)
    assert not one.admits(LEVEL, INT64_MAX, INT64_MAX), "a whole interval has passed"
    assert not one.admits(LEVEL, INT64_MAX, INT64_MAX), "the next stops at the last instant there is"
    assert one.admits(LEVEL, INT64_MAX, INT64_MIN)


@pytest.mark.native
@pytest.mark.parametrize("count", [0, 1, MAX_LEVELS - 1, MAX_LEVELS + 1])
def test_there_is_a_target_for_each_level(core: ModuleType, count: int) -> None:
    with pytest.raises(ValueError, match="argument"):
        core.CoDel(5, [1] * count)


@pytest.mark.native
@pytest.mark.parametrize("level", [-1, MAX_LEVELS])
def test_a_level_that_is_none_is_refused(core: ModuleType, level: int) -> None:
    with pytest.raises(IndexError):
        codel(core).admits(level, 0, 0)


def test_it_cannot_be_copied(core: ModuleType) -> None:
    with pytest.raises(TypeError):
        copy.copy(codel(core))
