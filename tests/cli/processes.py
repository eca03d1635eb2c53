"""The words and the environment of a command line, and the four events that it plays."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

PATIENCE = 60.0
EVENT = {"type": "shock", "intensity": -0.5, "timestamp": 0.0, "metadata": {}, "source": "test"}
TYPES = ("shock", "noise", "idle", "social")
LINES = [json.dumps(EVENT | {"type": name, "timestamp": second}) for second, name in enumerate(TYPES)]


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of a command that finds the package under test, and no switch of the caller's."""
    spec = importlib.util.find_spec("lifeevt")
    assert spec is not None and spec.origin is not None
    home = str(Path(spec.origin).parent.parent)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LIFEEVT", "NO_COLOR", "FORCE"))}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))} | changes


def words(*arguments: object) -> list[str]:
    """Return the words of a command line."""
    return [sys.executable, "-m", "lifeevt", *map(str, arguments)]
