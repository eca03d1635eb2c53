"""The C below `_core` holds no Python object and never waits with the GIL.

Read off the sources, and off Cython's own report of them.
"""

from __future__ import annotations

import ast
import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lifeevt

pytestmark = pytest.mark.native

PACKAGE = Path(lifeevt.__file__).parent
SETUP = Path(__file__).parents[3] / "setup.py"
BACKENDS = PACKAGE / "_backends"
WITHOUT_FUNCTIONS = {"nogil/wide"}
# Modules, and declarations with inline functions alone: where C meets Python, and where there is none.
NATIVE = sorted({f"native/{path.stem}" for path in (BACKENDS / "native").glob("*.p[yx][xd]")})
NOGIL = sorted({f"nogil/{path.stem}" for path in (BACKENDS / "nogil").glob("*.p[yx][xd]")})
WAITS = re.compile(
    r"\b(pthread_(mutex_lock|rwlock_(rd|wr)lock|\w*clock\w*|\w*timed\w*|cond_\w*wait|join)"
    r"|rwlock_(wait|enqueue|dequeue|find)|heap_enter|futex_wait|sem_\w*wait|reactor_(run|lock_state)|\w+\.offer_while_room)\("
)
LINE = re.compile(r'<pre class="cython line score-(\d+)"[^>]*>.*?<span class="">(\d+)</span>: (.*?)</pre>', re.S)


