"""LockGuard: one block at a time inside a fair lock, in the order of asking, and nothing left behind by an error."""

from __future__ import annotations

import gc
import os
import threading
from typing import Any

import pytest
from actors import Actor, Call, together, wait_until

from lifeevt import LockOrderError, LockTimeout
from lifeevt._backends import LockGuard
from lifeevt.clock import limit_in_ns
from lifeevt.errors import StateError
from lifeevt.locks import FairLock


class Place:
    """A lock, and blocks inside it."""

    def __init__(self) -> None:
        self.lock = FairLock("Ada")

    def enter(self, holder: str, timeout: float | None = None) -> LockGuard:
        guard = LockGuard(self.lock, holder, limit_in_ns(timeout))
        guard.__enter__()
        return guard

    def begun(self, actor: Actor, holder: str, timeout: float | None = None) -> Call:
        """Let a thread ask, and return once it is queued."""
        before = len(self.lock.line)
        call = actor.begin(self.enter, holder, timeout)
        wait_until(lambda: len(self.lock.line) > before or call.ended)
        return call


def leave(guard: LockGuard) -> None:
    guard.__exit__(None, None, None)


def error_of(call: Any) -> BaseException | None:
    try:
        call()
    except LockTimeout as error:
        return error
    return None


def test_one_thread_is_inside_at_a_time() -> None:
    place = Place()
    with Actor() as one, Actor() as other:
        guard = one.do(place.enter, "one")
        with pytest.raises(LockTimeout, match=r"Ada was not free within 0 s; one has held it for"):
            other.do(place.enter, "other", 0.0)
        one.do(leave, guard)
        other.do(place.enter, "other", 0.0)


def test_entering_again_raises_at_once_and_ends_nothing() -> None:
    place = Place()
    guard = place.enter("one")
    with pytest.raises(LockOrderError, match="holds Ada already, as one"):
        place.enter("two")
    gc.collect()
    assert place.lock.is_mine()
    leave(guard)
    assert not place.lock.is_mine()


def test_a_guard_is_for_one_block() -> None:
    place = Place()
    guard = place.enter("one")
    with pytest.raises(StateError, match="one block"):
        guard.__enter__()
    assert place.lock.is_mine()
    leave(guard)
    with pytest.raises(StateError, match="one block"):
        guard.__enter__()
    assert not place.lock.is_mine()


def test_threads_enter_in_the_order_of_asking() -> None:
    place = Place()
    with Actor() as first, Actor() as second, Actor() as third:
        guard = first.do(place.enter, "first")
        waiting_second, waiting_third = place.begun(second, "second"), place.begun(third, "third")
        first.do(leave, guard)
        guard = waiting_second.result()
        with pytest.raises(LockTimeout, match="second has held it"):
            first.do(place.enter, "first again", 0.0)
        assert not waiting_third.ended
        second.do(leave, guard)
        waiting_third.result()


def test_a_newcomer_does_not_pass_a_thread_that_waits() -> None:
    place = Place()
    with Actor() as one, Actor() as other:
        guard = one.do(place.enter, "one")
        waiting = place.begun(other, "other")
        late = one.do(lambda: (leave(guard), error_of(lambda: place.enter("one again", 0.0))))[1]
        assert isinstance(late, LockTimeout)
        waiting.result()


def test_a_thread_that_gives_up_lets_those_behind_move_up() -> None:
    place = Place()
    with Actor() as one, Actor() as other, Actor() as last:
        guard = one.do(place.enter, "one")
        giving_up, waiting = place.begun(other, "other", 0.05), place.begun(last, "last")
        with pytest.raises(LockTimeout):
            giving_up.result()
        one.do(leave, guard)
        last.do(leave, waiting.result())
        assert not place.lock.line


def test_a_bell_that_was_not_rung_is_made_up_for() -> None:
    """As when a signal handler raises between the release and the bell."""
    place = Place()
    with Actor() as one, Actor() as other:
        one.do(place.enter, "one")
        waiting = place.begun(other, "other")
        place.lock.line.pop(0)
        waiting.result()


def test_a_block_that_does_not_end_is_over_when_its_guard_is_dropped() -> None:
    place = Place()
    guard = place.enter("lost")
    assert place.lock.is_mine()
    del guard
    gc.collect()
    assert not place.lock.is_mine()


def test_many_threads_exclude_each_other() -> None:
    place, inside, most = Place(), [0], [0]

    def work() -> None:
        for _ in range(300):
            guard = place.enter("work")
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1
            leave(guard)

    together(*[work] * 4)
    assert most == [1]
    assert not place.lock.line


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("mine", [True, False])
def test_a_child_is_free_of_the_threads_it_does_not_have(mine: bool) -> None:
    place = Place()
    with Actor() as other:
        guard = place.enter("holder") if mine else other.do(place.enter, "holder")
        child = os.fork()
        if child == 0:
            fine = place.lock.is_mine() == mine
            if mine:
                leave(guard)
            _end_with(lambda: fine and error_of(lambda: place.enter("child", 0.0)) is None)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        if mine:
            leave(guard)


def _end_with(fine: Any) -> None:
    """End the child with 0 if another thread of it finds all fine."""
    threading.Thread(target=lambda: os._exit(0 if fine() else 1)).start()
    threading.Event().wait()


def test_statistics_name_the_longest_holder() -> None:
    place = Place()
    with Actor() as other:
        first = place.enter("the handler")
        second = place.begun(other, "the watcher")
        leave(first)
        other.do(leave, second.result())
    told = place.lock.statistics()
    assert (told.name, told.waits.count, told.holds.count) == ("Ada", 1, 2)
    assert told.longest_holder in ("the handler", "the watcher")
    assert told.longest_hold_ns >= told.holds.min_ns > 0
