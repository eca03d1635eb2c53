"""The order of the heap through its runs, tombstones and sequences, for keys in order and out of it.

``EventHeap.offer`` uses the level as the run; other runs are tested in C.
"""

from __future__ import annotations

import ctypes
import importlib
import random
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from lifeevt._backends.contract import ADMITTED, DROP_LOWEST, DROP_OLDEST, REJECT

CAPACITY = 300
PIECE = 64  # entries of a run that lie together

# Steps on a clock: an offer on a run (mostly at the clock, or before or long after it), or a pop.
steps = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0, 0, 0, 0, 1, 5, -1, -40, 9_000]), st.integers(0, 3)), max_size=400
)


def ordered(heap: Any, count: int, level: int = 0, start: int = 0) -> None:
    for key in range(start, start + count):
        assert heap.offer(key, level, 0, (key, level), REJECT) is ADMITTED


def drained(heap: Any) -> list[Any]:
    return [entry[0] for entry in iter(heap.pop, None)]


@pytest.mark.parametrize("count", [1, 2, PIECE - 2, PIECE - 1, PIECE, 2 * PIECE - 2, 5 * PIECE])
def test_events_that_come_in_order_leave_in_order(core: ModuleType, count: int) -> None:
    heap = core.EventHeap(count)
    for start in (0, count, 2 * count):
        ordered(heap, count, start=start)
        heap.check()
        assert drained(heap) == [(key, 0) for key in range(start, start + count)]


def test_runs_of_different_budgets_merge_by_key(core: ModuleType) -> None:
    heap = core.EventHeap(4 * CAPACITY)
    keys = [(now + (10, 50, 200, 50)[now % 4], now) for now in range(4 * CAPACITY)]
    for key, now in keys:
        heap.offer(key, now % 4, 0, now, REJECT)
    heap.check()
    assert drained(heap) == [now for _, now in sorted(keys)]


def test_equal_keys_on_many_runs_leave_in_order_of_acceptance(core: ModuleType) -> None:
    heap = core.EventHeap(CAPACITY)
    for number in range(CAPACITY):
        heap.offer(number // 100, random.Random(number).randrange(16), 0, number, REJECT)
    heap.check()
    assert drained(heap) == list(range(CAPACITY))


def test_an_event_far_too_late_does_not_hold_up_its_run(core: ModuleType) -> None:
    heap = core.EventHeap(CAPACITY)
    for key in (5, 1_000_000, 6, 7, 8, 2_000_000, 9, 4):
        heap.offer(key, 1, 0, key, REJECT)
        heap.check()
    assert drained(heap) == [4, 5, 6, 7, 8, 9, 1_000_000, 2_000_000]


@pytest.mark.parametrize("count", [PIECE - 1, PIECE, 3 * PIECE])
@pytest.mark.parametrize("policy", [DROP_OLDEST, DROP_LOWEST])
def test_shedding_at_either_end_of_a_run_keeps_the_order(core: ModuleType, count: int, policy: int) -> None:
    heap = core.EventHeap(count)
    ordered(heap, count, level=3)
    for key in range(2 * count):
        heap.offer(-key, 2, 0, (-key, 2), policy)
        heap.check()
    assert drained(heap) == sorted(drained_keys(count, policy))


def drained_keys(count: int, policy: int) -> Iterator[tuple[int, int]]:
    """The remaining keys: with DROP_LOWEST the first ones of the better level, with DROP_OLDEST the last."""
    first = 0 if policy == DROP_LOWEST else count
    return ((-key, 2) for key in range(first, first + count))


def test_tombstones_in_the_middle_of_a_run_are_passed_over(core: ModuleType) -> None:
    heap = core.EventHeap(4 * PIECE)
    for key in range(4 * PIECE):  # on run 3 every other event is of the level that sheds first
        heap.offer(key, 3 - key % 2, 0, key, REJECT)
    for number in range(PIECE):
        heap.offer(-1 - number, 0, 0, -1 - number, DROP_LOWEST)
        heap.check()
    left = [key for key in range(4 * PIECE) if key % 2 or key < 2 * PIECE]
    assert drained(heap) == [*range(-PIECE, 0), *left]


@settings(max_examples=60, deadline=None)
@given(steps, st.sampled_from([REJECT, DROP_OLDEST, DROP_LOWEST]), st.sampled_from([3, 20, CAPACITY]))
def test_any_mixture_of_arrivals_leaves_in_the_order_of_a_sorted_list(
    core: ModuleType, made: list[tuple[int, int, int]], policy: int, capacity: int
) -> None:
    heap, waiting = core.EventHeap(capacity), {}
    for now, (run, offset, pops) in enumerate(made):
        verdict = heap.offer(now + offset, run, 0, now, policy)
        if isinstance(verdict, tuple):
            del waiting[verdict[0]]
        if verdict is ADMITTED or isinstance(verdict, tuple):
            waiting[now] = (now + offset, now)
        if pops == 0 and waiting:
            least = min(waiting.values())
            assert heap.pop()[0] == least[1]
            del waiting[least[1]]
        heap.check()
    assert drained(heap) == [number for _, number in sorted(waiting.values())]


# in C


class CEvent(ctypes.Structure):
    _fields_ = [
        ("key", ctypes.c_int64), ("arrival_ns", ctypes.c_int64),
        ("intensity", ctypes.c_double), ("timestamp", ctypes.c_double),
        ("type_id", ctypes.c_int32), ("level", ctypes.c_int32),
        ("run", ctypes.c_int32), ("has_object", ctypes.c_int32),
    ]  # fmt: skip


class CSlot(ctypes.Structure):
    _fields_ = [("event", CEvent), ("sequence", ctypes.c_uint64), ("links", ctypes.c_int32 * 2)]


class CHeap:
    """The heap below ``EventHeap``, with as many bits for the slots in its tags as one likes."""

    def __init__(self, capacity: int, slot_bits: int) -> None:
        self._heap = ctypes.create_string_buffer(8192)
        self._functions = importlib.import_module("lifeevt._backends.nogil.heap").__pyx_capi__
        self.victim = CSlot()
        assert self._call("heap_init_tagged", capacity, slot_bits) == 0

    def _call(self, name: str, *given: Any) -> int:
        api = ctypes.pythonapi
        api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
        api.PyCapsule_GetPointer.restype = ctypes.c_void_p
        api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
        capsule = self._functions[name]
        address = api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))
        return int(ctypes.CFUNCTYPE(ctypes.c_int)(address)(self._heap, *given))

    def offer(self, key: int, run: int, level: int = 0, policy: int = REJECT) -> int:
        event, slot = CEvent(key=key, run=run, level=level, type_id=-1), ctypes.c_int32(-1)
        return self._call(
            "heap_offer", ctypes.byref(event), policy, 2, ctypes.byref(slot), ctypes.byref(self.victim)
        )  # fmt: skip

    def pop(self) -> tuple[int, int] | None:
        """Key and sequence of the head."""
        out = CSlot()
        slot = self._call("heap_pop", 16, 0, ctypes.byref(out))
        if slot < 0:
            return None
        self._call("heap_release", slot)
        return out.event.key, out.sequence

    def check(self) -> int:
        return self._call("heap_check")

    def keep(self) -> int:
        return self._call("heap_keep")

    def close(self) -> None:
        self._call("heap_clear")


