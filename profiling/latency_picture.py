"""Draw how long a critical event takes while the interpreter is busy: ``python profiling/latency_picture.py``.

Measure lifeevt, a thread on ``queue.PriorityQueue`` and the wake-up of a plain C thread in turns, in one process, with
the measure of ``bench.py latency``. Leave out the samples in which the kernel had no core for the thread that woke up,
and say how many these were. Write the picture as SVG, and the environment and figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benches import environment, measure
from benches.latency import BUSY, COMPUTING, FLOOR, PEER, measured

HERE = Path(__file__).resolve().parent
PICTURE = HERE.parent / "docs" / "figures" / "latency.svg"
RECORD = HERE / "results" / "latency-picture.json"
CASES = {
    BUSY: "One thread computes in Python; another submits the event and sleeps",
    COMPUTING: "The thread that submits the event goes on computing",
}
SUBJECTS = {
    "native": ("lifeevt, reflex", "#0072b2"),
    FLOOR: ("limit: a wake-up in plain C", "#999999"),
    PEER: ("thread, queue.PriorityQueue", "#d55e00"),
}
PERCENTILES = (50.0, 90.0, 99.0)
TICKS_US = {10: "10 µs", 100: "0.1 ms", 1_000: "1 ms", 10_000: "10 ms"}
WIDTH, LEFT, RIGHT, TOP, ROW, GAP = 820, 215, 75, 58, 27, 40
LEAST_US, MOST_US = 7.0, 30_000.0
BUDGET_US = 10_000  # of a critical event, in the default table


@dataclass
class Bar:
    """The percentiles of one subject in one case, in microseconds."""

    case: str
    subject: str
    percentiles_us: list[float]
    events: int
    left_out: int


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--events", type=int, default=300, help="events in a round")
    arguments.add_argument("--rounds", type=int, default=5, help="rounds for each subject, in turns")
    arguments.add_argument("--into", type=Path, default=PICTURE, help="the file of the picture")
    arguments.add_argument("--record", type=Path, default=RECORD, help="the file of environment and figures")
    given = arguments.parse_args()
    measure.refuse_traced()
    known = environment.describe()
    bars = list(measure_bars(given.events, given.rounds))
    given.into.write_text(drawing(bars, caption(known, bars)), encoding="utf-8")
    record = {"environment": known, "bars": [vars(bar) for bar in bars]}
    given.record.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(environment.headline(known), *map(told, bars), given.into, sep="\n")


def measure_bars(events: int, rounds: int) -> Iterator[Bar]:
    for case in CASES:
        seen = measured(case, events, rounds)
        for subject in [each for each in SUBJECTS if each in seen]:
            every, kept_us = len(seen[subject].latency_us), seen[subject].unspoiled_us()
            percentiles_us = [measure.percentile(kept_us, each) for each in PERCENTILES]
            yield Bar(case, subject, percentiles_us, every, every - len(kept_us))


def told(bar: Bar) -> str:
    figures = ", ".join(f"p{p:g} {in_words(us)}" for p, us in zip(PERCENTILES, bar.percentiles_us, strict=True))
    return f"{bar.case}: {bar.subject}: {figures}; left out {bar.left_out} of {bar.events}"


def in_words(us: float) -> str:
    return f"{us:.0f} µs" if us < 1_000 else f"{us / 1_000:.1f} ms"


def caption(known: dict[str, object], bars: list[Bar]) -> list[str]:
    events, left_out = sum(bar.events for bar in bars), sum(bar.left_out for bar in bars)
    return [
        f"{bars[0].events:,} events each, in turns, without those that waited for a core ({left_out / events:.1%})",
        f"{known['cpu']}, {known['cores']} cores, {known['system']}, {known['python']}",
    ]


def drawing(bars: list[Bar], caption: list[str]) -> str:
    """Return the SVG: a line from the 50th to the 99th percentile for each subject, on a logarithmic axis."""
    cases = [[bar for bar in bars if bar.case == case] for case in CASES]
    bottom = TOP + sum(GAP + ROW * len(case) for case in cases)
    height = bottom + 70
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        text(16, 26, "From submit to the changed state, one critical event", size=16, weight="bold"),
        text(16, 46, "dots: 50th, 90th and 99th percentile; logarithmic axis", color="#555555"),
        *axis(bottom),
    ]
    top = TOP
    for case in cases:
        parts.append(text(16, top + 24, CASES[case[0].case], weight="bold"))
        for number, bar in enumerate(case):
            parts += row(bar, top + GAP + ROW * number + 8)
        top += GAP + ROW * len(case)
    told = [text(16, bottom + 42 + 16 * line, words, size=11, color="#555555") for line, words in enumerate(caption)]
    return "\n".join([*parts, *told, "</svg>"]) + "\n"


def axis(bottom: int) -> Iterator[str]:
    for us, label in TICKS_US.items():
        color = "#b00020" if us == BUDGET_US else "#dddddd"
        yield f'<line x1="{place(us)}" x2="{place(us)}" y1="{TOP + 8}" y2="{bottom}" stroke="{color}"/>'
        yield text(place(us), bottom + 16, label, anchor="middle", size=11)
    yield text(WIDTH - 12, TOP + 2, "p99", anchor="end", size=11, color="#555555")
    yield text(place(BUDGET_US) - 5, TOP + 2, "budget of a critical event", anchor="end", size=11, color="#b00020")


def row(bar: Bar, y: int) -> Iterator[str]:
    name, color = SUBJECTS[bar.subject]
    first, last = place(bar.percentiles_us[0]), place(bar.percentiles_us[-1])
    yield text(LEFT - 12, y + 4, name, anchor="end")
    yield f'<line x1="{first}" x2="{last}" y1="{y}" y2="{y}" stroke="{color}" stroke-width="5" opacity="0.45"/>'
    for us in bar.percentiles_us:
        yield f'<circle cx="{place(us)}" cy="{y}" r="5" fill="{color}"/>'
    yield text(WIDTH - 12, y + 4, in_words(bar.percentiles_us[-1]), anchor="end", color=color, weight="bold")


def place(us: float) -> float:
    """Return where a time stands on the axis."""
    share = math.log(min(max(us, LEAST_US), MOST_US) / LEAST_US) / math.log(MOST_US / LEAST_US)
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12, color: str = "#222222",
         weight: str = "normal") -> str:  # fmt: skip
    escaped = words.replace("&", "&amp;").replace("<", "&lt;")
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" fill="{color}" '
        f'font-weight="{weight}">{escaped}</text>'
    )


if __name__ == "__main__":
    main()
