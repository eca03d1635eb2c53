"""Exclusive access: one thread has the object itself, readers never wait, the end publishes its fields in one step."""

from __future__ import annotations

import gc
import math
import sys
import threading
from contextlib import suppress
from typing import Any

import pytest
from actors import Actor, together, wait_until
from beings import FIELDS, Being, Loose
from hypothesis import given, strategies as st

from lifeevt import Field, InvalidValue, LockOrderError, LockTimeout, ThreadSafeSelfState, Value
from lifeevt.errors import StateError, TransactionError


def wrapped(target: Any = None, fields: Any = FIELDS, **more: Any) -> tuple[Any, ThreadSafeSelfState]:
    target = Being() if target is None else target
    return target, ThreadSafeSelfState.wrap(target, fields, **more)


# --- the block


def test_the_block_gets_the_object_itself() -> None:
    being, state = wrapped()
    with state.exclusive("handler") as live:
        assert live is being


def test_changes_of_the_block_are_published_at_its_end_as_one_version() -> None:
    _, state = wrapped()
    before = state.snapshot()
    with state.exclusive() as live:
        live.energy -= 1.5
        live.ticks += 1
        live.memory.append("shock")
        live.pattern = "absorb"
        assert dict(state.snapshot()) == dict(before)
    assert dict(state.snapshot()) == {"energy": 48.5, "ticks": 4, "memory": ["shock"], "pattern": "absorb"}
    assert (before.version, state.version) == (0, 1)


def test_a_block_without_a_change_makes_no_version() -> None:
    _, state = wrapped()
    access = state.exclusive()
    with access as live:
        live.memory.append(1)
        live.memory.pop()
        live.energy = live.energy + 0.0
    assert (state.version, access.version) == (0, 0)


def test_a_block_has_the_versions_of_its_begin_and_its_end() -> None:
    _, state = wrapped()
    state["energy"] = 7.0
    access = state.exclusive()
    with access as live:
        assert access.version == 1
        live.energy += 1
    assert access.version == state.version == 2


def test_an_exception_propagates_and_the_changes_before_it_are_published() -> None:
    _, state = wrapped()
    with pytest.raises(ZeroDivisionError), state.exclusive() as live:
        live.energy = 7.0
        _ = 1 // 0
    assert state["energy"] == 7.0


def test_published_values_are_private_copies() -> None:
    _, state = wrapped()
    with state.exclusive() as live:
        live.memory.append([1])
    with state.exclusive() as live:
        live.memory[0].append(2)
        assert state["memory"] == [[1]]
    assert state["memory"] == [[1, 2]]


def test_a_field_may_be_copied_more_cheaply() -> None:
    entries = [Loose(kind="shock"), Loose(kind="noise")]
    target, state = wrapped(Loose(memory=entries[:1]), {"memory": Value([], copy=tuple)})
    assert state["memory"] == (entries[0],)
    with state.exclusive() as live:
        live.memory.append(entries[1])
    assert (state["memory"], state.version) == (tuple(entries), 1)
    assert state["memory"][1] is entries[1]
    with state.exclusive():
        pass
    assert state.version == 1
    assert type(target.memory) is list


def test_a_change_outside_exclusive_access_is_published_by_the_next_block() -> None:
    being, state = wrapped()
    being.energy = 7.0
    assert state["energy"] == 50.0
    with state.exclusive():
        pass
    assert state["energy"] == 7.0


def test_a_value_that_cannot_be_compared_counts_as_changed() -> None:
    class Unequal:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("not comparable")

        __hash__ = None  # type: ignore[assignment]

    _, state = wrapped(Loose(thing=Unequal()), None)
    with state.exclusive():
        pass
    assert state.version == 1


def test_the_fields_need_no_numbers_and_no_values() -> None:
    for held in ({"energy": 1.0}, {"name": "Ada"}, {"energy": 1.0, "mood": 2.0}):
        target, state = wrapped(Loose(**held), None)
        with state.exclusive() as live:
            vars(live).update(dict.fromkeys(held, 7.0))
        assert dict(state.snapshot()) == dict.fromkeys(held, 7.0) == vars(target)


# --- refused values


def outside(**rules: Any) -> tuple[Any, ThreadSafeSelfState]:
    fields = {"energy": Field(0.0, 0.0, 10.0, **rules), "mood": Field(0.0)}
    return wrapped(Loose(energy=5.0, mood=0.0), fields)


