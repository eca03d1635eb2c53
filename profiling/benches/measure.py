"""How every bench here measures: all columns in one run, in turns, and ratios against a named peer."""

from __future__ import annotations

import gc
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from . import environment
from .bars import Bar, Verdict, better_by, judge, known

TRACED_EXIT = 2
QUICK = "--quick: the figures below mean nothing"
NOT_MEASURED = "not measured"  # the note of a row with a missing column, and the reason
LOOP = "(the loop itself)"  # contained in every other column, and not taken off


@dataclass
class Row:
    """One case: the median of each column, how many times ``ours`` each other column is, and the bars of ours."""

    case: str
    unit: str
    ours: str
    samples: Mapping[str, Sequence[float]]
    more_is_better: bool = False
    notes: dict[str, Any] = field(default_factory=dict)
    bars: Sequence[Bar] = ()

    def medians(self) -> dict[str, float]:
        return {name: median(seen) for name, seen in self.samples.items()}

    def ratios(self) -> dict[str, float]:
        """By what factor ``ours`` is better (below 1: worse); of the medians, since the rounds took turns."""
        medians = self.medians()
        ours = medians.get(self.ours, math.nan)
        peers = {name: each for name, each in medians.items() if name not in (self.ours, LOOP)}
        return {name: better_by(ours, each, self.more_is_better) for name, each in peers.items()}

    def rounds(self) -> int:
        return max(map(len, self.samples.values()), default=0)

    def verdicts(self) -> list[Verdict]:
        return judge(self.case, self.unit, self.ours, self.medians(), self.more_is_better, self.bars)

    def as_dict(self) -> dict[str, Any]:
        spread = {name: [known(min(seen)), known(max(seen))] for name, seen in self.samples.items()}
        return {
            "case": self.case, "unit": self.unit, "ours": self.ours, "rounds": self.rounds(),
            "median": _sayable(self.medians()), "spread": spread, "ratio": _sayable(self.ratios()),
            "bars": [each.as_dict() for each in self.verdicts()], **self.notes,
        }  # fmt: skip


def _sayable(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: known(figure) for name, figure in figures.items()}


@dataclass(frozen=True)
class Effort:
    """The extent of a measure; None is the default of the measure."""

    quick: bool = False
    rounds: int | None = None
    seconds: float | None = None


Rows = Callable[[Effort], list[Row]]


def refuse_traced() -> None:
    """End the process with status 2 on a traced build: its timings would measure the tracing."""
    if environment.traced():
        print("this build traces lines, so its timings mean nothing; use an untraced build", file=sys.stderr)
        raise SystemExit(TRACED_EXIT)


def in_turns(columns: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure every column once a round, starting with another one each time.

    Other work of the machine then falls on all columns alike.
    """
    names = list(columns)
    samples: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds if names else 0):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            samples[name].append(_undisturbed(columns[name]))
    return samples


def _undisturbed(measured: Callable[[], float]) -> float:
    gc.collect()
    gc.disable()
    try:
        return measured()
    finally:
        gc.enable()


def table(row: Row) -> list[str]:
    ratios = row.ratios()
    lines = [f"{row.case}, {row.unit}", f"  {'':24}{'median':>14}   {row.ours} is better by"]
    for name, value in row.medians().items():
        factor = f"{ratios[name]:8.2f} x" if name in ratios else ""
        lines.append(f"  {name:24}{value:>14,.2f}   {factor}".rstrip())
    return lines + [f"  {key}: {value}" for key, value in row.notes.items()]


def percentile(samples: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of the samples; NaN of none."""
    rank = math.ceil(len(samples) * percent / 100.0)
    return sorted(samples)[max(rank - 1, 0)] if samples else math.nan
