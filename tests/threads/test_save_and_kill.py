"""A saving process is killed without a warning, many times: the last saved number is on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

KILLS = 40


def test_a_killed_process_leaves_a_whole_file_with_its_last_saved_number(
    tmp_path: Path, isolated: Callable[..., str]
) -> None:
    saved = int(isolated("threads/isolated/save_until_killed.py", str(tmp_path / "state"), str(KILLS)))
    assert saved >= 3 * KILLS
    assert {each.name for each in tmp_path.iterdir()} <= {"state", "state.previous", "state.tmp"}
