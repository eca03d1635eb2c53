"""TurnGate and LockGuard: one at a time, in the order of asking, and nothing left behind by who gave up."""

from __future__ import annotations

import gc
import os
import threading
from typing import Any

import pytest
from actors import Actor, Call, together, wait_until
from beings import FIELDS, Being

from lifeevt import LockOrderError, LockTimeout, ThreadSafeSelfState
from lifeevt._backends import LockGuard
from lifeevt.errors import StateError
from lifeevt.state.exclusive_gate import TurnGate


class Place:
    """A gate, and stays in it."""

    def __init__(self) -> None:
        self.gate = TurnGate("Ada")

    def enter(self, holder: str, timeout: float | None = None) -> LockGuard:
        stay = LockGuard(self.gate, holder, timeout)
        stay.__enter__()
        return stay

    def begun(self, actor: Actor, holder: str, timeout: float | None = None) -> Call:
        """Let a thread ask, and wait until it stands in line."""
        before = len(self.gate.line)
        call = actor.begin(self.enter, holder, timeout)
        wait_until(lambda: len(self.gate.line) > before or call.ended)
        return call


def leave(stay: LockGuard) -> None:
    stay.__exit__(None, None, None)


def error_of(call: Any) -> BaseException | None:
    try:
        call()
    except LockTimeout as error:
        return error
    return None


def test_one_thread_is_inside_at_a_time() -> None:
    place = Place()
    with Actor() as one, Actor() as other:
        stay = one.do(place.enter, "one")
        with pytest.raises(LockTimeout, match=r"the turn of Ada was not free within 0 s; one has held it for"):
            other.do(place.enter, "other", 0.0)
        one.do(leave, stay)
        other.do(place.enter, "other", 0.0)


def test_entering_again_raises_at_once_and_ends_nothing() -> None:
    place = Place()
    stay = place.enter("one")
    with pytest.raises(LockOrderError, match="turn of Ada already, as one"):
        place.enter("two")
    gc.collect()
    assert place.gate.is_mine()
    leave(stay)
    assert not place.gate.is_mine()


def test_a_stay_is_one_block() -> None:
    place = Place()
    stay = place.enter("one")
    with pytest.raises(StateError, match="one block"):
        stay.__enter__()
    assert place.gate.is_mine()
    leave(stay)
    with pytest.raises(StateError, match="one block"):
        stay.__enter__()
    assert not place.gate.is_mine()


def test_turns_come_in_the_order_of_asking() -> None:
    place = Place()
    with Actor() as first, Actor() as second, Actor() as third:
        stay = first.do(place.enter, "first")
        waiting_second, waiting_third = place.begun(second, "second"), place.begun(third, "third")
        first.do(leave, stay)
        stay = waiting_second.result()
        with pytest.raises(LockTimeout, match="second has held it"):
            first.do(place.enter, "first again", 0.0)
        assert not waiting_third.ended
        second.do(leave, stay)
        waiting_third.result()


def test_who_comes_while_somebody_waits_does_not_pass_though_the_lock_is_free() -> None:
    place = Place()
    with Actor() as one, Actor() as other:
        stay = one.do(place.enter, "one")
        waiting = place.begun(other, "other")
        one.do(lambda: (leave(stay), error_of(lambda: place.enter("one again", 0.0))))
        waiting.result()


def test_who_gives_up_lets_those_behind_move_up() -> None:
    place = Place()
    with Actor() as one, Actor() as other, Actor() as last:
        stay = one.do(place.enter, "one")
        giving_up, waiting = place.begun(other, "other", 0.05), place.begun(last, "last")
        with pytest.raises(LockTimeout):
            giving_up.result()
        one.do(leave, stay)
        waiting.result()
        assert not place.gate.line


def test_a_call_that_was_lost_is_made_up_for() -> None:
    """As when the handler of a signal raises between the release and the call."""
    place = Place()
    with Actor() as one, Actor() as other:
        one.do(place.gate.acquire, "one")
        waiting = place.begun(other, "other")
        one.do(place.gate.lock.release)
        waiting.result()


def test_a_stay_that_nobody_ends_is_over_when_it_is_dropped() -> None:
    place = Place()
    stay = place.enter("lost")
    assert place.gate.is_mine()
    del stay
    gc.collect()
    assert not place.gate.is_mine()


def test_many_threads_exclude_each_other() -> None:
    place, inside, most = Place(), [0], [0]

    def work() -> None:
        for _ in range(300):
            stay = place.enter("work")
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1
            leave(stay)

    together(*[work] * 4)
    assert most == [1]
    assert not place.gate.line


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("mine", [True, False])
def test_a_child_is_free_of_the_threads_it_does_not_have(mine: bool) -> None:
    place = Place()
    with Actor() as other:
        stay = place.enter("holder") if mine else other.do(place.enter, "holder")
        child = os.fork()
        if child == 0:
            fine = place.gate.is_mine() == mine
            if mine:
                leave(stay)
            _end_with(lambda: fine and error_of(lambda: place.enter("child", 0.0)) is None)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        if mine:
            leave(stay)


def _end_with(fine: Any) -> None:
    """End the child with 0 if another thread of it finds all fine."""
    threading.Thread(target=lambda: os._exit(0 if fine() else 1)).start()
    threading.Event().wait()


def test_statistics_name_who_stayed_longest() -> None:
    place = Place()
    with Actor() as other:
        first = place.enter("the handler")
        second = place.begun(other, "the watcher")
        leave(first)
        other.do(leave, second.result())
    told = place.gate.statistics()
    assert (told.name, told.waits.count) == ("Ada", 1)
    assert told.longest_holder in ("the handler", "the watcher")
    assert told.longest_hold_ns >= told.holds.min_ns > 0


def test_a_state_tells_of_its_turns_when_it_has_an_object() -> None:
    state = ThreadSafeSelfState.wrap(Being(), FIELDS, name="Ada")
    with state.turn("the handler"):
        pass
    turns = state.statistics().turns
    assert turns is not None and (turns.name, turns.longest_holder) == ("Ada", "the handler")
    assert ThreadSafeSelfState({}).statistics().turns is None


def test_a_state_that_is_not_measured_keeps_no_times_of_turns() -> None:
    state = ThreadSafeSelfState.wrap(Being(), FIELDS, measured=False)
    with state.turn("the handler"):
        pass
    turns = state.statistics().turns
    assert turns is not None and (turns.holds.count, turns.longest_holder) == (0, None)
