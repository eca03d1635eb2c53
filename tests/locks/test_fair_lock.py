"""FairLock: one holder at a time, in the order of requests, visible by name, released after every exception."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from actors import Actor, Call, wait_until

from lifeevt import LockOrderError, LockTimeout
from lifeevt.locks import FairLock, FairLockGuard


@pytest.fixture
def lock() -> FairLock:
    return FairLock("the being")


@pytest.fixture
def other() -> Iterator[Actor]:
    with Actor() as actor:
        yield actor


def test_a_holder_is_alone_and_has_a_name(lock: FairLock, other: Actor) -> None:
    with lock.acquire("the engine") as guard:
        assert guard.holder == "the engine" and guard.held
        (holding,) = lock.holders()
        assert holding.holder == f"the engine ({threading.current_thread().name})" and holding.seconds >= 0.0
        with pytest.raises(LockTimeout) as caught:
            other.do(lock.acquire, "a visitor", 0)
    assert not guard.held and lock.holders() == ()
    assert str(caught.value).startswith("the being was not free within 0 s; the engine (")
    assert caught.value.holders[0][0] == holding.holder


def test_holders_come_in_the_order_of_asking(lock: FairLock) -> None:
    with ExitStack() as stack:
        guard = lock.acquire("the first")
        actors = [stack.enter_context(Actor()) for _ in range(5)]
        calls: list[Call] = []
        for number, actor in enumerate(actors, 1):
            calls.append(actor.begin(lock.acquire, f"number {number}"))
            wait_until(lambda number=number: lock.waiting() == number)
        for call in calls:
            assert not call.ended
            guard.release()
            guard = call.result()
            assert guard.held
        guard.release()


def test_a_thread_that_loses_patience_lets_the_next_one_in(lock: FairLock, other: Actor) -> None:
    with Actor() as hasty:
        guard = lock.acquire("the first")
        late = hasty.begin(lock.acquire, "the hasty", 0.05)
        wait_until(lambda: lock.waiting() == 1 or late.ended)
        patient = other.begin(lock.acquire, "the patient")
        with pytest.raises(LockTimeout, match="the first"):
            late.result()
        guard.release()
        patient.result().release()
    assert lock.waiting() == 0 and lock.holders() == ()


def test_a_thread_holds_it_once(lock: FairLock) -> None:
    with lock.acquire("a test"):
        with pytest.raises(LockOrderError, match="holds the being already"):
            lock.acquire("the same test")
        assert len(lock.holders()) == 1
    assert lock.holders() == ()


def test_a_hold_ends_when_its_guard_is_dropped(lock: FairLock, other: Actor) -> None:
    guard: FairLockGuard | None = lock.acquire("a test")
    waiting = other.begin(lock.acquire, "the next")
    wait_until(lambda: lock.waiting() == 1)
    assert guard is not None
    del guard
    waiting.result().release()


def test_a_guard_may_be_released_by_another_thread_and_more_than_once(lock: FairLock, other: Actor) -> None:
    guard = lock.acquire("a test")
    other.do(guard.release)
    guard.release()
    with lock.acquire("a test", 0):
        guard.release()  # an old guard ends no new hold
        assert len(lock.holders()) == 1


@pytest.mark.parametrize("step", ["check_order", "wait", "note_rank", "forget_rank"])
def test_an_exception_at_any_step_leaves_no_hold(other: Actor, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = FairLock("the being", rank=1)
    whole = getattr(FairLock, step)
    guard = other.do(lock.acquire, "the first") if step == "wait" else None

    def interrupted(self: FairLock, *arguments: object) -> None:
        monkeypatch.undo()
        if step != "wait":
            whole(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(FairLock, step, interrupted)
    with pytest.raises(KeyboardInterrupt), lock.acquire("a test"):
        pass
    if guard is not None:
        other.do(guard.release)
    assert lock.holders() == () and lock.waiting() == 0
    with lock.acquire("a test"):  # no rank is left behind
        pass


def test_times_are_counted_by_holder(lock: FairLock, other: Actor) -> None:
    with lock.acquire("the engine"):
        waiting = other.begin(lock.acquire, "a visitor")
        wait_until(lambda: lock.waiting() == 1)
        assert repr(lock).startswith("<FairLock the being: held by the engine (") and repr(lock).endswith("1 wait>")
    waiting.result().release()
    told = lock.statistics()
    assert (told.holds.count, told.waits.count) == (2, 1)
    assert told.longest_holder is not None and told.longest_holder.startswith(("the engine", "a visitor"))


def test_a_hold_that_another_thread_ends_frees_the_rank_of_its_own(other: Actor) -> None:
    high, low = FairLock("high", 2), FairLock("low", 1)
    guard = high.acquire("a test")
    with pytest.raises(LockOrderError):
        low.acquire("a test")
    other.do(guard.release)
    low.acquire("a test").release()
