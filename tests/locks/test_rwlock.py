"""ReadWriteLock and InstrumentedLock: entries, refusals, reports, and no lock left behind by an exception."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from actors import Actor, wait_until

from lifeevt import DeadlockError, LockOrderError, LockTimeout
from lifeevt.clock import limit_in_ns
from lifeevt.locks import FairLock, InstrumentedLock, ReadWriteLock


@pytest.fixture
def lock() -> ReadWriteLock:
    return ReadWriteLock("the map")


@pytest.fixture
def other() -> Iterator[Actor]:
    with Actor() as actor:
        yield actor


def name_of(actor: Actor) -> str:
    name: str = actor.do(lambda: threading.current_thread().name)
    return name


def enter(entry: Any) -> None:
    entry.__enter__()


def leave(entry: Any) -> None:
    entry.__exit__(None, None, None)


# ReadWriteLock


def test_readers_share_the_lock_and_a_writer_has_it_alone(lock: ReadWriteLock, other: Actor) -> None:
    with lock.read():
        reading = lock.read()
        other.do(enter, reading)
        assert len(lock.holders()) == 2
        other.do(leave, reading)
    with lock.write():
        for entry in (lock.read(0), lock.write(0)):
            with pytest.raises(LockTimeout):
                other.do(enter, entry)


def test_a_timeout_names_the_lock_its_holder_and_the_time(lock: ReadWriteLock, other: Actor) -> None:
    entry = lock.write()
    other.do(enter, entry)
    with pytest.raises(LockTimeout, match=r"the map was not free within 0\.01 s") as caught, lock.read(timeout=0.01):
        pass
    other.do(leave, entry)
    ((holder, seconds),) = caught.value.holders
    assert holder == name_of(other) and seconds >= 0.01
    assert holder in str(caught.value)


@pytest.mark.parametrize("held", ["read", "write"])
@pytest.mark.parametrize("wanted", ["read", "write"])
def test_a_second_entry_of_a_thread_is_refused_and_the_first_one_lasts(
    lock: ReadWriteLock, held: str, wanted: str
) -> None:
    with getattr(lock, held)():
        with pytest.raises(LockOrderError, match="holds the map already"), getattr(lock, wanted)():
            pass
        assert len(lock.holders()) == 1
    assert lock.holders() == ()


def test_an_entry_can_be_used_again_after_it_has_left(lock: ReadWriteLock) -> None:
    entry = lock.write()
    for _ in range(2):
        with entry:
            assert len(lock.holders()) == 1
    assert lock.holders() == ()


def test_a_block_that_fails_leaves_the_lock(lock: ReadWriteLock) -> None:
    with pytest.raises(LookupError), lock.write():
        raise LookupError
    with lock.write(0):
        pass


@pytest.mark.parametrize("mode", ["read", "write"])
def test_an_entry_that_is_dropped_before_its_block_leaves_the_lock(lock: ReadWriteLock, mode: str) -> None:
    entry = getattr(lock, mode)()
    entry.__enter__()  # as if a signal raised here, where nothing would call __exit__
    del entry
    with lock.write(0):
        pass


@pytest.mark.parametrize("mode", ["read", "write"])
def test_an_exception_right_after_the_entry_leaves_no_lock(
    lock: ReadWriteLock, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lifeevt.locks.ranked_lock.RankedLock.note_rank", interrupt)
    with pytest.raises(KeyboardInterrupt), getattr(lock, mode)():
        pass
    assert lock.holders() == ()


def test_holders_and_waits_are_visible(lock: ReadWriteLock, other: Actor) -> None:
    with Actor() as writer:
        reading, writing = lock.read(), lock.write()
        with lock.write():
            (holding,) = lock.holders()
            assert holding.holder == threading.current_thread().name and holding.seconds >= 0.0
            entered = [other.begin(enter, reading), writer.begin(enter, writing)]
            wait_until(lambda: lock.waiting() == (1, 1))
            assert repr(lock) == "<ReadWriteLock the map: 1 inside, 2 wait>"
        entered[1].result()
        writer.do(leave, writing)
        entered[0].result()
        other.do(leave, reading)
    assert repr(lock) == "<ReadWriteLock the map: 0 inside, 0 wait>"


def test_times_are_counted_and_the_longest_holder_is_known(lock: ReadWriteLock, other: Actor) -> None:
    entry = lock.read()
    with lock.write():
        reading = other.begin(enter, entry)
        wait_until(lambda: lock.waiting() == (1, 0))
    reading.result()
    other.do(leave, entry)
    told = lock.statistics()
    assert (told.name, told.holds.count, told.waits.count) == ("the map", 2, 1)
    assert told.longest_holder in (threading.current_thread().name, name_of(other))
    assert told.longest_hold_ns == told.holds.max_ns > 0


def test_a_lock_that_is_not_measured_keeps_no_times() -> None:
    lock = ReadWriteLock("the map", measured=False)
    with lock.read():
        pass
    told = lock.statistics()
    assert (told.holds.count, told.waits.count, told.longest_holder, told.longest_hold_ns) == (0, 0, None, 0)


@pytest.mark.parametrize(
    ("timeout", "limit_ns"), [(None, None), (math.inf, None), (0, 0), (-1.0, 0), (0.5, 500_000_000), (1e-9, 1)]
)
def test_seconds_become_nanoseconds(timeout: float | None, limit_ns: int | None) -> None:
    assert limit_in_ns(timeout) == limit_ns


def test_a_timeout_that_is_no_number_is_refused(lock: ReadWriteLock) -> None:
    with pytest.raises(ValueError, match="timeout"):
        lock.read(math.nan)


# ranks


def three(ranks: list[int | None]) -> list[Callable[[], Any]]:
    """A way to take, for ``with``, of each kind of lock."""
    first, second, third = ranks
    instrumented = InstrumentedLock(threading.Lock(), "mine", second)
    fair = FairLock("fair", third)
    return [
        ReadWriteLock("shared", first).read,
        lambda: instrumented,
        lambda: fair.acquire("a test"),
    ]


def test_locks_are_taken_by_ascending_rank() -> None:
    shared, mine, fair = three([1, 2, 3])
    with shared(), mine(), fair():
        pass


@pytest.mark.parametrize(("held", "wanted"), [(1, 0), (2, 0), (2, 1)])
@pytest.mark.parametrize("ranks", [[1, 2, 3], [2, 2, 2]], ids=["lower", "equal"])
def test_a_rank_that_is_not_higher_is_refused_at_once(
    ranks: list[int | None], held: int, wanted: int
) -> None:
    takers = three(ranks)
    with takers[held](), pytest.raises(LockOrderError, match=f"rank {ranks[wanted]} .* rank {ranks[held]}"):
        takers[wanted]().__enter__()
    for take in takers:  # nothing is held, and no rank is left behind
        with take():
            pass


def test_a_lock_without_a_rank_is_not_checked() -> None:
    shared, mine, fair = three([None, 5, 1])
    with mine(), shared():
        pass
    with shared(), mine():
        pass
    with fair(), shared():
        pass


def test_ranks_are_of_a_thread(other: Actor) -> None:
    shared, mine, _ = three([1, 2, 3])
    with mine():
        entry = shared()
        other.do(enter, entry)
        other.do(leave, entry)


# InstrumentedLock


@pytest.fixture(params=[threading.Lock, threading.RLock], ids=["Lock", "RLock"])
def instrumented(request: pytest.FixtureRequest) -> InstrumentedLock:
    return InstrumentedLock(request.param(), "mine")


def test_an_instrumented_lock_excludes(instrumented: InstrumentedLock, other: Actor) -> None:
    with instrumented:
        assert other.do(instrumented.acquire, False) is False
        assert other.do(instrumented.acquire, True, 0.001) is False
        (holding,) = instrumented.holders()
        assert holding.holder == threading.current_thread().name
    assert other.do(instrumented.acquire) is True
    other.do(instrumented.release)
    assert instrumented.holders() == ()


def test_a_thread_that_waits_for_an_instrumented_lock_gets_it(instrumented: InstrumentedLock, other: Actor) -> None:
    from lifeevt.locks.wait_graph import GRAPH

    with instrumented:
        waiting = other.begin(instrumented.acquire)
        wait_until(lambda: any(wait.lock is instrumented for wait in GRAPH.waits()))
    assert waiting.result() is True
    other.do(instrumented.release)
    told = instrumented.statistics()
    assert (told.holds.count, told.waits.count) == (2, 1) and told.longest_holder is not None


def test_a_reentrant_lock_may_be_taken_again_at_every_rank() -> None:
    instrumented = InstrumentedLock(threading.RLock(), "mine", 1)
    with instrumented, instrumented:
        assert len(instrumented.holders()) == 1
    assert instrumented.holders() == () and instrumented.statistics().holds.count == 1
    with instrumented:
        pass


def test_a_plain_lock_taken_again_is_an_error_and_no_hang() -> None:
    instrumented = InstrumentedLock(threading.Lock(), "mine")
    with instrumented:
        assert instrumented.acquire(False) is False
        with pytest.raises(LockOrderError, match="holds mine already"):
            instrumented.acquire()
    assert instrumented.holders() == ()


def test_releasing_an_instrumented_lock_that_is_free_is_the_locks_own_error(instrumented: InstrumentedLock) -> None:
    with pytest.raises(RuntimeError):
        instrumented.release()
    with instrumented:
        assert len(instrumented.holders()) == 1


def test_an_instrumented_reentrant_lock_is_not_released_by_another(other: Actor) -> None:
    instrumented = InstrumentedLock(threading.RLock(), "mine")
    with instrumented:
        with pytest.raises(RuntimeError):
            other.do(instrumented.release)
        assert len(instrumented.holders()) == 1


def test_an_instrumented_lock_that_is_not_measured_keeps_no_times() -> None:
    instrumented = InstrumentedLock(threading.Lock(), "mine", measured=False)
    with instrumented:
        pass
    assert instrumented.statistics().holds.count == 0


def test_the_errors_carry_the_cycle_and_the_stacks_through_a_pickle() -> None:
    import pickle

    error = DeadlockError("a deadlock", ("a waits for b", "b waits for a"), {"a": "File ..."})
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.cycle, again.stacks) == ("a deadlock", error.cycle, error.stacks)
