"""The ring of results: it keeps, overwrites and returns them, as tuples and as a buffer; ownership of payloads."""

from __future__ import annotations

import gc
import re
import struct
import weakref
from array import array
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from reactors import ASKED, FIELDS, HIT, IGNORED, PROCESSED, STRANGER, RunLoop, timeless

from lifeevt._backends.contract import MAX_ENDS, MAX_IMPACTS, NO_PATTERN, REJECT

LAYOUT = (
    "Q:sequence q:queued_ns q:started_ns q:finished_ns d:intensity d:timestamp i:type_id i:level i:status i:slot "
    f"d:significance i:pattern i:impacts ({MAX_IMPACTS})d:impact ({MAX_IMPACTS})d:applied q:version_before q:version"
)


class Payload:
    """Something a weak reference can watch."""


def layout(view: memoryview) -> list[tuple[str, str]]:
    """(name, type) of each field of a PEP 3118 format, byte orders left out."""
    plain = re.sub("[<=@]", "", view.format)
    assert plain.startswith("T{") and plain.endswith("}")
    found = re.findall(r"(\(?\d*\)?[A-Za-z]):(\w+):", plain[2:-1])
    return [(name, type_id.replace("l", "q").replace("L", "Q")) for type_id, name in found]  # ctypes writes a long so


def records(buffer: Any) -> list[dict[str, Any]]:
    """The buffer read by its own format."""
    view = memoryview(buffer)
    type_table = [re.sub(r"[()]", "", type_id) for _, type_id in layout(view)]
    found = []
    for values in struct.iter_unpack("=" + "".join(type_table), view.tobytes()):
        left, record = list(values), {}
        for (name, _), type_id in zip(layout(view), type_table, strict=True):
            count = int(type_id[:-1] or 1)
            record[name] = left[0] if count == 1 else tuple(left[:count])
            del left[:count]
        found.append(record)
    return found


def as_record(result: dict[str, Any]) -> dict[str, Any]:
    """A result as the buffer has it, without its payload."""
    significance, pattern, impact, applied, before, version = result["outcome"]
    rest = (0.0,) * (MAX_IMPACTS - len(impact))
    return {
        **{name: result[name] for name in FIELDS[1:-1]}, "slot": -1, "significance": significance, "pattern": pattern,
        "impacts": len(impact), "impact": impact + rest, "applied": applied + rest, "version_before": before,
        "version": version,
    }  # fmt: skip


# the ring


