"""The command that measures: its tables, its bars, its JSON, and what it refuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import ModuleType

import pytest
from profiling_scripts import script

import bench
from benches import measures, state
from benches.bars import Bar
from benches.measure import Effort, Row
from benches.measures import MEASURES, ONLY_NAMED
from lifeevt import _backends

Told = Callable[..., str]
BAR = {"measure", "case", "ours", "peer", "ratio", "bar", "met"}


def rows(effort: Effort) -> list[Row]:
    samples = {"ours": [10.0] * (effort.rounds or 1), "theirs": [100.0]}
    bars = [Bar("theirs", 5), Bar("theirs", 50), Bar("nobody's", 2), Bar("", 20, "below")]
    return [Row("one case", "ns", "ours", samples, bars=bars)]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``queue`` be a measure with known figures."""
    module = ModuleType("benches.queue")
    module.__dict__["rows"] = rows
    monkeypatch.setitem(sys.modules, "benches.queue", module)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """Run the command in this process, and return what it printed."""

    def run(*words: str) -> str:
        bench.main(words)
        return capsys.readouterr().out

    return run


def test_a_measure_runs_quickly_and_prints_its_tables_and_bars(told: Told) -> None:
    said = told("state", "--quick", "--rounds", "1")
    assert "load average" in said and "--quick: the figures below mean nothing" in said
    assert "== state" in said and "is better by" in said
    assert "== bars" in said.split("is better by")[-1]


def test_bars_are_reported_as_met_not_met_or_not_measured(told: Told, known: None) -> None:
    lines = told("queue").split("== bars")[1].splitlines()
    assert lines[2] == "queue: one case, ns, ours"
    assert [line.split()[-5:] for line in lines[3:6]] == [
        ["x", ">=", "5", "x", "met"],
        [">=", "50", "x", "not", "met"],
        [">=", "2", "x", "not", "measured"],
    ]
    assert lines[6].split() == ["10.00", "<", "20", "met"]
    assert lines[-1] == "2 bars met, 1 not met, 1 not measured"
    assert max(map(len, lines)) <= 80


def test_json_is_one_object_with_the_environment_the_measures_and_the_bars(told: Told, known: None) -> None:
    record = json.loads(told("queue", "--json", "--rounds", "3"))
    assert record.keys() == {"environment", "quick", "measures", "bars"}
    assert record["measures"]["queue"][0]["rounds"] == 3
    assert all(bar.keys() >= BAR for bar in record["bars"])
    assert [bar["met"] for bar in record["bars"]] == [True, False, None, True]


def test_a_measure_named_twice_runs_once(told: Told, known: None) -> None:
    assert told("queue", "queue").count("== queue") == 1


@pytest.mark.parametrize(
    ("words", "said"), [(["queue", "nonsense"], "nonsense"), (["queue", "--rounds", "0"], "--rounds")]
)
def test_an_unknown_name_and_no_round_are_refused(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        bench.main(words)
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert said in printed.err and printed.out == ""


def test_the_list_describes_each_measure(told: Told) -> None:
    lines = told("--list").splitlines()
    assert [line.split()[0] for line in lines] == list(MEASURES)
    assert [line.split()[0] for line in lines if line.endswith("only when named")] == list(ONLY_NAMED)
    assert max(map(len, lines)) <= 80


def test_without_a_name_the_usual_measures_run(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(bench, "rows_of", lambda name: asked.append(name) or rows)
    told()
    assert tuple(asked) == measures.USUAL


def test_a_missing_peer_is_reported(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "installed", lambda name: False)
    said = told("state", "--quick", "--rounds", "1")
    assert "not measured: readerwriterlock and fasteners: not installed" in said
    assert said.splitlines()[-1].endswith("6 not measured")


def test_a_traced_build_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(_backends, "TRACED", True)
    with pytest.raises(SystemExit) as stopped:
        bench.main(["state", "--quick"])
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert "traces lines" in printed.err and printed.out == ""


@pytest.mark.parametrize("backend", [pytest.param("native", marks=pytest.mark.native), "reference"])
def test_the_environment_chooses_the_backend_of_a_process(backend: str) -> None:
    ran = script("bench.py", *MEASURES, "--quick", "--rounds", "1", "--json", LIFEEVT_BACKEND=backend)
    assert ran.returncode == 0, ran.stderr
    record = json.loads(ran.stdout)
    assert record["environment"]["backends"] == [backend]
    assert record["measures"].keys() == MEASURES.keys()
    for name, found in record["measures"].items():
        assert found
        measured = [row for row in found if row["ours"] in row["median"]]
        assert any(row["ratio"] for row in measured), name
        for row in found:
            assert row in measured or row["not measured"]  # the probes may not be compiled
            assert row["ratio"].keys() <= row["median"].keys() - {row["ours"]}
