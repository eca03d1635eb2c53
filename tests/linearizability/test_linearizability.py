"""Each atomic operation of the state takes effect at one moment: threads, their histories, and an order for each.

The threads run in a process of their own, since a lock that is broken would hang them.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from linearizability.broken import BROKEN

pytestmark = pytest.mark.timeout(600)  # seconds; far more than it takes, unless others use the machine, too

PATIENCE_SECONDS = 500.0
SCRIPT = "linearizability/isolated/record.py"
HISTORIES = 10_000
SEEDS = [1, 2, 3, 4]  # a part of the histories each, so that no process takes long


@pytest.mark.parametrize("seed", SEEDS)
def test_every_history_of_steered_threads_has_an_order_that_explains_it(
    backend: str, isolated: Callable[..., str], seed: int
) -> None:
    part = HISTORIES // len(SEEDS)
    counted = json.loads(isolated(SCRIPT, backend, "steered", str(part), str(seed), timeout=PATIENCE_SECONDS))
    assert counted["unexplained"] == 0, counted["example"]
    assert counted["histories"] == part
    assert counted["overlapping"] > part / 2, "threads that do not meet prove nothing"


def test_every_history_of_free_threads_has_an_order_that_explains_it(
    backend: str, isolated: Callable[..., str]
) -> None:
    counted = json.loads(isolated(SCRIPT, backend, "free", str(HISTORIES), "1", timeout=PATIENCE_SECONDS))
    assert (counted["histories"], counted["unexplained"]) == (HISTORIES, 0), counted["example"]


@pytest.mark.parametrize("mode", ["steered", "free"])
def test_every_history_of_a_wrapped_object_has_an_order_that_explains_it(
    backend: str, isolated: Callable[..., str], mode: str
) -> None:
    part, name = HISTORIES // len(SEEDS), f"{backend} wrapped"
    counted = json.loads(isolated(SCRIPT, name, mode, str(part), "1", timeout=PATIENCE_SECONDS))
    assert (counted["histories"], counted["unexplained"]) == (part, 0), counted["example"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_state_is_found(isolated: Callable[..., str], name: str) -> None:
    counted = json.loads(isolated(SCRIPT, name, "steered", str(HISTORIES), "1", "first"))
    assert counted["unexplained"] == 1


def test_nothing_is_found_where_nothing_is_broken(isolated: Callable[..., str]) -> None:
    counted = json.loads(isolated(SCRIPT, "Correct", "steered", "500", "1"))
    assert (counted["histories"], counted["unexplained"]) == (500, 0)
