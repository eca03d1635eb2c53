"""Run pytest on both backends at the same time, in two processes, and show how far each is.

    python tests/side_by_side.py [ARGUMENTS OF PYTEST]

Ends with what each process said of its failures and with its summary line; with status 1 when one of them failed. A
process that finds no test of its own among the arguments is not a failure, unless both find none.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

BACKENDS = ("native", "reference")
TESTS = Path(__file__).parent
PERCENT = re.compile(r"\[ *(\d+)%\]$")
REPORT = re.compile(r"=+ (ERRORS|FAILURES|warnings summary|short test summary info|\d+ .* in .*) =+")
NO_TESTS = 5  # pytest's exit status
STEP_PERCENT = 10  # between two lines of progress where the output is no terminal


class Side:
    """One pytest process: how far it is, and what it said."""

    def __init__(self, backend: str, arguments: list[str]) -> None:
        self.backend, self.percent, self.lines = backend, 0, list[str]()
        script = Path(sys.executable).with_name("pytest")  # `-m pytest` would import the sources, not the package
        command = [str(script), "--backend", backend, *arguments]
        environment = {**os.environ, "COVERAGE_FILE": f".coverage.{backend}"} | {"PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, cwd=TESTS.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if found := PERCENT.search(self.lines[-1]):
                self.percent = int(found[1])

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def finish(self) -> int:
        """Wait for the end; the exit status."""
        status = self.process.wait()
        self._reader.join()
        return status

    def report(self) -> Iterator[str]:
        """The lines after the dots: errors, failures, the summary; all of them where there were no dots."""
        begins = (number for number, line in enumerate(self.lines) if REPORT.fullmatch(line))
        yield from self.lines[next(begins, 0) :]


def progress(sides: list[Side], began: float) -> str:
    seconds = int(time.monotonic() - began)
    shown = "   ".join(f"{side.backend} {side.percent:3d} %" for side in sides)
    return f"{shown}   {seconds // 60}:{seconds % 60:02d}"


def watch(sides: list[Side]) -> None:
    """Show how far both are until both have ended."""
    began, live, told = time.monotonic(), sys.stdout.isatty(), -1
    while any(side.running for side in sides):
        slowest = min(side.percent for side in sides) // STEP_PERCENT
        if live:
            print(f"\r{progress(sides, began)}", end="", flush=True)
        elif slowest > told:
            told = slowest
            print(progress(sides, began), flush=True)
        for side in sides:  # wakes at once when one ends
            if side.running:
                try:
                    side.process.wait(timeout=0.5)
                except subprocess.TimeoutExpired:
                    continue
    print(f"\r{progress(sides, began)}" if live else progress(sides, began), flush=True)


def main(arguments: list[str]) -> int:
    sides = [Side(backend, arguments) for backend in BACKENDS]
    try:
        watch(sides)
    except KeyboardInterrupt:
        for side in sides:
            side.process.terminate()
    statuses = [side.finish() for side in sides]
    for side in sides:
        print(f"\n{side.backend}:")
        print("\n".join(side.report()), flush=True)
    failed = any(status not in (0, NO_TESTS) for status in statuses)
    return 1 if failed or all(status == NO_TESTS for status in statuses) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
