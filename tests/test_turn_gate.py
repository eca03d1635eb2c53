"""TurnGate: one at a time, in the order of asking, and nothing left behind by who gave up."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest
from actors import Actor, Call, together, wait_until

from lifeevt import LockOrderError, LockTimeout
from lifeevt.turn_gate import TurnGate


def standing(gate: TurnGate) -> int:
    return len(gate._line)


def begun(actor: Actor, gate: TurnGate, holder: str, timeout: float | None = None) -> Call:
    """Let a thread ask, and wait until it stands in line."""
    before = standing(gate)
    call = actor.begin(gate.acquire, holder, timeout)
    wait_until(lambda: standing(gate) > before or call.ended)
    return call


def test_one_thread_is_inside_at_a_time() -> None:
    gate = TurnGate("Ada")
    with Actor() as one, Actor() as other:
        one.do(gate.acquire, "one")
        with pytest.raises(LockTimeout, match=r"the turn of Ada was not free within 0 s; one has had it for"):
            other.do(gate.acquire, "other", 0.0)
        one.do(gate.release)
        other.do(gate.acquire, "other", 0.0)


def test_entering_again_raises_at_once() -> None:
    gate = TurnGate("Ada")
    gate.acquire("one")
    with pytest.raises(LockOrderError, match="turn of Ada already, as one"):
        gate.acquire("two")
    gate.release()
    assert not gate.is_mine()


def test_leaving_without_being_inside_is_an_error() -> None:
    with pytest.raises(RuntimeError):
        TurnGate("Ada").release()


def test_turns_come_in_the_order_of_asking() -> None:
    gate = TurnGate("Ada")
    with Actor() as first, Actor() as second, Actor() as third:
        first.do(gate.acquire, "first")
        waiting_second, waiting_third = begun(second, gate, "second"), begun(third, gate, "third")
        first.do(gate.release)
        waiting_second.result()
        with pytest.raises(LockTimeout, match="second has had it"):
            first.do(gate.acquire, "first again", 0.0)
        assert not waiting_third.ended
        second.do(gate.release)
        waiting_third.result()


def test_who_comes_while_somebody_waits_does_not_pass_though_the_lock_is_free() -> None:
    gate = TurnGate("Ada")
    with Actor() as one, Actor() as other:
        one.do(gate.acquire, "one")
        waiting = begun(other, gate, "other")
        one.do(lambda: (gate.release(), error_of(lambda: gate.acquire("one again", 0.0))))
        waiting.result()


def error_of(call: Any) -> BaseException | None:
    try:
        call()
    except LockTimeout as error:
        return error
    return None


def test_who_gives_up_lets_those_behind_move_up() -> None:
    gate = TurnGate("Ada")
    with Actor() as one, Actor() as other, Actor() as last:
        one.do(gate.acquire, "one")
        giving_up, waiting = begun(other, gate, "other", 0.05), begun(last, gate, "last")
        with pytest.raises(LockTimeout):
            giving_up.result()
        one.do(gate.release)
        waiting.result()
        assert standing(gate) == 0


def test_a_call_that_was_lost_is_made_up_for() -> None:
    """As when a signal's exception hits who leaves between the release and the call."""
    gate = TurnGate("Ada")
    with Actor() as one, Actor() as other:
        one.do(gate.acquire, "one")
        waiting = begun(other, gate, "other")
        one.do(gate._lock.release)
        waiting.result()


def test_many_threads_exclude_each_other() -> None:
    gate, inside, most = TurnGate("Ada"), [0], [0]

    def work() -> None:
        for _ in range(300):
            gate.acquire("work")
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1
            gate.release()

    together(*[work] * 4)
    assert most == [1]
    assert standing(gate) == 0


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("mine", [True, False])
def test_a_child_is_free_of_the_threads_it_does_not_have(mine: bool) -> None:
    gate = TurnGate("Ada")
    with Actor() as other:
        (gate.acquire if mine else lambda holder: other.do(gate.acquire, holder))("holder")
        child = os.fork()
        if child == 0:
            fine = gate.is_mine() == mine
            if mine:
                gate.release()
            threading.Thread(target=lambda: os._exit(0 if fine and error_of(lambda: gate.acquire("child", 0.0)) is None
                                                     else 1)).start()  # fmt: skip
            threading.Event().wait()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        if mine:
            gate.release()
