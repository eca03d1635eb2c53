"""Each atomic operation of the state takes effect at one moment: threads, their histories, and an order for each.

The threads run in a process of their own, since a lock that is broken would hang them.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from linearizability.broken import BROKEN

SCRIPT = "linearizability/isolated/record.py"
HISTORIES = 10_000


@pytest.mark.parametrize("mode", ["steered", "free"])
def test_every_history_of_threads_has_an_order_that_explains_it(
    backend: str, isolated: Callable[..., str], mode: str
) -> None:
    counted = json.loads(isolated(SCRIPT, backend, mode, str(HISTORIES), "0", timeout=110))
    assert counted["unexplained"] == 0, counted["example"]
    assert counted["histories"] >= HISTORIES
    if mode == "steered":
        assert counted["overlapping"] > HISTORIES / 2, "threads that do not meet prove nothing"


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found(isolated: Callable[..., str], name: str) -> None:
    counted = json.loads(isolated(SCRIPT, name, "steered", str(HISTORIES), "1"))
    assert counted["unexplained"] == 1


def test_nothing_is_found_where_nothing_is_broken(isolated: Callable[..., str]) -> None:
    counted = json.loads(isolated(SCRIPT, "Honest", "steered", "500", "0"))
    assert (counted["histories"], counted["unexplained"]) == (500, 0)
