"""Bench: run measures, print each one's tables as it ends, then all bars beside what was measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

import typer

from ..bench import environment
from ..bench.bars import Verdict
from ..bench.measure import QUICK, Row, refuse_traced, table
from ..bench.measures import MEASURES, ONLY_NAMED, USUAL, rows_of
from .view import readable

__all__ = ["bench"]

SAID = {True: "met", False: "not met", None: "not measured"}
LINE = "  {:>10}  {:<20.20}{:>11}{:>10}{:>10}  {}"
Measured = dict[str, list[Row]]


def bench(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Measures [the usual ones].")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the tables.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Show the shape of the output; figures mean nothing.")] = False,
    rounds: Annotated[int | None, typer.Option(metavar="N", min=1, help="Repetitions of every column.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="Print what can be measured, and end.")] = False,
) -> None:
    """Measure lifeevt beside named peers, in one run and in turns, and say which bars are met."""
    if listed:
        _say(_names())
        return
    wanted = _known(names or USUAL)
    refuse_traced()
    if not as_json:
        _say([environment.headline(environment.describe()), *([QUICK] if quick else [])])
    measured: Measured = {}
    for name in wanted:
        measured[name] = rows_of(name)(quick, rounds)
        if not as_json:
            _say(_tables(name, measured[name]))
    _say([json.dumps(_record(measured, quick), indent=2, allow_nan=False)] if as_json else _bars(measured))


def _known(names: Sequence[str]) -> list[str]:
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        raise typer.BadParameter(f"unknown measure {', '.join(unknown)}; choose from {', '.join(MEASURES)}")
    return list(dict.fromkeys(names))


def _names() -> Iterator[str]:
    for name, what in MEASURES.items():
        yield f"{name:<12}{what}{'; only when named' if name in ONLY_NAMED else ''}"


def _tables(name: str, rows: Iterable[Row]) -> Iterator[str]:
    yield f"\n== {name}"
    for row in rows:
        yield from ("", *table(row))


def _bars(measured: Measured) -> Iterator[str]:
    yield from ("\n== bars", LINE.format("ours", "peer", "its figure", "ratio", "bar", "").rstrip())
    headed = ""
    for name, verdict in _verdicts(measured):
        heading = f"{name}: {verdict.case}, {verdict.unit}, {verdict.column}"
        if heading != headed:
            yield heading
        headed = heading
        yield _line(verdict)
    counts = [sum(each.met is met for _, each in _verdicts(measured)) for met in SAID]
    yield f"\n{counts[0]} bars met, {counts[1]} not met, {counts[2]} not measured"


def _line(verdict: Verdict) -> str:
    ratio = "" if verdict.ratio is None else f"{verdict.ratio:,.2f} x"
    ours, peer = (_figure(each) for each in (verdict.ours, verdict.peer))
    return LINE.format(ours or "-", verdict.bar.peer, peer, ratio, verdict.bar.text(), SAID[verdict.met])


def _figure(figure: float | None) -> str:
    return "" if figure is None else f"{figure:,.2f}"


def _record(measured: Measured, quick: bool) -> dict[str, Any]:
    return {
        "environment": environment.describe(),
        "quick": quick,
        "measures": {name: [row.as_dict() for row in rows] for name, rows in measured.items()},
        "bars": [{"measure": name, **verdict.as_dict()} for name, verdict in _verdicts(measured)],
    }


def _verdicts(measured: Measured) -> Iterator[tuple[str, Verdict]]:
    return ((name, verdict) for name, rows in measured.items() for row in rows for verdict in row.verdicts())


def _say(lines: Iterable[str]) -> None:
    typer.echo(readable("\n".join(lines), sys.stdout.encoding))
    sys.stdout.flush()
