"""What does a started engine with a queue of 10,000 add to the resident size of a process?

Every sample is a process of its own that imports the package, looks at its resident size, starts an engine,
looks again, has 10,000 events processed and looks a third time; earlier work of the same process would hide
its memory. Another process traces Python's own allocations and reports their peak: they are a part of the resident
size, and tracing them takes memory too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from tempfile import gettempdir

from . import measure
from .bars import BELOW, Bar
from .environment import BACKEND

NAME = "memory"
CAPACITY = 10_000
MAY_ADD_MB = 2.0  # of 10**6 bytes
STARTED, PROCESSED = "started", "processed"
TRACED = {f"{BACKEND}, resident": False, f"{BACKEND}, tracemalloc peak": True}  # by column
Lives = dict[str, list[dict[str, float]]]
LIVES = """
import json, os, sys, time, tracemalloc
import lifeevt

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6

capacity, traced = int(sys.argv[1]), sys.argv[2] == "traced"
if traced:
    tracemalloc.start()
    begun = tracemalloc.get_traced_memory()[0]
before = resident_mb()
state = lifeevt.ThreadSafeSelfState.life()
queue = lifeevt.AsyncEventQueue(capacity)
with lifeevt.AsyncEventProcessor(state, queue=queue) as engine:
    engine.wait_idle()
    started = resident_mb()
    started_peak = tracemalloc.get_traced_memory()[1] if traced else 0
    for number in range(capacity):
        engine.submit(lifeevt.Event("noise", 0.1, timestamp=float(number)))
    engine.wait_idle()
    processed = resident_mb()
    processed_peak = tracemalloc.get_traced_memory()[1] if traced else 0
if traced:
    seen = {"started": (started_peak - begun) / 1e6, "processed": (processed_peak - begun) / 1e6}
else:
    seen = {"started": started - before, "processed": processed - before}
print(json.dumps(seen))
"""


def lived(traced: bool) -> dict[str, float]:
    """Return the memory that a process of its own added, in MB, once started and once all events were processed."""
    words = [sys.executable, "-c", LIVES, str(CAPACITY), "traced" if traced else "plain"]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120, cwd=gettempdir()).stdout
    seen: dict[str, float] = json.loads(said)
    return seen


def gathered(traced: bool, seen: list[dict[str, float]]) -> Callable[[], float]:
    def measured() -> float:
        seen.append(lived(traced))
        return seen[-1][STARTED]

    return measured


def rows(effort: measure.Effort) -> list[measure.Row]:
    lives: Lives = {name: [] for name in TRACED}
    columns = {name: gathered(traced, lives[name]) for name, traced in TRACED.items()}
    measure.in_turns(columns, effort.rounds or (1 if effort.quick else 5))
    return [row(when, lives) for when in (STARTED, PROCESSED)]


def row(when: str, lives: Lives) -> measure.Row:
    samples = {name: [life[when] for life in seen] for name, seen in lives.items()}
    case = {STARTED: "a started engine", PROCESSED: f"after {CAPACITY:,} processed events"}[when]
    bars = [Bar("", MAY_ADD_MB, BELOW)] if when == STARTED else []  # the user sets the size of the results
    return measure.Row(case, "MB over the imported package", next(iter(samples)), samples, bars=bars)
