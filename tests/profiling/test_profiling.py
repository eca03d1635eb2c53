"""The scripts under profiling/ run and say what they measured; what they measured is not judged here."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lifeevt import AsyncEventProcessor, ThreadSafeSelfState

FOLDER = Path(__file__).resolve().parents[2] / "profiling"
BENCHES = sorted(path.name for path in FOLDER.glob("bench_*.py"))
ENVIRONMENT = {"lifeevt", "backends", "traced", "python", "compiler", "cpu", "cores", "system", "libc", "load_average"}
NEEDED_TO_COUNT = {
    "valgrind is not installed": shutil.which("valgrind"),
    "only the instructions of the native one": importlib.util.find_spec("lifeevt._core"),
}
FIGURE = re.compile(r"^(\w.*\S) +([\d,]+)$", re.MULTILINE)
AS_IF_TRACED = """
import runpy, sys
import lifeevt._backends
lifeevt._backends.TRACED = True
sys.path.insert(0, {folder!r})
sys.argv = [{script!r}, "--quick"]
runpy.run_path({script!r}, run_name="__main__")
"""


def run(*command: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    # Without the coverage of this process: it would be measured instead of the package.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    environment["PYTHON"] = sys.executable
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=110, env=environment)


def quick(script: str, *switches: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, str(FOLDER / script), "--quick", *switches)


@pytest.mark.parametrize("script", BENCHES)
def test_a_bench_reports_its_environment_and_ratios_against_named_peers(script: str) -> None:
    ran = quick(script, "--json")
    assert ran.returncode == 0, ran.stderr
    record = json.loads(ran.stdout)
    assert script == f"bench_{record['bench']}.py"
    assert record["environment"].keys() >= ENVIRONMENT
    assert record["rows"]
    measured = [row for row in record["rows"] if row["ours"] in row["median"]]
    for row in record["rows"]:
        assert row in measured or row["not measured"]  # ours may be native, and this build without C
        assert row["ratio"].keys() <= row["median"].keys() - {row["ours"]}
    assert any(row["ratio"] for row in measured) or not measured


@pytest.mark.parametrize("script", BENCHES)
def test_a_bench_prints_a_table_for_people(script: str) -> None:
    ran = quick(script)
    assert ran.returncode == 0, ran.stderr
    assert "load average" in ran.stdout
    assert "is better by" in ran.stdout
    assert "--quick: the figures below mean nothing" in ran.stdout


@pytest.mark.parametrize("script", BENCHES)
def test_a_bench_refuses_a_traced_build(script: str) -> None:
    ran = run(sys.executable, "-c", AS_IF_TRACED.format(folder=str(FOLDER), script=str(FOLDER / script)))
    assert ran.returncode == 2
    assert "traces lines" in ran.stderr
    assert ran.stdout == ""


def test_lines_lists_the_dearest_lines_or_says_what_is_missing() -> None:
    ran = quick("lines.py")
    if importlib.util.find_spec("line_profiler"):
        assert ran.returncode == 0, ran.stderr
        assert "functions of the Python above the backend" in ran.stdout
        assert "source not found" not in ran.stdout
        assert "dearest lines" in ran.stdout
        assert "heap.py:" in ran.stdout or "event.py:" in ran.stdout
    else:
        assert (ran.returncode, "line_profiler" in ran.stderr) == (2, True)


def test_instructions_are_counted_or_it_says_what_is_missing() -> None:
    ran = run(str(FOLDER / "instructions.sh"), "--quick")
    missing = [said for said, there in NEEDED_TO_COUNT.items() if not there]
    if missing:
        assert (ran.returncode, missing[0] in ran.stderr) == (2, True)
        return
    assert ran.returncode == 0, ran.stderr
    _, figures = ran.stdout.split("instructions per operation")
    counts = {name.strip(): int(count.replace(",", "")) for name, count in FIGURE.findall(figures)}
    assert counts.keys() == {"heap push, random order", "heap pop, random order"}
    assert min(counts.values()) > 0


@pytest.mark.native
def test_recording_is_measured_by_level_and_by_type() -> None:
    done = run(sys.executable, str(FOLDER / "accounts.py"), "--events", "1000", "--rounds", "1")
    said = re.findall(r"^(level|level and type) +-?[\d.]+ ns an event", done.stdout, re.M)
    assert said == ["level", "level and type"]


@pytest.mark.native
def test_shedding_is_measured_beside_no_shedder() -> None:
    done = run(sys.executable, str(FOLDER / "shedding.py"), "--quick")
    found = re.findall(r"^(.+?) +[\d.]+ ns an event .*, ([\d.]+) x$", done.stdout, re.M)
    assert [name for name, _ in found] == ["no shedder", "one that is asked", "one that sheds"]
    assert found[0][1] == "1.00"


def test_memory_is_shown_by_line_and_resident() -> None:
    ran = quick("memory.py")
    assert ran.returncode == 0, ran.stderr
    assert [ran.stdout.count(said) for said in ("resident", "results read: ", "backend, 200 events")] == [1, 1, 1]
    assert "result.py:" in ran.stdout


def test_two_installations_take_turns_and_both_are_shown() -> None:
    ran = quick("hotspots.py", "--before", sys.executable, "--rounds", "2")
    assert ran.returncode == 0, ran.stderr
    assert "| event made | " in ran.stdout and "| result read | " in ran.stdout


def test_a_flame_graph_is_drawn_of_each_thread_s_stacks() -> None:
    stacks = (
        "submitter 7\n\t 1a __pyx_f_7lifeevt_5_heap_heap_offer.part.0\n\t 2b _PyEval_EvalFrameDefault\n\t 3c main\n\n"
        "worker 8\n\t 1a __pyx_pw_7lifeevt_13_core_reactor_7Reactor_11run\n\t 4d [unknown]\n\n"
        "python 7\n\t 5e before_the_run\n\n"
    )
    ran = run(sys.executable, str(FOLDER / "flame.py"), "--title", "a < b", stdin=stacks)
    assert ran.returncode == 0, ran.stderr
    boxes = re.findall(r"<title>(.*?): ([\d.]+)%", ran.stdout)
    assert boxes == [
        ("submitter", "50.0"), ("_PyEval_EvalFrameDefault", "50.0"), ("_heap.heap_offer", "50.0"),
        ("worker", "50.0"), ("_core_reactor.Reactor.run", "50.0"),
    ]  # fmt: skip
    assert "a &lt; b (2 samples)" in ran.stdout


def test_a_run_becomes_a_flame_graph_or_it_says_what_is_missing(tmp_path: Path) -> None:
    ran = run(str(FOLDER / "flame.sh"), "--quick", str(tmp_path / "flame.svg"))
    if ran.returncode == 2:
        assert "perf" in ran.stderr
    else:
        assert ran.returncode == 0, ran.stderr
        assert "submitter" in (tmp_path / "flame.svg").read_text(encoding="utf-8")


def test_the_environment_can_be_asked_for_alone() -> None:
    ran = run(sys.executable, "-m", "lifeevt.bench.environment")
    assert json.loads(ran.stdout).keys() >= ENVIRONMENT


def test_the_plain_peer_gives_the_engine_s_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    peers, workloads = (importlib.import_module(f"lifeevt.bench.{name}") for name in ("peers", "workloads"))
    being, state = peers.PlainBeing(), ThreadSafeSelfState.life()
    engine = AsyncEventProcessor(state)
    for event in workloads.events(2000):
        being.answer(event)
        engine.submit(event)
        engine.process_pending()
    assert being.state == pytest.approx({name: state[name] for name in being.state}, abs=1e-9)


@pytest.mark.parametrize("path", sorted((FOLDER / "results").glob("*.json")), ids=lambda path: path.name)
def test_a_kept_result_carries_its_environment_and_no_place(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    record = json.loads(text)
    assert record["environment"].keys() >= ENVIRONMENT
    assert not record["environment"]["traced"]
    assert not any(place in text for place in ("/home", "/root", "/tmp", "/usr", "/work"))