def test_a_number_outside_is_clamped_in_the_object_too() -> None:
    target, state = outside(on_set="clamp")
    with state.exclusive() as live:
        live.energy = 99.0
    assert (target.energy, state["energy"]) == (10.0, 10.0)
    with state.exclusive() as live:
        live.energy = 11.0
    assert (target.energy, state.version) == (10.0, 1)


def test_a_whole_number_is_cut_in_the_object_too() -> None:
    target, state = wrapped(Loose(ticks=3), {"ticks": Field(0, integer=True)})
    with state.exclusive() as live:
        live.ticks = 4.7
    assert (target.ticks, type(target.ticks), state["ticks"], state.version) == (4, int, 4, 1)
    with state.exclusive() as live:
        live.ticks = 4.2
    assert (target.ticks, state.version) == (4, 1)


@pytest.mark.parametrize("bad", [11.0, -1.0, math.nan, math.inf, None, "7", 10**400, True, 1j], ids=repr)
def test_a_rejected_value_is_put_back_and_reported_and_the_rest_is_published(bad: Any) -> None:
    target, state = outside()
    access = state.exclusive()
    with pytest.raises(InvalidValue, match="energy"), access as live:
        live.energy, live.mood = bad, 3.0
    assert (target.energy, state["energy"], target.mood, state["mood"]) == (5.0, 5.0, 3.0, 3.0)
    assert list(access.refused) == ["energy"]


def test_a_value_of_another_kind_or_that_cannot_be_copied_is_put_back() -> None:
    target, state = wrapped()
    both = "memory must be a list, not a tuple; pattern must be a str"
    with pytest.raises(InvalidValue, match=both), state.exclusive() as live:
        live.memory, live.pattern = (1,), 5
    with pytest.raises(InvalidValue, match="cannot be copied"), state.exclusive() as live:
        live.memory.append(threading.Lock())
    assert (target.memory, target.pattern, state.version) == ([], "", 0)


def test_the_bodys_own_exception_is_not_hidden() -> None:
    target, state = outside()
    access = state.exclusive()
    with pytest.raises(ZeroDivisionError) as raised, access as live:
        live.energy = 11.0
        _ = 1 // 0
    assert (target.energy, list(access.refused)) == (5.0, ["energy"])
    notes = getattr(raised.value, "__notes__", None)
    assert (notes is not None) == (sys.version_info >= (3, 11))
    assert notes is None or "energy: 11.0 lies outside" in notes[0]


def test_a_deleted_attribute_is_put_back() -> None:
    target, state = outside()
    with pytest.raises(InvalidValue, match="energy cannot be read"), state.exclusive() as live:
        del live.energy
        live.mood = 1.0
    assert (target.energy, state["mood"]) == (5.0, 1.0)


def test_an_object_that_refuses_everything_gives_both_errors() -> None:
    target, state = wrapped()
    both = r"energy: 101.0 lies outside .*, and energy: the object refused 50.0"
    with pytest.raises(InvalidValue, match=both), state.exclusive() as live:
        live._body["energy"] = 101.0
        live.deaf = True
    target.deaf = False
    target.energy = 7.0
    with state.exclusive():
        pass
    assert state["energy"] == 7.0


# --- which thread may have it


def test_another_block_of_the_same_thread_raises_at_once() -> None:
    _, state = wrapped(name="Ada")
    with state.exclusive("outer") as live:
        live.energy = 7.0
        with pytest.raises(LockOrderError, match="holds Ada already, as outer"), state.exclusive("inner"):
            pass
        with pytest.raises(LockOrderError, match="outer"):
            state["energy"] = 8.0
        assert state._wrapped is not None and state._wrapped.lock.is_mine()
    assert state["energy"] == 7.0


def test_exclusive_access_to_two_states_nests() -> None:
    (_, one), (_, other) = wrapped(), wrapped()
    with one.exclusive() as first, other.exclusive() as second:
        first.energy, second.energy = 1.0, 2.0
    assert (one["energy"], other["energy"]) == (1.0, 2.0)


def test_exclusive_access_is_for_one_block() -> None:
    _, state = wrapped()
    access = state.exclusive()
    with access:
        pass
    with pytest.raises(StateError, match="one block"), access:
        pass


def test_exclusive_access_inside_a_transaction_raises() -> None:
    _, state = wrapped()
    with state.transaction() as t:
        with pytest.raises(TransactionError, match="inside a transaction"), state.exclusive():
            pass
        t["energy"] = 7.0
    with state.exclusive() as live:
        assert live.energy == 7.0


def test_a_transaction_inside_exclusive_access_raises() -> None:
    _, state = wrapped()
    with state.exclusive():
        with pytest.raises(TransactionError, match="inside exclusive access to "), state.transaction():
            pass
        with pytest.raises(TransactionError):
            state.transact(lambda t: None)


