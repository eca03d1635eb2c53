"""Has a step of an event become dearer? Count its instructions and compare them with the kept ones.

Exit status 1 when one has grown by more than 1 %, 2 when nothing can be counted or compared here: no
valgrind, or the kept counts are of another minor version of Python or of another type of machine.
``--keep`` takes the counts of today as the kept ones.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import instructions

KEPT = Path(__file__).resolve().parent / "results" / "instructions.json"
ALLOWED_GROWTH = 0.01
GREW, CANNOT_COUNT = 1, instructions.CANNOT_COUNT


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kept", type=Path, default=KEPT, help="the counts to compare with")
    arguments.add_argument("--keep", action="store_true", help="count, and keep the counts")
    given = arguments.parse_args()
    kept = {} if given.keep else json.loads(given.kept.read_text(encoding="utf-8"))
    hindrance = instructions.what_is_missing() or (None if given.keep else unlike(kept))
    if hindrance is not None:
        print(hindrance, file=sys.stderr)
        raise SystemExit(CANNOT_COUNT)
    counted = instructions.record([instructions.counts(instructions.MEASURES, instructions.OPERATIONS)])
    if given.keep:
        given.kept.write_text(json.dumps(counted, indent=2) + "\n", encoding="utf-8")
        return
    print(table(kept["instructions"], counted["instructions"]))
    raise SystemExit(GREW if complaints(kept["instructions"], counted["instructions"]) else 0)


def unlike(kept: Mapping[str, Any]) -> str | None:
    """Return why the kept counts are not comparable here, or None."""
    here = {"python": instructions.python_version(), "machine": instructions.platform.machine()}
    for name, value in here.items():
        if kept.get(name) != value:
            return f"the kept counts are of {name} {kept.get(name)}, and this is {value}; count there, or --keep anew"
    return None


def complaints(kept: Mapping[str, int], counted: Mapping[str, int]) -> list[str]:
    """Return the measures that grew by more than is allowed, or were not counted."""
    found = []
    for name, before in kept.items():
        if name not in counted:
            found.append(f"{name}: is not counted any more")
        elif counted[name] > before * (1 + ALLOWED_GROWTH):
            found.append(f"{name}: grew by {counted[name] / before - 1:.1%}")
    return found


def table(kept: Mapping[str, int], counted: Mapping[str, int]) -> str:
    """Each measure before and now; below it, the complaints."""
    lines = [f"{'instructions per operation':30} {'kept':>10} {'now':>10} {'change':>8}"]
    for name, now in counted.items():
        before = kept.get(name)
        change = f"{now / before - 1:+8.1%}" if before else f"{'new':>8}"
        lines.append(f"{name:30} {before or '-':>10} {now:10} {change}")
    return "\n".join([*lines, *complaints(kept, counted)])


if __name__ == "__main__":
    main()
