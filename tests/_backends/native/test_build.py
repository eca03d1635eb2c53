"""The native twin is compiled code, and the suite fails without it."""

from __future__ import annotations

import importlib.machinery
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

pytestmark = pytest.mark.native

TESTS = Path(__file__).parents[2]
PACKAGE = Path(import_module("lifeevt").__file__ or "").parent
MODULES = sorted(".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in PACKAGE.rglob("*.pyx"))
NATIVE, NOGIL = "_backends.native", "_backends.nogil"


def test_the_sources_of_the_native_twin_ship_with_it() -> None:
    assert {"_core", f"{NATIVE}.heap", f"{NOGIL}.heap", f"{NOGIL}.rwlock"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_a_native_module_is_an_extension(name: str) -> None:
    module = import_module(f"lifeevt.{name}")
    assert module.__file__ is not None and module.__file__.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES))
    assert isinstance(module.__spec__ and module.__spec__.loader, importlib.machinery.ExtensionFileLoader)


def test_the_native_classes_are_of_c(core: object, backend: str) -> None:
    for name in ("EventHeap", "RWLock", "StateCells", "ReflexTable", "Histogram"):
        is_python = hasattr(getattr(core, name).__init__, "__code__")
        assert is_python == (backend == "reference")


def test_the_c_functions_can_be_cimported() -> None:
    for noun, function in (("heap", "heap_offer"), ("rwlock", "rwlock_try_read"), ("reactor", "reactor_run")):
        assert function in import_module(f"lifeevt.{NOGIL}.{noun}").__pyx_capi__


def test_the_declarations_ship_with_the_modules() -> None:
    ends = {"_core", f"{NATIVE}.lock_guard"}  # no module cimports these
    assert all((PACKAGE / f"{name.replace('.', '/')}.pxd").exists() for name in MODULES if name not in ends)


def test_a_missing_extension_is_an_error_and_no_skip(tmp_path: Path) -> None:
    said = suite_without_extension(tmp_path, "--backend", "native")
    assert "1 error" in said and "passed" not in said and "skipped" not in said
    assert "lifeevt native: MISSING" in said
    assert "the native backend is not built here" in said


def test_no_native_leaves_the_native_twin_out_by_name(tmp_path: Path) -> None:
    said = suite_without_extension(tmp_path, "--no-native")
    assert "1 passed" in said and "error" not in said
    assert "lifeevt native: left out by --no-native" in said


def suite_without_extension(folder: Path, *options: str) -> str:
    """Return pytest's output for one test where the package has no extension."""
    shutil.copytree(PACKAGE, folder / "lifeevt", ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    test = f"{TESTS / '_backends' / 'test_histogram.py'}::test_an_empty_histogram_is_all_zeros"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(TESTS),
               "--import-mode=importlib", "-o", f"pythonpath={TESTS}", *options, test]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60).stdout


def test_a_script_of_its_own_process_sees_the_same_package(isolated: Callable[..., str]) -> None:
    assert isolated("_backends/native/isolated/where.py").strip() == import_module("lifeevt._core").__file__


def test_a_free_threaded_interpreter_stays_free(tmp_path: Path) -> None:
    """One extension that does not declare itself would turn the GIL on for the whole process."""
    script = "import sys, lifeevt._core; print(getattr(sys, '_is_gil_enabled', lambda: True)())"
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)  # not from the sources
    assert done.stdout.strip() == str(not sysconfig.get_config_var("Py_GIL_DISABLED")), done.stderr
