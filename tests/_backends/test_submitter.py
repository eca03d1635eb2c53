"""Single events as numbers, on each twin."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from reactors import HIT, RunLoop

from lifeevt._backends.contract import MAX_LEVELS


def parts(core: ModuleType, capacity: int = 2) -> tuple[Any, Any]:
    heap, type_table = core.EventHeap(capacity), core.TypeTable()
    type_table.add("shock", 1, 10)
    return heap, core.Submitter(heap, type_table)


def test_an_event_leaves_with_its_arguments(core: ModuleType) -> None:
    heap, submitter = parts(core)
    assert submitter.submit(0, -0.5, 7.0) is True
    payload, key, level, arrival_ns, sequence = heap.pop_above(MAX_LEVELS)
    assert (payload, level, key - arrival_ns, sequence) == ((0, -0.5, 7.0), 1, 10, 0)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e300, -1e12])
def test_a_time_that_no_calendar_shows_is_refused(core: ModuleType, seconds: float) -> None:
    """No event object could be made of it later, when its result is read."""
    heap, submitter = parts(core)
    with pytest.raises(ValueError, match=r"is no event|not a finite"):
        submitter.submit(0, 0.5, seconds)
    assert len(heap) == 0


def test_its_result_holds_numbers_and_no_payload(core: ModuleType) -> None:
    run_loop = RunLoop(core)
    core.Submitter(run_loop.heap, run_loop.type_table).submit(HIT, 0.5, 7.0)
    run_loop.reactor.run_pending(1)
    (result,) = run_loop.taken()
    assert (result["payload"], result["intensity"], result["timestamp"]) == (None, 0.5, 7.0)


def test_a_full_heap_refuses_and_sheds_no_event(core: ModuleType) -> None:
    heap, submitter = parts(core, capacity=1)
    assert [submitter.submit(0, 0.5), submitter.submit(0, 0.5)] == [True, False]
    assert heap.counts()[:3] == (1, 1, 1)


def test_a_closed_submitter_refuses_without_counting(core: ModuleType) -> None:
    heap, submitter = parts(core)
    submitter.accept(False)
    assert submitter.submit(0, 0.5) is False
    assert heap.counts()[:2] == (0, 0)
    submitter.accept(True)
    assert submitter.submit(0, 0.5) is True


@pytest.mark.parametrize(("type_id", "intensity"), [(1, 0.5), (-1, 0.5), (0, 1.5), (0, float("nan"))])
def test_invalid_arguments_are_refused(core: ModuleType, type_id: int, intensity: float) -> None:
    heap, submitter = parts(core)
    with pytest.raises(ValueError, match=r"is no event|not a finite"):
        submitter.submit(type_id, intensity)
    assert len(heap) == 0
