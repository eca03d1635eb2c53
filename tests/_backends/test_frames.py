"""The number of Python frames that the reference enters for one reflex event: bounded, the same in every run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "profiling" / "frames.py"
MOST = 60


@pytest.mark.reference
def test_a_reflex_event_enters_few_frames() -> None:
    spec = importlib.util.spec_from_file_location("frames", SCRIPT)
    assert spec is not None and spec.loader is not None
    frames = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(frames)
    assert frames.frames_per_event(200) <= MOST
