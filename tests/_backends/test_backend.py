"""The one switch between the twins: names, the environment, and what happens without the extension."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import lifeevt
from lifeevt import _backends
from lifeevt.errors import BackendError

HOME = str(Path(lifeevt.__file__).parent.parent)

# Put before the import of lifeevt: the extension as if never built, or built and broken.
ABSENT = """
import sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "lifeevt._core":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""
BROKEN = """
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec

class Broken(MetaPathFinder, Loader):
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name == "lifeevt._core" else None
    def exec_module(self, module):
        {failure}

sys.meta_path.insert(0, Broken())
"""
SHOW = "import lifeevt; print(lifeevt.backend, lifeevt._backends.EventHeap.__module__)"


HERE = Path(__file__).parent  # not the root, where `-c` would import the source tree


def python(code: str, backend: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a fresh interpreter, with LIFEEVT_BACKEND set or unset."""
    path = os.pathsep.join(filter(None, [HOME, os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop("LIFEEVT_BACKEND", None)
    if backend is not None:
        environment["LIFEEVT_BACKEND"] = backend
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment, cwd=HERE, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_process_has_one_backend(backend: str, core: ModuleType) -> None:
    assert all(getattr(_backends, name) is getattr(core, name) for name in core.__all__)
    assert lifeevt.backend == _backends.backend == backend


def test_a_name_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFEEVT_BACKEND", "rubbish")
    assert _backends.resolve("reference") == "reference"


@pytest.mark.native
@pytest.mark.parametrize("name", ["auto", None])
def test_auto_takes_the_native_backend(name: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIFEEVT_BACKEND", raising=False)
    assert _backends.resolve(name) == "native"


@pytest.mark.parametrize("name", ["cython", "Native", " native", "python"])
def test_an_unknown_name_is_refused_with_the_choice(name: str) -> None:
    with pytest.raises(BackendError, match=f"unknown backend '{name}'; choose native, reference or auto"):
        _backends.resolve(name)


def test_a_backend_error_is_an_import_error() -> None:
    assert issubclass(BackendError, ImportError)


def test_the_environment_decides_at_import(backend: str) -> None:
    module = f"lifeevt._backends.{backend}.heap"
    assert python(SHOW, backend).stdout.split() == [backend, module]


@pytest.mark.native
@pytest.mark.parametrize("value", [None, "", "auto"])
def test_without_a_choice_the_native_twin_is_taken_at_import(value: str | None) -> None:
    assert python(SHOW, value).stdout.split() == ["native", "lifeevt._backends.native.heap"]


def test_an_unknown_name_in_the_environment_stops_the_import() -> None:
    ended = python(SHOW, "cython")
    assert ended.returncode == 1
    assert "unknown backend 'cython'; choose native, reference or auto" in ended.stderr


@pytest.mark.parametrize("value", [None, "auto", "reference"])
def test_auto_falls_back_when_the_extension_is_absent(value: str | None) -> None:
    ended = python(ABSENT + SHOW, value)
    assert (ended.stdout.split(), ended.stderr) == (["reference", "lifeevt._backends.reference.heap"], "")


def test_the_native_twin_is_not_replaced_when_it_was_asked_for() -> None:
    ended = python(ABSENT + SHOW, "native")
    assert ended.returncode == 1
    assert "BackendError: the native backend is not built here; install with a C compiler" in ended.stderr


@pytest.mark.parametrize("value", [None, "auto", "native"])
@pytest.mark.parametrize(
    ("failure", "shown"),
    [
        ("raise ImportError('undefined symbol: lost')", "undefined symbol: lost"),
        ("raise ModuleNotFoundError('No module named other', name='other')", "No module named other"),
        ("raise OSError('bad machine code')", "bad machine code"),
    ],
)
def test_a_broken_extension_is_reported_as_such(value: str | None, failure: str, shown: str) -> None:
    ended = python(BROKEN.format(failure=failure) + SHOW, value)
    assert ended.returncode == 1
    assert shown in ended.stderr


def test_a_broken_extension_does_not_stop_the_reference() -> None:
    broken = BROKEN.format(failure="raise ImportError('undefined symbol: lost')")
    assert python(broken + SHOW, "reference").stdout.split() == ["reference", "lifeevt._backends.reference.heap"]


def test_importing_starts_no_thread() -> None:
    assert python("import threading, lifeevt; print(threading.active_count())").stdout.strip() == "1"
