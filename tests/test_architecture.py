"""The architecture of the package: permitted imports, the length of modules, names."""

from __future__ import annotations

import ast
import os
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

# A package, or a module of its own, imports only from the rows above. Two of one row do not import each other.
ROWS = [
    {"errors", "_public"},
    {"_backends.contract", "_backends.fork"},
    {"_backends.nogil"},
    {"_backends.native", "_backends.reference"},
    {"_core"},
    {"_backends"},
    {"clock", "serialization"},
    {"event"},
    {"result"},
    {"metrics"},
    {"locks", "queue", "scheduler"},
    {"state"},
    {"processor"},
    {"runtime"},
    {"__init__"},
    {"life"},
    {"cli"},
    {"__main__"},
]
RANK = {name: rank for rank, row in enumerate(ROWS) for name in row}
EXTRAS = {"cli": {"typer", "rich", "click"}}
PYTHON = sorted(PACKAGE.rglob("*.py"))
CYTHON = sorted([*PACKAGE.rglob("*.pyx"), *PACKAGE.rglob("*.pxd")])
WAY = ["event", "queue", "scheduler", "processor", "state", "result", "runtime"]
ENTRIES = 24  # of the folder, as a file manager lists it
RARELY_NEEDED = {
    "asyncio", "csv", "ctypes", "importlib.metadata", "importlib.resources", "json", "logging", "pathlib", "subprocess",
    "tempfile", "tomllib", "traceback", "urllib", "lifeevt.state.persistence",
}  # fmt: skip
FACADES = {"AsyncEventQueue", "AsyncEventProcessor", "ThreadSafeSelfState"}
IMPORT = re.compile(r"^\s*from (\.+)([\w.]*) c?import\b", re.M)


