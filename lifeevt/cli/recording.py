"""Recording: events as JSON lines, read one at a time; bad lines are counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO
from typing import BinaryIO, NamedTuple

from ..errors import InvalidEvent, RecordingError
from ..event import Event
from ..serialization import refuse_constant

__all__ = ["Extent", "Recording", "TimedEvent", "bundled_recording", "measure"]

MAX_LINE_BYTES = 1 << 20
MAX_REPORTS = 100
MAX_REASON = 200  # characters: a reason quotes the line, which may be long
MAX_OFFSET_SECONDS = 10 * 366 * 86_400.0  # timestamps further apart have different origins
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class TimedEvent(NamedTuple):
    """An event and its ``offset``: seconds after the recording's first, never less than the one before."""

    offset: float
    event: Event


class Extent(NamedTuple):
    """The length of a recording: its lines that are not blank, and the seconds from the first to the last.

    ``seconds`` is None when one of the two is no event.
    """

    lines: int
    seconds: float | None


class Recording:
    """Reads events from a binary stream of JSON lines, lazily. Iterate once, in one thread.

    A line is an object with ``type``, ``intensity``, ``timestamp`` (seconds) and optionally ``metadata``, ``source``,
    ``priority`` and ``urgency``. Blank lines are skipped. Bad lines are counted, and ``reports`` keeps the first 100;
    with ``strict`` the first one raises RecordingError. An event with a smaller timestamp than an earlier one is played
    at once, and counted in ``went_back``. Blocks as the stream does; holds one line of at most 1 MiB. The caller closes
    the stream.
    """

    def __init__(self, stream: BinaryIO, *, strict: bool = False) -> None:
        self.stream, self.strict = stream, strict
        self.lines = self.events = self.bad_lines = self.went_back = 0
        self.reports: list[RecordingError] = []
        self._first: float | None = None
        self._offset = 0.0

    def __iter__(self) -> Iterator[TimedEvent]:
        for line in self.rest():
            try:
                event = self._timed(_event(line))
            except InvalidEvent as error:
                self._report(error)
            else:
                self.events += 1
                yield event

    def count_rest(self) -> int:
        """Read to the end without parsing; return the number of lines that are not blank. O(bytes)."""
        return sum(1 for _ in self.rest())

    def rest(self) -> Iterator[bytes]:
        """Yield the lines from here to the end that are not blank, unparsed."""
        while line := self._next_line():
            if not line.isspace():
                yield line

    def _next_line(self) -> bytes:
        line = self.stream.readline(MAX_LINE_BYTES + 1)
        if line and not self.lines and line.startswith(BYTE_ORDER_MARK):
            line = line[len(BYTE_ORDER_MARK) :] or b"\n"
        self.lines += bool(line)
        if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (part := self.stream.readline(MAX_LINE_BYTES)) and not part.endswith(b"\n"):
                continue  # to the end of the line
        return line

    def _timed(self, event: Event) -> TimedEvent:
        first = event.timestamp if self._first is None else self._first
        offset = event.timestamp - first
        if offset > MAX_OFFSET_SECONDS:
            raise InvalidEvent(f"timestamp {event.timestamp:g} is more than ten years after the first, {first:g}")
        self._first = first
        self.went_back += offset < self._offset
        self._offset = max(offset, self._offset)
        return TimedEvent(self._offset, event)

    def _report(self, error: InvalidEvent) -> None:
        reason = str(error)
        report = RecordingError(self.lines, reason if len(reason) <= MAX_REASON else f"{reason[:MAX_REASON]}...")
        if self.strict:
            raise report from None
        self.bad_lines += 1
        if len(self.reports) < MAX_REPORTS:
            self.reports.append(report)


def bundled_recording() -> Recording:
    """Return the recording in the package: 2,000 events of Life, 38 minutes long."""
    return Recording(BytesIO(files("lifeevt").joinpath("cli/recording.jsonl").read_bytes()))


def measure(stream: BinaryIO) -> Extent:
    """Read a stream to its end and return its length; parse its first and its last line only. O(bytes)."""
    count, first, last = 0, b"", b""
    for last in Recording(stream).rest():
        first, count = first or last, count + 1
    try:
        return Extent(count, max(0.0, _event(last).timestamp - _event(first).timestamp) if count else 0.0)
    except InvalidEvent:
        return Extent(count, None)


def _event(line: bytes) -> Event:
    """Return the event of a line; raise InvalidEvent with the reason when it has none."""
    if len(line) > MAX_LINE_BYTES:
        raise InvalidEvent(f"longer than {MAX_LINE_BYTES:,} bytes")
    try:
        record = json.loads(line.decode("utf-8"), parse_constant=refuse_constant)
    except UnicodeDecodeError as error:
        raise InvalidEvent(f"not UTF-8: byte {error.object[error.start]:#04x} at position {error.start}") from None
    except json.JSONDecodeError as error:
        raise InvalidEvent(f"not JSON: {error.msg} at position {error.pos}") from None
    except (ValueError, RecursionError) as error:  # a constant, a number of too many digits, too deep a nesting
        raise InvalidEvent(f"not JSON: {error}") from None
    return Event.from_dict(record)
