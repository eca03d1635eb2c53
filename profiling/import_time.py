"""Measure the import of lifeevt beside that of the standard modules which it cannot do without.

    python profiling/import_time.py [--runs 15] [--instructions]

Each figure is of new interpreters with compiled files, started in turns: the median of the CPU time (user and system),
or, counted by valgrind, instructions. Each is without the start of the interpreter; "all" is an import of all names of
the package, so of all stages. Instructions vary less, and leave out those of the kernel, which opens the files.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import lifeevt
from benches import environment

STANDARD = "import queue, threading, dataclasses, typing"
PROGRAMS = {"start": "pass", "standard": STANDARD, "lifeevt": "import lifeevt", "all": "from lifeevt import *"}
BACKENDS = ("native", "reference")
HOME = Path(lifeevt.__file__).parents[1]  # also the working directory: sources there would be imported first
COLLECTED = re.compile(r"Collected : (\d+)")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=15, help="new interpreters for each figure")
    arguments.add_argument("--instructions", action="store_true", help="count them as well, with valgrind")
    given = arguments.parse_args()
    print(json.dumps(environment.describe()))
    for backend in BACKENDS:
        print(line(backend, "ms CPU", cpu_milliseconds(backend, given.runs)))
        if given.instructions:
            print(line(backend, "M instructions", {name: instructions(backend, name) for name in PROGRAMS}))


def line(backend: str, unit: str, taken: dict[str, float]) -> str:
    """Return the cost of an import, and its ratio to that of the standard modules."""
    net = {name: figure - taken["start"] for name, figure in taken.items() if name != "start"}
    ratios = (f"{name} {figure:.1f} ({figure / net['standard']:.2f} x)" for name, figure in net.items())
    return f"{backend:9} {unit:14} {', '.join(ratios)}; start {taken['start']:.1f}"


def cpu_milliseconds(backend: str, runs: int) -> dict[str, float]:
    """Return the median of each program; the first round only compiles and is not counted."""
    rounds = [{name: run_once(backend, name) for name in PROGRAMS} for _ in range(runs + 1)]
    return {name: statistics.median(each[name] for each in rounds[1:]) for name in PROGRAMS}


def run_once(backend: str, name: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command(name), env=surroundings(backend), cwd=HOME, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def instructions(backend: str, name: str) -> float:
    valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}"]
    done = subprocess.run([*valgrind, *command(name)], env=surroundings(backend), cwd=HOME, check=True,
                          capture_output=True, text=True)  # fmt: skip
    found = COLLECTED.search(done.stderr)
    assert found is not None, done.stderr
    return int(found[1]) / 1e6


def command(name: str) -> list[str]:
    """Start without ``site``: the .pth files of an environment are no part of the figures."""
    return [sys.executable, "-S", "-c", PROGRAMS[name]]


def surroundings(backend: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(HOME), "PYTHONHASHSEED": "0", "LIFEEVT_BACKEND": backend}


if __name__ == "__main__":
    main()
