"""RWLock: readers enter together, writers alone and first; refusals, time-outs.

Actors make the order of calls explicit. A writer that waits inside its call shows outside only by its
effect: a reader that tries without waiting is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from actors import Actor, Call, together, wait_until

from lifeevt.errors import LifeEventError, LockOrderError, LockTimeout

MILLISECOND = 1_000_000


def turned_away(acquire: Callable[[int], None], release: Callable[[], None]) -> bool:
    """Return whether an attempt without waiting fails; leave the lock as it was."""
    try:
        acquire(0)
    except LockTimeout:
        return True
    release()
    return False


def begin_writing(lock: Any, writer: Actor, witness: Actor) -> Call:
    """Let the writer ask while others read, and return once it is seen to wait."""
    writing = writer.begin(lock.acquire_write)
    wait_until(lambda: bool(witness.do(turned_away, lock.acquire_read, lock.release_read)))
    assert not writing.ended
    return writing


# readers together, writers alone


def test_readers_enter_together(core: ModuleType) -> None:
    lock, inside = core.RWLock(), threading.Barrier(4)

    def read() -> None:
        lock.acquire_read()
        inside.wait(30.0)  # passes only while all four are inside
        lock.release_read()

    together(read, read, read, read)


def test_a_writer_keeps_all_others_out(core: ModuleType) -> None:
    lock = core.RWLock()
    lock.acquire_write()
    with Actor() as other:
        assert other.do(turned_away, lock.acquire_read, lock.release_read)
        assert other.do(turned_away, lock.acquire_write, lock.release_write)
        lock.release_write()
        assert not other.do(turned_away, lock.acquire_write, lock.release_write)


def test_a_reader_keeps_writers_out_until_the_last_one_left(core: ModuleType) -> None:
    lock = core.RWLock()
    with Actor() as first, Actor() as second, Actor() as writer:
        first.do(lock.acquire_read)
        second.do(lock.acquire_read)
        first.do(lock.release_read)
        assert writer.do(turned_away, lock.acquire_write, lock.release_write)
        second.do(lock.release_read)
        assert not writer.do(turned_away, lock.acquire_write, lock.release_write)


def test_a_waiting_reader_enters_when_the_writer_leaves(core: ModuleType) -> None:
    lock = core.RWLock()
    lock.acquire_write()
    with Actor() as reader:
        reading = reader.begin(lock.acquire_read)
        with Actor() as witness:  # gives the reader the time to begin its wait
            assert witness.do(turned_away, lambda _: lock.acquire_read(20 * MILLISECOND), lock.release_read)
        lock.release_write()
        reading.result()
        reader.do(lock.release_read)


# writers first


def test_a_waiting_writer_holds_back_a_new_reader(core: ModuleType) -> None:
    lock = core.RWLock()
    with Actor() as reader, Actor() as writer, Actor() as late:
        reader.do(lock.acquire_read)
        writing = begin_writing(lock, writer, late)
        reading = late.begin(lock.acquire_read)
        reader.do(lock.release_read)
        writing.result()
        assert not reading.ended
        writer.do(lock.release_write)
        reading.result()
        late.do(lock.release_read)


@pytest.mark.parametrize("writer_timeout_ns", [None, 10**12], ids=["forever", "with a deadline"])
def test_a_waiting_writer_holds_back_a_reader_however_long_it_waits(
    core: ModuleType, writer_timeout_ns: int | None
) -> None:
    lock = core.RWLock()
    with Actor() as reader, Actor() as writer, Actor() as late:
        reader.do(lock.acquire_read)
        writing = writer.begin(lock.acquire_write, writer_timeout_ns)
        wait_until(lambda: bool(late.do(turned_away, lock.acquire_read, lock.release_read)))
        patient = late.begin(turned_away, lambda _: lock.acquire_read(300 * MILLISECOND), lock.release_read)
        hasty = True
        while hasty and not patient.ended:  # busy on purpose: a writer that leaves its place for a moment loses it
            hasty = turned_away(lock.acquire_read, lock.release_read)
        still_out = patient.result()
        reader.do(lock.release_read)
        writing.result()
        writer.do(lock.release_write)
        assert hasty and still_out, "a reader entered while a writer waited"


def test_a_writer_that_gives_up_lets_no_reader_past_one_that_waits(core: ModuleType) -> None:
    lock = core.RWLock()
    with Actor() as reader, Actor() as writer, Actor() as hasty, Actor() as late:
        reader.do(lock.acquire_read)
        writing = begin_writing(lock, writer, late)
        with pytest.raises(LockTimeout):
            hasty.do(lock.acquire_write, MILLISECOND)
        assert late.do(turned_away, lock.acquire_read, lock.release_read)
        reader.do(lock.release_read)
        writing.result()
        writer.do(lock.release_write)


def test_readers_held_back_enter_after_the_writer_gave_up(core: ModuleType) -> None:
    lock = core.RWLock()
    with Actor() as reader, Actor() as writer, Actor() as late:
        reader.do(lock.acquire_read)
        with pytest.raises(LockTimeout):
            writer.do(lock.acquire_write, MILLISECOND)
        assert not late.do(turned_away, lock.acquire_read, lock.release_read)
        reader.do(lock.release_read)


# refusals


@pytest.mark.parametrize("held", ["read", "write"])
@pytest.mark.parametrize("wanted", ["read", "write"])
def test_a_thread_that_holds_the_lock_may_not_ask_again(core: ModuleType, held: str, wanted: str) -> None:
    lock = core.RWLock()  # re-entry, upgrade and downgrade alike
    getattr(lock, f"acquire_{held}")()
    for timeout_ns in (None, 0, 10**9):
        with pytest.raises(LockOrderError, match="holds the lock already"):
            getattr(lock, f"acquire_{wanted}")(timeout_ns)
    getattr(lock, f"release_{held}")()
    getattr(lock, f"acquire_{wanted}")(0)
    getattr(lock, f"release_{wanted}")()


@pytest.mark.parametrize("held", [None, "read", "write"])
@pytest.mark.parametrize("released", ["read", "write"])
def test_releasing_a_lock_that_is_not_held_is_refused(core: ModuleType, held: str | None, released: str) -> None:
    lock = core.RWLock()
    if held == released:
        getattr(lock, f"acquire_{held}")()
        getattr(lock, f"release_{held}")()  # once is right, twice is not
    elif held:
        getattr(lock, f"acquire_{held}")()
    with pytest.raises(LockOrderError, match="does not hold"):
        getattr(lock, f"release_{released}")()
    if held and held != released:
        getattr(lock, f"release_{held}")()  # still held: the refusal changed nothing
    lock.acquire_write(0)
    lock.release_write()


@pytest.mark.parametrize("mode", ["read", "write"])
def test_another_thread_may_not_release_for_the_holder(core: ModuleType, mode: str) -> None:
    lock = core.RWLock()
    with Actor() as holder:
        holder.do(getattr(lock, f"acquire_{mode}"))
        with pytest.raises(LockOrderError):
            getattr(lock, f"release_{mode}")()
        assert turned_away(lock.acquire_write, lock.release_write)
        holder.do(getattr(lock, f"release_{mode}"))


def test_the_refusals_are_errors_of_this_package(core: ModuleType) -> None:
    with pytest.raises(LifeEventError):
        core.RWLock().release_read()


# time-outs


@pytest.mark.parametrize("timeout_ns", [-(2**63), -1, 0, 1, 5 * MILLISECOND, 60 * MILLISECOND])
@pytest.mark.parametrize(("held", "wanted"), [("read", "write"), ("write", "read"), ("write", "write")])
def test_a_wait_ends_with_a_time_out(core: ModuleType, held: str, wanted: str, timeout_ns: int) -> None:
    lock = core.RWLock()
    with Actor() as holder:
        holder.do(getattr(lock, f"acquire_{held}"))
        with pytest.raises(LockTimeout, match="the lock was not free within"):
            getattr(lock, f"acquire_{wanted}")(timeout_ns)
        holder.do(getattr(lock, f"release_{held}"))
    getattr(lock, f"acquire_{wanted}")(timeout_ns)  # a free lock is had in any time
    getattr(lock, f"release_{wanted}")()


@pytest.mark.parametrize("mode", ["read", "write"])
def test_the_longest_time_out_waits(core: ModuleType, mode: str) -> None:
    lock = core.RWLock()
    lock.acquire_write()
    with Actor() as waiter:
        waiting = waiter.begin(getattr(lock, f"acquire_{mode}"), 2**63 - 1)
        with Actor() as witness:  # the waiter has had its chance to fail
            assert witness.do(turned_away, lambda _: lock.acquire_read(20 * MILLISECOND), lock.release_read)
        lock.release_write()
        waiting.result()
        waiter.do(getattr(lock, f"release_{mode}"))


@pytest.mark.parametrize("mode", ["read", "write"])
@pytest.mark.parametrize(("timeout_ns", "error"), [(1.5, TypeError), ("1", TypeError), (2**63, OverflowError)])
def test_a_bad_time_out_is_refused_and_takes_nothing(
    core: ModuleType, mode: str, timeout_ns: Any, error: type[Exception]
) -> None:
    lock = core.RWLock()
    with pytest.raises(error):
        getattr(lock, f"acquire_{mode}")(timeout_ns)
    lock.acquire_write(0)
    lock.release_write()


# the interpreter while one waits


@pytest.mark.parametrize("scene", ["reader_waits", "writer_waits"])
def test_other_threads_run_while_one_waits(backend: str, isolated: Callable[..., str], scene: str) -> None:
    assert isolated("threads/isolated/lock_waits.py", backend, scene).split() == ["ran", "entered"]


@pytest.mark.parametrize("scene", ["reader_interrupted", "writer_interrupted"])
def test_ctrl_c_ends_a_wait_of_the_main_thread(backend: str, isolated: Callable[..., str], scene: str) -> None:
    assert isolated("threads/isolated/lock_waits.py", backend, scene).split() == ["interrupted", "usable"]


@pytest.mark.parametrize("scene", ["reader_exits", "writer_exits"])
def test_a_daemon_thread_that_waits_does_not_hold_up_the_exit(
    backend: str, isolated: Callable[..., str], scene: str
) -> None:
    assert isolated("threads/isolated/lock_waits.py", backend, scene).split() == ["leaving"]
