"""Many threads at one lock: each enters, and soon. Each scene has a process of its own, for it might hang."""

from __future__ import annotations

from collections.abc import Callable

import pytest

SCENES = ["writer_among_readers", "reader_among_writers", "sixty_four"]
BAR_MS = 10.0


@pytest.mark.parametrize("scene", SCENES)
def test_no_thread_is_kept_out_for_good(backend: str, isolated: Callable[..., str], scene: str) -> None:
    entered, _ = isolated("threads/isolated/lock_fairness.py", backend, scene, "1").split()
    assert int(entered) > 100


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("scene", "seconds"), list(zip(SCENES, ("20", "20", "60"), strict=True)))
def test_many_threads_keep_entering_for_a_long_time(
    backend: str, isolated: Callable[..., str], scene: str, seconds: str
) -> None:
    entered, wait_ms = isolated("threads/isolated/lock_fairness.py", backend, scene, seconds, timeout=200).split()
    assert int(entered) > 1_000
    assert backend != "native" or float(wait_ms) < BAR_MS, "the 99th percentile of the waits"
