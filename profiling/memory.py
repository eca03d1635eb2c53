"""How much memory do events take on their way? By line (tracemalloc) and resident.

tracemalloc sees what Python allocates: the events, the objects in the queue, the results. The C below the
native backend allocates beside it, so the resident size is shown too, measured in a process of its own,
without the tracing. Each figure is the growth since the engine was made.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lifeevt
from benches import environment, measure, workloads
from lifeevt import AsyncEventProcessor, AsyncEventQueue, ThreadSafeSelfState

EVENTS, QUICK_EVENTS = 10_000, 200
TOP = 5
KIB = 1024
PACKAGE = Path(lifeevt.__file__).parent
PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--events", type=int, default=EVENTS)
    arguments.add_argument("--top", type=int, default=TOP, help="how many lines for each moment")
    arguments.add_argument("--quick", action="store_true", help=f"{QUICK_EVENTS} events")
    arguments.add_argument("--resident", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    measure.refuse_traced()
    count = QUICK_EVENTS if given.quick else given.events
    if given.resident:
        print(json.dumps({name: resident() for name, _ in moments(count)}))
        return
    print(environment.headline(environment.describe()))
    print(f"\n{environment.BACKEND} backend, {count:,} events")
    show_resident(count)
    show_lines(count, given.top)


def moments(count: int) -> Iterator[tuple[str, Any]]:
    """Take events through an engine; yield the name and the live objects of each moment."""
    state = ThreadSafeSelfState.life()
    queue = AsyncEventQueue(count)
    engine = AsyncEventProcessor(state, queue=queue, result_capacity=count)
    engine.submit(workloads.events(1)[0])  # the first event allocates things that stay
    engine.process_pending()
    engine.results()
    yield "engine made", engine
    events = workloads.events(count)
    yield "events made", events
    engine.submit_many(events)
    yield "events queued", events
    engine.process_pending()
    del events
    yield "results in the ring", engine
    results = engine.results()
    yield "results read", results
    del results
    yield "all let go", engine


def resident() -> int:
    """Bytes of this process in memory now."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * PAGE


def show_resident(count: int) -> None:
    words = [sys.executable, __file__, "--resident", "--events", str(count)]
    ran = subprocess.run(words, capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(ran.stderr)
    sizes = json.loads(ran.stdout)
    before = sizes["engine made"]
    print(f"  {'resident':22} {'KiB':>9}  more than the engine's {before // KIB:,} KiB; bytes per event")
    for name, size in sizes.items():
        print(f"  {name:22} {(size - before) / KIB:9,.0f}  {(size - before) / count:8,.0f}")


def show_lines(count: int, top: int) -> None:
    tracemalloc.start()
    before = None
    print("  by line, in Python: KiB, objects, bytes per event")
    for name, _ in moments(count):
        gc.collect()
        seen = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, str(PACKAGE / "*"))])
        if before is None:
            before = seen
            continue
        lines = seen.compare_to(before, "lineno")
        print(f"  {name}: {sum(each.size_diff for each in lines) / KIB:,.0f} KiB")
        for each in sorted(lines, key=lambda line: -line.size_diff)[:top]:
            show_line(each, count)
    tracemalloc.stop()


def show_line(line: tracemalloc.StatisticDiff, count: int) -> None:
    if line.size_diff * 100 < count:  # less than a hundredth of a byte an event
        return
    frame = line.traceback[0]
    where = f"{Path(frame.filename).relative_to(PACKAGE)}:{frame.lineno}"
    print(f"  {line.size_diff / KIB:9,.0f} {line.count_diff:9,} {line.size_diff / count:8,.0f}  {where}")


if __name__ == "__main__":
    main()
