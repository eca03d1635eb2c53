"""What do one push and one pop inside C cost, at a steady depth, beside ``std::priority_queue``?

Columns: the whole heap (slots, level lists, ledger), its order alone, which holds the fields of the peer's record,
the order without its runs, and the peer: compiled by g++ where there is one, with -O2 as ours. All four pop
the same keys in the same order; each workload stands in ``probes/structures.pyx`` and in ``std_priority_queue.cpp``.
"hold": the next key is the popped one plus one of three budgets and a jitter. "in order": every next event
comes one budget after the clock, so each run ascends. Each column first runs for twice its depth, which
spreads the keys. At a million both sides wait for memory, the peer most of all: its figure doubles when other
programs use the memory, too, so look at the spread and not at the median alone.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from . import measure, workloads
from .bars import AT_MOST, Bar

NAME = "heap"
PEER = "std::priority_queue"
WHOLE, ORDER, NO_RUNS = "whole heap", "order alone", "order, no runs"
COMPILER = "g++"
SOURCE = Path(__file__).parents[1] / "probes" / "std_priority_queue.cpp"
MAY_TAKE = {100: 1.0, 10_000: 1.0, 1_000_000: 0.65}  # of the peer's time, by depth
IN_ORDER = {"hold": False, "in order": True}
WARM_UP = 2  # pairs for each place of the depth
Runs = Callable[[int], int]


class StdPriorityQueue:
    """The peer at a steady depth. Ends with ``close``."""

    def __init__(self, library: ctypes.CDLL, depth: int, ascending: bool) -> None:
        self._library = library
        self._rig = library.rig_open(depth, workloads.SEED, ascending)

    def run(self, pairs: int) -> int:
        keys: int = self._library.rig_run(self._rig, pairs)
        return keys

    def close(self) -> None:
        self._library.rig_close(self._rig)


@contextmanager
def compiled() -> Iterator[ctypes.CDLL | None]:
    """The peer's library in a folder that goes with the block; None without a compiler that can make it."""
    with TemporaryDirectory() as folder:
        made = Path(folder) / "peer.so"
        words = [COMPILER, "-O2", "-std=c++17", "-shared", "-fPIC", str(SOURCE), "-o", str(made)]
        there = shutil.which(COMPILER) and subprocess.run(words, capture_output=True).returncode == 0
        yield declared(ctypes.CDLL(str(made))) if there else None


def declared(library: ctypes.CDLL) -> ctypes.CDLL:
    library.rig_open.argtypes = (ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int)
    library.rig_open.restype = ctypes.c_void_p
    library.rig_run.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
    library.rig_run.restype = ctypes.c_uint64
    library.rig_close.argtypes = (ctypes.c_void_p,)
    library.rig_close.restype = None
    return library


def timed(run: Runs, pairs: int) -> Callable[[], float]:
    """Nanoseconds per pair; the loop is in C."""

    def measured() -> float:
        started = time.perf_counter_ns()
        run(pairs)
        return (time.perf_counter_ns() - started) / pairs

    return measured


def warmed(run: Runs, depth: int, pairs: int) -> Callable[[], float]:
    """The same with its keys spread, and with pairs enough to fill the cache that other columns have emptied."""
    run(WARM_UP * depth)
    return timed(run, max(pairs, depth // 2))


def probes(depth: int, ascending: bool) -> dict[str, Runs]:
    """The functions that run ours, by column; empty where the probes are not compiled."""
    try:
        from probes import structures
    except ImportError:
        return {}
    given = (depth, workloads.SEED, ascending)
    return {
        WHOLE: structures.HeapProbe(*given).run,
        ORDER: structures.OrderProbe(*given).run,
        NO_RUNS: structures.OrderProbe(*given, False).run,
    }


def row(workload: str, depth: int, library: ctypes.CDLL | None, pairs: int, rounds: int) -> measure.Row:
    ascending = IN_ORDER[workload]
    with ExitStack() as stack:
        runs = probes(depth, ascending)
        if library is not None:
            peer = StdPriorityQueue(library, depth, ascending)
            stack.callback(peer.close)
            runs[PEER] = peer.run
        samples = measure.in_turns({name: warmed(run, depth, pairs) for name, run in runs.items()}, rounds)
    bars = [Bar(PEER, MAY_TAKE[depth], AT_MOST, ours) for ours in (WHOLE, ORDER)]
    return measure.Row(f"{workload}, depth {depth:,}", "ns a pair", WHOLE, samples, notes=missing(samples), bars=bars)


def missing(samples: dict[str, Any]) -> dict[str, Any]:
    """Why a column is not there."""
    why = []
    if WHOLE not in samples:
        why.append("the probes are not compiled")
    if PEER not in samples:
        why.append(f"{COMPILER} is not installed, or does not compile the peer")
    return {measure.NOT_MEASURED: "; ".join(why)} if why else {}


def rows(effort: measure.Effort) -> list[measure.Row]:
    pairs, turns = (200, 2) if effort.quick else (200_000, 11)
    depths = [100] if effort.quick else list(MAY_TAKE)
    with compiled() as library:
        cases = [(workload, depth) for workload in IN_ORDER for depth in depths]
        return [row(*case, library, pairs, effort.rounds or turns) for case in cases]
