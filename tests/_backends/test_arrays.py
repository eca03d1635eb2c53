"""offer_numbers: events as arrays, without an object for any, on each twin."""

from __future__ import annotations

import ctypes
import gc
import struct
import weakref
from array import array
from types import ModuleType
from typing import Any

import pytest

from lifeevt._backends.contract import ADMITTED, DROP_LOWEST, DROP_OLDEST, REFUSED, REJECT, SHED_END, WAIT

NAN = float("nan")
BUDGETS = (10, 20, 40)


class Payload:
    """Something a weak reference can watch."""


def type_table_of(core: ModuleType) -> Any:
    """Type ids 0, 1, 2 on the levels 0, 1, 2."""
    type_table = core.TypeTable()
    for level, budget in enumerate(BUDGETS):
        type_table.add(f"type_id {level}", level, budget)
    return type_table


def offered(heap: Any, type_table: Any, types: list[int], *, policy: int = REJECT, arrival_ns: int = 100) -> Any:
    """Offer by array; the intensity of each number is its place."""
    strengths = array("d", [place / 10_000 for place in range(len(types))])
    return heap.offer_numbers(type_table, array("i", types), strengths, None, arrival_ns, policy)


def places(entries: Any) -> list[int]:
    return [round(entry[0][1] * 10_000) for entry in entries]


def test_an_entry_holds_the_numbers(core: ModuleType) -> None:
    heap = core.EventHeap(4)
    given = array("i", [1, 0]), array("d", [-0.5, 1.0]), array("d", [12.5, -3.0])
    assert heap.offer_numbers(type_table_of(core), *given, 100, REJECT) == (2, [])
    assert list(iter(heap.pop, None)) == [((0, 1.0, -3.0), 110, 0, 100, 1), ((1, -0.5, 12.5), 120, 1, 100, 0)]


def test_the_order_is_by_budget_and_then_by_place(core: ModuleType) -> None:
    heap = core.EventHeap(100)
    offered(heap, type_table_of(core), [2, 1, 0] * 20)
    order = places(iter(heap.pop, None))
    assert order == sorted(range(60), key=lambda place: (2 - place % 3, place))


def test_a_wait_for_the_budget_counts_against_later_arrivals(core: ModuleType) -> None:
    heap, type_table = core.EventHeap(4), type_table_of(core)
    offered(heap, type_table, [2], arrival_ns=100)
    offered(heap, type_table, [0], arrival_ns=131)
    assert heap.pop()[0][0] == 2


def test_without_times_the_timestamp_is_zero(core: ModuleType) -> None:
    heap = core.EventHeap(1)
    offered(heap, type_table_of(core), [0])
    assert heap.pop()[0][2] == 0.0


def test_nothing_offered_is_nothing_taken(core: ModuleType) -> None:
    heap = core.EventHeap(1)
    assert offered(heap, type_table_of(core), []) == (0, [])
    assert heap.counts()[:2] == (0, 0)


@pytest.mark.parametrize("count", [1, 255, 256, 257, 512, 513, 2000])
def test_every_length_is_taken_whole(core: ModuleType, count: int) -> None:
    heap = core.EventHeap(5000)
    assert offered(heap, type_table_of(core), [0] * count) == (count, [])
    assert places(iter(heap.pop, None)) == list(range(count))
    heap.check()


@pytest.mark.parametrize(("policy", "refused"), [(REJECT, 990), (WAIT, 0), (DROP_LOWEST, 990)])
def test_numbers_beyond_the_capacity_are_refused_by_policy(core: ModuleType, policy: int, refused: int) -> None:
    heap = core.EventHeap(10)
    assert offered(heap, type_table_of(core), [1] * 1000, policy=policy) == (10, [])
    assert heap.counts()[:3] == (10, refused, 10)


@pytest.mark.parametrize("count", [5, 700])
def test_victims_among_the_numbers_are_handed_back(core: ModuleType, count: int) -> None:
    heap = core.EventHeap(2)
    taken, shed = offered(heap, type_table_of(core), [1] * count, policy=DROP_OLDEST)
    assert (taken, places(shed)) == (count, list(range(count - 2)))
    assert heap.counts()[4][SHED_END] == count - 2
    heap.check()


def test_objects_and_numbers_shed_each_other(core: ModuleType) -> None:
    heap, type_table, payload = core.EventHeap(2), type_table_of(core), Payload()
    heap.offer(0, 2, 0, payload, REJECT), heap.offer(0, 2, 0, payload, REJECT)
    taken, shed = offered(heap, type_table, [1, 0], policy=DROP_LOWEST)
    assert (taken, [entry[0] for entry in shed]) == (2, [payload, payload])
    kept = weakref.ref(payload)
    del shed, payload
    gc.collect()
    assert kept() is None
    entry = heap.offer(0, 0, 0, "object", DROP_LOWEST)
    assert entry[0] == (1, 0.0, 0.0) and heap.offer(0, 3, 0, "late", DROP_OLDEST) is REFUSED
    assert [each[0] for each in heap.drain(9, 0)] == ["object", (0, 0.0001, 0.0)]