def directives() -> dict[str, object]:
    """The directives of setup.py."""
    for node in ast.parse(SETUP.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DIRECTIVES":
            found: dict[str, object] = ast.literal_eval(node.value)
            return found
    raise AssertionError("setup.py names no DIRECTIVES")


def scores(folder: Path, module: str) -> dict[int, int]:
    """The amount of Python that Cython finds in each line of a module of the backends."""
    switches = [f"-X{name}={value}" for name, value in directives().items()]
    command = [sys.executable, "-m", "cython", "-3", "--annotate", *switches, f"lifeevt/_backends/{module}.pyx"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    page = (folder / "lifeevt" / "_backends" / f"{module}.html").read_text()
    return {int(number): int(score) for score, number, _ in LINE.findall(page)}


def scores_of_text(folder: Path, text: str) -> dict[int, int]:
    """The same for a text in the folder of the C functions, as a module without declarations."""
    (folder / "lifeevt" / "_backends" / "nogil" / "whole.pyx").write_text(text)
    return scores(folder, "nogil/whole")


def code_lines(text: str) -> dict[int, str]:
    """The lines by number, without strings that span lines, comments and what is empty."""
    bare = re.sub(r'"""(.|\n)*?"""', lambda found: "\n" * found[0].count("\n"), text)
    lines = {number: line.split("#")[0].rstrip() for number, line in enumerate(bare.splitlines(), 1)}
    return {number: line for number, line in lines.items() if line.strip()}


def function_lines(text: str) -> dict[int, str]:
    """The lines of every C function: its head, its parameters, its body."""
    found, inside = {}, False
    for number, line in code_lines(text).items():
        if not line[0].isspace() and line[0] not in ")":
            inside = bool(re.match(r"cdef (?!enum|extern|struct|class)", line)) and "(" in line
        if inside:
            found[number] = line
    return found


def function_heads(text: str) -> list[str]:
    """The head of every C function on one line each, from ``cdef`` to what follows its parameters."""
    heads: list[str] = []
    unfinished = ""
    for line in code_lines(text).values():
        if unfinished or (re.match(r"cdef (?!enum|extern|struct|class)", line) and "(" in line):
            unfinished += line
            if unfinished.count("(") == unfinished.count(")"):
                heads.append(unfinished)
                unfinished = ""
    return heads


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("annotated")
    shutil.copytree(PACKAGE, folder / "lifeevt", ignore=shutil.ignore_patterns("*.so", "*.pyd", "*.html", "*.c"))
    return folder


def source(module: str, ending: str) -> str:
    """The text of a file, or nothing where there is none."""
    path = BACKENDS / f"{module}{ending}"
    return path.read_text() if path.exists() else ""


def whole(module: str) -> str:
    """A module as one text: its declarations, without those of the functions that it defines, and its definitions."""
    declared = re.sub(r"^cdef [^\n(]*\([^)]*\) [^\n:]*\n", "", source(module, ".pxd"), flags=re.M)
    return declared + source(module, ".pyx")


# Cython's own report


@pytest.mark.parametrize("module", NOGIL)
def test_no_line_of_a_c_function_touches_python(copied: Path, module: str) -> None:
    """Inline functions of declarations are seen as well: Cython reports on modules, so one is made of both files."""
    text = whole(module)
    found, lines = scores_of_text(copied, text), function_lines(text)
    assert set(lines) <= set(found), "the report and the source are out of step"
    assert len(lines) > 5 or module in WITHOUT_FUNCTIONS
    touched = {number: html.unescape(line) for number, line in lines.items() if found[number]}
    assert not touched, f"Cython sees Python in {touched}"


def test_a_planted_object_is_seen(copied: Path) -> None:
    line = "block.refuses = False\n"
    planted = whole("nogil/cells").replace(line, f"{line}    with gil:\n        print(block.length)\n")
    found = scores_of_text(copied, planted)
    assert any(found[number] for number in function_lines(planted))


def test_the_module_where_c_meets_python_is_not_free_of_it(copied: Path) -> None:
    assert sum(scores(copied, "native/heap").values()) > 1000  # the report works on real code, too


# the list of sources is complete


def test_every_source_of_c_is_under_test() -> None:
    assert {f"nogil/{noun}" for noun in ("cells", "heap", "histogram", "reactor", "reflex", "rwlock")} <= set(NOGIL)
    assert {f"native/{noun}" for noun in ("cells", "heap", "reactor", "rwlock", "state")} <= set(NATIVE)


@pytest.mark.parametrize("module", NOGIL)
@pytest.mark.parametrize("ending", [".pyx", ".pxd"])
def test_every_c_function_is_noexcept_and_nogil(module: str, ending: str) -> None:
    endings = {head.rsplit(")", 1)[1].strip(" :") for head in function_heads(source(module, ending))}
    assert endings <= {"noexcept nogil"}
    assert endings or module in WITHOUT_FUNCTIONS or not source(module, ending)


@pytest.mark.parametrize("module", [*NOGIL, *NATIVE])
def test_nothing_takes_the_gil_back(module: str) -> None:
    text = "\n".join(code_lines(whole(module)).values())
    assert not re.search(r"\bwith\s+gil\b|\bPyGILState_|\bPyEval_", text)


@pytest.mark.parametrize("module", NOGIL)
def test_no_c_module_imports_python(module: str) -> None:
    text = "\n".join(code_lines(whole(module)).values())
    assert not re.search(r"^\s*(import|from \S+ import|def|class|cdef class|cpdef)\b", text, re.M)
    assert not re.search(r"\bcpython\b|\bobject\b|\bPy[A-Z]\w+", text)


def waits_outside_nogil(text: str) -> dict[int, str]:
    """The lines that may block, outside any ``with nogil`` block."""
    found: dict[int, str] = {}
    block = -1  # the indent of the block without the GIL, or of declarations, that we are in
    for number, line in code_lines(text).items():
        indent = len(line) - len(line.lstrip())
        if indent <= block:
            block = -1
        if block < 0 and re.match(r"\s*(with nogil|cdef extern from .*|cdef .*\) noexcept nogil):$", line):
            block = indent
        elif block < 0 and WAITS.search(line):
            found[number] = line
    return found


@pytest.mark.parametrize("module", NATIVE)
def test_no_wait_in_c_holds_the_gil(module: str) -> None:
    assert not waits_outside_nogil(source(module, ".pyx"))
    assert not waits_outside_nogil(source(module, ".pxd"))


def test_there_are_waits_to_look_at() -> None:
    assert all(WAITS.search(whole(f"native/{noun}")) for noun in ("heap", "watch", "rwlock", "reactor"))


@pytest.mark.parametrize("planted", ["    pthread_mutex_lock(&self.mutex)", "    code = rwlock_wait(lock, place, 5)"])
def test_a_planted_wait_is_seen(planted: str) -> None:
    text = f"cdef void f():\n    with nogil:\n        pthread_mutex_lock(m)\n{planted}\n"
    assert waits_outside_nogil(text) == {4: planted}
