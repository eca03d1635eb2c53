"""The latency bench: its columns, spoiled samples, and the wake-up in plain C below them all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benches import environment, latency
from benches.latency import BUSY, COMPUTING, CORE_WAIT_NS, FLOOR, IDLE, PEER, Seen
from benches.measure import Effort
from lifeevt import Event

NATIVE = environment.BACKEND == "native"


@pytest.fixture
def ping() -> Iterator[Any]:
    from probes.ping import CondvarPing

    made = CondvarPing(2)
    yield made
    made.close()


def noticed(ping: Any, count: int) -> list[int]:
    """The durations, as soon as there are so many."""
    while len(ping.latency_ns()) < count:
        pass
    found: list[int] = ping.latency_ns()
    return found


def test_every_percentile_has_a_row_of_all_samples_and_one_of_the_unspoiled() -> None:
    rows = latency.rows(Effort(quick=True, rounds=1))
    names = [f"{case}{kind}, {part}" for case in (IDLE, BUSY, COMPUTING) for kind in ("", ", unspoiled samples")
             for part in ("p50", "p90", "p99", "max")]  # fmt: skip
    assert [row.case for row in rows] == names
    assert list(rows[0].samples) == [environment.BACKEND, PEER, *([FLOOR] if NATIVE else [])]
    assert [row.case for row in rows if row.bars] == [f"{BUSY}, p99", f"{BUSY}, unspoiled samples, p99"]
    assert f"core wait, {PEER}" in rows[-1].notes


def test_a_sample_whose_worker_waited_for_a_core_is_spoiled() -> None:
    seen = Seen([1.0, 2.0, 3.0], [0, CORE_WAIT_NS + 1, CORE_WAIT_NS])
    assert seen.unspoiled_us() == [1.0, 3.0]
    assert seen.core_wait().endswith("1 of 3 samples spoiled")


def test_without_its_probe_the_floor_is_not_measured() -> None:
    rows = latency.rows_of(BUSY, {"reference": Seen([2.0], [0]), PEER: Seen([1.0], [0])})
    assert "not compiled" in rows[-1].notes["not measured"]
    assert [each.met for row in rows for each in row.verdicts()] == [False, None, False, None]


@pytest.mark.parametrize("made", [latency.Peer, latency.Engine])
def test_a_duration_is_returned_once(made: Any) -> None:
    subject = made()
    assert subject.taken_ns() is None
    subject.submit(Event("shock", -0.9))
    assert latency.rested(subject, latency.compute_for, 0.0) > 0
    assert subject.taken_ns() is None
    subject.close()


@pytest.mark.native
def test_a_ping_is_noticed_and_the_first_ones_are_kept(ping: Any) -> None:
    ping.start()
    for count in (1, 2):
        ping.send()
        assert len(noticed(ping, count)) == count
    ping.send()
    ping.close()
    assert len(ping.latency_ns()) == 2 and min(ping.latency_ns()) > 0


@pytest.mark.native
def test_closing_a_ping_ends_its_thread(ping: Any) -> None:
    thread = Path(f"/proc/self/task/{ping.start()}")
    assert thread.exists()
    ping.close()
    while thread.exists():  # joined, and taken off the list a moment later
        pass
    ping.close()
    with pytest.raises(ValueError, match="started before"):
        ping.start()


@pytest.mark.native
def test_a_ping_that_was_not_started_can_be_closed_and_a_running_one_forgotten(ping: Any) -> None:
    ping.close()
    forgotten = type(ping)(1)
    forgotten.start()
    with pytest.raises(ValueError, match="started before"):
        forgotten.start()
    del forgotten
    with pytest.raises(ValueError, match="capacity is 0"):
        type(ping)(0)
