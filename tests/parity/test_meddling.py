"""Lists that change while a twin reads them: each scene in a process of its own, which it may break."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytestmark = pytest.mark.native

SHRINKING = ["offers_shrink", "values_shrink", "indices_shrink", "deltas_shrink"]
GROWING = [f"{part}_grow" for part in ("rows", "rules", "impacts", "gains", "costs", "conditions", "patterns")]


@pytest.mark.parametrize("scene", SHRINKING + GROWING)
def test_a_list_that_changes_while_it_is_read_breaks_nothing(
    backend: str, isolated: Callable[..., str], scene: str
) -> None:
    assert isolated("parity/isolated/meddling.py", backend, scene).strip() == "whole"
