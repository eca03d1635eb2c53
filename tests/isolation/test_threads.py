"""The same programs with a real thread for each client, in a process of its own: a broken lock would hang them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)  # seconds; far more than it takes, unless others use the machine, too

PATIENCE_SECONDS = 500.0
SCRIPT = "isolation/isolated/threads.py"
HISTORIES = 400
ALLOWED = {"snapshot": {"G2-item"}, "serializable": set[str]()}


@pytest.mark.parametrize("isolation", ALLOWED)
def test_threads_leave_no_anomaly_but_write_skew_under_snapshot(
    backend: str, isolated: Callable[..., str], isolation: str
) -> None:
    ran: dict[str, Any] = json.loads(
        isolated(SCRIPT, backend, isolation, str(HISTORIES), "1", timeout=PATIENCE_SECONDS)
    )
    assert ran["found"].keys() == ALLOWED[isolation], ran["example"]
    assert ran["histories"] == HISTORIES
    assert ran["ends"]["conflict"] > HISTORIES / 10, "threads that do not meet prove nothing"


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
def test_threads_on_a_wrapped_object_leave_no_other_anomaly(
    backend: str, isolated: Callable[..., str], isolation: str
) -> None:
    name = f"{backend} wrapped"
    ran = json.loads(isolated(SCRIPT, name, isolation, str(HISTORIES // 2), "1", timeout=PATIENCE_SECONDS))
    assert ran["found"].keys() <= ALLOWED[isolation], ran["example"]


@pytest.mark.parametrize("name", ["TearsSnapshots", "CommitsInParts"])
def test_faults_that_only_threads_can_see_are_found(isolated: Callable[..., str], name: str) -> None:
    ran = json.loads(isolated(SCRIPT, name, "serializable", str(HISTORIES // 2), "1", timeout=PATIENCE_SECONDS))
    assert "opacity" in ran["found"]
