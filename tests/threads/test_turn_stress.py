"""Turns beside writers, readers, reflexes and signals, each scene in a process of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def test_nothing_is_lost_or_torn_when_everybody_writes(backend: str, isolated: Callable[..., str]) -> None:
    assert int(isolated("threads/isolated/turn_stress.py", backend, "everything", timeout=110)) >= 20_000


def test_a_planted_loss_is_seen(isolated: Callable[..., str]) -> None:
    with pytest.raises(AssertionError, match=r"changes were lost|a snapshot is torn"):
        isolated("threads/isolated/turn_stress.py", "reference", "planted", timeout=110)


@pytest.mark.native  # the lock of the reference's cells is of Python, where a signal may come between
def test_no_interrupt_leaves_a_turn_taken(isolated: Callable[..., str]) -> None:
    assert int(isolated("threads/isolated/turn_stress.py", "native", "interrupts", timeout=110)) > 0
