"""View: shows a run live, as a frame that is redrawn, or as plain lines."""

from __future__ import annotations

from collections import namedtuple
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from .._backends import backend
from ..clock import NS_PER_SECOND, SystemClock
from ..event import Priority
from ..metrics import RateWindow
from ..result import EventProcessingResult, Status
from ..scheduler import LevelStatistics
from .run import Figures, Run, View
from .summary import budgets_ms, milliseconds, number, processed

__all__ = ["LiveView", "PlainView", "is_terminal", "readable"]

FRAMES_PER_SECOND = 8.0
LINE_EVERY_NS = NS_PER_SECOND
RATE_SECONDS, RATE_SECONDS_OF_LINES = 2.0, 16.0  # the time over which "now" is measured
LABEL = 11
WIDE, WIDEST = 96, 118  # columns; longer lines are hard to read
BARS = {"energy": 100.0, "integrity": 1.0, "stability": 1.0}  # each field's upper bound
NUMBERS = (("fatigue", "tension"), ("age", "ticks"), ())  # beside each bar
NS_PER_MS = 1e6


Glyphs = namedtuple("Glyphs", "full empty within late arrow dot")
UNICODE = Glyphs("━", "─", "✓", "✗", "→", "·")
ASCII = Glyphs("#", "-", "ok", "!!", "->", "-")


def is_terminal(stream: TextIO) -> bool:
    """Return whether ``stream`` is a terminal that can move its cursor."""
    return stream.isatty() and not Console(file=stream).is_dumb_terminal


def readable(text: str, encoding: str | None) -> str:
    """Return ``text`` with ? for control characters and for all that ``encoding`` lacks."""
    safe = "".join(each if each.isprintable() or each == "\n" else "?" for each in text)
    return safe.encode(encoding or "ascii", "replace").decode(encoding or "ascii")