def test_a_transaction_may_run_beside_exclusive_access_of_another_thread() -> None:
    being, state = wrapped()
    with Actor() as holder, state.transaction() as t:
        t["energy"] = 7.0
        access = state.exclusive("other")
        holder.do(access.__enter__)
        being.ticks = 9
        holder.do(access.__exit__, None, None, None)
    assert (being.energy, state["energy"], state["ticks"]) == (7.0, 7.0, 9)


def test_without_an_object_there_is_no_exclusive_access() -> None:
    with pytest.raises(StateError, match="wraps no object"):
        ThreadSafeSelfState({"energy": Field(1.0)}).exclusive()


def test_a_thread_that_waits_too_long_learns_which_holder_it_waited_for() -> None:
    being, state = wrapped(name="Ada")
    told = pytest.raises(LockTimeout, match=r"^Ada was not free within 0.001 s; handler:shock has held it for")
    with Actor() as other, state.exclusive("handler:shock"), told as raised:
        other.do(state.exclusive("late", 0.001).__enter__)
    assert [holder for holder, _ in raised.value.holders] == ["handler:shock"]
    with state.exclusive("late", 0.0) as live:
        assert live is being


def test_the_threads_name_is_the_holders() -> None:
    _, state = wrapped()
    told = pytest.raises(LockTimeout, match=threading.current_thread().name)
    with Actor() as other, state.exclusive(), told:
        other.do(state.exclusive(timeout=0.0).__enter__)


def test_readers_do_not_wait_and_writers_do() -> None:
    _, state = wrapped()
    with Actor() as reader, Actor() as writer:
        with state.exclusive() as live:
            live.energy = 7.0
            assert reader.do(lambda: (state["energy"], state.snapshot()["energy"])) == (50.0, 50.0)
            waiting = writer.begin(lambda: state.apply_delta({"energy": 1.0}))
            assert not waiting.ended
        assert waiting.result() == 2
        assert state["energy"] == 8.0


def test_no_block_of_many_threads_is_lost() -> None:
    _, state = wrapped(Loose(count=0.0, steps=[]), None)

    def work() -> None:
        for _ in range(200):
            with state.exclusive() as live:
                seen = live.count
                live.steps.append(seen)
                live.count = seen + 1

    def write() -> None:
        for _ in range(200):
            state.apply_delta({"count": 1.0})

    together(work, work, write)
    assert state["count"] == 600.0
    assert len(state["steps"]) == 400


