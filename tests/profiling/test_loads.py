"""The benches under load: each has rows that JSON can hold, named columns, and the bars of its table."""

from __future__ import annotations

from typing import Any

import pytest

from benches import curves, environment, handlers, jitter, throughput, workloads
from benches.measure import Effort
from lifeevt import Event, Status

NATIVE = environment.BACKEND == "native"


def test_throughput_is_judged_against_the_loop_of_life_s_shape_a_number_and_single_events() -> None:
    row = throughput.rows(Effort(quick=True, rounds=1))[0]
    assert row.more_is_better and set(row.samples) >= {throughput.LIFE, throughput.PLAIN, throughput.ARRAYS}
    assert [(each.bar.peer, each.bar.factor) for each in row.verdicts()] == [
        (throughput.LIFE, 20.0), ("", 1e6), (f"{environment.BACKEND} async", 8.0),
    ]  # fmt: skip
    assert all(each.met is not None for each in row.verdicts())


def test_an_event_that_has_not_ended_is_an_error_and_no_figure() -> None:
    made = throughput.engine(2)
    made.submit(Event("shock", 0.5))
    with pytest.raises(RuntimeError, match="1 events were submitted"):
        throughput.check_ended(made, 1)
    made.close()


@pytest.mark.parametrize("stages", [handlers.trivial(), handlers.working(3)], ids=["trivial", "working"])
def test_engine_and_peer_call_all_three_stages_for_every_event(stages: handlers.Stages) -> None:
    calls: list[str] = []

    def counted(name: str, stage: Any) -> Any:
        return lambda *given: (calls.append(name), stage(*given))[1]

    watched = tuple(counted(name, stage) for name, stage in zip("mda", stages, strict=True))
    events = workloads.events(4)
    handlers.engine_rate(watched, events)  # type: ignore[arg-type]
    handlers.engine_cpu_ns(watched, events)  # type: ignore[arg-type]
    handlers.peer_rate(watched, events)  # type: ignore[arg-type]
    handlers.threaded_cpu_ns(watched, events)  # type: ignore[arg-type]
    assert sorted(calls) == sorted("mda" * 16)


def test_both_modes_of_a_loop_are_shown_for_every_load() -> None:
    rows = jitter.rows(Effort(quick=True, rounds=1))
    assert [list(row.samples) for row in rows[:-1]] == [["async", "sync"]] * (len(rows) - 1)
    assert "events processed in 2 ticks" in rows[3].notes["async"]
    assert [each.bar.peer for each in rows[-1].verdicts()] == ["0 events/s"]


def test_a_curve_s_rows_name_their_points() -> None:
    rows = [row.as_dict() for row in curves.rows(Effort(quick=True, rounds=1))]
    points = [(row["curve"], row["x"]) for row in rows]
    assert len(points) == len(set(points))
    assert {"depth", "producers", "readers", "writer beside readers", "fields, read"} <= {curve for curve, _ in points}


def test_beyond_a_million_only_numbers_are_queued() -> None:
    assert list(curves.depth_columns(curves.DEEPEST_OBJECTS + 1, 0)) == ([curves.NUMBERS] if NATIVE else [])


@pytest.mark.native
def test_a_batch_of_numbers_goes_in_and_out_at_a_depth() -> None:
    assert curves.numbers_ns(100, 100)() > 0.0


def test_the_worker_processes_the_events_of_the_producers() -> None:
    made = throughput.engine(8)
    with made:
        curves.together([curves.each_submits(made.submit, workloads.events(4))] * 2, made.wait_idle)
    ends = made.ledger().ends
    assert ends[Status.PROCESSED] + ends[Status.IGNORED] == 8
