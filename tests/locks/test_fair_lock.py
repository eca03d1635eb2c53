"""TurnLock: one at a time, in the order of asking, seen by name, and given back whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from actors import Actor, Call, wait_until

from lifeevt import LockOrderError, LockTimeout
from lifeevt.locks import Turn, TurnLock


@pytest.fixture
def lock() -> TurnLock:
    return TurnLock("the being")


@pytest.fixture
def other() -> Iterator[Actor]:
    with Actor() as actor:
        yield actor


def test_a_turn_is_alone_and_has_a_name(lock: TurnLock, other: Actor) -> None:
    with lock.acquire("the engine") as turn:
        assert turn.holder == "the engine" and turn.held
        (holding,) = lock.holders()
        assert holding.holder == f"the engine ({threading.current_thread().name})" and holding.seconds >= 0.0
        with pytest.raises(LockTimeout) as caught:
            other.do(lock.acquire, "a visitor", 0)
    assert not turn.held and lock.holders() == ()
    assert str(caught.value).startswith("the being was not free within 0 s; the engine (")
    assert caught.value.holders[0][0] == holding.holder


def test_turns_come_in_the_order_of_asking(lock: TurnLock) -> None:
    with ExitStack() as stack:
        turn = lock.acquire("the first")
        actors = [stack.enter_context(Actor()) for _ in range(5)]
        calls: list[Call] = []
        for number, actor in enumerate(actors, 1):
            calls.append(actor.begin(lock.acquire, f"number {number}"))
            wait_until(lambda number=number: lock.waiting() == number)
        for call in calls:
            assert not call.ended
            turn.release()
            turn = call.result()
            assert turn.held
        turn.release()


def test_who_loses_patience_lets_the_next_one_in(lock: TurnLock, other: Actor) -> None:
    with Actor() as hasty:
        turn = lock.acquire("the first")
        late = hasty.begin(lock.acquire, "the hasty", 0.05)
        wait_until(lambda: lock.waiting() == 1 or late.ended)
        patient = other.begin(lock.acquire, "the patient")
        with pytest.raises(LockTimeout, match="the first"):
            late.result()
        turn.release()
        patient.result().release()
    assert lock.waiting() == 0 and lock.holders() == ()


def test_a_thread_has_one_turn_at_a_time(lock: TurnLock) -> None:
    with lock.acquire("a test"):
        with pytest.raises(LockOrderError, match="holds the being already"):
            lock.acquire("the same test")
        assert len(lock.holders()) == 1
    assert lock.holders() == ()


def test_a_turn_that_is_dropped_is_over(lock: TurnLock, other: Actor) -> None:
    turn: Turn | None = lock.acquire("a test")
    waiting = other.begin(lock.acquire, "the next")
    wait_until(lambda: lock.waiting() == 1)
    assert turn is not None
    del turn
    waiting.result().release()


def test_a_turn_may_be_released_by_another_thread_and_more_than_once(lock: TurnLock, other: Actor) -> None:
    turn = lock.acquire("a test")
    other.do(turn.release)
    turn.release()
    with lock.acquire("a test", 0):
        turn.release()  # an old turn ends no new one
        assert len(lock.holders()) == 1


@pytest.mark.parametrize("step", ["_stand_in", "_wait", "_leave"])
def test_an_exception_at_any_step_leaves_no_turn(
    lock: TurnLock, other: Actor, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = getattr(TurnLock, step)
    turn = other.do(lock.acquire, "the first") if step == "_wait" else None

    def interrupted(self: TurnLock, *arguments: object) -> None:
        monkeypatch.undo()
        if step != "_wait":
            whole(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(TurnLock, step, interrupted)
    with pytest.raises(KeyboardInterrupt), lock.acquire("a test"):
        pass
    if turn is not None:
        turn.release()
    assert lock.holders() == () and lock.waiting() == 0


def test_times_are_counted_by_holder(lock: TurnLock, other: Actor) -> None:
    with lock.acquire("the engine"):
        waiting = other.begin(lock.acquire, "a visitor")
        wait_until(lambda: lock.waiting() == 1)
        assert repr(lock).startswith("<TurnLock the being: held by the engine (") and repr(lock).endswith("1 wait>")
    waiting.result().release()
    told = lock.statistics()
    assert (told.holds.count, told.waits.count) == (2, 1)
    assert told.longest_holder is not None and told.longest_holder.startswith(("the engine", "a visitor"))


def test_a_turn_that_another_thread_ends_frees_the_rank_of_its_own(other: Actor) -> None:
    high, low = TurnLock("high", 2), TurnLock("low", 1)
    turn = high.acquire("a test")
    with pytest.raises(LockOrderError):
        low.acquire("a test")
    other.do(turn.release)
    low.acquire("a test").release()
