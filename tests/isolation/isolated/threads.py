"""Replay random programs with threads and look for anomalies. Prints the number of histories and the anomalies found.

The state of a twin has a watcher, too: its changes must be the recorded history.

Arguments: a twin, with `wrapped` behind it (`native wrapped`) a state over an object, or the name of a state broken on
purpose; the isolation; how many histories; a seed.
"""

import json
import random
import sys
from collections import Counter
from functools import partial
from pathlib import Path

HOME = Path(__file__).parents[2]
sys.path.insert(0, str(HOME))

from isolation import broken  # noqa: E402
from isolation.checker import anomalies  # noqa: E402
from isolation.history import frozen  # noqa: E402
from isolation.programs import MAX_CLIENTS, decoded  # noqa: E402
from isolation.replayer import wrapped  # noqa: E402
from isolation.threads import ThreadedReplayer, WrappedThreadedReplayer, replay_in_threads  # noqa: E402
from linearizability.scheduler import ThreadScheduler  # noqa: E402

import lifeevt  # noqa: E402

WATCHED = [str(Path(lifeevt.__file__).parent), str(HOME / "isolation")]
PROGRAM_BYTES = 80
TWINS = ("native", "reference")


def watched(told, make, fields):
    """A state with a watcher of its changes."""
    state = make(fields)
    state.watch(told.append)
    return state


def check_told(told, history):
    """Each version once, in order, and for each field the values that took effect."""
    assert [change.version for change in told] == list(range(1, len(told) + 1)), history
    for name, values in history.order.items():
        after = [frozen(change.after[name]) for change in told if name in change.after]
        before = [frozen(change.before[name]) for change in told if name in change.before]
        assert (before, after) == (values[:-1], values[1:]), f"{name}\n{told}\n{history}"


def main(name, isolation, count, seed):
    sys.setswitchinterval(1e-6)
    told, (name, *over) = [], name.split()
    make = wrapped if over else lifeevt.ThreadSafeSelfState
    make = partial(watched, told, make) if name in TWINS else getattr(broken, name)
    replayer_of = WrappedThreadedReplayer if over else ThreadedReplayer
    scheduler, dice = ThreadScheduler(MAX_CLIENTS, WATCHED), random.Random(seed)
    found, ends, example = Counter(), Counter(), ""
    for _ in range(int(count)):
        told.clear()
        program = decoded(dice.randbytes(PROGRAM_BYTES))
        history = replay_in_threads(scheduler, make, program, isolation, dice, replayer_of)
        if name in TWINS:
            check_told(told, history)
        names = {anomaly.name for anomaly in anomalies(history)}
        found.update(names)
        ends.update(transaction.why.split()[0] for transaction in history.transactions)
        example = example or (f"{anomalies(history)}\n{history}" if names - {"G2-item"} else "")
    scheduler.close()
    print(json.dumps({"histories": int(count), "found": found, "ends": ends, "example": example}))


main(*sys.argv[1:])