@pytest.mark.parametrize("place", ["wait", "pull", "publish"])
def test_an_exception_from_outside_leaves_no_lock_taken(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, state = wrapped()
    wrapped_object = state._wrapped
    assert wrapped_object is not None

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    wrapped_object.lock.rank = 1  # or the lock's own step after the wait is left out
    patches: Any = {
        "wait": (wrapped_object.lock, "note_rank", interrupted),
        "pull": (wrapped_object, "pull", interrupted),
        "publish": (wrapped_object, "publish", interrupted),
    }
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(*patches[place])
        with state.exclusive() as target:
            target.energy = 7.0
    with Actor() as other:
        assert other.do(state.exclusive(timeout=0.0).__enter__) is wrapped_object.target


def test_a_block_that_does_not_end_is_over_when_it_is_dropped() -> None:
    _, state = wrapped()
    access = state.exclusive("lost")
    access.__enter__().energy = 7.0
    del access
    gc.collect()
    with state.exclusive(timeout=0.0):
        pass
    assert state["energy"] == 7.0


# --- reflexes


def test_a_block_begins_with_the_writes_of_reflexes() -> None:
    _, state = wrapped()
    state.cells.add([0, 1], [-10.0, 2.0])
    with state.exclusive() as live:
        assert (live.energy, live.ticks) == (40.0, 5)
    assert state.version == 1


def test_a_write_of_a_reflex_during_the_block_and_a_change_of_the_block_add_up() -> None:
    being, state = wrapped()
    with state.exclusive() as live:
        live.energy += 5.0
        state.cells.add([0, 1], [-10.0, 2.0])
        assert state["energy"] == 40.0
        assert (live.energy, live.ticks) == (55.0, 3)
    assert (being.energy, state["energy"], state["ticks"]) == (45.0, 45.0, 5)
    with state.exclusive() as live:
        assert live.ticks == 5
    assert state.version == 2


@pytest.mark.parametrize(("reflex", "block", "expected"), [(-45.0, -20.0, 0.0), (45.0, 20.0, 100.0)])
def test_the_sum_is_clamped(reflex: float, block: float, expected: float) -> None:
    being, state = wrapped()
    with state.exclusive() as live:
        live.energy += block
        state.cells.add([0], [reflex])
    assert being.energy == state["energy"] == expected


def test_a_change_outside_exclusive_access_and_one_of_a_reflex_add_up() -> None:
    being, state = wrapped()
    being.energy = 55.0
    state.cells.add([0], [-10.0])
    with state.exclusive() as live:
        assert live.energy == 45.0
    assert state["energy"] == 45.0


def test_a_change_to_no_number_outside_gives_way_to_the_reflex() -> None:
    target, state = wrapped(Loose(energy=5.0), None)
    target.energy = None
    state.cells.add([0], [-1.0])
    with state.exclusive() as live:
        assert live.energy == 4.0


def test_a_number_of_a_reflex_that_the_object_refuses_is_taken_back() -> None:
    being, state = wrapped(None, {"energy": Field(0.0, low=-50.0), "ticks": Field(0)})
    state.cells.add([0, 1], [-60.0, 1.0])
    with pytest.raises(InvalidValue, match=r"the object refused -10.0"), state.exclusive():
        pytest.fail("the block does not begin")
    with state.exclusive() as live:
        assert (live.energy, live.ticks) == (50.0, 4)
    assert (state["energy"], being.ticks) == (50.0, 4)


STEPS = st.lists(st.tuples(st.sampled_from(["block", "reflex"]), st.floats(-9, 9)), max_size=20)


@given(steps=STEPS)
def test_blocks_and_reflexes_lose_nothing(steps: list[tuple[str, float]]) -> None:
    target, state = wrapped(Loose(sum=0.0, other=0.0), None)
    with state.exclusive() as live:
        for writer, amount in steps:
            if writer == "block":
                live.sum += amount
            else:
                state.cells.add([0], [amount])
    assert math.isclose(state["sum"], math.fsum(amount for _, amount in steps), abs_tol=1e-9)
    with state.exclusive():
        assert target.sum == state["sum"]


# --- watchers


def test_watchers_get_a_block_after_its_end_with_its_holder_as_reason() -> None:
    _, state = wrapped()
    heard: list[Any] = []

    def watcher(change: Any) -> None:
        heard.append((change.version, dict(change.before), dict(change.after), change.reason, change.event))
        with suppress(StopIteration), state.exclusive("watcher") as live:  # a watcher may have exclusive access itself
            if change.version > 1:
                raise StopIteration
            live.ticks += 1

    with state.watch(watcher), state.exclusive("handler", event=7) as live:
        live.energy, live.memory = 7.0, ["a"]
        assert heard == []
    assert heard == [
        (1, {"energy": 50.0, "memory": []}, {"energy": 7.0, "memory": ["a"]}, "handler", 7),
        (2, {"ticks": 3}, {"ticks": 4}, "watcher", None),
    ]


def test_the_block_may_give_another_reason() -> None:
    target = Loose(energy=1.0)
    state = ThreadSafeSelfState.wrap(target)
    heard: list[Any] = []
    with state.watch(heard.append), state.exclusive("handler", reason="it hurt") as live:
        live.energy = 0.5
    assert [change.reason for change in heard] == ["it hurt"]


def test_a_wait_ends_with_the_block_before_it() -> None:
    being, state = wrapped()
    with Actor() as other:
        access = state.exclusive("first")
        access.__enter__()
        second = state.exclusive("second")
        waiting = other.begin(second.__enter__)
        being.energy = 7.0
        access.__exit__(None, None, None)
        assert waiting.result() is being
        other.do(second.__exit__, None, None, None)
    wait_until(lambda: state["energy"] == 7.0)


# --- statistics


def test_the_statistics_have_exclusive_access_when_the_state_has_an_object() -> None:
    _, state = wrapped(name="Ada")
    with state.exclusive("the handler"):
        pass
    exclusive = state.statistics().exclusive
    assert exclusive is not None and (exclusive.name, exclusive.longest_holder) == ("Ada", "the handler")
    assert ThreadSafeSelfState({}).statistics().exclusive is None


def test_a_state_that_is_not_measured_keeps_no_times_of_exclusive_access() -> None:
    _, state = wrapped(measured=False)
    with state.exclusive("the handler"):
        pass
    exclusive = state.statistics().exclusive
    assert exclusive is not None and (exclusive.holds.count, exclusive.longest_holder) == (0, None)
