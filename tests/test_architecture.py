"""The shape of the package: what may import what, how long a module may be, how things are named."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

SPEC = find_spec("lifeevt")
assert SPEC is not None and SPEC.origin is not None
PACKAGE = Path(SPEC.origin).parent
TESTS = Path(__file__).parent
DECISIONS = TESTS.parent / "docs" / "adr"

# A module imports only from rows above its own; where a row is split, the left part is above the right one.
ROWS: list[list[set[str]]] = [
    [{"errors", "_contract", "at_fork"}, {"at_exit", "clock", "sealed_file", "serialization"}],
    [{"strategy", "switch_interval", "table", "lock_order", "wait_graph"}],
    [{"batching", "rate_limit", "rates"}],
    [{"event"}, {"codel", "event_type", "load_balancing"}, {"event_type_files"}, {"event_types"}],
    [{"adaptive"}, {"strategies"}],
    [{"result"}, {"metrics"}],
    [{"_core_py", "_looks", "_parking", "_pages", "_trail", "_histogram"}, {"_codel", "_rwlock", "_cells"}],
    [{"_order"}, {"_sweep"}, {"_heap", "_account", "_bucket"}],
    [{"_kinds", "_reflex"}, {"_results"}, {"_reactor"}],
    [{"_core_numbers"}, {"_core_bounds", "_core_histogram"}, {"_core_account", "_core_lock"}],
    [{"_core_offer"}, {"_core_watch"}, {"_core_bucket", "_core_codel"}, {"_core_kinds"}, {"_core_arrays"}],
    [{"_core_heap"}, {"_core_cells"}, {"_core_state", "_core_stay"}],
    [{"_core_reflex", "_core_results"}],
    [{"_core_queue", "_core_reactor", "_core_submitter"}, {"_core_engine"}, {"_core"}, {"_core_ping", "_core_probe"}],
    [{"_backend"}, {"locks"}, {"turn_place"}, {"turn_lock"}],
    [{"_front", "field"}, {"snapshot", "life_table", "state_report"}, {"transaction", "change"}, {"feed", "saving"}],
    [{"turn_gate", "wrapping", "live_object"}, {"turn", "write_through"}],
    [{"overflow", "timers", "lines", "pauses", "type_numbers"}, {"receipt"}, {"tracking", "waiting", "loop_waiting"}],
    [{"queue", "state", "reflex"}],
    [{"scheduler"}],
    [{"handler", "answer"}, {"batch_answer", "collecting", "detached"}],
    [{"responders", "attendant", "timekeeper", "worker"}, {"batch_attendant"}, {"processor"}],
    [{"runtime"}],
    [{"recording"}, {"__init__"}, {"life"}, {"bench"}, {"cli"}, {"__main__"}],
]
RANK = {name: rank for rank, names in enumerate(part for row in ROWS for part in row) for name in names}
PROBES = {"_core_ping", "_core_probe"}  # native, and of the benches alone
EXTRAS = {"bench": {"fasteners", "readerwriterlock"}, "cli": {"typer", "rich", "click"}}
PYTHON = sorted(PACKAGE.rglob("*.py"))
CYTHON = sorted([*PACKAGE.glob("*.pyx"), *PACKAGE.glob("*.pxd")])
WAY = ["event", "queue", "scheduler", "processor", "state", "result", "runtime"]


def unit(path: Path) -> str:
    """The module that a file counts as; a subpackage counts as one."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.name.split(".")[0]


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def imported(path: Path) -> Iterator[str]:
    """Every module that a Python file imports, in full: ``lifeevt.errors``, ``queue``."""
    package = ["lifeevt", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            yield from _submodules(module, [alias.name for alias in node.names])


def _submodules(module: str, names: list[str]) -> Iterator[str]:
    """``from lifeevt import queue`` imports a module; ``from lifeevt import Event`` the package."""
    for name in names:
        yield f"{module}.{name}" if module == "lifeevt" and name in RANK else module


def own_imports(path: Path) -> set[str]:
    """The modules of ours that a Python file imports, apart from its own subpackage."""
    found = [name.split(".") for name in imported(path)]
    own = {name[1] if len(name) > 1 else "__init__" for name in found if name[0] == "lifeevt"}
    return own - ({unit(path)} if path.parent != PACKAGE else set())


def cython_imports(path: Path) -> set[str]:
    """The modules of ours that a Cython file imports or cimports, apart from its own declarations."""
    found = set(re.findall(r"^\s*from \.(\w+) c?import\b", path.read_text(), re.M))
    return found - {unit(path)}


ROOMS = sorted({unit(path) for path in CYTHON if unit(path).startswith("_core")})  # where C meets Python


# layers


@pytest.mark.parametrize("path", PYTHON, ids=named)
def test_a_module_imports_only_from_above(path: Path) -> None:
    own = own_imports(path)
    assert unit(path) in RANK, f"give {unit(path)} a row in this test"
    assert all(RANK[name] < RANK[unit(path)] for name in own), f"{named(path)} imports {own}"


@pytest.mark.parametrize("path", CYTHON, ids=named)
def test_a_cython_module_imports_only_from_above(path: Path) -> None:
    assert all(RANK[name] < RANK[unit(path)] for name in cython_imports(path))


def test_the_twins_do_not_know_each_other() -> None:
    for path in CYTHON:
        assert "_core_py" not in path.read_text().replace("`_core_py`", "")
    for path in (PACKAGE / "_core_py").glob("*.py"):
        assert own_imports(path) <= {"errors", "_contract", "at_fork"}
    for path in CYTHON:
        assert cython_imports(path) - {unit(each) for each in CYTHON} <= {"errors", "_contract", "at_fork"}


def test_the_package_enters_the_native_twin_by_its_one_door() -> None:
    for path in PYTHON:
        doors = {"_core"} | (PROBES if unit(path) == "bench" else set())
        assert not own_imports(path) & (set(ROOMS) - doors), f"{named(path)} goes round the door"


def test_the_twin_does_not_know_what_measures_it() -> None:
    for path in CYTHON:
        assert not cython_imports(path) & PROBES


def test_only_one_module_chooses_between_the_twins() -> None:
    for path in PYTHON:
        chooses = own_imports(path) & {"_core", "_core_py"} or re.search(r"lifeevt\._core", path.read_text())
        assert not chooses or unit(path) in ("_backend", "_core_py"), f"{named(path)} knows a twin"


@pytest.mark.parametrize("path", PYTHON, ids=named)
def test_a_module_imports_the_standard_library_and_ours(path: Path) -> None:
    others = {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names) - {"lifeevt"}
    assert others <= EXTRAS.get(unit(path), set())


def test_importing_the_package_imports_no_extra_and_starts_no_thread() -> None:
    script = (
        "import sys, threading; before = set(sys.modules); import lifeevt; "
        "new = {name.split('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names)), threading.active_count())"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split("] ")[1].strip() == "1"
    foreign = set(ast.literal_eval(done.stdout.split("] ")[0] + "]")) - {"lifeevt"}
    assert not foreign & {"typer", "rich", "click", "numpy", "hypothesis"}


def test_the_checks_above_see_what_they_look_for() -> None:
    path = PACKAGE / "queue.py"
    assert {"errors", "_contract", "_backend"} <= own_imports(path)
    assert "array" in set(imported(path))
    assert {"_core_heap", "_core_reflex"} <= cython_imports(PACKAGE / "_core.pyx")
    assert {"_contract", "_heap", "_core_numbers"} <= cython_imports(PACKAGE / "_core_offer.pyx")
    assert {"_core", "_core_heap", "_core_state"} <= set(ROOMS)
    assert cython_imports(PACKAGE / "_reflex.pyx") == {"_cells"}
    assert RANK["event"] < RANK["_core"] < RANK["queue"] < RANK["processor"] < RANK["runtime"] < RANK["cli"]


# the map


def test_the_map_names_the_stages_in_the_events_order() -> None:
    docstring = ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text())) or ""
    place = 0
    for stage in WAY:
        found = re.compile(rf"\b{stage}\b").search(docstring, place)
        assert found, f"the map does not name {stage} after the stages before it"
        place = found.end()


