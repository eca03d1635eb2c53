"""What do the steps in Python cost, before and after a change? Two installations of lifeevt take turns.

``--before`` and ``--after`` name two interpreters, each with an installation of its own. LIFEEVT_BACKEND chooses the
backend of both. Every round asks both,
each time beginning with the other; a round's figure is the least of several, and the median of the rounds is shown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benches import environment, measure, workloads
from lifeevt import AsyncEventProcessor, AsyncEventQueue, Event, EventScheduler, ThreadSafeSelfState

EVENTS, QUICK_EVENTS = 5000, 200
REPEATS = 5
NS_PER_US = 1000
STEPS = (
    "event made", "event submitted", "result read", "processed in Python: own scheduler",
    "submit and process_pending(1)",
)  # fmt: skip


class OwnScheduler(EventScheduler):
    """A scheduler that the engine must call in Python."""

    def observe(self, *times: Any) -> None:
        super().observe(*times)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--before", help="an interpreter with the older lifeevt")
    arguments.add_argument("--after", default=sys.executable, help="one with the newer lifeevt (this one)")
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--quick", action="store_true", help=f"{QUICK_EVENTS} events; the figures mean nothing")
    given = arguments.parse_args()
    measure.refuse_traced()
    if given.before is None:
        print(json.dumps(measured(QUICK_EVENTS if given.quick else EVENTS)))
        return
    print(environment.headline(environment.describe()), "\n")
    print(table(taking_turns(given.before, given.after, given.rounds, given.quick)))


def measured(count: int) -> dict[str, float]:
    """Nanoseconds of each step, the least of some repeats."""
    rounds = [one_round(workloads.events(count)) for _ in range(REPEATS)]
    return {step: min(each[step] for each in rounds) for step in STEPS}


def one_round(events: list[Event]) -> dict[str, float]:
    found = {"event made": per_event(lambda: [Event("noise", -0.5, timestamp=1.0) for _ in events], events)}
    engine = an_engine(len(events))
    found["event submitted"] = per_event(lambda: [engine.submit(event) for event in events], events)
    engine.process_pending()
    found["result read"] = per_event(engine.results, events)
    found["submit and process_pending(1)"] = per_event(lambda: singly(engine, events), events)
    asked = an_engine(len(events), OwnScheduler)
    asked.submit_many(events)
    found["processed in Python: own scheduler"] = per_event(asked.process_pending, events)
    return found


def an_engine(count: int, scheduler: type[EventScheduler] = EventScheduler) -> AsyncEventProcessor:
    state, queue = ThreadSafeSelfState.life(), AsyncEventQueue(count)
    return AsyncEventProcessor(state, queue=queue, scheduler=scheduler(), result_capacity=count)


def singly(engine: AsyncEventProcessor, events: list[Event]) -> None:
    for event in events:
        engine.submit(event)
        engine.process_pending(1)


def per_event(work: Callable[[], object], events: list[Event]) -> float:
    begun = time.perf_counter_ns()
    kept = work()
    ended = time.perf_counter_ns()
    del kept
    return (ended - begun) / len(events)


def taking_turns(before: str, after: str, rounds: int, quick: bool) -> dict[str, list[tuple[float, float]]]:
    """Each step's pairs of figures, before and after, one pair a round."""
    pairs: dict[str, list[tuple[float, float]]] = {step: [] for step in STEPS}
    for turn in range(rounds):
        order = (before, after) if turn % 2 == 0 else (after, before)
        asked = {python: ask(python, quick) for python in order}
        for step in STEPS:
            pairs[step].append((asked[before][step], asked[after][step]))
    return pairs


def ask(python: str, quick: bool) -> dict[str, float]:
    command = [python, str(Path(__file__).resolve()), *(["--quick"] if quick else [])]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    if ran.returncode:
        raise SystemExit(ran.stderr)
    figures: dict[str, float] = json.loads(ran.stdout)
    return figures


def table(pairs: dict[str, list[tuple[float, float]]]) -> str:
    """The medians, and the median of the rounds' ratios with the least and the greatest."""
    lines = ["| step | before | after | ratio (least to greatest of the rounds) |", "|---|---|---|---|"]
    for step, seen in pairs.items():
        before, after = (statistics.median(each) / NS_PER_US for each in zip(*seen, strict=True))
        ratios = sorted(old / new for old, new in seen)
        spread = f"{ratios[0]:.1f} to {ratios[-1]:.1f}"
        lines.append(f"| {step} | {before:.2f} µs | {after:.2f} µs | {statistics.median(ratios):.1f} x ({spread}) |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
