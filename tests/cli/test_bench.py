"""The command that measures: its tables, its bars, its JSON, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType

import pytest
from cli.processes import PATIENCE, environment
from typer.testing import Result

from lifeevt.bench import measures, state
from lifeevt.bench.bars import Bar
from lifeevt.bench.measure import Row
from lifeevt.bench.measures import MEASURES, ONLY_NAMED

Invoke = Callable[..., Result]
QUICK = ("queue", "heap", "state", "idle", "memory")
BAR = {"measure", "case", "ours", "peer", "ratio", "bar", "met"}
AS_IF_TRACED = """
import lifeevt._backends
lifeevt._backends.TRACED = True
from lifeevt.cli.app import app
app(["bench", "state", "--quick"], prog_name="lifeevt")
"""


def rows(quick: bool, rounds: int | None) -> list[Row]:
    samples = {"ours": [10.0] * (rounds or 1), "theirs": [100.0]}
    bars = [Bar("theirs", 5), Bar("theirs", 50), Bar("nobody's", 2), Bar("", 20, "below")]
    return [Row("one case", "ns", "ours", samples, bars=bars)]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``queue`` be a measure whose figures are known."""
    module = ModuleType("lifeevt.bench.queue")
    module.__dict__["rows"] = rows
    monkeypatch.setitem(sys.modules, "lifeevt.bench.queue", module)


@pytest.mark.parametrize("name", QUICK)
def test_a_measure_runs_quickly_and_prints_its_tables_and_bars(invoke: Invoke, name: str) -> None:
    result = invoke("bench", name, "--quick", "--rounds", 1)
    assert result.exit_code == 0, result.output
    assert "--quick: the figures below mean nothing" in result.stdout
    assert f"== {name}" in result.stdout and "is better by" in result.stdout
    assert "== bars" in result.stdout.split("is better by")[-1]


def test_bars_are_said_to_be_met_not_met_or_not_measured(invoke: Invoke, known: None) -> None:
    result = invoke("bench", "queue")
    assert result.exit_code == 0
    lines = result.stdout.split("== bars")[1].splitlines()
    assert lines[2] == "queue: one case, ns, ours"
    assert [line.split()[-5:] for line in lines[3:6]] == [
        ["x", ">=", "5", "x", "met"],
        [">=", "50", "x", "not", "met"],
        [">=", "2", "x", "not", "measured"],
    ]
    assert lines[6].split() == ["10.00", "<", "20", "met"]
    assert lines[-1] == "2 bars met, 1 not met, 1 not measured"
    assert max(map(len, lines)) <= 80


def test_json_is_one_object_with_the_environment_the_measures_and_the_bars(invoke: Invoke, known: None) -> None:
    record = json.loads(invoke("bench", "queue", "--json", "--rounds", 3).stdout)
    assert record.keys() == {"environment", "quick", "measures", "bars"}
    assert record["measures"]["queue"][0]["rounds"] == 3
    assert all(bar.keys() >= BAR for bar in record["bars"])
    assert [bar["met"] for bar in record["bars"]] == [True, False, None, True]


def test_a_measure_named_twice_runs_once(invoke: Invoke, known: None) -> None:
    assert invoke("bench", "queue", "queue").stdout.count("== queue") == 1


def test_an_unknown_name_is_refused_with_those_there_are(invoke: Invoke) -> None:
    result = invoke("bench", "queue", "nonsense")
    assert result.exit_code == 2
    assert "nonsense" in result.stderr and "memory" in result.stderr
    assert result.stdout == ""


def test_rounds_must_be_at_least_one(invoke: Invoke) -> None:
    assert invoke("bench", "queue", "--rounds", 0).exit_code == 2


def test_the_list_says_what_each_measure_is(invoke: Invoke) -> None:
    lines = invoke("bench", "--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(MEASURES)
    assert [line.split()[0] for line in lines if line.endswith("only when named")] == list(ONLY_NAMED)
    assert max(map(len, lines)) <= 80


def test_without_a_name_the_usual_measures_run(invoke: Invoke, known: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("lifeevt.cli.bench.rows_of", lambda name: asked.append(name) or rows)
    invoke("bench")
    assert tuple(asked) == measures.USUAL


def test_a_peer_that_is_not_installed_is_said(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "installed", lambda name: False)
    result = invoke("bench", "state", "--quick", "--rounds", 1)
    assert result.exit_code == 0
    assert "not measured: readerwriterlock and fasteners: not installed" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("6 not measured")


def test_a_traced_build_is_refused() -> None:
    words = [sys.executable, "-c", AS_IF_TRACED]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, env=environment())
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "traces lines" in ran.stderr


def test_the_module_runs_the_same_command(command: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    ran = command("bench", "idle", "--quick", "--rounds", 1, "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["measures"].keys() == {"idle"}
