"""The growth curves are drawn from a kept result, or it is said what is missing."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from benches import curves, environment
from benches.measure import Effort

SCRIPT = Path(__file__).parents[2] / "profiling" / "plot.py"


def test_every_group_of_curves_becomes_a_picture(tmp_path: Path) -> None:
    rows = [row.as_dict() for row in curves.rows(Effort(quick=True, rounds=1))]
    kept = tmp_path / "curves.json"
    kept.write_text(json.dumps({"environment": environment.describe(), "measures": {"curves": rows}}))
    command = [sys.executable, str(SCRIPT), str(kept), str(kept), "--into", str(tmp_path / "figures")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=110)
    if importlib.util.find_spec("matplotlib"):
        assert ran.returncode == 0, ran.stderr
        drawn = {path.name for path in (tmp_path / "figures").iterdir()}
        assert drawn == {"depth.svg", "producers.svg", "readers.svg", "fields.svg"}
    else:
        assert (ran.returncode, "matplotlib" in ran.stderr) == (2, True)
