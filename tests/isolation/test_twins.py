"""The twins stand the search: random programs of concurrent clients, and nothing that isolation forbids."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest
from hypothesis import given, settings
from isolation.checker import anomalies
from isolation.model import Model
from isolation.player import play
from isolation.programs import Program, programs

from lifeevt import ThreadSafeSelfState

HISTORIES = 10_000
FEWER = 1_000


@pytest.mark.parametrize(("isolation", "allowed"), [("snapshot", {"G2-item"}), ("serializable", set[str]())])
def test_no_anomaly_but_write_skew_under_snapshot(backend: str, isolation: str, allowed: set[str]) -> None:
    seen: Counter[str] = Counter()
    make = partial(ThreadSafeSelfState, backend=backend)

    @settings(max_examples=HISTORIES)
    @given(programs)
    def search(program: Program) -> None:
        history = play(make, program, isolation)
        found = anomalies(history)
        assert {anomaly.name for anomaly in found} <= allowed, f"{found}\n{history}"
        seen.update({anomaly.name for anomaly in found})
        seen.update(transaction.why.split()[0] for transaction in history.transactions)
        seen["histories"] += 1

    search()
    assert seen["histories"] >= HISTORIES
    assert ("G2-item" in seen) == ("G2-item" in allowed), "write skew appears under snapshot isolation"
    for why in ("committed", "conflict", "failed", "rolled", "alone"):
        assert seen[why] > FEWER, f"hardly anything {why}"


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
def test_the_twin_leaves_the_same_history_as_the_model(backend: str, isolation: str) -> None:
    """Versions, conflicts and their fields included: no conflict without need."""

    @settings(max_examples=FEWER)
    @given(programs)
    def search(program: Program) -> None:
        history = play(partial(ThreadSafeSelfState, backend=backend), program, isolation)
        assert history == play(Model, program, isolation)

    search()
