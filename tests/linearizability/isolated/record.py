"""Record histories of threads and look for an order that explains each. Prints counts, and the first that has none.

Arguments: a twin, with `wrapped` behind it (`native wrapped`) a state over an object, or the name of a state broken on
purpose; steered or free; how many histories; a seed; `first`: stop at the first that has none.
"""

import json
import random
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

HOME = Path(__file__).parents[2]
sys.path.insert(0, str(HOME))

from linearizability.broken import BROKEN, Correct  # noqa: E402
from linearizability.recording import MAX_THREADS, drawn_contents, drawn_programs, recorded, start  # noqa: E402
from linearizability.scheduler import ThreadScheduler  # noqa: E402
from linearizability.specification import HIGH, LOW, Operation, ask  # noqa: E402
from linearizability.wing_gong import explanation, overlapping  # noqa: E402

import lifeevt  # noqa: E402

WATCHED = [str(Path(lifeevt.__file__).parent), str(HOME / "linearizability")]
SWITCH_SECONDS = 1e-6


def asked(name):
    """Return the function that runs an operation: on a state of a twin, or on a broken one."""
    name, *over = name.split()
    if name in ("native", "reference"):
        fields = {
            "x": lifeevt.Field(0.0),
            "n": lifeevt.Field(0, LOW, HIGH, integer=True),
            "v": lifeevt.Value((), kind=tuple),
        }
        if over:
            target = SimpleNamespace(x=0.0, n=0, v=())
            return partial(ask, lifeevt.ThreadSafeSelfState.wrap(target, fields))
        return partial(ask, lifeevt.ThreadSafeSelfState(fields))
    return {**BROKEN, "Correct": Correct}[name]().ask


def main(name, mode, count, seed, until=""):
    sys.setswitchinterval(SWITCH_SECONDS)
    scheduler, dice, answers = ThreadScheduler(MAX_THREADS, WATCHED), random.Random(seed), asked(name)
    counted = {"histories": 0, "overlapping": 0, "unexplained": 0, "example": ""}
    while counted["histories"] < int(count):
        values = drawn_contents(dice)
        contents = start(answers(Operation("store", value=values)), values)
        calls = recorded(scheduler, answers, drawn_programs(dice), dice if mode == "steered" else None)
        counted["histories"] += 1
        counted["overlapping"] += overlapping(calls)
        if explanation(calls, contents) is None:
            counted["unexplained"] += 1
            counted["example"] = counted["example"] or "\n".join(map(str, [contents, *calls]))
            if until == "first":
                break
    scheduler.close()
    print(json.dumps(counted))


main(*sys.argv[1:])
