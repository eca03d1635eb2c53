"""The measure of Life's adoption: its columns do the same work, and its watch records every event."""

from __future__ import annotations

import json

from benches import life, measure
from benches.measure import Effort


def test_its_rows_can_be_printed_and_judged() -> None:
    rows = life.rows(Effort(quick=True, rounds=1))
    assert [len(row.bars) for row in rows] == [0, 1, 0, 1, 1, 1]
    for row in rows:
        assert json.loads(json.dumps(row.as_dict(), allow_nan=False))["rounds"] == 1
        assert measure.table(row)
    (dropped,) = (row for row in rows if row.case.endswith("dropped"))
    assert set(dropped.medians().values()) == {0.0}


def test_every_event_of_the_measure_means_something_and_has_an_action() -> None:
    seen, events = life.Seen(), life.telling(60)
    assert len(events) == 60
    for mode in ("async", "sync"):
        life.live(mode, 0, events, 6000, seen)
    assert len(seen.p99) == 2
    assert all(0.0 < each < 60e6 for each in seen.p50 + seen.p99)


def test_all_columns_of_the_price_do_the_same_work() -> None:
    events, acted = life.telling(40), list[str]()
    made = life.engines(0, lambda pattern, state: acted.append(pattern))
    for spend in (life.bare_cpu_ns, life.threaded_cpu_ns, life.engine_cpu_ns):
        assert spend(made, events) > 0.0
    assert len(acted) == 120
    assert acted[:40] == acted[40:80] == acted[80:]
