"""Summary: the figures of a run as one plain dictionary, and that dictionary as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError
from typing import Any

import lifeevt

from .._backends import backend
from ..event import EventTypes, Priority
from ..metrics import LatencySummary, Ledger, summarize
from ..result import Status
from ..runtime import LoopStatistics
from ..scheduler import LevelStatistics
from .run import BASELINE, Baseline, Run

__all__ = [
    "budgets_ms", "milliseconds", "number", "processed", "share", "summarize_run", "summary_text", "version_number",
]  # fmt: skip

NS_PER_MS = 1_000_000
SHOWN_BAD_LINES = 5
VITAL_FIELDS = ("energy", "integrity", "stability", "fatigue", "tension", "age", "ticks")


def version_number() -> str:
    """Return the version of the package; "not installed" in a bare source folder."""
    try:
        return lifeevt.__version__
    except PackageNotFoundError:
        return "not installed"


def budgets_ms() -> dict[Priority, tuple[float, float]]:
    """Return each level's smallest and largest latency budget in milliseconds, over all its event types."""
    found: dict[Priority, list[float]] = {level: [] for level in Priority}
    for event_type in EventTypes.life():
        found[event_type.priority].append(event_type.budget_ns / NS_PER_MS)
    return {level: (min(each), max(each)) for level, each in found.items()}


def summarize_run(run: Run, baseline: Baseline | None) -> dict[str, Any]:
    """Return the figures of a finished run as JSON values; docs/reference/command.md lists the keys."""
    settings, engine = run.settings, run.engine.statistics()
    elapsed_s, state = run.elapsed_s(), run.state.snapshot()
    return {
        "version": version_number(), "backend": backend, "mode": settings.mode,
        "clock": "manual" if settings.virtual else "system", "source": run.source.name,
        "rate": settings.rate, "speed": None if settings.rate else settings.speed,
        "ended": run.ended, "error": None if run.error is None else str(run.error),
        "elapsed_s": elapsed_s,
        "events_per_s": processed(engine.ledger) / elapsed_s if elapsed_s > 0.0 else 0.0,
        "playback": _playback(run),
        "ledger": _ledger(engine.ledger, run.playback.played),
        "queue": {
            "capacity": settings.capacity, "overflow": settings.overflow, "high_water": engine.queue.high_water,
        },
        "levels": _levels(engine.scheduler.levels, baseline),
        "baseline": None if baseline is None else _baseline(baseline),
        "ticks": _ticks(run),
        "results_overwritten": engine.results_overwritten, "results_digest": run.digest.hexdigest(),
        "state": dict(state), "state_version": state.version,
    }  # fmt: skip


def processed(ledger: Ledger) -> int:
    """Return the number of events that were processed, with or without success: neither shed nor cancelled."""
    return sum(ledger.ends.values()) - ledger.ends[Status.SHED] - ledger.ends[Status.CANCELLED]


def _playback(run: Run) -> dict[str, Any]:
    playback, recording = run.playback, run.source.recording
    return {
        "played": playback.played, "not_played": run.not_played(), "went_back": recording.went_back,
        "behind_ms": _spread(summarize(playback.behind)), "bad_lines": recording.bad_lines,
        "bad_line_reports": [{"line": each.line_number, "reason": each.reason} for each in recording.reports],
    }  # fmt: skip


def _ledger(ledger: Ledger, played: int) -> dict[str, Any]:
    return {
        "accepted": ledger.accepted, "refused": ledger.refused, "in_flight": ledger.in_flight,
        "ends": {end.name.lower(): count for end, count in ledger.ends.items()},
        "balanced": ledger.balanced and played == ledger.accepted + ledger.refused,
    }  # fmt: skip


def _levels(levels: Mapping[Priority, LevelStatistics], baseline: Baseline | None) -> dict[str, Any]:
    budgets = budgets_ms()
    return {
        level.name.lower(): {
            "budget_ms": {"min": budgets[level][0], "max": budgets[level][1]},
            **_level(measured),
            "baseline": None if baseline is None else _level(baseline.scheduler.levels[level]),
        }
        for level, measured in levels.items()
    }


