"""Exclusive access beside writers, readers, reflexes and signals, each scene in a process of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def test_nothing_is_lost_or_torn_when_all_threads_write(backend: str, isolated: Callable[..., str]) -> None:
    assert int(isolated("threads/isolated/exclusive_stress.py", backend, "everything", timeout=110)) >= 20_000


def test_a_planted_loss_is_seen(backend: str, isolated: Callable[..., str]) -> None:
    with pytest.raises(AssertionError, match=r"changes were lost|a snapshot is torn"):
        isolated("threads/isolated/exclusive_stress.py", backend, "planted", timeout=110)


@pytest.mark.native  # the lock of the reference's cells is of Python, where a signal may come between
def test_no_interrupt_leaves_the_object_taken(backend: str, isolated: Callable[..., str]) -> None:
    assert int(isolated("threads/isolated/exclusive_stress.py", backend, "interrupts", timeout=110)) > 0