def test_results_are_taken_once_and_oldest_first(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(*[HIT] * 40)
    run_loop.reactor.run_pending(40)
    taken = [[result["sequence"] for result in run_loop.taken(limit)] for limit in (3, 0, -1, 35, None, None)]
    assert taken == [[0, 1, 2], [], [], list(range(3, 38)), [38, 39], []]


def test_a_full_ring_overwrites_the_oldest_and_counts(core: ModuleType) -> None:
    run_loop = RunLoop(core, capacity=200, results=3)
    run_loop.offer(*[HIT] * 100)
    run_loop.reactor.run_pending(100)
    assert (len(run_loop.reactor), run_loop.reactor.counts()) == (3, (3, 97))
    assert [result["sequence"] for result in run_loop.taken()] == [97, 98, 99]
    assert run_loop.reactor.counts() == (0, 97)
    assert run_loop.ledger() == (100, 0, 0, (100, 0, 0, 0)), "a result that is given up has ended all the same"


def test_a_ring_wraps_without_loss_when_it_is_emptied_in_time(core: ModuleType) -> None:
    run_loop = RunLoop(core, results=5)
    for round_ in range(20):
        assert [result["sequence"] for result in run_loop.process(HIT, STRANGER, HIT)] == [
            3 * round_, 3 * round_ + 1, 3 * round_ + 2,
        ]  # fmt: skip
    assert run_loop.reactor.counts() == (0, 0)


def test_a_record_keeps_nothing_of_an_earlier_event(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.process(HIT)
    run_loop.offer(STRANGER)
    run_loop.reactor.run_pending(1)
    (record,) = records(run_loop.reactor.take_buffer(None))
    assert record["impact"] == record["applied"] == (0.0,) * MAX_IMPACTS


# results that Python puts in


def test_results_of_python_keep_their_order_among_the_others(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(HIT)
    run_loop.reactor.run_pending(1)
    run_loop.put("mine", status=3)
    first, second = run_loop.taken()
    assert first["payload"] == 0
    assert second == {
        "payload": "mine", "sequence": 9, "level": 1, "type_id": HIT, "status": 3, "intensity": 0.25, "timestamp": 0.0,
        "queued_ns": 1, "started_ns": 2, "finished_ns": 3, "outcome": (0.0, NO_PATTERN, (), (), 4, 5),
    }  # fmt: skip


def test_putting_may_finish_the_event_that_runs(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(ASKED, ASKED)
    run_loop.reactor.run_pending(1), run_loop.reactor.run_pending(1)
    run_loop.put(finishes=False)
    assert run_loop.ledger() == (2, 0, 2, (0, 0, 0, 0))
    run_loop.put(finishes=True, status=IGNORED)
    assert run_loop.ledger() == (2, 0, 1, (0, 1, 0, 0))


def test_a_result_without_a_running_event_is_refused_and_not_recorded(core: ModuleType) -> None:
    run_loop, payload = RunLoop(core), Payload()
    with pytest.raises(ValueError, match="no event is running"):
        run_loop.put(payload, finishes=True)
    kept = weakref.ref(payload)
    del payload
    gc.collect()
    assert (len(run_loop.reactor), run_loop.ledger()[3], kept()) == (0, (0, 0, 0, 0), None)


@pytest.mark.native
@pytest.mark.parametrize(
    "wrong",
    [{"sequence": -1}, {"level": 2**32}, {"type_id": 2**31}, {"status": -1}, {"status": MAX_ENDS}, {"status": 2**32}],
)  # fmt: skip
def test_a_result_that_cannot_be_is_refused(core: ModuleType, wrong: dict[str, Any]) -> None:
    run_loop = RunLoop(core)
    with pytest.raises((IndexError, OverflowError)):
        run_loop.put(**wrong)
    assert len(run_loop.reactor) == 0


# the buffer


def test_the_buffer_has_the_layout_of_the_reference(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(HIT)
    run_loop.reactor.run_pending(1)
    view = memoryview(run_loop.reactor.take_buffer(None))
    assert [f"{type_id}:{name}" for name, type_id in layout(view)] == LAYOUT.split()
    assert (view.ndim, view.shape, view.itemsize, view.strides) == (1, (1,), 352, (352,))
    assert view.c_contiguous and not view.readonly


def test_the_buffer_equals_the_tuples(core: ModuleType) -> None:
    type_table = [HIT, STRANGER, HIT, ASKED] * 12  # more than one stay in the heap
    run_loop, other = RunLoop(core), RunLoop(core)
    found = []
    for each in (run_loop, other):
        each.offer(*type_table, intensity=-0.75)
        while (task := each.reactor.run_pending(99)[1]) is not None:
            each.put(task[0], True, sequence=task[4], started_ns=0, finished_ns=0)
    found = [as_record(result) for result in run_loop.taken()]
    clockless = {"started_ns": 0, "finished_ns": 0}
    assert [each | clockless for each in records(other.reactor.take_buffer(None))] == [
        each | clockless for each in found
    ]
    assert len(found) == 48


def test_the_buffer_keeps_each_time(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.put(queued_ns=-(2**63), started_ns=2**63 - 1, finished_ns=0, sequence=2**63 - 1)
    (record,) = records(run_loop.reactor.take_buffer(1))
    assert (record["queued_ns"], record["started_ns"], record["sequence"]) == (-(2**63), 2**63 - 1, 2**63 - 1)


def test_a_buffer_takes_at_most_the_limit(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(*[HIT] * 50)
    run_loop.reactor.run_pending(50)
    sizes = [len(run_loop.reactor.take_buffer(limit)) for limit in (-1, 0, 1, 40, 2**62, None)]
    assert sizes == [0, 0, 1, 40, 9, 0]


def test_a_buffer_outlives_its_reactor_and_may_be_written(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(HIT, HIT)
    run_loop.reactor.run_pending(2)
    buffer = run_loop.reactor.take_buffer(None)
    del run_loop
    gc.collect()
    assert [record["version"] for record in records(buffer)] == [1, 2]
    view = memoryview(buffer)
    del buffer
    gc.collect()
    assert view.nbytes == 2 * 352


# ownership of payloads


def watched(run_loop: RunLoop, count: int = 1) -> list[weakref.ref[Payload]]:
    """Offer and process events; only the reactor refers to their payloads."""
    kept = []
    for _ in range(count):
        payload = Payload()
        kept.append(weakref.ref(payload))
        run_loop.offer(HIT, payload=payload)
        del payload
        run_loop.reactor.run_pending(1)
    return kept


def alive(kept: list[weakref.ref[Payload]]) -> list[bool]:
    gc.collect()
    return [each() is not None for each in kept]


RELEASES: dict[str, Callable[[RunLoop], object]] = {
    "take": lambda run_loop: run_loop.reactor.take(None),
    "take_buffer": lambda run_loop: run_loop.reactor.take_buffer(None),
    "the end of the reactor": lambda run_loop: vars(run_loop).pop("reactor") and None,
}


@pytest.mark.parametrize("way", RELEASES)
def test_a_result_keeps_its_payload_until_it_is_gone(core: ModuleType, way: str) -> None:
    run_loop = RunLoop(core)
    kept = watched(run_loop, 40)
    run_loop.put(payload := Payload())
    kept.append(weakref.ref(payload))
    del payload
    assert alive(kept) == [True] * 41
    RELEASES[way](run_loop)
    assert alive(kept) == [False] * 41


@pytest.mark.parametrize("then", ["take", "take_buffer", "put"])
def test_overwritten_results_are_released_by_the_next_call_with_the_gil(core: ModuleType, then: str) -> None:
    run_loop = RunLoop(core, results=2)
    for _ in range(3):
        kept = watched(run_loop, 3)
        {"take": lambda: run_loop.reactor.take(0), "take_buffer": lambda: run_loop.reactor.take_buffer(0),
         "put": run_loop.put}[then]()  # fmt: skip
        assert alive(kept)[0] is False and alive(kept)[2] is True
        run_loop.reactor.take(None)


def test_an_overwritten_payload_leaves_no_reference_in_the_heap(core: ModuleType) -> None:
    run_loop = RunLoop(core, results=1)
    kept = watched(run_loop, 100)
    assert sum(alive(kept)) <= 2, "each place that became free was used again"
    run_loop.reactor.take(None)
    assert sum(alive(kept)) == 0


def test_an_event_of_numbers_leaves_no_payload(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    kept = watched(run_loop, 3)
    run_loop.reactor.take(None)
    columns = array("i", [HIT]), array("d", [0.5]), array("d", [12.5])
    run_loop.heap.offer_numbers(run_loop.type_table, *columns, 7, REJECT)
    run_loop.reactor.run_pending(1)
    assert [timeless(each) for each in run_loop.taken()] == [{
        "payload": None, "sequence": 3, "level": 0, "type_id": HIT, "status": PROCESSED, "intensity": 0.5,
        "timestamp": 12.5, "queued_ns": 7, "outcome": (0.5, 1, (-10.0,), (-10.0,), 3, 4),
    }] and alive(kept) == [False] * 3  # fmt: skip


def test_a_payload_that_is_a_tuple_is_no_event_of_numbers(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    run_loop.offer(HIT, payload=(1, 2))
    run_loop.reactor.run_pending(1)
    assert run_loop.taken()[0]["payload"] == (1, 2)


def test_a_payload_that_uses_the_reactor_as_it_dies_breaks_nothing(core: ModuleType) -> None:
    run_loop = RunLoop(core, results=2)

    class Busy:
        def __del__(self) -> None:
            run_loop.offer(STRANGER)
            run_loop.reactor.counts()

    for _ in range(5):
        run_loop.offer(HIT, payload=Busy())
        run_loop.reactor.run_pending(1)
    run_loop.reactor.take(None)
    run_loop.reactor.take_buffer(None)
    run_loop.heap.check()
