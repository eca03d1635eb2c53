"""Measure lifeevt beside named peers, in one run and in turns; say which bars are met.

LIFEEVT_BACKEND chooses the backend: `native`, if it is built, or `reference`. Both never run in one process.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benches import environment
from benches.bars import Verdict
from benches.measure import QUICK, Effort, Row, refuse_traced, table
from benches.measures import MEASURES, ONLY_NAMED, USUAL, rows_of

SAID = {True: "met", False: "not met", None: "not measured"}
LINE = "  {:>10}  {:<20.20}{:>11}{:>10}{:>10}  {}"
Measured = dict[str, list[Row]]


def main(words: Sequence[str] | None = None) -> None:
    """Run the measures; print the tables of each as it ends, then all bars beside the figures."""
    given = parse(words)
    if given.list:
        say(listed())
        return
    refuse_traced()
    if not given.json:
        say([environment.headline(environment.describe()), *([QUICK] if given.quick else [])])
    measured: Measured = {}
    for name in dict.fromkeys(given.names or USUAL):
        measured[name] = rows_of(name)(Effort(given.quick, given.rounds, given.seconds))
        if not given.json:
            say(tables(name, measured[name]))
    say([json.dumps(record(measured, given.quick), indent=2, allow_nan=False)] if given.json else bars(measured))


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="measures [the usual ones]")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the tables")
    parser.add_argument("--quick", action="store_true", help="show the shape of the output; the figures mean nothing")
    parser.add_argument("--rounds", type=at_least_one, metavar="N", help="repetitions of every column")
    parser.add_argument("--seconds", type=float, help="how long each load of `overload` lasts [10]")
    parser.add_argument("--list", action="store_true", help="print the names of the measures, and end")
    given = parser.parse_args(words)
    if unknown := [name for name in given.names if name not in MEASURES]:
        parser.error(f"unknown measure {', '.join(unknown)}; choose from {', '.join(MEASURES)}")
    return given


def at_least_one(word: str) -> int:
    if (number := int(word)) < 1:
        raise ValueError
    return number


def listed() -> Iterator[str]:
    for name, what in MEASURES.items():
        yield f"{name:<12}{what}{'; only when named' if name in ONLY_NAMED else ''}"


def tables(name: str, rows: Iterable[Row]) -> Iterator[str]:
    yield f"\n== {name}"
    for row in rows:
        yield from ("", *table(row))


def bars(measured: Measured) -> Iterator[str]:
    yield from ("\n== bars", LINE.format("ours", "peer", "its figure", "ratio", "bar", "").rstrip())
    headed = ""
    for name, verdict in verdicts(measured):
        heading = f"{name}: {verdict.case}, {verdict.unit}, {verdict.column}"
        if heading != headed:
            yield heading
        headed = heading
        yield line(verdict)
    counts = [sum(each.met is met for _, each in verdicts(measured)) for met in SAID]
    yield f"\n{counts[0]} bars met, {counts[1]} not met, {counts[2]} not measured"


def line(verdict: Verdict) -> str:
    ratio = "" if verdict.ratio is None else f"{verdict.ratio:,.2f} x"
    ours, peer = ("" if each is None else f"{each:,.2f}" for each in (verdict.ours, verdict.peer))
    return LINE.format(ours or "-", verdict.bar.peer, peer, ratio, verdict.bar.text(), SAID[verdict.met])


def record(measured: Measured, quick: bool) -> dict[str, Any]:
    return {
        "environment": environment.describe(),
        "quick": quick,
        "measures": {name: [row.as_dict() for row in rows] for name, rows in measured.items()},
        "bars": [{"measure": name, **verdict.as_dict()} for name, verdict in verdicts(measured)],
    }


def verdicts(measured: Measured) -> Iterator[tuple[str, Verdict]]:
    return ((name, verdict) for name, rows in measured.items() for row in rows for verdict in row.verdicts())


def say(lines: Iterable[str]) -> None:
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
