"""Reading a recording: events, bad lines, and the memory it takes."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lifeevt import Event, Priority
from lifeevt.cli.recording import MAX_LINE_BYTES, MAX_REPORTS, Recording, bundled_recording, measure
from lifeevt.errors import RecordingError

GOOD = {"type": "shock", "intensity": -0.5, "timestamp": 10.0, "metadata": {"a": 1}, "source": "environment"}


def line(**changes: Any) -> bytes:
    return json.dumps(GOOD | changes).encode() + b"\n"


def reading(*lines: bytes, strict: bool = False) -> Recording:
    return Recording(BytesIO(b"".join(lines)), strict=strict)


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != name}).encode() + b"\n"


BAD_LINES = {
    "no JSON": (b"shock\n", "not JSON: Expecting value at position 0"),
    "half an object": (b'{"type": "shock"\n', "not JSON"),
    "a list": (b"[1, 2]\n", "an event is a JSON object, not a list"),
    "a number": (b"7\n", "an event is a JSON object, not a int"),
    "no type": (without("type"), "the field 'type' is missing"),
    "no intensity": (without("intensity"), "the field 'intensity' is missing"),
    "no timestamp": (without("timestamp"), "the field 'timestamp' is missing"),
    "unknown field": (line(colour="red"), "unknown field 'colour'"),
    "empty type": (line(type="  "), "type must not be empty"),
    "type no string": (line(type=7), "type must be a string"),
    "intensity NaN": (line(intensity=float("nan")), "NaN is not a JSON number"),
    "intensity infinite": (line(intensity=float("inf")), "Infinity is not a JSON number"),
    "intensity overflows": (b'{"type": "a", "intensity": 1e999, "timestamp": 0}\n', "intensity is inf"),
    "intensity too large": (line(intensity=1.01), r"intensity is 1.01; it must lie in \[-1, 1\]"),
    "intensity a string": (line(intensity="1"), "intensity must be a number"),
    "timestamp far away": (line(timestamp=1e15), "timestamp is 1000000000000000.0"),
    "timestamp NaN": (line(timestamp=float("nan")), "NaN is not a JSON number"),
    "metadata a list": (line(metadata=[1]), "metadata must be a mapping, not a list"),
    "priority unknown": (line(priority=9), "priority is 9"),
    "urgency too large": (line(urgency=2), "urgency is 2"),
    "no UTF-8": (b'{"type": "\xff"}\n', "not UTF-8: byte 0xff at position 10"),
    "too deep": (b"[" * 100_000 + b"\n", "not JSON"),
    "too many digits": (b'{"type": "a", "intensity": ' + b"9" * 5000 + b', "timestamp": 0}\n', "not JSON|intensity is"),
    "too long": (b" " * 8 + b"x" * MAX_LINE_BYTES + b"\n", "longer than 1,048,576 bytes"),
}


def test_a_line_becomes_an_event_with_all_its_fields() -> None:
    ((offset, event),) = reading(line(priority=3, urgency=0.5))
    assert offset == 0.0
    assert event == Event("shock", -0.5, 10.0, {"a": 1}, "environment", priority=Priority.LOW, urgency=0.5)


def test_offsets_count_from_the_first_event() -> None:
    assert [offset for offset, _ in reading(line(), line(timestamp=12.5), line(timestamp=40))] == [0.0, 2.5, 30.0]


def test_an_event_that_goes_back_in_time_is_played_at_once_and_counted() -> None:
    recording = reading(line(), line(timestamp=15), line(timestamp=3), line(timestamp=16))
    assert [offset for offset, _ in recording] == [0.0, 5.0, 5.0, 6.0]
    assert (recording.went_back, recording.bad_lines) == (1, 0)


def test_blank_lines_and_a_byte_order_mark_are_skipped() -> None:
    recording = reading(b"\xef\xbb\xbf" + line(), b"\n", b"  \r\n", line())
    assert len(list(recording)) == 2
    assert (recording.lines, recording.bad_lines) == (4, 0)


def test_a_last_line_without_an_end_counts() -> None:
    assert len(list(reading(line(), line().rstrip()))) == 2


@pytest.mark.parametrize(("bad", "reason"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_line_is_skipped_and_reported_with_its_number(bad: bytes, reason: str) -> None:
    recording = reading(line(), b"\n", bad, line(timestamp=11))
    assert [offset for offset, _ in recording] == [0.0, 1.0]
    assert (recording.events, recording.bad_lines, recording.lines) == (2, 1, 4)
    (report,) = recording.reports
    assert report.line_number == 3
    assert len(str(report)) < 300
    with pytest.raises(RecordingError, match=reason):
        raise report


@pytest.mark.parametrize(("bad", "reason"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_strict_reading_stops_at_a_bad_line(bad: bytes, reason: str) -> None:
    events = iter(reading(line(), bad, line(), strict=True))
    next(events)
    with pytest.raises(RecordingError, match=reason) as caught:
        next(events)
    assert caught.value.line_number == 2


def test_a_first_line_that_is_bad_does_not_set_the_time() -> None:
    assert [offset for offset, _ in reading(line(intensity=2, timestamp=0), line(), line(timestamp=11))] == [0.0, 1.0]


def test_an_event_more_than_ten_years_later_is_a_mistake() -> None:
    recording = reading(line(), line(timestamp=1.7e9), line(timestamp=11))
    assert [offset for offset, _ in recording] == [0.0, 1.0]
    assert "more than ten years after the first" in recording.reports[0].reason


def test_all_bad_lines_are_counted_and_the_first_hundred_kept() -> None:
    recording = reading(*[b"{\n"] * (MAX_REPORTS + 50))
    assert list(recording) == []
    assert recording.bad_lines == MAX_REPORTS + 50
    assert [report.line_number for report in recording.reports] == list(range(1, MAX_REPORTS + 1))


class Meter(BytesIO):
    """A stream that keeps the largest size that was read, and the number of reads."""

    largest = asked = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        assert size is not None and size > 0, "a line was read without a limit"
        self.largest, self.asked = max(self.largest, size), self.asked + 1
        return super().readline(size)


def test_at_most_one_piece_of_an_endless_line_is_in_memory() -> None:
    stream = Meter(b"x" * (5 * MAX_LINE_BYTES) + b"\n" + line())
    recording = Recording(stream)
    assert len(list(recording)) == 1
    assert (recording.lines, recording.bad_lines) == (2, 1)
    assert stream.largest == MAX_LINE_BYTES + 1


def test_reading_takes_one_line_an_event() -> None:
    stream = Meter(line() * 10)
    events = iter(Recording(stream))
    next(events), next(events)
    assert stream.asked == 2


def test_the_rest_is_counted_without_its_blank_lines() -> None:
    recording = reading(line(), line(), b"\n", b"no event\n", line())
    next(iter(recording))
    assert recording.count_rest() == 3
    assert recording.count_rest() == 0


def test_a_recording_is_measured_by_its_first_and_last_line() -> None:
    assert measure(BytesIO(line() + b"\nbad\n" + line(timestamp=70))) == (3, 60.0)
    assert measure(BytesIO(line() + b"bad\n")) == (2, None)
    assert measure(BytesIO(line() + line(timestamp=0))) == (2, 0.0)
    assert measure(BytesIO()) == (0, 0.0)


def test_the_bundled_recording_is_whole() -> None:
    recording = bundled_recording()
    events = list(recording)
    assert len(events) == recording.lines == 2000
    assert (recording.bad_lines, recording.went_back) == (0, 0)
    assert len({event.type for _, event in events}) > 30
    assert {True, False} == {event.intensity < 0.0 for _, event in events}


@given(st.lists(st.binary(max_size=40) | st.sampled_from([line(), line(timestamp=-3), b"\n", b"{}", b'"\\ud800"'])))
def test_for_any_bytes_every_line_is_an_event_a_report_or_blank(parts: list[bytes]) -> None:
    data = b"\n".join(parts)
    recording = Recording(BytesIO(data))
    events = list(recording)
    assert len(events) == recording.events
    assert recording.events + recording.bad_lines == Recording(BytesIO(data)).count_rest()
    assert [offset for offset, _ in events] == sorted(offset for offset, _ in events)
