"""Compare two records of ``bench.py --json``: ``python profiling/compare.py OLD.json NEW.json [NEW.json ...]``.

List the ratios that became worse by more than 5 %. A ratio says how many times better a column of lifeevt is than a
peer of its row; times of two days are never compared. With several new records the median of each ratio counts. Exit
status 1 when a ratio became worse.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

ALLOWED_LOSS = 0.05
WORSE = 1
LOOP = "(the loop itself)"
Ratios = dict[tuple[str, str, str, str], float]  # by case, unit, column and the column that it is better than


class Change(NamedTuple):
    """A ratio of the old record, and the median of the new ones."""

    place: tuple[str, str, str, str]
    old: float
    new: float

    @property
    def loss(self) -> float:
        return 1.0 - self.new / self.old

    def text(self) -> str:
        case, unit, column, peer = self.place
        return f"{self.loss:7.1%} worse  {self.old:10.3f} x to {self.new:10.3f} x  {case}, {unit}: {column} and {peer}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path, nargs="+")
    given = parser.parse_args()
    old, *new = (ratios(json.loads(path.read_text(encoding="utf-8"))) for path in (given.old, *given.new))
    compared = list(changes(old, new))
    worse = sorted((each for each in compared if each.loss > ALLOWED_LOSS), key=lambda change: -change.loss)
    for change in worse:
        print(change.text())
    print(f"{len(worse)} of {len(compared)} ratios became worse by more than {ALLOWED_LOSS:.0%}")
    raise SystemExit(WORSE if worse else 0)


def ratios(record: Mapping[str, Any]) -> Ratios:
    """Return the ratios of the first column of each row to all others, and of our other columns to the peers."""
    found: Ratios = {}
    for row in (row for rows in record["measures"].values() for row in rows):
        better = {row["ours"]: 1.0} | {name: each for name, each in row["ratio"].items() if name != LOOP}
        known = {name: each for name, each in better.items() if each and math.isfinite(each) and each > 0.0}
        for column in filter(is_ours, known):
            for peer in (each for each in known if each != column and (column == row["ours"] or not is_ours(each))):
                found[row["case"], row["unit"], column, peer] = known[peer] / known[column]
    return found


def is_ours(column: str) -> bool:
    """Whether a column measures lifeevt, and not a peer."""
    return any(word in column for word in ("native", "reference", "async", "whole heap", "order alone"))


def changes(old: Ratios, new: Sequence[Ratios]) -> Iterator[Change]:
    """Compare the ratios that the old record and at least one of the new ones have."""
    for place, before in old.items():
        if seen := [each[place] for each in new if place in each]:
            yield Change(place, before, median(seen))


if __name__ == "__main__":
    main()
