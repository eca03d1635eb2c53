"""The scripts under profiling/ run and print their figures; no figure is judged here."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from profiling_scripts import FOLDER, process, script

from benches import environment, peers, workloads
from lifeevt import AsyncEventProcessor, ThreadSafeSelfState

ENVIRONMENT = {"lifeevt", "backends", "traced", "python", "compiler", "cpu", "cores", "system", "libc", "load_average"}
NEEDED_TO_COUNT = {
    "valgrind is not installed": shutil.which("valgrind"),
    "only the instructions of the native one": importlib.util.find_spec("lifeevt._core"),
}
FIGURE = re.compile(r"^(\w.*\S) +([\d,]+)$", re.MULTILINE)


def test_lines_lists_the_dearest_lines_or_names_the_missing_tool() -> None:
    ran = script("lines.py", "--quick")
    if importlib.util.find_spec("line_profiler"):
        assert ran.returncode == 0, ran.stderr
        assert "functions of the Python above the backend" in ran.stdout
        assert "source not found" not in ran.stdout
        assert "dearest lines" in ran.stdout
        assert "heap.py:" in ran.stdout or "event.py:" in ran.stdout
    else:
        assert (ran.returncode, "line_profiler" in ran.stderr) == (2, True)


def test_the_import_is_measured_on_both_backends() -> None:
    ran = script("import_time.py", "--runs", "1")
    assert ran.returncode == 0, ran.stderr
    figures = r"^(\w+) +ms CPU +standard [\d.]+ \(1.00 x\), lifeevt [\d.]+ \([\d.]+ x\), all [\d.]+ \([\d.]+ x\)"
    assert re.findall(figures, ran.stdout, re.M) == ["native", "reference"]


def test_instructions_are_counted_or_the_missing_tool_is_named() -> None:
    ran = script("instructions.py", "--quick")
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
    done = script("accounts.py", "--events", "1000", "--rounds", "1")
    said = re.findall(r"^(level|level and type) +-?[\d.]+ ns an event", done.stdout, re.M)
    assert said == ["level", "level and type"]


@pytest.mark.native
def test_shedding_is_measured_beside_no_shedder() -> None:
    done = script("shedding.py", "--quick")
    found = re.findall(r"^(.+?) +[\d.]+ ns an event .*, ([\d.]+) x$", done.stdout, re.M)
    assert [name for name, _ in found] == ["no shedder", "one that is asked", "one that sheds"]
    assert found[0][1] == "1.00"


def test_memory_is_shown_by_line_and_resident() -> None:
    ran = script("memory.py", "--quick")
    assert ran.returncode == 0, ran.stderr
    assert [ran.stdout.count(said) for said in ("resident", "results read: ", "backend, 200 events")] == [1, 1, 1]
    assert "result.py:" in ran.stdout


def test_two_installations_alternate_and_both_are_shown() -> None:
    ran = script("hotspots.py", "--quick", "--before", sys.executable, "--rounds", "2")
    assert ran.returncode == 0, ran.stderr
    assert "| event made | " in ran.stdout and "| result read | " in ran.stdout


def test_a_flame_graph_is_drawn_of_each_thread_s_stacks() -> None:
    stacks = (
        "submitter 7\n\t 1a __pyx_f_7lifeevt_9_backends_5nogil_4heap_heap_offer.part.0\n"
        "\t 2b _PyEval_EvalFrameDefault\n\t 3c main\n\n"
        "worker 8\n\t 1a __pyx_pw_7lifeevt_9_backends_6native_7reactor_7Reactor_11run\n\t 4d [unknown]\n\n"
        "python 7\n\t 5e before_the_run\n\n"
    )
    ran = script("flame.py", "--title", "a < b", stdin=stacks)
    assert ran.returncode == 0, ran.stderr
    boxes = re.findall(r"<title>(.*?): ([\d.]+)%", ran.stdout)
    assert boxes == [
        ("submitter", "50.0"), ("_PyEval_EvalFrameDefault", "50.0"), ("_backends.nogil.heap.heap_offer", "50.0"),
        ("worker", "50.0"), ("_backends.native.reactor.Reactor.run", "50.0"),
    ]  # fmt: skip
    assert "a &lt; b (2 samples)" in ran.stdout


def test_a_run_becomes_a_flame_graph_or_the_missing_tool_is_named(tmp_path: Path) -> None:
    ran = process(str(FOLDER / "flame.sh"), "--quick", str(tmp_path / "flame.svg"))
    if ran.returncode == 2:
        assert "perf" in ran.stderr
    else:
        assert ran.returncode == 0, ran.stderr
        assert "submitter" in (tmp_path / "flame.svg").read_text(encoding="utf-8")


def test_the_environment_names_the_conditions_of_a_figure() -> None:
    assert environment.describe().keys() == ENVIRONMENT


def test_the_plain_peer_gives_the_engine_s_results() -> None:
    being, state = peers.PlainBeing(), ThreadSafeSelfState.life()
    engine = AsyncEventProcessor(state)
    for event in workloads.events(2000):
        being.process(event)
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