def _level(measured: LevelStatistics) -> dict[str, Any]:
    return {
        "events": measured.finished,
        "late": measured.late,
        "within_budget": 1.0 - measured.late / measured.finished if measured.finished else None,
        **_spreads(measured, "latency", "wait", "service"),
    }


def _baseline(baseline: Baseline) -> dict[str, Any]:
    ledger = baseline.ledger
    return {
        "what": BASELINE, "events": baseline.events, "ticks": baseline.ticks,
        "processed": processed(ledger), "refused": ledger.refused, "shed": ledger.ends[Status.SHED],
    }  # fmt: skip


def _ticks(run: Run) -> dict[str, Any]:
    loop = run.loop.statistics()
    return {
        "interval_s": run.settings.tick, "count": loop.ticks,
        "overruns": loop.overruns, "skipped": loop.skipped, "errors": loop.errors,
        **_spreads(loop, "period", "jitter", "work"),
    }  # fmt: skip


def _spreads(measured: LevelStatistics | LoopStatistics, *names: str) -> dict[str, Any]:
    return {f"{name}_ms": _spread(getattr(measured, name)) for name in names}


def _spread(times: LatencySummary) -> dict[str, float | None]:
    """Return a distribution in milliseconds; every value is None when there are no measurements."""
    parts = ("min", "mean", "p50", "p95", "p99", "max")
    return {part: getattr(times, f"{part}_ns") / NS_PER_MS if times.count else None for part in parts}


# --- text


def milliseconds(value: float | None) -> str:
    """Return a time with about three significant digits, in at most five characters below 100 s; "-" for None."""
    if value is None:
        return "-"
    decimals = sum(value < bound for bound in (99.95, 9.995, 0.9995)) if value else 0
    return f"{value:.{decimals}f}"


def share(value: float | None) -> str:
    """Return a share as a percentage, 0% or 100% only when exactly that; "-" for None."""
    if value is None:
        return "-"
    if value in (0.0, 1.0):
        return f"{value:.0%}"
    percent = min(max(value * 100.0, 0.1), 99.9)
    return f"{percent:.1f}%"


def number(value: float) -> str:
    """Return a field's value with four significant digits; whole numbers with all."""
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.4g}"


def summary_text(summary: Mapping[str, Any]) -> str:
    """Return the summary as plain lines, of at most 80 columns unless the numbers are very large."""
    return "".join(f"{line}\n" for line in _text_lines(summary))


def _text_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    yield from _headlines(summary)
    yield ""
    yield from _event_lines(summary["playback"], summary)
    yield from _ledger_lines(summary["ledger"], summary)
    yield ""
    yield from _latency_lines(summary)
    yield ""
    yield from _tick_lines(summary["ticks"])
    fields = ", ".join(f"{name} {number(summary['state'][name])}" for name in VITAL_FIELDS)
    yield from textwrap.wrap(f"state    {fields}", 80, subsequent_indent=" " * 9)
    if summary["clock"] == "manual":  # on the system clock no two runs are the same
        yield f"results  sha256 {summary['results_digest']}"


def _headlines(summary: Mapping[str, Any]) -> Iterator[str]:
    pace = f"{summary['rate']:g} events/s" if summary["rate"] else f"{summary['speed']:g} x its recorded speed"
    yield f"{summary['source']} at {pace}: {summary['ended']}"
    loop, used, clock = _LOOPS[summary["mode"]], summary["backend"], summary["clock"]
    yield f"{loop}, {used} backend, {clock} clock, lifeevt {summary['version']}"
    if summary["error"]:
        yield f"error: {summary['error']}"


def _event_lines(playback: Mapping[str, Any], summary: Mapping[str, Any]) -> Iterator[str]:
    left, behind = playback["not_played"], playback["behind_ms"]
    rest = "the rest was not read" if left is None else f"{left:,} not played"
    pace = f"{summary['elapsed_s']:.1f} s ({summary['events_per_s']:,.1f}/s)"
    yield f"events   {playback['played']:,} played in {pace}, {rest}"
    if playback["played"]:
        yield f"         submitted late by {_spread_text(behind)}"
    if playback["went_back"]:
        yield f"         {playback['went_back']:,} timestamps went back; those events were played at once"
    if playback["bad_lines"]:
        yield from _bad_lines(playback["bad_lines"], playback["bad_line_reports"])