@pytest.fixture
def c_heap() -> Iterator[Any]:
    made: list[CHeap] = []

    def make(capacity: int, slot_bits: int = 24) -> CHeap:
        made.append(CHeap(capacity, slot_bits))
        return made[-1]

    yield make
    for heap in made:
        heap.close()


def played(heap: CHeap, capacity: int, seed: int, runs: tuple[int, ...], shed: int) -> None:
    """Offers and pops against a dictionary, all of it checked at each step."""
    dice, waiting, accepted = random.Random(seed), {}, 0
    for now in range(2_000):
        key, run = now // 8 + dice.choice((0, 0, 0, 3, -7)), dice.choice(runs)
        verdict = heap.offer(key, run, dice.randrange(3), shed)
        assert verdict >= 0
        if verdict == 2:
            del waiting[heap.victim.sequence]
        if verdict != 1:
            waiting[accepted] = (key, accepted)
            accepted += 1
        while waiting and (dice.random() < 0.5 or len(waiting) > capacity):
            least = min(waiting.values())
            assert heap.pop() == least
            del waiting[least[1]]
        assert heap.check() == 0


@pytest.mark.native
@pytest.mark.parametrize("policy", [REJECT, DROP_OLDEST, DROP_LOWEST])
@pytest.mark.parametrize("runs", [(-1,), (0,), (15, -1, 3), (99, -(2**31), 2**31 - 1, 2)], ids=str)
def test_the_order_is_kept_when_the_numbers_for_sequences_run_out(c_heap: Any, runs: Any, policy: int) -> None:
    played(c_heap(20, 58), 20, 1, runs, policy)  # 63 numbers, used up thirty times


@pytest.mark.native
@pytest.mark.parametrize("run", [-1, 0])
def test_a_waiting_entry_keeps_its_place_when_sequences_are_renumbered(c_heap: Any, run: int) -> None:
    heap = c_heap(40, 58)
    for _ in range(3):  # sequences 0 to 2; every later one of their key is behind them
        heap.offer(1_000, run)
    for sequence in range(3, 1_000):
        heap.offer(sequence % 7, run)
        assert heap.check() == 0
        assert heap.pop() == (sequence % 7, sequence)
    heap.offer(1_000, run)
    assert [heap.pop() for _ in range(5)] == [(1_000, 0), (1_000, 1), (1_000, 2), (1_000, 1_000), None]


@pytest.mark.native
def test_more_events_than_numbers_are_an_error_and_no_disorder(c_heap: Any) -> None:
    heap = c_heap(100, 58)
    verdicts = [heap.offer(key, 0) for key in range(80)]
    assert verdicts == [0] * 63 + [-1] * 17
    assert heap.check() == 0
    assert [heap.pop() for _ in range(64)] == [*((key, key) for key in range(63)), None]


@pytest.mark.native
def test_slots_that_are_kept_are_beside_those_of_the_queue(c_heap: Any) -> None:
    heap = c_heap(2)
    kept = [heap.keep() for _ in range(5_000)]
    assert sorted(kept) == list(range(5_000))
    assert [heap.offer(key, 0) for key in range(3)] == [0, 0, 1]
    assert heap.check() == 0


@pytest.mark.native
def test_an_empty_heap_of_a_million_takes_no_memory_for_them() -> None:
    native = importlib.import_module("lifeevt._core")
    before = resident()
    heaps = [native.EventHeap(1_000_000) for _ in range(20)]
    assert resident() - before < 20 * 64 * 1024
    assert len(heaps) == 20


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
