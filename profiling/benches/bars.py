"""The bars of a figure: against a named peer of the same row, or absolute."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

AT_LEAST, AT_MOST, BELOW = "at least", "at most", "below"
SIGNS = {AT_LEAST: ">=", AT_MOST: "<=", BELOW: "<"}


@dataclass(frozen=True)
class Bar:
    """Ours is better than ``peer`` by at least ``factor``; for a limit from above, ours is at most that many times it.

    ``ours`` names another column of the row than the one it calls ours. Without a peer the median of ours itself
    is compared, in the unit of its row. A peer that is not among the columns of the row was not measured: then
    the bar is neither met nor missed.
    """

    peer: str
    factor: float
    limit: str = AT_LEAST
    ours: str = ""

    def __post_init__(self) -> None:
        if self.limit not in SIGNS:
            raise ValueError(f"limit is {self.limit!r}; it must be one of {', '.join(SIGNS)}")

    def text(self) -> str:
        return f"{SIGNS[self.limit]} {self.factor:,.6g}{' x' if self.peer else ''}"

    def met_by(self, figure: float) -> bool:
        if self.limit == AT_LEAST:
            return figure >= self.factor
        return figure <= self.factor if self.limit == AT_MOST else figure < self.factor


@dataclass(frozen=True)
class Verdict:
    """One bar beside its figure; None where it was not measured or has no peer."""

    case: str
    unit: str
    column: str
    bar: Bar
    ours: float | None
    peer: float | None
    ratio: float | None

    @property
    def met(self) -> bool | None:
        compared = self.ratio if self.bar.peer else self.ours
        return None if compared is None else self.bar.met_by(compared)

    def as_dict(self) -> dict[str, Any]:
        return {
            "case": self.case, "unit": self.unit, "column": self.column, "ours": self.ours,
            "peer": self.bar.peer or None, "peer_median": self.peer, "ratio": self.ratio,
            "bar": self.bar.text(), "met": self.met,
        }  # fmt: skip


def judge(
    case: str, unit: str, ours: str, medians: Mapping[str, float], more_is_better: bool, bars: Sequence[Bar]
) -> list[Verdict]:
    """Every bar of a row beside the medians of its columns."""
    made = []
    for bar in bars:
        column = bar.ours or ours
        own, peer = known(medians.get(column)), known(medians.get(bar.peer)) if bar.peer else None
        made.append(Verdict(case, unit, column, bar, own, peer, _ratio(bar, own, peer, more_is_better)))
    return made


def better_by(ours: float, peer: float, more_is_better: bool) -> float:
    """By what factor ours is better (below 1: worse); NaN where that has no meaning."""
    above, below = (ours, peer) if more_is_better else (peer, ours)
    return above / below if below else math.nan


def known(figure: float | None) -> float | None:
    """The figure, or None for NaN and infinity, which JSON lacks."""
    return figure if figure is not None and math.isfinite(figure) else None


def _ratio(bar: Bar, ours: float | None, peer: float | None, more_is_better: bool) -> float | None:
    if ours is None or peer is None:
        return None
    if bar.limit == AT_LEAST:
        return known(better_by(ours, peer, more_is_better))
    return known(better_by(peer, ours, more_is_better=False))  # how many times the peer's figure ours is
