"""Each measure has rows with named columns and bars; missing columns are named, and no figure is judged here."""

from __future__ import annotations

import json
import shutil
from importlib import import_module

import pytest

from benches import heap, measure, queue, state
from benches.measure import Effort
from benches.measures import MEASURES, ONLY_NAMED, USUAL, rows_of


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_has_rows_that_json_can_hold(name: str) -> None:
    rows = rows_of(name)(Effort(quick=True, rounds=1))
    assert rows and any(row.bars for row in rows) == (name != "curves")
    for row in rows:
        said = json.loads(json.dumps(row.as_dict(), allow_nan=False))
        assert said["ours"] in said["median"]
        assert said["bars"] == [each.as_dict() for each in row.verdicts()]
        assert all("\n" not in line for line in measure.table(row))


def test_every_measure_is_usual_or_runs_only_when_named() -> None:
    assert set(USUAL) | set(ONLY_NAMED) == set(MEASURES)
    assert not set(USUAL) & set(ONLY_NAMED)


def test_a_measure_without_a_peer_reports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "installed", lambda name: False)
    row = state.row(state.CASES[0], 10, 1)
    assert row.notes[measure.NOT_MEASURED] == "readerwriterlock and fasteners: not installed"
    assert [each.met is None for each in row.verdicts()] == [True, True, False]
    assert "  not measured: readerwriterlock and fasteners: not installed" in measure.table(row)


def test_without_a_compiler_the_heap_has_no_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "COMPILER", "no-such-compiler")
    for row in heap.rows(Effort(quick=True, rounds=1)):
        assert heap.PEER not in row.samples
        assert "no-such-compiler is not installed" in row.notes[measure.NOT_MEASURED]
        assert all(each.met is None for each in row.verdicts())


def test_without_its_probes_the_heap_has_only_its_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "probes", lambda depth, ascending: {})
    monkeypatch.setattr(heap, "COMPILER", "no-such-compiler")
    (first, *_) = heap.rows(Effort(quick=True, rounds=1))
    assert first.as_dict()["rounds"] == 0
    assert "the probes are not compiled" in first.notes[measure.NOT_MEASURED]


@pytest.mark.native
@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 100, 3000])
def test_all_heaps_pop_the_same_keys(depth: int, ascending: bool) -> None:
    sums = [[run(pairs) for pairs in (1, 10, 5000)] for run in heap.probes(depth, ascending).values()]
    assert sums[0] == sums[1] == sums[2]
    if shutil.which(heap.COMPILER):
        with heap.compiled() as library:
            assert library is not None
            peer = heap.StdPriorityQueue(library, depth, ascending)
            assert [peer.run(pairs) for pairs in (1, 10, 5000)] == sums[0]
            peer.close()


@pytest.mark.native
def test_a_probe_of_an_order_refuses_a_depth_beyond_its_slots() -> None:
    probe = import_module("probes.structures").OrderProbe
    with pytest.raises(ValueError, match=r"depth is 2097152; it must be below 2097152"):
        probe(2**21, 1, False)


@pytest.mark.parametrize("statement", [queue.BY_PRIORITY_QUEUE, queue.BY_HEAPQ])
def test_a_peer_of_the_queue_looks_the_budget_up_as_ours_does(statement: str) -> None:
    assert "clock() + budgets[event.type]" in statement
    assert queue.ranking()["budgets"].keys() == set(queue.workloads.LIFE_MIX)
