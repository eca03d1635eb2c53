"""The live view of a run: frames of every size, plain lines, and a real terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cli.processes import EVENT, LINES, PATIENCE, environment, words
from rich.console import Console

from lifeevt import EventProcessingResult, Priority, Status, backend
from lifeevt.cli.run import Figures, Run, Settings, View, open_source
from lifeevt.cli.view import LiveView, PlainView, is_terminal, readable

Write = Callable[..., Path]


@pytest.fixture
def run() -> Run:
    """Return the bundled recording, played for ten ticks of virtual time."""
    settings = Settings(speed=100.0, tick=0.5, ticks=10, virtual=True)
    done = Run(settings, open_source(None, strict=False))
    done.perform(View())
    return done


def drawn(run: Run, figures: Figures, width: int = 80, height: int = 24, encoding: str = "utf-8") -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=stream, width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(LiveView(run, console).frame(figures))
    return captured.get()


def test_a_frame_shows_the_whole_run(run: Run) -> None:
    text = drawn(run, run.figures())
    played = run.playback.played
    for said in (f"{played} of 2,000 events", "events/s", "queue 0", "CRITICAL", "50-200", "energy", "stability",
                 "integrity", "fatigue", "jitter", "overran 0", "0:05, 0:00 left", backend, "✓ 100%"):  # fmt: skip
        assert said in text


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 50), (60, 14), (40, 8), (20, 4)])
def test_a_frame_fits_its_terminal(run: Run, width: int, height: int) -> None:
    lines = drawn(run, run.figures(), width, height).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) < height


def test_a_frame_of_a_plain_encoding_is_plain(run: Run) -> None:
    assert drawn(run, run.figures(), encoding="ascii").isascii()


def test_a_level_with_late_events_is_marked(recording: Write) -> None:
    source = open_source(str(recording(*LINES)), strict=False)
    late = Run(Settings(virtual=True, sync=True, tick=0.9), source)
    late.perform(View())
    source.close()
    text = drawn(late, late.figures())
    assert re.search(r"CRITICAL +1 .* ✗ 1 late", text)
    assert "✗" in text and "sync loop" in text


def test_before_the_first_event_a_frame_has_dashes() -> None:
    fresh = Run(Settings(virtual=True), open_source(None, strict=False))
    text = drawn(fresh, fresh.figures())
    assert re.search(r"CRITICAL +0 +- +- +- +10", text)
    assert "nothing was processed yet" in text


def test_a_run_of_unknown_length_has_no_bar(run: Run) -> None:
    text = drawn(run, replace(run.figures(), total=None, total_s=None))
    assert f"played     {run.playback.played} events in 0:05" in text


def test_hours_are_shown_as_hours(run: Run) -> None:
    assert "1:02:03, 2:00:00 left" in drawn(run, replace(run.figures(), elapsed_s=3723.0, total_s=10_923.0))


def test_an_event_cannot_write_to_the_terminal(recording: Write) -> None:
    path = recording(json.dumps(EVENT | {"type": "\x1b[2J\ud800[red]"}))
    source = open_source(str(path), strict=False)
    run = Run(Settings(virtual=True), source)
    run.perform(View())
    source.close()
    assert "?[2J?[red] -0.50" in drawn(run, run.figures())


def test_a_wide_frame_shows_all_changes_of_the_strongest_event(run: Run) -> None:
    figures = run.figures()
    assert figures.latest is not None
    changed = {"energy": -1.5, "stability": 0.1, "integrity": 0.05}
    shown = replace(figures, latest=replace(figures.latest, decision="absorb", action=changed, status=Status.PROCESSED))
    assert "absorb in 0 ms, energy -1.500, stability +0.100, integrity +0.050" in drawn(run, shown, width=118)
    assert "energy -1.500" in drawn(run, shown) and "stability +0.100" not in drawn(run, shown)


def test_the_rate_is_that_of_the_last_seconds(run: Run) -> None:
    view, figures = PlainView(io.StringIO()), run.figures()
    assert "  0/s" in view.line(replace(figures, elapsed_s=0.0))
    assert f"  {run.playback.played / 2.0:,.0f}/s" in view.line(replace(figures, elapsed_s=2.0))


def test_a_plain_line_has_the_figures_of_the_run(run: Run) -> None:
    text = PlainView(io.StringIO()).line(run.figures())
    assert text.startswith(f"   5.0 s  {run.playback.played} of 2,000 events")
    assert "queue 0" in text and "late 0" in text and "tick 10" in text and "energy" in text
    assert text.isascii()


def test_plain_lines_come_no_faster_than_one_a_second(run: Run) -> None:
    stream = io.StringIO()
    view = PlainView(stream)
    view._due_ns = 0
    view.tick(run)
    view._due_ns = 2**62
    view.tick(run)
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [("a\x1b[31m\tb", "utf-8", "a?[31m?b"), ("µ → é", "ascii", "? ? ?"), ("µ\ud800", "utf-8", "µ?"), ("é", None, "?")],
)
def test_text_is_made_readable(text: str, encoding: str | None, shown: str) -> None:
    assert readable(text, encoding) == shown


def test_a_file_is_no_terminal() -> None:
    assert not is_terminal(io.StringIO())


def on_a_terminal(*arguments: object, **changes: str) -> tuple[int, str]:
    """Run the command on a terminal of its own and return its status and all it wrote there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        words(*arguments), env=environment(COLUMNS="80", LINES="24", **changes), stdin=theirs, stdout=theirs,
        stderr=theirs, close_fds=True,
    )  # fmt: skip
    os.close(theirs)
    parts = []
    try:
        while part := os.read(ours, 65536):
            parts.append(part)
    except OSError:  # the other end of the terminal was closed
        parts.append(b"")
    finally:
        os.close(ours)
    return process.wait(PATIENCE), b"".join(parts).decode()


def test_a_terminal_shows_the_run_live_and_then_the_summary(recording: Write, backend: str) -> None:
    status, text = on_a_terminal("run", recording(), "--speed", 4, "--tick", 0.2, "--backend", backend, TERM="xterm")
    assert status == 0
    assert "\x1b[?25l" in text and "\x1b[?25h" in text, "the cursor was not hidden and shown again"
    assert "CRITICAL" in text and f"{backend} backend" in text
    assert "\x1b[32myes" in text


def test_no_color_leaves_out_the_colours(recording: Write) -> None:
    _, text = on_a_terminal("run", recording(), "--speed", 8, "--tick", 0.1, TERM="xterm", NO_COLOR="1")
    assert not re.search(r"\x1b\[(\d+;)*[349][0-7][;m]", text)
    assert "balanced: yes" in re.sub(r"\x1b\[[\d;]*m", "", text)


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(recording: Write) -> None:
    status, text = on_a_terminal("run", recording(), "--speed", 8, "--tick", 0.1, TERM="dumb")
    assert status == 0
    assert "\x1b" not in text


def test_a_result_without_an_action_is_shown(run: Run) -> None:
    figures = run.figures()
    assert figures.latest is not None
    ignored = EventProcessingResult(figures.latest.event, Status.IGNORED, Priority.LOW)
    assert "ignored in 0 ms" in drawn(run, replace(figures, latest=ignored))
