"""RWLock: the order in which waiting threads enter. Writers first, in order; at most PASSES pass a reader.

Actors make the order of calls explicit, and ``waiting`` tells when a thread has joined the queue.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

import pytest
from actors import Actor, Call, wait_until
from hypothesis import given, strategies as st

from lifeevt._backends.contract import PASSES
from lifeevt.errors import LockOrderError, LockTimeout

SECOND = 10**9


class LockUsers:
    """Actors that take and release one lock on request."""

    def __init__(self, lock: Any, actors: list[Actor]) -> None:
        self.lock, self._idle = lock, actors
        self.asking: dict[str, tuple[Actor, Call]] = {}
        self.inside: list[str] = []

    def ask(self, name: str, *limits: Any) -> None:
        """Let an actor ask (readers are called r..., writers w...) and return once it is inside or in the queue."""
        actor, waited = self._idle.pop(), sum(self.lock.waiting())
        call = actor.begin(getattr(self.lock, f"acquire_{_mode(name)}"), *limits)
        self.asking[name] = actor, call
        wait_until(lambda: call.ended or sum(self.lock.waiting()) > waited)
        self.settle()

    def leave(self, name: str) -> None:
        actor, _ = self.asking.pop(name)
        self.inside.remove(name)
        actor.do(getattr(self.lock, f"release_{_mode(name)}"))
        self._idle.append(actor)

    def settle(self) -> None:
        """Record the actors that have entered, in the order in which they asked."""
        wait_until(lambda: sum(not call.ended for _, call in self.asking.values()) == sum(self.lock.waiting()))
        self.inside += [name for name, (_, call) in self.asking.items() if call.ended and name not in self.inside]

    def wait_for(self, *names: str) -> None:
        """Return once exactly these are inside."""
        wait_until(lambda: all(self.asking[name][1].ended for name in names))
        self.settle()
        assert sorted(self.inside) == sorted(names)

    def thread(self, name: str) -> int:
        """The number of the thread that asked under this name."""
        return self.asking[name][0].ident

    def clear(self) -> None:
        """Let all actors in and out again."""
        while self.asking:
            wait_until(lambda: any(call.ended for _, call in self.asking.values()))
            self.settle()
            self.leave(self.inside[0])


def _mode(name: str) -> str:
    return "read" if name[0] == "r" else "write"


@contextmanager
def lock_users(core: ModuleType, size: int) -> Iterator[LockUsers]:
    with ExitStack() as stack:
        made = LockUsers(core.RWLock(), [stack.enter_context(Actor()) for _ in range(size)])
        yield made
        made.clear()


# readers


def test_a_waiting_reader_is_passed_by_the_writers_allowed_and_by_no_other(core: ModuleType) -> None:
    writers = [f"w{number}" for number in range(1, PASSES + 3)]
    with lock_users(core, PASSES + 4) as users:
        users.ask("w0")
        for name in ("r", *writers):
            users.ask(name)
        users.leave("w0")
        for name in (*writers[:PASSES], "r", *writers[PASSES:]):
            users.wait_for(name)
            users.leave(name)


def test_all_waiting_readers_enter_together(core: ModuleType) -> None:
    writers = [f"w{number}" for number in range(1, PASSES + 2)]
    with lock_users(core, PASSES + 5) as users:
        users.ask("w0")
        users.ask("r1")
        for name in writers:
            users.ask(name)
        users.ask("r2")
        users.ask("r3")
        for name in ["w0", *writers[:PASSES]]:
            users.leave(name) if name == "w0" else (users.wait_for(name), users.leave(name))
        users.wait_for("r1", "r2", "r3")


def test_a_reader_after_the_admitted_group_waits_for_the_next(core: ModuleType) -> None:
    writers = [f"w{number}" for number in range(1, PASSES + 2)]
    with lock_users(core, PASSES + 4) as users:
        users.ask("w0")
        for name in ("r1", *writers):
            users.ask(name)
        users.leave("w0")
        for name in writers[:PASSES]:
            users.wait_for(name)
            users.leave(name)
        users.wait_for("r1")
        users.ask("r2")
        users.leave("r1")
        users.wait_for(writers[PASSES])
        users.leave(writers[PASSES])
        users.wait_for("r2")


@pytest.mark.parametrize("mode", ["read", "write"])
def test_newcomers_pass_a_waiting_thread_at_most_passes_times(core: ModuleType, mode: str) -> None:
    lock, may_try = core.RWLock(), threading.Event()
    with Actor() as waiter:
        lock.acquire_write()
        waiting = waiter.begin(getattr(lock, f"acquire_{mode}"), None, lambda waits: may_try.wait(30.0))
        wait_until(lambda: sum(lock.waiting()) == 1)
        lock.release_write()
        try:
            for _ in range(PASSES):  # the one in the queue has not looked yet
                lock.acquire_write(0)
                lock.release_write()
            with pytest.raises(LockTimeout):
                lock.acquire_write(0)
        finally:
            may_try.set()
        waiting.result()
        waiter.do(getattr(lock, f"release_{mode}"))


def test_readers_that_time_out_let_the_writers_go_on(core: ModuleType) -> None:
    writers = [f"w{number}" for number in range(1, PASSES + 2)]
    lock = core.RWLock()
    with ExitStack() as stack:
        actors = {name: stack.enter_context(Actor()) for name in ("r", *writers)}
        lock.acquire_write()
        reading = actors["r"].begin(lock.acquire_read, SECOND // 4)
        wait_until(lambda: lock.waiting() == (1, 0) or reading.ended)
        writing = {}
        for number, name in enumerate(writers, 1):
            writing[name] = actors[name].begin(lock.acquire_write)
            wait_until(lambda number=number: lock.waiting()[1] == number)
        lock.release_write()
        for name in writers[: PASSES - 1]:
            writing[name].result()
            actors[name].do(lock.release_write)
        writing[writers[PASSES - 1]].result()
        with pytest.raises(LockTimeout):
            reading.result()
        actors[writers[PASSES - 1]].do(lock.release_write)
        writing[writers[PASSES]].result()
        actors[writers[PASSES]].do(lock.release_write)
    assert lock.waiting() == (0, 0) and lock.holders() == {}


# writers


def test_writers_enter_in_the_order_in_which_they_asked(core: ModuleType) -> None:
    names = [f"w{number}" for number in range(6)]
    with lock_users(core, 7) as users:
        users.ask("r")
        for name in names:
            users.ask(name)
        users.leave("r")
        for name in names:
            users.wait_for(name)
            users.leave(name)


def test_a_writer_that_gives_up_leaves_its_place_to_the_next(core: ModuleType) -> None:
    with lock_users(core, 4) as users:
        users.ask("r")
        users.ask("w1")
        with Actor() as hasty, pytest.raises(LockTimeout):
            hasty.do(users.lock.acquire_write, SECOND // 100)
        users.ask("w2")
        users.leave("r")
        users.wait_for("w1")
        users.leave("w1")
        users.wait_for("w2")


# holders and waiting threads, seen from outside


def test_holders_and_waiting_threads_are_counted(core: ModuleType) -> None:
    with lock_users(core, 4) as users:
        users.ask("r1")
        users.ask("r2")
        assert len(users.lock.holders()) == 2 and users.lock.waiting() == (0, 0)
        users.ask("w")
        users.ask("r3")
        assert len(users.lock.holders()) == 2 and users.lock.waiting() == (1, 1)


def test_a_holder_is_seen_by_its_thread_and_since_when(core: ModuleType) -> None:
    lock, before = core.RWLock(), time.monotonic_ns()
    for mode in ("read", "write"):
        getattr(lock, f"acquire_{mode}")()
        ((thread, since_ns),) = lock.holders().items()
        assert thread == threading.get_ident() and before <= since_ns <= time.monotonic_ns()
        getattr(lock, f"release_{mode}")()
        assert lock.holders() == {}


# any order of calls, beside a model


class Model:
    """The policy once more, over a list of waiting names; no name asks while others are on their way in."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.waiting: list[str] = []
        self.passed: dict[str, int] = {}

    def ask(self, name: str) -> None:
        writers_wait = any(each[0] == "w" for each in self.waiting)
        if (name[0] == "r" and not writers_wait and not self._writer_inside()) or (name[0] == "w" and not self.inside):
            self.inside.append(name)
        else:
            self.waiting.append(name)
            self.passed[name] = 0

    def leave(self, name: str) -> None:
        self.inside.remove(name)
        readers = [each for each in self.waiting if each[0] == "r"]
        writers = [each for each in self.waiting if each[0] == "w"]
        if self.inside or not self.waiting:
            return
        if not writers or (readers and max(self.passed[each] for each in readers) >= PASSES):
            self._admit(readers)
        else:
            self._admit(writers[:1])
            for each in readers:
                self.passed[each] += 1

    def _admit(self, names: list[str]) -> None:
        self.inside += names
        self.waiting = [each for each in self.waiting if each not in names]

    def _writer_inside(self) -> bool:
        return any(each[0] == "w" for each in self.inside)