def test_every_stage_is_a_module() -> None:
    assert all((PACKAGE / f"{stage}.py").exists() for stage in WAY)


def test_the_package_publishes_what_it_lists() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    listed = next(ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)
                  and getattr(node.targets[0], "id", "") == "__all__")  # fmt: skip
    assert len(listed) == len(set(listed))
    package = __import__("lifeevt")
    assert all(hasattr(package, name) for name in listed)


# sizes and names


@pytest.mark.parametrize("path", [*PYTHON, *CYTHON], ids=named)
def test_a_module_can_be_read_at_a_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 500


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_a_test_module_can_be_read_at_a_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 500


def test_no_module_is_named_after_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
    assert not {path.stem for path in [*PYTHON, *CYTHON, *TESTS.rglob("*.py")]} & empty


def test_no_test_sleeps() -> None:
    for path in TESTS.rglob("*.py"):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        names = {getattr(call, "attr", getattr(call, "id", "")) for call in calls}
        assert "sleep" not in names, f"{path.name} sleeps"


@pytest.mark.parametrize("path", PYTHON, ids=named)
def test_no_error_is_passed_over(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            assert not all(isinstance(step, ast.Pass) for step in node.body), f"line {node.lineno}"
            assert node.type is not None, f"line {node.lineno}: a bare except"


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = Counter(path.name.split("-")[0] for path in DECISIONS.glob("*.md") if path.name != "README.md")
    assert all(re.fullmatch(r"\d{4}", number) for number in numbers)
    assert [number for number, count in numbers.items() if count > 1] == []
    assert sorted(map(int, numbers)) == list(range(1, len(numbers) + 1)), "a number is missing"