class PlainView(View):
    """Writes a plain line about every second, without colour. For one thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._clock, self._rate = stream, SystemClock(), RateWindow(RATE_SECONDS_OF_LINES)
        self._rate.sample(0, 0)
        self._due_ns = self._clock.now_ns() + LINE_EVERY_NS

    def tick(self, run: Run) -> None:
        """Write a line if one is due."""
        if self._clock.now_ns() >= self._due_ns:
            self._due_ns += LINE_EVERY_NS
            self._stream.write(self.line(run.figures()) + "\n")
            self._stream.flush()

    def line(self, figures: Figures) -> str:
        """Return one line of figures."""
        levels = figures.engine.scheduler.levels.values()
        worst = max(level.latency.p99_ns for level in levels) / NS_PER_MS
        vitals = " ".join(f"{name} {number(figures.state[name])}" for name in BARS)
        return (
            f"{figures.elapsed_s:6.1f} s  {_count(figures)}  {_per_second(self._rate, figures):,.0f}/s  "
            f"queue {figures.engine.queue.depth:,}  late {figures.engine.scheduler.late:,}  "
            f"p99 {milliseconds(worst)} ms  tick {figures.state['ticks']:,}  {vitals}"
        )


class LiveView(View):
    """Draws a frame eight times a second, in a thread of its own, while entered; then removes it."""

    def __init__(self, run: Run, console: Console) -> None:
        self._run, self._console, self._rate = run, console, RateWindow(RATE_SECONDS)
        self._rate.sample(0, 0)
        self._budgets = budgets_ms()
        self._glyphs = ASCII if console.options.ascii_only else UNICODE
        self._live = Live(
            get_renderable=lambda: self.frame(run.figures()), console=console, transient=True,
            refresh_per_second=FRAMES_PER_SECOND,
        )  # fmt: skip

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def frame(self, figures: Figures) -> Panel:
        """Return a frame of the figures, at most as large as the console."""
        width = min(self._console.width, WIDEST)
        groups = (
            [self._progress(figures, width - 4)],
            self._flow(figures),
            self._levels(figures, width - 4),
            self._vitals(figures, width - 4),
            self._loop(figures, width - 4),
        )
        lines = [line for group in groups for line in (Text(), *group)][1:]
        room = max(self._console.height - 3, 1)
        if len(lines) > room:  # a low terminal: the empty lines go first
            lines = [line for line in lines if line.plain][:room]
        for line in lines:
            line.truncate(width - 4, overflow="ellipsis")
        return Panel(Group(*lines), title=self._title(), title_align="left", border_style="dim", width=width)

    def _title(self) -> Text:
        run, dot = self._run, self._glyphs.dot
        parts = ("lifeevt", self._clean(run.source.name)[-30:], f"{run.settings.mode} loop", f"{backend} backend")
        return Text(f" {dot} ".join(parts), style="bold")

    def _progress(self, figures: Figures, width: int) -> Text:
        if figures.total_s is None:
            return _labelled("played").append(f"{_count(figures)} in {_span(figures.elapsed_s)}", "bold")
        left = _span(max(0.0, figures.total_s - figures.elapsed_s))
        tail = f"  {_count(figures)}  {_span(figures.elapsed_s)}, {left} left"
        done = figures.elapsed_s / figures.total_s if figures.total_s else 1.0
        return self._bar(done, max(width - len(tail), 8), "cyan").append(tail)

    def _flow(self, figures: Figures) -> list[Text]:
        ledger, queue = figures.engine.ledger, figures.engine.queue
        now = _per_second(self._rate, figures)
        mean = processed(ledger) / figures.elapsed_s if figures.elapsed_s else 0.0
        losses = {
            "shed": ledger.ends[Status.SHED],
            "refused": ledger.refused,
            "failed": ledger.ends[Status.DEAD_LETTERED],
            "bad lines": figures.bad_lines,
        }
        line = _labelled("events/s").append(f"{now:,.0f} now, {mean:,.0f} on average", "bold")
        line.append(f"    queue {queue.depth:,}, at most {queue.high_water:,} of {queue.capacity:,}")
        ends = _labelled("processed").append(f"{processed(ledger):,}", "bold")
        for name, count in losses.items():
            ends.append(f"    {name} {count:,}", "bold red" if count else "")
        return [line, ends]

    def _levels(self, figures: Figures, width: int) -> list[Text]:
        titles = f"{'latency, ms':<{LABEL}}{'events':>7}{'p50':>8}{'p95':>8}{'p99':>8}{'budget':>9}  "
        lines = [Text(titles + "p99 of the budget", "dim")]
        for level, measured in figures.engine.scheduler.levels.items():
            lines.append(self._level(level, measured, max(width - len(titles) - 13, 6)))
        return lines

    def _level(self, level: Priority, measured: LevelStatistics, width: int) -> Text:
        low, high = self._budgets[level]
        budget = f"{low:g}" if low == high else f"{low:g}-{high:g}"
        line = _labelled(level.name).append(f"{measured.finished:>7,}")
        if not measured.finished:
            return line.append(f"{'-':>8}{'-':>8}{'-':>8}{budget:>9}")
        for time_ns in (measured.latency.p50_ns, measured.latency.p95_ns, measured.latency.p99_ns):
            line.append(f"{milliseconds(time_ns / NS_PER_MS):>8}")
        line.append(f"{budget:>9}  ")
        style, mark = ("red", self._glyphs.late) if measured.late else ("green", self._glyphs.within)
        line.append_text(self._bar(measured.latency.p99_ns / NS_PER_MS / low, width, style))
        share = f"{measured.late:,} late" if measured.late else "100%"
        return line.append(f" {mark} {share}", f"bold {style}")

    def _vitals(self, figures: Figures, width: int) -> list[Text]:
        lines = []
        for (name, top), pair in zip(BARS.items(), NUMBERS, strict=True):
            part = figures.state[name] / top
            style = "green" if part > 0.5 else "yellow" if part > 0.25 else "red"
            line = _labelled(name).append_text(self._bar(part, max(width // 3, 8), style))
            line.append(f" {number(figures.state[name]):<8}", "bold")
            for other in pair:
                line.append(f"  {other} ", "dim").append(f"{number(figures.state[other]):<5}")
            lines.append(line)
        return lines

    def _loop(self, figures: Figures, width: int) -> list[Text]:
        loop = figures.loop
        line = _labelled("ticks").append(f"{loop.ticks:,} every {self._run.settings.tick:g} s", "bold")
        line.append(f"    jitter p99 {milliseconds(loop.jitter.p99_ns / NS_PER_MS)} ms")
        line.append(f"    overran {loop.overruns:,}", "bold yellow" if loop.overruns else "")
        line.append(f"    skipped {loop.skipped:,}", "bold yellow" if loop.skipped else "")
        return [line, _labelled("strongest").append(self._strongest(figures.latest, most=1 if width < WIDE else 3))]

    def _strongest(self, result: EventProcessingResult | None, most: int) -> str:
        """Describe the strongest event of the last tick, with its ``most`` largest changes."""
        if result is None:
            return "nothing was processed yet"
        changes = sorted((result.action or {}).items(), key=lambda change: -abs(change[1]))
        did = "".join(f", {name} {change:+.3f}" for name, change in changes[:most] if change)
        event = f"{self._clean(result.event.type)} {result.event.intensity:+.2f}"
        decision = result.decision or result.status.name.lower()
        took = milliseconds(result.latency_ns / NS_PER_MS)
        return f"{event} {self._glyphs.arrow} {decision} in {took} ms{did}"

    def _bar(self, part: float, width: int, style: str) -> Text:
        full = round(min(max(part, 0.0), 1.0) * width)
        return Text().append(self._glyphs.full * full, style).append(self._glyphs.empty * (width - full), "dim")

    def _clean(self, text: str) -> str:
        return readable(text, self._console.encoding)


def _per_second(rate: RateWindow, figures: Figures) -> float:
    rate.sample(round(figures.elapsed_s * NS_PER_SECOND), processed(figures.engine.ledger))
    return rate.per_second


def _labelled(label: str) -> Text:
    return Text(f"{label:<{LABEL}}", "")


def _count(figures: Figures) -> str:
    return f"{figures.played:,} events" if figures.total is None else f"{figures.played:,} of {figures.total:,} events"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