@given(moves=st.lists(st.tuples(st.sampled_from(["r", "w", "w", "leave"]), st.integers(0, 7)), max_size=40))
def test_any_order_of_calls_follows_the_policy(core: ModuleType, moves: list[tuple[str, int]]) -> None:
    model = Model()
    with lock_users(core, 12) as users:
        for count, (move, choice) in enumerate(moves):
            if move == "leave" and model.inside:
                name = model.inside[choice % len(model.inside)]
                model.leave(name)
                users.leave(name)
                users.wait_for(*model.inside)
            elif move != "leave" and len(users.asking) < 12:
                model.ask(f"{move}{count}")
                users.ask(f"{move}{count}")
            assert sorted(users.inside) == sorted(model.inside)
            assert all(passed <= PASSES for passed in model.passed.values())


# listeners of a wait


@pytest.mark.parametrize("mode", ["read", "write"])
def test_the_listener_of_a_wait_is_called_at_its_begin_and_end(core: ModuleType, mode: str) -> None:
    lock, told = core.RWLock(), []
    acquire, release = getattr(lock, f"acquire_{mode}"), getattr(lock, f"release_{mode}")
    acquire(None, told.append)
    release()
    assert told == []
    lock.acquire_write()
    with Actor() as waiter:
        waiting = waiter.begin(acquire, None, lambda waits: told.append((waits, sum(lock.waiting()))))
        wait_until(lambda: len(told) == 1)
        lock.release_write()
        waiting.result()
        waiter.do(release)
    assert told == [(True, 1), (False, 0)]


