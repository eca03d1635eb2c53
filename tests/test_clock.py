"""The clocks: the manual one moves only on request, and wakes every waiting thread."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

import pytest
from actors import Actor, wait_until

from lifeevt import Clock, ManualClock
from lifeevt.clock import SystemClock

SECOND = 1_000_000_000


def test_a_manual_clock_stands_still() -> None:
    clock = ManualClock(5, 100.0)
    assert [(clock.now_ns(), clock.wall_time()) for _ in range(3)] == [(5, 100.0)] * 3


def test_advancing_moves_both_times() -> None:
    clock = ManualClock(7, 100.0)
    clock.advance(1.5)
    clock.advance_ns(3)
    assert clock.now_ns() == 7 + 1_500_000_003
    assert clock.wall_time() == 100.0 + 1.500000003


def test_a_clock_starts_at_zero_by_default() -> None:
    assert (ManualClock().now_ns(), ManualClock().wall_time()) == (0, 0.0)


@pytest.mark.parametrize("seconds", [-1.0, -1e-9])
def test_a_clock_never_goes_back(seconds: float) -> None:
    clock = ManualClock(10 * SECOND)
    with pytest.raises(ValueError, match="a clock never goes back"):
        clock.advance(seconds)
    with pytest.raises(ValueError, match="got -1 ns"):
        clock.advance_ns(-1)
    assert clock.now_ns() == 10 * SECOND


@pytest.mark.parametrize("seconds", [math.nan, math.inf])
def test_a_clock_moves_by_a_finite_time_only(seconds: float) -> None:
    clock = ManualClock()
    with pytest.raises((ValueError, OverflowError)):
        clock.advance(seconds)
    assert clock.now_ns() == 0


def wait_for_time(clock: Clock, condition: threading.Condition, deadline_ns: int) -> int:
    """Wait as the engine does: check, wait, check again; return the number of waits."""
    waits = 0
    with condition:
        while clock.now_ns() < deadline_ns:
            clock.wait(condition, deadline_ns)
            waits += 1
    return waits


def test_a_waiter_wakes_at_its_deadline_and_not_before() -> None:
    clock, condition = ManualClock(), threading.Condition()
    with Actor() as waiter:
        call = waiter.begin(wait_for_time, clock, condition, 3 * SECOND)
        for _ in range(2):
            clock.wait_for_waiters(1)
            clock.advance(1.0)
        clock.wait_for_waiters(1)
        assert not call.ended
        clock.advance(1.0)
        assert call.result() >= 1
    assert clock.waiting() == 0


def test_a_deadline_that_has_passed_does_not_wait() -> None:
    clock, condition = ManualClock(5), threading.Condition()
    with condition:
        clock.wait(condition, 5)
        clock.wait(condition, 4)


def test_a_notified_waiter_wakes_without_time() -> None:
    clock, condition = ManualClock(), threading.Condition()

    def wait_once() -> None:
        with condition:
            clock.wait(condition, None)

    with Actor() as waiter:
        call = waiter.begin(wait_once)
        clock.wait_for_waiters(1)
        with condition:
            condition.notify_all()
        call.result()


def test_every_waiter_sees_the_advance() -> None:
    clock = ManualClock()
    with Actor() as first, Actor() as second:
        calls = [each.begin(wait_for_time, clock, threading.Condition(), SECOND) for each in (first, second)]
        clock.wait_for_waiters(2)
        assert clock.waiting() == 2
        clock.advance(1.0)
        for call in calls:
            call.result()


def test_waiting_for_waiters_that_do_not_come_ends() -> None:
    with pytest.raises(TimeoutError, match="0 of 1 threads wait on the clock"):
        ManualClock().wait_for_waiters(1, timeout_seconds=0.0)


class _AdvancedWhileCompared(int):
    """A deadline that another thread's advance passes just as the clock looks at it."""

    clock: ManualClock
    other: Actor

    def __le__(self, now_ns: Any) -> bool:
        passed = int(self) <= now_ns
        advance = self.other.begin(self.clock.advance_ns, 10)
        until = time.monotonic() + 0.2  # a clock that looks under its lock makes the other wait
        while not advance.ended and time.monotonic() < until:
            threading.Event().wait(0.001)
        return passed


def test_an_advance_between_the_look_and_the_wait_is_not_missed() -> None:
    clock, condition = ManualClock(), threading.Condition()
    with Actor() as other, Actor() as waiter:
        deadline = _AdvancedWhileCompared(10)
        deadline.clock, deadline.other = clock, other

        def wait_once() -> None:
            with condition:
                clock.wait(condition, deadline)

        call = waiter.begin(wait_once)
        wait_until(lambda: clock.now_ns() == 10)
        other.do(int)  # the advance is over: it has woken the waiting threads
        wait_until(lambda: call.ended or clock.waiting() == 1)
        missed = not call._ended.wait(1.0)
        with condition:
            condition.notify_all()
        call.result()
    assert not missed


def test_the_system_clock_is_the_machines() -> None:
    clock = SystemClock()
    before, wall_before = time.monotonic_ns(), time.time()
    now, wall = clock.now_ns(), clock.wall_time()
    assert before <= now <= time.monotonic_ns()
    assert wall_before - 1.0 <= wall <= time.time() + 1.0


def test_the_system_clock_waits_until_its_deadline() -> None:
    clock, condition = SystemClock(), threading.Condition()
    deadline_ns = clock.now_ns() + 2_000_000
    assert wait_for_time(clock, condition, deadline_ns) >= 1
    assert clock.now_ns() >= deadline_ns


def test_the_system_clock_does_not_wait_for_the_past() -> None:
    condition = threading.Condition()
    with condition:
        SystemClock().wait(condition, 0)


def test_the_system_clock_waits_without_deadline_until_notified() -> None:
    condition, entered = threading.Condition(), threading.Event()

    def wait_once() -> None:
        with condition:
            entered.set()
            SystemClock().wait(condition, None)

    with Actor() as waiter:
        call = waiter.begin(wait_once)
        entered.wait()
        with condition:  # had only when the waiter waits
            condition.notify_all()
        call.result()
