"""Waits that would close a cycle of threads: found before they block, described, and one of them failed."""

from __future__ import annotations

import gc
import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from actors import Actor, Call, wait_until
from hypothesis import given, settings, strategies as st

from lifeevt import DeadlockError, LockOrderError, LockTimeout, ThreadSafeSelfState
from lifeevt.locks import FairLock, InstrumentedLock, ReadWriteLock, wait_graph
from lifeevt.locks.wait_graph import GRAPH, WaitGraph

KINDS = ["read", "write", "fair", "instrumented", "state"]


class ExclusiveOn:
    """Exclusive access to the object of a state."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = ThreadSafeSelfState.wrap(SimpleNamespace(mood=0.0), ["mood"], name=name)


class Person:
    """A thread that takes locks, each by its own kind of entry, and keeps them."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self._entries: dict[str, Any] = {}

    def take(self, lock: Any, mode: str = "write", *limits: float) -> Call:
        return self.actor.begin(self._take, lock, mode, *limits)

    def leave(self, lock: Any) -> None:
        self.actor.do(lambda: self._entries.pop(lock.name).__exit__(None, None, None))

    def clear(self) -> Call:
        return self.actor.begin(lambda: [entry.__exit__(None, None, None) for entry in self._entries.values()])

    def _take(self, lock: Any, mode: str, *limits: float) -> None:
        if isinstance(lock, ReadWriteLock):
            entry: Any = getattr(lock, mode)(*limits)
        elif isinstance(lock, ExclusiveOn):
            entry = lock.state.exclusive("a test", *limits)
        else:
            entry = lock.acquire(mode, *limits) if isinstance(lock, FairLock) else lock
        entry.__enter__()
        self._entries[lock.name] = entry


@contextmanager
def people(count: int) -> Iterator[list[Person]]:
    with ExitStack() as stack:
        made = [Person(stack.enter_context(Actor())) for _ in range(count)]
        try:
            yield made
        finally:  # waiting threads get in when the others leave, and leave then
            for call in [person.clear() for person in made]:
                call.result()


def made(kind: str, name: str) -> tuple[Any, str]:
    """A lock of a kind, and the mode in which its holder excludes others."""
    if kind == "fair":
        return FairLock(name), "fair"
    if kind == "state":
        return ExclusiveOn(name), "state"
    if kind == "instrumented":
        return InstrumentedLock(threading.Lock(), name), "instrumented"
    return ReadWriteLock(name), kind


def waits(lock: Any) -> Callable[[], bool]:
    return lambda: any(wait.lock is lock for wait in GRAPH.waits())


def begin_waiting(person: Person, lock: Any, mode: str, *limits: float) -> Call:
    before = len(GRAPH.waits())
    call = person.take(lock, mode, *limits)
    wait_until(lambda: call.ended or len(GRAPH.waits()) > before)
    return call


# cycles


@pytest.mark.parametrize(("left_kind", "right_kind"), list(itertools.product(KINDS, KINDS)))
def test_two_threads_that_would_wait_for_each_other_get_an_error(left_kind: str, right_kind: str) -> None:
    left, left_mode = made(left_kind, "left")
    right, right_mode = made(right_kind, "right")
    with people(2) as (one, two):
        one.take(left, left_mode).result()
        two.take(right, right_mode).result()
        elder = begin_waiting(one, right, "write" if right_kind == "read" else right_mode)
        with pytest.raises(DeadlockError) as caught:
            two.take(left, "write" if left_kind == "read" else left_mode).result()
        assert not elder.ended, "only the youngest fails"
        two.leave(right)
        elder.result()
    names = [wait.split(" waits to ")[0] for wait in caught.value.cycle]
    assert len(names) == len(set(names)) == 2 and set(caught.value.stacks) == set(names)
    assert "left for" in str(caught.value) and "right for" in str(caught.value)
    assert all("in _take" in stack for stack in caught.value.stacks.values())
    assert GRAPH.waits() == ()


@pytest.mark.parametrize("length", [3, 5, 8])
def test_a_long_cycle_is_described_in_its_order(length: int) -> None:
    kinds = itertools.cycle(["write", "fair", "instrumented"])
    locks = [made(kind, f"lock {number}")[0] for number, kind in zip(range(length), kinds, strict=False)]
    with people(length) as all_of_them:
        for person, lock in zip(all_of_them, locks, strict=True):
            person.take(lock).result()
        elders = [begin_waiting(person, locks[at + 1], "write") for at, person in enumerate(all_of_them[:-1])]
        with pytest.raises(DeadlockError) as caught:
            all_of_them[-1].take(locks[0]).result()
        assert not any(call.ended for call in elders)
        asked = [wait.split(" waits to ")[1].split(" for ")[0] for wait in caught.value.cycle]
        assert [each.split(" ", 1)[1] for each in asked] == ["lock 0", *[f"lock {at}" for at in range(1, length)]]
        for person, lock, elder in zip(all_of_them[::-1], locks[::-1], [None, *elders[::-1]], strict=True):
            if elder is not None:
                elder.result()
                person.leave(locks[locks.index(lock) + 1])
            person.leave(lock)


def test_a_reader_behind_a_writer_that_waits_is_part_of_the_cycle() -> None:
    shared, mine = ReadWriteLock("shared"), ReadWriteLock("mine")
    with people(3) as (reader, writer, late):
        reader.take(shared, "read").result()
        late.take(mine).result()
        writing = begin_waiting(writer, shared, "write")
        begin_waiting(reader, mine, "write")
        with pytest.raises(DeadlockError) as caught:
            late.take(shared, "read").result()  # would wait for the writer, that for the reader, that for this one
        assert len(caught.value.cycle) == 3
        late.leave(mine)
        wait_until(lambda: not waits(mine)())
        reader.leave(mine)
        reader.leave(shared)
        writing.result()