@pytest.mark.parametrize("mode", ["read", "write"])
@pytest.mark.parametrize("fails_when", [True, False])
def test_an_error_of_a_listener_ends_the_wait_and_leaves_no_lock(
    core: ModuleType, mode: str, fails_when: bool
) -> None:
    lock = core.RWLock()

    def fail(waits: bool) -> None:
        if waits is fails_when:
            raise LookupError("mine")

    lock.acquire_write()
    with Actor() as waiter:
        waiting = waiter.begin(getattr(lock, f"acquire_{mode}"), None, fail)
        wait_until(lambda: waiting.ended or sum(lock.waiting()) == 1)
        lock.release_write()
        with pytest.raises(LookupError, match="mine"):
            waiting.result()
    assert lock.waiting() == (0, 0) and lock.holders() == {}
    lock.acquire_write(0)
    lock.release_write()


def test_blockers_of_a_writer_are_the_readers_and_of_a_reader_the_writers(core: ModuleType) -> None:
    with lock_users(core, 6) as users:
        for name in ("r1", "r2", "w1", "w2", "r3"):
            users.ask(name)
        kept_out_by = {name: set(users.lock.blockers(users.thread(name))) for name in users.asking}
        readers = {users.thread("r1"), users.thread("r2")}
        assert kept_out_by == {
            "r1": set(), "r2": set(), "w1": readers, "w2": readers, "r3": {users.thread("w1"), users.thread("w2")},
        }  # fmt: skip
        users.leave("r1")
        users.leave("r2")
        users.wait_for("w1")
        assert users.lock.blockers(users.thread("w2")) == users.lock.blockers(users.thread("r3"))
        assert users.lock.blockers(users.thread("r3")) == (users.thread("w1"),)