def test_many_objects_and_numbers_alternate_in_the_same_slots(core: ModuleType) -> None:
    heap, type_table = core.EventHeap(600), type_table_of(core)
    for round_ in range(5):
        offered(heap, type_table, [0] * 600)
        assert all(type(entry[0]) is tuple for entry in heap.drain(600, 0))
        assert all(heap.offer(0, 0, 0, round_, REJECT) is ADMITTED for _ in range(600))
        assert {entry[0] for entry in heap.drain(600, 0)} == {round_}
    heap.check()


# refusals


INTEGERS, DOUBLES = array("i", [0, 1]), array("d", [0.0, 0.5])
REFUSALS: dict[str, tuple[Any, Any, Any]] = {
    "a type too high": (array("i", [0, 3]), DOUBLES, None),
    "a type below": (array("i", [0, -1]), DOUBLES, None),
    "an intensity above": (INTEGERS, array("d", [0.0, 1.5]), None),
    "an intensity below": (INTEGERS, array("d", [-1.01, 0.0]), None),
    "an intensity of nothing": (INTEGERS, array("d", [0.0, NAN]), None),
    "a time of nothing": (INTEGERS, DOUBLES, array("d", [0.0, NAN])),
    "a time after all calendars": (INTEGERS, DOUBLES, array("d", [1e12, 0.0])),
    "too few intensities": (INTEGERS, DOUBLES[:1], None),
    "too many intensities": (INTEGERS, DOUBLES + DOUBLES, None),
    "too few times": (INTEGERS, DOUBLES, DOUBLES[:1]),
    "types of 64 bits": (array("q", [0, 1]), DOUBLES, None),
    "types of 16 bits": (array("h", [0, 1]), DOUBLES, None),
    "types without a sign": (array("I", [0, 1]), DOUBLES, None),
    "types as bytes": (bytes(8), DOUBLES, None),
    "types as floats": (array("f", [0, 1]), DOUBLES, None),
    "intensities as floats": (INTEGERS, array("f", [0, 1]), None),
    "intensities as integers": (INTEGERS, array("q", [0, 1]), None),
    "types in two dimensions": (memoryview(bytes(8)).cast("i", (2, 1)), DOUBLES, None),
    "types with gaps": (memoryview(array("i", [0, 9, 1, 9]))[::2], DOUBLES, None),
    "types backwards": (memoryview(array("i", [0, 1]))[::-1], DOUBLES, None),
    "foreign byte order": ((ctypes.c_int32.__ctype_be__ * 2)(0, 1), DOUBLES, None),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_wrong_numbers_keep_all_of_them_out(core: ModuleType, name: str) -> None:
    heap = core.EventHeap(9)
    with pytest.raises(ValueError):
        heap.offer_numbers(type_table_of(core), *REFUSALS[name], 0, REJECT)
    assert heap.counts()[:3] == (0, 0, 0)


@pytest.mark.parametrize("given", [([0, 1], DOUBLES, None), (INTEGERS, [0.0, 0.5], None), (INTEGERS, DOUBLES, "xx"),
                                   (None, DOUBLES, None), (INTEGERS, None, None)])  # fmt: skip
def test_an_argument_that_is_no_buffer_is_refused(core: ModuleType, given: tuple[Any, Any, Any]) -> None:
    heap = core.EventHeap(9)
    with pytest.raises(TypeError):
        heap.offer_numbers(type_table_of(core), *given, 0, REJECT)
    assert len(heap) == 0


@pytest.mark.parametrize("type_table", [None, object()])
def test_types_come_from_a_table_of_the_same_twin(core: ModuleType, type_table: object) -> None:
    with pytest.raises(TypeError):
        core.EventHeap(9).offer_numbers(type_table, INTEGERS, DOUBLES, None, 0, REJECT)


def test_the_first_wrong_number_is_named_with_its_place(core: ModuleType) -> None:
    heap, type_table = core.EventHeap(9), type_table_of(core)
    for given, words in [
        (REFUSALS["a type too high"], r"^types\[1\] is 3, which is no type$"),
        (REFUSALS["an intensity above"], r"^intensities\[1\] is 1\.5; it must lie in \[-1, 1\]$"),
        (REFUSALS["a time after all calendars"], r"^timestamps\[0\] is 1e\+12|1000000000000\.0; it must lie in"),
        (REFUSALS["too few times"], "^types and timestamps differ in length$"),
        (REFUSALS["types as bytes"], "^types must be a one-dimensional buffer of 32-bit integers$"),
        (REFUSALS["types with gaps"], "^types must be a plain buffer$"),
    ]:
        with pytest.raises(ValueError, match=words):
            heap.offer_numbers(type_table, *given, 0, REJECT)


def test_a_buffer_is_released_after_success_and_after_errors(core: ModuleType) -> None:
    heap, type_table = core.EventHeap(9), type_table_of(core)
    for given in ((INTEGERS, DOUBLES, DOUBLES), *REFUSALS.values()):
        try:
            heap.offer_numbers(type_table, *given, 0, REJECT)
        except ValueError:
            gc.collect()
        for each in given:
            if isinstance(each, array):
                each.append(0), each.pop()  # BufferError while a view of it exists


def test_bytes_under_a_format_are_as_good_as_an_array(core: ModuleType) -> None:
    heap = core.EventHeap(9)
    types, strengths = memoryview(struct.pack("2i", 0, 2)).cast("i"), memoryview(struct.pack("2d", 0.5, 1.0)).cast("d")
    assert heap.offer_numbers(type_table_of(core), types, strengths, None, 0, REJECT) == (2, [])
