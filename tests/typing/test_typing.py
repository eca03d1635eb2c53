"""The types that users see: an example of use passes mypy --strict, and runs."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import lifeevt

HOME = Path(lifeevt.__file__).parent.parent
USE = Path(__file__).parent / "use.py"


@pytest.mark.skipif(not importlib.util.find_spec("mypy"), reason="mypy is not installed here; `make types` has it")
def test_the_example_of_use_passes_the_strict_type_checker(tmp_path: Path) -> None:
    environment = dict(os.environ)
    if HOME.name != "site-packages":  # the working tree; an installed package is found by itself
        environment["MYPYPATH"] = str(HOME)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), "--config-file", os.devnull, str(USE)],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stdout) == (0, "Success: no issues found in 1 source file\n"), checked.stderr


def test_the_example_of_use_runs(isolated: Callable[..., str]) -> None:
    assert isolated("typing/use.py") == "0\n"