def test_no_waiting_thread_blocks_a_reader_with_a_ticket(core: ModuleType) -> None:
    writers = [f"w{number}" for number in range(1, PASSES + 2)]
    with lock_users(core, PASSES + 4) as users:
        users.ask("w0")
        for name in ("r", *writers):
            users.ask(name)
        users.leave("w0")
        for name in writers[: PASSES - 1]:
            users.wait_for(name)
            users.leave(name)
        users.wait_for(writers[PASSES - 1])
        assert users.lock.blockers(users.thread("r")) == (users.thread(writers[PASSES - 1]),)


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_waiting_thread_may_not_ask_again(core: ModuleType, mode: str) -> None:
    lock, refused = core.RWLock(), []

    def ask_again(waits: bool) -> None:  # as a signal handler might
        if waits:
            with pytest.raises(LockOrderError, match="waits for the lock already") as caught:
                getattr(lock, f"acquire_{mode}")()
            refused.append(caught.value)

    lock.acquire_write()
    with Actor() as waiter:
        waiting = waiter.begin(lock.acquire_write, None, ask_again)
        wait_until(lambda: bool(refused) or waiting.ended)
        lock.release_write()
        waiting.result()
        waiter.do(lock.release_write)
    assert len(refused) == 1


# a time-out names the holders


@pytest.mark.parametrize("limit_ns", [0, SECOND // 100])
@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_time_out_names_the_holder_and_how_long_it_has_held_the_lock(
    core: ModuleType, mode: str, limit_ns: int
) -> None:
    lock = core.RWLock("the map")
    with Actor() as holder:
        name = holder.do(lambda: threading.current_thread().name)
        holder.do(lock.acquire_write)
        with pytest.raises(LockTimeout) as caught:
            getattr(lock, f"acquire_{mode}")(limit_ns)
        holder.do(lock.release_write)
    ((told, seconds),) = caught.value.holders
    assert told == name and seconds >= limit_ns / SECOND
    assert str(caught.value).startswith(f"the map was not free within {limit_ns / SECOND:g} s; {name} has held it for ")


def test_a_time_out_names_every_reader(core: ModuleType) -> None:
    with lock_users(core, 3) as users:
        users.ask("r1")
        users.ask("r2")
        with pytest.raises(LockTimeout) as caught:
            users.lock.acquire_write(0)
        assert len({name for name, _ in caught.value.holders}) == 2


# measured


def test_a_measured_lock_counts_holds_and_waits_and_keeps_the_longest(core: ModuleType) -> None:
    lock = core.RWLock("the map", True)
    with Actor() as waiter:
        lock.acquire_write()
        waiting = waiter.begin(lock.acquire_read)
        wait_until(lambda: lock.waiting() == (1, 0))
        lock.release_write()
        waiting.result()
        waiter.do(lock.release_read)
        names = {threading.current_thread().name, waiter.do(lambda: threading.current_thread().name)}
    assert (lock.holds.count, lock.waits.count) == (2, 1)
    assert lock.longest[0] in names and lock.longest[1] == lock.holds.maximum > 0


def test_a_lock_is_not_measured_by_default(core: ModuleType) -> None:
    lock = core.RWLock()
    lock.acquire_read()
    lock.release_read()
    assert (lock.holds, lock.waits, lock.longest) == (None, None, None)
