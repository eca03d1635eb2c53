"""Single events as numbers, on each twin."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from lifeevt._contract import MAX_LEVELS


def parts(core: ModuleType, capacity: int = 2) -> tuple[Any, Any]:
    heap, kinds = core.EventHeap(capacity), core.KindTable()
    kinds.add("shock", 1, 10)
    return heap, core.Submitter(heap, kinds)


def test_an_event_comes_out_as_it_went_in(core: ModuleType) -> None:
    heap, submitter = parts(core)
    assert submitter.submit(0, -0.5, 7.0) is True
    payload, key, level, arrival_ns, sequence = heap.pop_above(MAX_LEVELS)
    assert (payload, level, key - arrival_ns, sequence) == ((0, -0.5, 7.0), 1, 10, 0)


def test_a_full_heap_refuses_and_sheds_nobody(core: ModuleType) -> None:
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


@pytest.mark.parametrize(("kind", "intensity"), [(1, 0.5), (-1, 0.5), (0, 1.5), (0, float("nan"))])
def test_what_is_no_event_is_refused(core: ModuleType, kind: int, intensity: float) -> None:
    heap, submitter = parts(core)
    with pytest.raises(ValueError, match=r"is no event|not a finite"):
        submitter.submit(kind, intensity)
    assert len(heap) == 0