def _bad_lines(count: int, reports: list[dict[str, Any]]) -> Iterator[str]:
    yield f"bad      {count:,} {'line is' if count == 1 else 'lines are'} no event and left out"
    yield from (f"         line {each['line']}: {each['reason']}" for each in reports[:SHOWN_BAD_LINES])
    if count > SHOWN_BAD_LINES:
        yield f"         and {count - SHOWN_BAD_LINES:,} more"


def _ledger_lines(ledger: Mapping[str, Any], summary: Mapping[str, Any]) -> Iterator[str]:
    ends = [f"{count:,} {end.replace('_', '-')}" for end, count in ledger["ends"].items() if count]
    ends += [f"{ledger['in_flight']:,} in flight"] if ledger["in_flight"] else []
    yield f"ledger   {ledger['accepted']:,} accepted = {' + '.join(ends) or '0'}"
    queue = summary["queue"]
    places = f"queue at most {queue['high_water']:,} of {queue['capacity']:,} ({queue['overflow']})"
    yield f"         {ledger['refused']:,} refused; balanced: {'yes' if ledger['balanced'] else 'NO'}; {places}"
    if summary["results_overwritten"]:
        yield f"         {summary['results_overwritten']:,} results were overwritten before a tick read them"


def _latency_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    baseline = summary["baseline"]
    rows = [_cells(name, level) for name, level in summary["levels"].items()]
    titles = ["", "events", "budget", *_COLUMNS, *(_COLUMNS if baseline else ())]
    widths = [max(4, *(len(row[at]) for row in (titles, *rows))) for at in range(len(titles))]
    yield "latency in ms, acceptance to end of processing, and the share within budget"
    yield " " * (sum(widths[:3]) + 2) + _over(_LOOPS[summary["mode"]], widths[3:8]) + _over(_BASELINE, widths[8:])
    yield from (_row(row, widths) for row in (titles, *rows))
    if summary["clock"] == "manual":
        yield "on a manual clock the work itself takes no time: these are waits alone"
    if baseline:
        yield from textwrap.wrap(f"* {baseline['what']}", 80, subsequent_indent="  ")
        if baseline["shed"] or baseline["refused"]:
            lost = f"{baseline['shed']:,} shed and {baseline['refused']:,} refused"
            yield f"  its full queue lost {lost} of {baseline['events']:,} events"


def _cells(name: str, level: Mapping[str, Any]) -> list[str]:
    low, high = level["budget_ms"]["min"], level["budget_ms"]["max"]
    cells = [name.upper(), f"{level['events']:,}", f"{low:g}" if low == high else f"{low:g}-{high:g}"]
    for each in filter(None, (level, level["baseline"])):
        cells += [milliseconds(each["latency_ms"][part]) for part in _COLUMNS[:-1]]
        cells.append(share(each["within_budget"]))
    return cells


def _row(cells: list[str], widths: list[int]) -> str:
    first, *others = (f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    return " ".join((first.strip().ljust(widths[0]), *others))


def _over(title: str, widths: list[int]) -> str:
    """Return a title above columns of these widths; nothing above none."""
    return f" {f' {title} ':-^{sum(widths) + len(widths) - 1}}" if widths else ""


def _tick_lines(ticks: Mapping[str, Any]) -> Iterator[str]:
    counts = f"{ticks['overruns']:,} overran, {ticks['skipped']:,} skipped"
    yield f"ticks    {ticks['count']:,} every {ticks['interval_s']:g} s; {counts}"
    if ticks["count"] > 1:
        yield f"         period {_spread_text(ticks['period_ms'], ('mean', 'p50', 'p99', 'max'))}"
    if ticks["count"]:
        jitter, work = (_spread_text(ticks[name], ("p50", "p99")) for name in ("jitter_ms", "work_ms"))
        yield f"         jitter {jitter}; work {work}"


def _spread_text(spread: Mapping[str, float | None], parts: Sequence[str] = ("p50", "p99", "max")) -> str:
    return ", ".join(f"{part} {milliseconds(spread[part])}" for part in parts) + " ms"


_COLUMNS = ("p50", "p95", "p99", "max", "within")
_BASELINE = "synchronous loop *"
_LOOPS = {"async": "asynchronous loop", "sync": "synchronous loop"}
