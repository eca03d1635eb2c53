"""Many threads around one engine, more than 20,000 operations from one start: each event ends once, with one result.

Each scene runs in a process of its own, so that a deadlock costs a time-out and not the suite.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

SCENES = ["everything", "handlers_beside_reflexes", "shedding", "restarts", "batches", "waiters"]


@pytest.mark.parametrize("scene", SCENES)
def test_threads_keep_the_contract(backend: str, isolated: Callable[..., str], scene: str) -> None:
    operations = int(isolated("threads/isolated/engine_stress.py", backend, scene, timeout=100))
    assert operations >= 20_000


@pytest.mark.native
def test_reflexes_process_events_while_a_thread_keeps_the_interpreter(isolated: Callable[..., str]) -> None:
    scene = "while_a_thread_keeps_the_interpreter"
    assert int(isolated("threads/isolated/engine_stress.py", "native", scene)) >= 20_000


def test_a_planted_loss_is_seen(isolated: Callable[..., str]) -> None:
    with pytest.raises(AssertionError, match="planted race"):
        isolated("threads/isolated/engine_stress.py", "reference", "planted_loss")
