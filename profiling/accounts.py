"""What does the record of one event cost? On the native backend, without the GIL, as the worker writes it.

By level alone, and by level and type: four histograms each, of which the last takes only late events. Medians of
rounds in turns, less what it costs to draw the durations. These are spread over six orders of magnitude, so that every
record touches other lines of the cache: the worst case.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

from lifeevt._backends import Account
from probes.structures import AccountProbe

LEVELS, TYPES = 4, 9  # Life's
BAR_NS = 60
DRAWING = "drawing"


def ns_per_event(probe: AccountProbe, events: int, seed: int) -> float:
    began = time.thread_time_ns()  # of this thread alone
    probe.run(events, seed)
    return (time.thread_time_ns() - began) / events


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    probes = {
        DRAWING: AccountProbe([], []),
        "level": AccountProbe([Account() for _ in range(LEVELS)], []),
        "level and type": AccountProbe([Account() for _ in range(LEVELS)], [Account() for _ in range(TYPES)]),
    }
    seen: dict[str, list[float]] = {name: [] for name in probes}
    for seed in range(1, given.rounds + 1):
        for name, probe in probes.items():
            seen[name].append(ns_per_event(probe, given.events, seed))
    drawing = seen.pop(DRAWING)
    for name, figures in seen.items():
        net = [figure - drawn for figure, drawn in zip(figures, drawing, strict=True)]
        met = "met" if median(net) < BAR_NS else "not met"
        print(f"{name:<15} {median(net):6.1f} ns an event, {min(net):.1f} to {max(net):.1f}; below {BAR_NS}: {met}")


if __name__ == "__main__":
    main()
