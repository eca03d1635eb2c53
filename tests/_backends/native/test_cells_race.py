"""A reader without the lock, beside a writer without the GIL: it sees each write whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

SCRIPT = "_backends/native/isolated/cells_race.py"


def test_a_reader_never_sees_half_of_a_concurrent_write(isolated: Callable[..., str], tmp_path: Path) -> None:
    reads, torn = json.loads(isolated(SCRIPT, str(tmp_path), "whole", timeout=100))
    assert reads > 1000
    assert torn == 0


def test_a_reader_that_does_not_look_again_is_caught(isolated: Callable[..., str], tmp_path: Path) -> None:
    _, torn = json.loads(isolated(SCRIPT, str(tmp_path), "broken", timeout=100))
    assert torn > 0
