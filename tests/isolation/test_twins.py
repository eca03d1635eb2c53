"""Random programs of concurrent clients show no anomaly on the twins that their isolation forbids."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest
from hypothesis import given, seed, settings
from isolation.checker import anomalies
from isolation.history import frozen
from isolation.model import Model
from isolation.programs import Program, programs
from isolation.replayer import WrappedReplayer, replay, wrapped

from lifeevt import ThreadSafeSelfState
from lifeevt.state import StateChange

pytestmark = pytest.mark.timeout(600)  # seconds; far more than it takes, unless others use the machine, too

HISTORIES = 10_000  # of each twin, under each isolation
SEEDS = [1, 2]  # a part of the histories each, so that no test takes long
PART = HISTORIES // len(SEEDS)
FEWER = 500


@pytest.mark.parametrize("start", SEEDS)
@pytest.mark.parametrize(("isolation", "allowed"), [("snapshot", {"G2-item"}), ("serializable", set[str]())])
def test_no_anomaly_but_write_skew_under_snapshot(isolation: str, allowed: set[str], start: int) -> None:
    seen: Counter[str] = Counter()
    make = ThreadSafeSelfState

    @seed(start)
    @settings(max_examples=PART)
    @given(programs)
    def search(program: Program) -> None:
        history = replay(make, program, isolation)
        found = anomalies(history)
        assert {anomaly.name for anomaly in found} <= allowed, f"{found}\n{history}"
        seen.update({anomaly.name for anomaly in found})
        seen.update(transaction.why.split()[0] for transaction in history.transactions)
        seen["histories"] += 1

    search()
    assert seen["histories"] >= PART
    assert ("G2-item" in seen) == ("G2-item" in allowed), "write skew appears under snapshot isolation"
    for why in ("committed", "conflict", "failed", "rolled", "alone"):
        assert seen[why] > FEWER, f"hardly anything {why}"


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
def test_the_twin_leaves_the_same_history_as_the_model(isolation: str) -> None:
    """Versions, conflicts and their fields included: no conflict without need."""

    @settings(max_examples=FEWER)
    @given(programs)
    def search(program: Program) -> None:
        history = replay(ThreadSafeSelfState, program, isolation)
        assert history == replay(Model, program, isolation)

    search()


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
def test_a_state_over_an_object_leaves_the_same_history_as_the_model(isolation: str) -> None:
    @settings(max_examples=FEWER)
    @given(programs)
    def search(program: Program) -> None:
        history = replay(wrapped, program, isolation, WrappedReplayer)
        assert history == replay(Model, program, isolation)

    search()


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
def test_a_watcher_is_told_the_same_history(isolation: str) -> None:
    """Each version once, in order, and for each field the values that took effect, each linked to the one before."""

    @settings(max_examples=FEWER)
    @given(programs)
    def search(program: Program) -> None:
        told: list[StateChange] = []
        order = replay(partial(watched, told), program, isolation).order
        assert [change.version for change in told] == list(range(1, len(told) + 1))
        for name, values in order.items():
            changes = [change for change in told if name in change.after]
            assert [frozen(change.before[name]) for change in changes] == values[:-1]
            assert [frozen(change.after[name]) for change in changes] == values[1:]

    search()


def watched(told: list[StateChange], fields: Any) -> ThreadSafeSelfState:
    """A state with a watcher of its changes."""
    state = ThreadSafeSelfState(fields)
    state.watch(told.append)
    return state