def test_the_writer_that_closes_the_cycle_fails() -> None:
    shared, mine = ReadWriteLock("shared"), ReadWriteLock("mine")
    with people(2) as (reader, writer):
        reader.take(shared, "read").result()
        writer.take(mine).result()
        elder = begin_waiting(reader, mine, "read")
        with pytest.raises(DeadlockError):
            writer.take(shared, "write").result()
        assert shared.waiting() == (0, 0)
        writer.leave(mine)
        elder.result()


def test_a_cycle_is_found_although_its_waits_have_a_time_limit() -> None:
    left, right = ReadWriteLock("left"), ReadWriteLock("right")
    with people(2) as (one, two):
        one.take(left).result()
        two.take(right).result()
        elder = begin_waiting(one, right, "write", 60.0)
        with pytest.raises(DeadlockError):
            two.take(left, "write", 60.0).result()
        two.leave(right)
        elder.result()


# no cycle


def test_a_wait_for_a_running_thread_is_no_deadlock() -> None:
    left, right = ReadWriteLock("left"), ReadWriteLock("right")
    with people(3) as (one, two, three):
        one.take(left).result()
        first = begin_waiting(two, left, "write")
        three.take(right).result()
        second = begin_waiting(one, right, "write")
        three.leave(right)
        second.result()
        one.leave(left)
        first.result()
    assert GRAPH.waits() == ()


def test_a_thread_that_does_not_wait_is_not_searched() -> None:
    left, right = ReadWriteLock("left"), ReadWriteLock("right")
    with people(2) as (one, two):
        one.take(left).result()
        two.take(right).result()
        begun = begin_waiting(one, right, "write")
        with pytest.raises(LockTimeout):
            two.take(left, "write", 0).result()  # at once or not at all: it does not wait
        two.leave(right)
        begun.result()


def test_a_wait_that_ended_is_forgotten() -> None:
    lock = ReadWriteLock("the map")
    with people(2) as (one, two):
        one.take(lock).result()
        with pytest.raises(LockTimeout):
            two.take(lock, "read", 0.01).result()
    assert GRAPH.waits() == ()


def test_a_wait_inside_a_search_is_refused() -> None:
    class Meddling:
        name = "meddling"

        def blockers(self, thread: int) -> Iterator[int]:
            with pytest.raises(LockOrderError, match="inside the search"):
                graph.begin(self, "take")  # as a finalizer might
            return iter(())

    graph = WaitGraph()
    lock = Meddling()
    graph.begin(lock, "take")
    graph.end(lock)
    assert graph.waits() == ()


# any order of calls, beside a model


@given(data=st.data())
@settings(max_examples=40)
def test_a_wait_fails_just_when_it_would_close_a_cycle(data: st.DataObject) -> None:
    """Four threads and three exclusive locks; the model follows the waits, each for one other."""
    kinds = data.draw(st.lists(st.sampled_from(["write", "fair", "instrumented"]), min_size=3, max_size=3))
    locks = [made(kind, f"lock {number}")[0] for number, kind in enumerate(kinds)]
    holder: dict[int, int] = {}
    waiting: dict[int, tuple[int, Call]] = {}
    with people(4) as all_of_them:
        for _ in range(data.draw(st.integers(1, 12))):
            idle = [person for person in range(4) if person not in waiting]
            person, lock = data.draw(st.sampled_from(idle)), data.draw(st.integers(0, 2))
            if holder.get(lock) == person:
                _release(locks, all_of_them, holder, waiting, lock)
            elif lock not in holder:
                all_of_them[person].take(locks[lock]).result()
                holder[lock] = person
            elif not any(wanted == lock for wanted, _ in waiting.values()):  # one waiter: the next holder is known
                call = begin_waiting(all_of_them[person], locks[lock], "write")
                if _leads_back(person, lock, holder, waiting):
                    with pytest.raises(DeadlockError):
                        call.result()
                else:
                    assert not call.ended
                    waiting[person] = lock, call
        while waiting:  # without a cycle one of them runs, and can leave
            free = next(lock for lock, person in holder.items() if person not in waiting)
            _release(locks, all_of_them, holder, waiting, free)


def _leads_back(person: int, lock: int, holder: dict[int, int], waiting: dict[int, tuple[int, Call]]) -> bool:
    at = holder[lock]
    while at != person and at in waiting:
        at = holder[waiting[at][0]]
    return at == person


def _release(
    locks: list[Any],
    all_of_them: list[Person],
    holder: dict[int, int],
    waiting: dict[int, tuple[int, Call]],
    lock: int,
) -> None:
    all_of_them[holder.pop(lock)].leave(locks[lock])
    for person, (wanted, call) in list(waiting.items()):
        if wanted == lock:
            call.result()
            holder[lock] = person
            del waiting[person]


def test_no_garbage_is_collected_while_the_frames_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finalizer that runs meanwhile may keep the interpreter's list of threads locked for good."""
    seen: list[bool] = []

    def frames() -> dict[int, Any]:
        seen.append(gc.isenabled())
        return {}

    monkeypatch.setattr(sys, "_current_frames", frames)
    wait_graph._current_frames()
    assert (seen, gc.isenabled()) == ([False], True)


# many threads


@pytest.mark.parametrize("scene", ["any_order", "by_rank"])
def test_threads_that_take_many_locks_never_hang(backend: str, isolated: Callable[..., str], scene: str) -> None:
    taken, deadlocks = map(int, isolated("threads/isolated/deadlocks.py", backend, scene, timeout=100).split())
    assert taken >= 640
    assert (deadlocks > 0) == (scene == "any_order")
