"""Draw the growth curves of kept results: ``python profiling/plot.py profiling/results/curves*.json``.

One picture for each group of curves, as SVG, into docs/explanation/figures. With the results of several
interpreters the first is drawn in full lines and the others in broken ones.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FIGURES = HERE.parent / "docs" / "explanation" / "figures"
PICTURES = {
    "depth": ["depth"],
    "producers": ["producers"],
    "readers": ["readers", "writer beside readers"],
    "fields": ["fields, read", "fields, delta", "fields, delta and snapshot"],
}
AXES = {"depth": "queued events", "producers": "producers", "readers": "readers", "fields": "fields of the state"}
COLORS = {
    "native": "#0072b2", "native, arrays in": "#56b4e9", "reference": "#999999", "PriorityQueue": "#d55e00",
    "PriorityQueue worker": "#d55e00", "heapq+Lock": "#e69f00", "RLock+dict": "#d55e00",
}  # fmt: skip
LINES = ("-", "--", ":")
MISSING_EXIT = 2


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("results", type=Path, nargs="*", help="JSON of `bench.py curves`; else the kept ones")
    arguments.add_argument("--into", type=Path, default=FIGURES, help="the folder of the pictures")
    given = arguments.parse_args()
    kept = given.results or sorted((HERE / "results").glob("curves*.json"))
    records = [json.loads(path.read_text(encoding="utf-8")) for path in kept]
    given.into.mkdir(parents=True, exist_ok=True)
    plots = drawing()
    for name, curves in PICTURES.items():
        picture = drawn(plots, records, curves, AXES[name])
        picture.savefig(given.into / f"{name}.svg", metadata={"Date": None})
        plots.close(picture)
        print(given.into / f"{name}.svg")


def drawing() -> Any:
    try:
        import matplotlib
    except ModuleNotFoundError:
        print("matplotlib is not installed; pip install '.[profiling]'", file=sys.stderr)
        raise SystemExit(MISSING_EXIT) from None
    matplotlib.use("Agg")
    matplotlib.rcParams |= {"svg.hashsalt": "lifeevt", "axes.grid": True, "grid.alpha": 0.3, "font.size": 9}
    from matplotlib import pyplot

    return pyplot


def drawn(plots: Any, records: list[dict[str, Any]], curves: list[str], axis: str) -> Any:
    """A picture with one field for each curve, side by side."""
    picture, fields = plots.subplots(1, len(curves), figsize=(4.4 * len(curves) + 1.2, 4.0), squeeze=False)
    for field, curve in zip(fields[0], curves, strict=True):
        for record, line in zip(records, LINES, strict=False):
            draw(field, record, curve, line, several=len(records) > 1)
        field.set(title=curve, xlabel=axis, xscale="log", yscale="log")
        label_points(field, records, curve)
    fields[0][-1].legend(fontsize=7)
    picture.tight_layout()
    return picture


def draw(field: Any, record: dict[str, Any], curve: str, line: str, several: bool) -> None:
    """Every column as a line through its medians, with the spread of its rounds behind."""
    rows = points(record, curve)
    interpreter = f", {record['environment']['python'].partition(' ')[2]}" if several else ""
    for column in dict.fromkeys(name for row in rows for name in row["median"]):
        there = [row for row in rows if column in row["median"]]
        places = [row["x"] for row in there]
        color = COLORS.get(column)
        field.plot(places, [row["median"][column] for row in there], line, marker=".", color=color,
                   label=f"{column}{interpreter}")  # fmt: skip
        low, high = zip(*(row["spread"][column] for row in there), strict=True)
        field.fill_between(places, low, high, color=color, alpha=0.12, linewidth=0)


def points(record: dict[str, Any], curve: str) -> list[dict[str, Any]]:
    return [row for row in record["measures"]["curves"] if row["curve"] == curve]


def label_points(field: Any, records: list[dict[str, Any]], curve: str) -> None:
    rows = [row for record in records for row in points(record, curve)]
    places = sorted({row["x"] for row in rows})
    field.set_xticks(places, [f"{place:,}" if place < 10_000 else f"{place:.0e}" for place in places], minor=False)
    field.set_xticks([], minor=True)
    field.set_ylabel(rows[0]["unit"] if rows else "")


if __name__ == "__main__":
    main()
