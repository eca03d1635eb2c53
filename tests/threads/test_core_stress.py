"""Many threads on one object, more than 20,000 operations from one start: nothing lost, doubled or torn.

Each scene runs in a process of its own, so that a deadlock costs a time-out and not the suite.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from parity.known_differences import KNOWN_DIFFERENCES

SCENES = [
    "heap_producers_and_consumers",
    "heap_sheds_under_pressure",
    "heap_batches_stay_together",
    "heap_counts_balance_at_every_instant",
    "cells_sum_exactly",
    "cells_never_tear",
    "cells_versions_are_unique",
    "lock_excludes",
    "lock_lets_every_writer_in",
    "reflexes_sum_exactly",
    "histogram_counts_exactly",
]


@pytest.mark.parametrize("scene", SCENES)
def test_threads_keep_the_contract(backend: str, isolated: Callable[..., str], scene: str) -> None:
    operations = int(isolated("threads/isolated/core_stress.py", backend, scene, timeout=100))
    assert operations >= 20_000


@pytest.mark.parametrize("scene", ["planted_loss", "planted_tear"])
def test_a_planted_race_is_seen(isolated: Callable[..., str], scene: str) -> None:
    with pytest.raises(AssertionError, match="planted race"):
        isolated("threads/isolated/core_stress.py", "reference", scene)


def test_a_finalizer_may_use_the_heap_inside_a_call_of_it(backend: str, isolated: Callable[..., str]) -> None:
    accepted = ("EventHeap.offer", "finalizers") in {entry[:2] for entry in KNOWN_DIFFERENCES}
    if backend == "reference" and accepted:
        with pytest.raises(AssertionError, match="Timeout"):  # strict: once it ends well, the entry must go
            isolated("threads/isolated/reentrant_finalizers.py", backend, "3")
    else:
        assert isolated("threads/isolated/reentrant_finalizers.py", backend, "30").strip() == "balanced"
