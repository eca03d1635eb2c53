"""Many threads submit, cancel, boost and defer tracked events beside the worker: each ends as its receipt states."""

from __future__ import annotations

from collections.abc import Callable


def test_every_tracked_event_ends_once_as_its_receipt_states(backend: str, isolated: Callable[..., str]) -> None:
    assert int(isolated("threads/isolated/receipt_stress.py", backend, timeout=100)) == 10_000
