"""How many instructions does each step of an event's way execute? Counted by callgrind, so repeatable.

Each program below runs twice, with and without its operations; the difference, divided, is what one costs.
The heap is counted in C alone, and the response of a reflex with the arguments of its call from Python. All others are
counted whole, with their Python. Only counts of one minor version of the interpreter are comparable.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benches import environment, measure, workloads
from lifeevt import AsyncEventProcessor, AsyncEventQueue, ThreadSafeSelfState, _backends
from lifeevt._backends import EventHeap
from lifeevt.processor import ReflexSet

CANNOT_COUNT = 2
Program = Callable[[int], None]
OPERATIONS, QUICK_OPERATIONS = 2000, 50
DEPTH = 2000
WHOLE = "PROGRAM TOTALS"  # callgrind_annotate's name for the sum
OFFER, POP, RESPOND = "_heap_offer", "_heap_pop", r"ReflexTable_\d+respond"  # how the names of C functions end
DELTA = {"energy": -0.001, "stability": 0.001, "integrity": 0.0}


# --- the counted programs: each runs its operation ``operations`` times


def heap_random(operations: int) -> None:
    work_at_depth(workloads.key_steps(DEPTH), workloads.key_steps(operations))


def heap_in_order(operations: int) -> None:
    work_at_depth([1000] * DEPTH, [1000 * DEPTH] * operations)


def work_at_depth(filling: list[int], steps: list[int]) -> None:
    """Fill a heap, then take its first and queue it again, a step behind."""
    heap = EventHeap(len(filling) + 1)
    key = 0
    for place, step in enumerate(filling):
        key = key + step if step == 1000 else step
        heap.offer(key, 2, place, None, 0)
    for place, step in enumerate(steps):
        _, key, level, _, _ = heap.pop(5)
        heap.offer(key + step, level, place, None, 0)


def response(operations: int) -> None:
    state = ThreadSafeSelfState.life()
    reflexes = ReflexSet.life().restricted_to(state.fields).compile(list(state.fields))
    row = reflexes.row("noise")
    for _ in range(operations):
        reflexes.table.respond(state.cells, row, -0.5, 0.0, 0.0)


def read(operations: int) -> None:
    state = ThreadSafeSelfState.life()
    for _ in range(operations):
        state["energy"]


def delta(operations: int) -> None:
    state = ThreadSafeSelfState.life()
    for _ in range(operations):
        state.apply_delta(DELTA)


def single_event(operations: int) -> None:
    engine, events = an_engine()
    for event in events[:operations]:
        engine.submit(event)
        engine.process_pending(1)


def new_event(operations: int) -> None:
    workloads.events(1)
    for _ in range(operations):
        workloads.Event("noise", -0.5, timestamp=1.0)


def result(operations: int) -> None:
    engine, events = an_engine()
    engine.submit_many(events)
    engine.process_pending()
    engine.results(operations)


def an_engine() -> tuple[AsyncEventProcessor, list[Any]]:
    state = ThreadSafeSelfState.life()
    queue = AsyncEventQueue(OPERATIONS)
    return AsyncEventProcessor(state, queue=queue, result_capacity=OPERATIONS), workloads.events(OPERATIONS)


# A program, and its measures: the name of each, and the C function that it counts.
MEASURES: dict[Program, dict[str, str]] = {
    heap_random: {"heap push, random order": OFFER, "heap pop, random order": POP},
    heap_in_order: {"heap push, in order": OFFER, "heap pop, in order": POP},
    response: {"reflex response": RESPOND},
    read: {"state read": WHOLE},
    delta: {"state delta of 3 fields": WHOLE},
    new_event: {"event made": WHOLE},
    single_event: {"submit and process one": WHOLE},
    result: {"result read": WHOLE},
}
QUICK = (heap_random,)
# Starts of the interpreter vary by some ten thousand instructions; the counts must be far above that.
TIMES = {read: 20, delta: 20}


# --- counting


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="a few operations of some measures")
    arguments.add_argument("--json", action="store_true", help="one record, as gate.py keeps it")
    arguments.add_argument("--runs", type=int, default=1, help="count so often, and show the spread")
    arguments.add_argument("--program", help=argparse.SUPPRESS)
    arguments.add_argument("--operations", type=int, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.program:
        next(each for each in MEASURES if each.__name__ == given.program)(given.operations)
        return
    if (missing := what_is_missing()) is not None:
        print(missing, file=sys.stderr)
        raise SystemExit(CANNOT_COUNT)
    wanted = (QUICK, QUICK_OPERATIONS) if given.quick else (tuple(MEASURES), OPERATIONS)
    runs = [counts(*wanted) for _ in range(given.runs)]
    print(json.dumps(record(runs), indent=2) if given.json else table(runs))


def what_is_missing() -> str | None:
    """Return why nothing can be counted here, or None."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed; callgrind, which counts the instructions, is a part of it"
    measure.refuse_traced()
    if environment.BACKEND != "native":
        return f"the backend is {environment.BACKEND}; only the instructions of the native one are counted"
    return None