def unit(name: str) -> str:
    """The package or module of the ranks that a dotted name belongs to: the longest name that has a rank."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if (known := ".".join(parts[:length])) in RANK:
            return known
    raise AssertionError(f"give {name} a row in this test")


def dotted(path: Path) -> str:
    """The name of a module below ``lifeevt``: ``queue.overflow``, or ``queue`` for a package."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def imported(path: Path) -> Iterator[str]:
    """Every module that a Python file imports, in full: ``lifeevt.errors``, ``queue``."""
    package = ["lifeevt", *path.relative_to(PACKAGE).parts[:-1]]
    tree = ast.parse(path.read_text())
    if unit(dotted(path)) == "_backends.reference":  # the bases name classes of their facades, for type checkers alone
        tree.body = [node for node in tree.body if not is_for_checkers(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            yield from _submodules(module, [alias.name for alias in node.names])


def is_for_checkers(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _submodules(module: str, names: list[str]) -> Iterator[str]:
    """``from lifeevt import queue`` imports a module; ``from lifeevt import Event`` the package."""
    for name in names:
        inner = f"{module}.{name}"
        yield inner if inner.removeprefix("lifeevt.") in RANK else module


def own_imports(path: Path) -> set[str]:
    """The modules of ours that a Python file imports, without ``lifeevt``."""
    found = [name for name in imported(path) if name.split(".")[0] == "lifeevt"]
    return {name.partition(".")[2] or "__init__" for name in found}


def cython_imports(path: Path) -> set[str]:
    """The modules of ours that a Cython file imports or cimports, apart from its own declarations."""
    package = path.relative_to(PACKAGE).parts[:-1]
    found = set()
    for dots, name in IMPORT.findall(path.read_text()):
        found.add(".".join([*package[: len(package) - len(dots) + 1], *filter(None, [name])]))
    return found - {dotted(path)}


def units(names: set[str]) -> set[str]:
    return {unit(name) for name in names}


# layers


@pytest.mark.parametrize("path", [*PYTHON, *CYTHON], ids=named)
def test_a_module_imports_only_from_above(path: Path) -> None:
    found = own_imports(path) if path.suffix == ".py" else cython_imports(path)
    others = units(found) - {unit(dotted(path))}
    assert all(RANK[name] < RANK[unit(dotted(path))] for name in others), f"{named(path)} imports {others}"


@pytest.mark.parametrize("path", PYTHON, ids=named)
def test_from_outside_a_module_imports_the_package_and_not_its_file(path: Path) -> None:
    """The ranks above say which modules of ``_backends`` the other packages may import."""
    package = dotted(path).split(".")[0]
    for name in own_imports(path) - {"cli.app"}:  # which __main__ starts; cli itself needs no extra
        assert name.split(".")[0] in (package, "_backends") or "." not in name, f"{named(path)} imports {name}"


def test_only_the_choice_of_the_backend_imports_both_backends() -> None:
    for path in PYTHON:
        knows = units(own_imports(path)) & {"_core", "_backends.native", "_backends.nogil", "_backends.reference"}
        allowed = {"_backends.reference"} if unit(dotted(path)) in ("_backends", "_backends.reference") else set()
        assert knows <= allowed, f"{named(path)} knows a backend"
        assert unit(dotted(path)) == "_backends" or not re.search(r"lifeevt\._core\b", path.read_text()), named(path)


def test_there_are_few_extension_modules() -> None:
    assert len([path for path in CYTHON if path.suffix == ".pyx"]) <= 25


def test_a_nogil_module_cimports_its_siblings_by_their_folder() -> None:
    """Else Cython takes them for the modules of the same name in native/, and leaves out their inline functions."""
    for path in CYTHON:
        if path.parent.name == "nogil":
            assert not re.search(r"^from \.\w+ cimport", path.read_text(), re.M), named(path)


@pytest.mark.parametrize("path", PYTHON, ids=named)
def test_a_module_imports_the_standard_library_and_ours(path: Path) -> None:
    others = {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names) - {"lifeevt"}
    assert others <= EXTRAS.get(unit(dotted(path)), set())


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


def imported_by(program: str) -> set[str]:
    """The modules that a new interpreter imports for a program; without ``site``, which would hide its own modules."""
    script = f"import sys; before = set(sys.modules); {program}; print(sorted(set(sys.modules) - before))"
    command, surroundings = [sys.executable, "-S", "-c", script], {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(  # from there, too: `-c` imports what lies in the working directory first
        command, cwd=PACKAGE.parent, env=surroundings, capture_output=True, text=True, timeout=60, check=True
    )
    return set(ast.literal_eval(done.stdout))


def test_all_public_names_together_import_no_module_that_few_programs_need() -> None:
    found = imported_by("from lifeevt import *")
    assert "lifeevt.runtime" in found
    assert not found & RARELY_NEEDED


def test_a_name_is_loaded_at_its_first_use_with_the_stages_below_it() -> None:
    stages = {f"lifeevt.{name}" for name in ("event", "queue", "scheduler", "processor", "state", "runtime")}
    assert not imported_by("import lifeevt") & stages
    assert imported_by("import lifeevt; lifeevt.Event") & stages == {"lifeevt.event"}
    assert imported_by("from lifeevt import AsyncEventQueue") & stages == {"lifeevt.event", "lifeevt.queue"}
    assert imported_by("import lifeevt; lifeevt.runtime") & stages == stages


def test_the_checks_above_find_violations() -> None:
    path = PACKAGE / "queue" / "queue.py"
    assert {"errors", "_backends.contract", "event", "queue.tracker"} <= own_imports(path)
    assert "types" in set(imported(path))
    assert {"_backends.native.heap", "_backends.native.reflex"} <= cython_imports(PACKAGE / "_core.pxd")
    heap = cython_imports(PACKAGE / "_backends" / "native" / "heap.pyx")
    assert {"_backends.contract", "_backends.nogil.heap", "_backends.native.numbers"} <= heap
    assert cython_imports(PACKAGE / "_backends" / "nogil" / "reflex.pyx") == {"_backends.nogil.cells"}
    assert RANK["event"] < RANK["queue"] < RANK["processor"] < RANK["runtime"] < RANK["cli"]


# the map


def test_the_map_names_the_stages_in_the_order_of_an_event() -> None:
    docstring = ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text())) or ""
    place = 0
    for stage in WAY:
        found = re.compile(rf"\b{stage}\b").search(docstring, place)
        assert found, f"the map does not name {stage} after the stages before it"
        place = found.end()


def test_every_stage_is_a_module_or_a_package() -> None:
    homes = [PACKAGE / stage / f"{stage}.py" for stage in WAY]
    assert all(home.exists() or (PACKAGE / f"{home.stem}.py").exists() for home in homes)


def test_the_folder_opens_with_few_entries() -> None:
    seen = {path.name for path in PACKAGE.iterdir() if path.suffix not in (".so", ".c") and path.name != "__pycache__"}
    assert len(seen) <= ENTRIES, sorted(seen)


def test_the_package_publishes_the_listed_names() -> None:
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


def definitions(kind: type | tuple[type, ...]) -> Iterator[tuple[Path, ast.AST]]:
    """Every class or function of the package, without the benches."""
    for path in PYTHON:
        if path.parent.name != "bench":
            yield from ((path, node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kind))


def methods_of(owner: ast.ClassDef) -> set[str]:
    """The names of the methods that a class defines; a property and its setter count as one."""
    return {node.name for node in owner.body if isinstance(node, ast.FunctionDef)}


def test_half_of_the_functions_have_at_most_seven_lines_and_nine_in_ten_under_27() -> None:
    found = definitions((ast.FunctionDef, ast.AsyncFunctionDef))
    lengths = sorted(node.end_lineno - node.lineno + 1 for _, node in found)  # type: ignore[attr-defined]
    median, ninth, longest = (lengths[int(len(lengths) * share)] for share in (0.5, 0.9, 0.9999))
    print(f"{len(lengths)} functions: median {median} lines, nine in ten {ninth}, longest {longest}")
    assert median <= 7
    assert ninth < 27


def test_a_class_has_at_most_25_methods_unless_it_is_a_facade() -> None:
    owners = [node for _, node in definitions(ast.ClassDef) if isinstance(node, ast.ClassDef)]
    assert {owner.name for owner in owners if len(methods_of(owner)) > 25} <= FACADES


def test_no_class_is_made_at_run_time() -> None:
    for path, node in definitions(ast.Call):
        assert isinstance(node, ast.Call)
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        makes = called in ("new_class", "make_dataclass") or (called == "type" and len(node.args) == 3)
        assert not makes, f"{named(path)}, line {node.lineno}"


def test_no_module_has_a_name_without_a_subject() -> None:
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
