"""Strategies are switched under fire, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.mark.parametrize("handled", ["handled", "reflexes"])
def test_nothing_is_lost_while_strategies_are_switched(
    backend: str, handled: str, isolated: Callable[..., str]
) -> None:
    assert isolated("threads/isolated/switching.py", backend, handled, timeout=110.0).strip() == "whole"