def counts(programs: Iterable[Program], operations: int) -> dict[str, int]:
    """Return the instructions of one operation of each measure of these programs."""
    found = {}
    for program in programs:
        count = operations * TIMES.get(program, 1)
        measures = {name: symbol_of(function) for name, function in MEASURES[program].items()}
        without, with_them = (counted(program.__name__, each, set(measures.values())) for each in (0, count))
        for name, symbol in measures.items():
            if with_them[symbol] > without[symbol]:  # else the compiler inlined it
                found[name] = round((with_them[symbol] - without[symbol]) / count)
    return found


def symbol_of(function: str) -> str:
    """Return the whole name of a C function, with the module and folders that Cython puts in front of it."""
    if function == WHOLE:
        return WHOLE
    for path in sorted(Path(_backends.__path__[0]).rglob("*.so")):
        if found := re.search(rb"\0(__pyx_(?:f|pw)_\w+%b)\0" % function.encode(), path.read_bytes()):
            return found[1].decode()
    raise SystemExit(f"no extension has the function {function}")


def counted(program: str, operations: int, symbols: set[str]) -> dict[str, int]:
    """Run one program under callgrind; return the instructions inside each symbol, with what they call."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "out"
        command = [sys.executable, __file__, "--program", program, "--operations", str(operations)]
        only = [f"--toggle-collect={each}" for each in symbols if each != WHOLE]
        run("valgrind", "--tool=callgrind", f"--callgrind-out-file={kept}", *only, *command)
        shown = run("callgrind_annotate", "--inclusive=yes", "--auto=no", "--threshold=100", str(kept))
    return {symbol: instructions_of(symbol, shown) for symbol in symbols}


def instructions_of(symbol: str, shown: str) -> int:
    found = re.search(rf"^\s*([\d,]+) .*{re.escape(symbol)}\b", shown, re.MULTILINE)
    return int(found[1].replace(",", "")) if found else 0


def run(*command: str) -> str:
    # Fixed hashes: the order of a dictionary's collisions is a part of the count.
    settings = os.environ | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(command, capture_output=True, text=True, env=settings)
    if ran.returncode != 0:
        raise SystemExit(ran.stderr)
    return ran.stdout


def record(runs: list[dict[str, int]]) -> dict[str, Any]:
    return {
        "environment": environment.describe(), "python": python_version(), "machine": platform.machine(),
        "instructions": runs[-1], "spread": {name: spread(runs, name) for name in runs[-1]},
    }  # fmt: skip


def spread(runs: list[dict[str, int]], name: str) -> float:
    """The range of the runs, as a share of the least."""
    seen = [each[name] for each in runs]
    return (max(seen) - min(seen)) / min(seen)


def python_version() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def table(runs: list[dict[str, int]]) -> str:
    lines = [environment.headline(environment.describe()), "", f"{'instructions per operation':30} {'count':>10}"]
    if len(runs) > 1:
        lines[-1] += f" {'spread of ' + str(len(runs)) + ' runs':>18}"
    for name in runs[-1]:
        apart = f" {spread(runs, name):18.3%}" if len(runs) > 1 else ""
        lines.append(f"{name:30} {runs[-1][name]:10,}{apart}")
    return "\n".join(lines)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
