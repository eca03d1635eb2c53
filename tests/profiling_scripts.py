"""The scripts below profiling/, each as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "profiling"


def process(*words: str, stdin: str | None = None, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command without the coverage of this process, which would be measured instead of the package."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    environment = kept | {"PYTHON": sys.executable} | changes
    return subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=110, env=environment)


def script(name: str, *words: str, stdin: str | None = None, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run ``script("bench.py", "--quick", stdin=None, **environment)``."""
    return process(sys.executable, str(FOLDER / name), *words, stdin=stdin, **changes)
