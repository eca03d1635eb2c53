"""The measure of overload: rows with the bars of the issue, and counts that are exact; no figure is judged here."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from benches import measure, overload, overload_run
from benches.measure import Effort
from benches.measures import rows_of
from benches.overload_run import HANDLERS, REFLEXES, Load, Processing, Seen
from lifeevt import Priority

BRIEF = 0.05  # seconds
MODES = pytest.mark.parametrize("processing", [HANDLERS.cut(), REFLEXES.cut()], ids=lambda each: each.name)


def observed(processing: Processing, load: Load) -> Seen:
    return overload_run.observed(processing, load, 2000.0, BRIEF)


def test_json_can_hold_the_rows_and_they_have_their_bars() -> None:
    assert rows_of("overload") is overload.rows
    rows = overload.rows(Effort(quick=True, rounds=1))
    for row in rows:
        assert row.ours in json.loads(json.dumps(row.as_dict(), allow_nan=False))["median"]
        assert all("\n" not in line for line in measure.table(row))
    (row,) = (each for each in rows if each.case == "handlers, CRITICAL, total, p99")
    assert {bar.peer.split(", ")[1] for bar in row.bars} == {overload.UNLOADED}
    assert {bar.ours.split(", ")[1] for bar in row.bars} == set(overload.JUDGED)
    assert {bar.text() for bar in row.bars} == {"<= 1.2 x"}
    assert {each.case for each in rows if all(bar.text() == "<= 0" for bar in each.bars)} >= {
        "handlers, ledger", "reflexes, ledger",
    }  # fmt: skip


@MODES
def test_everything_that_came_is_accounted_for_and_no_critical_event_is_lost(processing: Processing) -> None:
    seen = observed(processing, Load(100.0, 100.0, 100.0))
    assert set(seen.sent) == {"alarm", "news", "gossip", "flood"}
    assert seen.unaccounted == 0
    assert seen.lost_percent(Priority.CRITICAL) == 0.0
    assert seen.statistics.queue.high_water <= 2000 * overload_run.WORK_SECONDS


@MODES
def test_events_unknown_to_the_engine_are_found(processing: Processing) -> None:
    seen = observed(processing, Load(1.0, 0.0))
    statistics = replace(seen.statistics, ledger=replace(seen.statistics.ledger, refused=7))
    assert overload_run.told(statistics) == sum(seen.sent.values()) + 7


def test_a_type_that_did_not_come_has_no_figures() -> None:
    seen = observed(REFLEXES.cut(), Load(0.0, 1.0))
    assert math.isnan(seen.took_us(Priority.NORMAL, "total", 99)) and math.isnan(seen.lost_percent(Priority.NORMAL))
    assert seen.took_us(Priority.LOW, "total", 50) > 0.0


def test_a_late_stream_sends_the_events_that_are_due_and_no_more() -> None:
    sent: list[int] = []
    stream = overload_run.Stream(sent.append, 1000.0)
    stream.run(BRIEF)
    assert stream.sent == sum(sent) <= 1000.0 * BRIEF
